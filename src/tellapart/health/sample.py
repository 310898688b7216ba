"""What of very many pictures is looked at where all cannot be: pair by pair, or by fits of its own.

Up to `MOST` pictures all are, in one block, and nothing is left to chance. Of more, what adds up is
still counted over all, block by block; what compares pictures with each other, or fits anew, goes
by a sample that is drawn by the pictures' contents, and whoever asks says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dataset.split import sample_order_by_lot
from ..head.blocks import ROWS, slices

MOST = 20_000
"""Pictures that are compared with each other, or fitted anew; of more, a sample of so many is."""

_VALUES = 10_000_000  # in a table of pictures and labels that is held at once


def are_many(pictures: int, labels: int = 1) -> bool:
    """Whether so many pictures of so many labels are looked at in part, or block by block."""
    return pictures > MOST or pictures * labels > _VALUES


def parts(pictures: int, labels: int = 1) -> list[slice]:
    """All pictures in one block where they are few, and otherwise blocks for which a table
    `[B,K]` of as many labels can be held."""
    if not are_many(pictures, labels):
        return [slice(0, pictures)]
    return slices(pictures, max(1, min(ROWS, _VALUES // (2 * labels))))


def sampled(digests: Sequence[str], truth: np.ndarray, most: int | None = None) -> np.ndarray:
    """At most so many of N pictures with labels int `[N]`, in order, int `[M]`: two of each label
    first, and then from each its part. Their contents decide, not their order."""
    most = most or MOST
    if len(truth) <= most:
        return np.arange(len(truth))
    marks = (int(digest[:15] or "0", 16) for digest in digests)
    lot = np.fromiter(marks, np.int64, len(truth))
    return np.sort(sample_order_by_lot(lot, truth)[:most])
