"""Embeddings as directions: at length 1, so that their inner products are cosines."""

from __future__ import annotations

from typing import Any

import numpy as np

_SHORTEST = 1e-12  # an embedding of length 0 stays as it is


def unit(
    vectors: np.ndarray, centre: np.ndarray | None = None, kind: type[Any] = np.float32
) -> np.ndarray:
    """Embeddings `[N,D]`, from their `centre` `[D]`, at length 1: a copy, float32 `[N,D]`, or of
    another `kind`."""
    points = np.array(vectors, kind)
    if centre is not None:
        points -= centre.astype(kind)
    lengths = np.sqrt(np.einsum("nd,nd->n", points, points))
    points /= np.maximum(lengths, _SHORTEST)[:, None]
    return points
