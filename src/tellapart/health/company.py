"""A few of very many pictures, each with those of its label that are most like it.

A plain sample parts what was taken together: of two pictures of a burst it rarely has both. So some
pictures are drawn, and each brings the nearest others of its label, looked for among all of them.
"""

from __future__ import annotations

import numpy as np

from ..head.blocks import Vectors, block, slices
from ..workers.pausing import pause
from .by_label import rows_by_label
from .directions import unit


def with_company(
    vectors: Vectors, truth: np.ndarray, drawn: np.ndarray, company: int
) -> np.ndarray:
    """The rows of pictures `drawn`, int `[M]`, and of so many others of the label of each that are
    nearest to it, int `[M to M * (1 + company)]`, in order; from embeddings `[N,D]` and labels int
    `[N]`."""
    labels = np.unique(truth[drawn])
    rows_of = rows_by_label(truth, int(truth.max()) + 1)
    found = [drawn]
    for label in labels.tolist():
        own = drawn[truth[drawn] == label]
        points = unit(block(vectors, own))
        near = np.full((len(own), company), -np.inf, np.float32)
        rows = np.repeat(own[:, None], company, axis=1)
        for some in slices(len(rows_of[label])):
            pause()
            others = rows_of[label][some]
            cosines = points @ unit(block(vectors, others)).T
            cosines[own[:, None] == others] = -np.inf
            near = np.concatenate([near, cosines], axis=1)
            rows = np.concatenate([rows, np.broadcast_to(others, cosines.shape)], axis=1)
            best = np.argpartition(-near, company - 1, axis=1)[:, :company]
            near, rows = np.take_along_axis(near, best, 1), np.take_along_axis(rows, best, 1)
        found.append(rows.ravel())
    return np.unique(np.concatenate(found))
