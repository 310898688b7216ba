"""What the pictures of each label have together: their rows, and the sums of their embeddings."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .sample import are_many

_LABELS = 1000  # of more, a table of pictures and labels is mostly nothing


def label_sums(points: np.ndarray, truth: np.ndarray, count: int) -> np.ndarray:
    """The sum of the points `[N,D]` of each label, float32 `[K,D]`."""
    if not are_many(len(truth), count) and count <= _LABELS:
        own = np.asarray(truth == np.arange(count)[:, None], dtype=np.float32)
        return np.asarray(own @ points)
    sums = np.zeros((count, points.shape[1]), np.float32)
    if len(truth):
        order = np.argsort(truth, kind="stable")
        present, begins = np.unique(truth[order], return_index=True)
        sums[present] = np.add.reduceat(points[order], begins, axis=0)
    return sums


def rows_by_label(truth: np.ndarray, count: int) -> list[np.ndarray]:
    """The rows of each of so many labels, in order; those of other numbers are left out."""
    order = np.argsort(truth, kind="stable")
    ends = np.searchsorted(truth[order], np.arange(count + 1))
    return [order[begin:end] for begin, end in pairwise(ends.tolist())]
