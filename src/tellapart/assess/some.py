"""Which pictures are looked at where not all can be.

Of very many pictures most of what a training finds out is told by some of them: by runs of pictures
that follow one another, so that a burst is not torn, or by those that a hash of their content
draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..model.left_out import marks_of

RUN = 50  # pictures that follow one another


def runs(truth: np.ndarray, most: int) -> np.ndarray:
    """The rows of at most so many of N pictures with labels int `[N]`, rising: runs of `RUN` of one
    label, in the order of the pictures, evenly spread."""
    if len(truth) <= most:
        return np.arange(len(truth))
    order = np.argsort(truth, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(truth[order]) != 0))
    place = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    number = np.cumsum(place % RUN == 0) - 1  # of each one's run
    count = int(number[-1]) + 1
    chosen = np.zeros(count, bool)
    chosen[np.linspace(0, count - 1, max(1, most // RUN)).astype(np.int64)] = True
    return np.sort(order[chosen[number]])


def drawn(digests: Sequence[str], most: int) -> np.ndarray:
    """The rows of at most so many pictures, rising: those whose contents come first by their
    marks."""
    if len(digests) <= most:
        return np.arange(len(digests))
    return np.sort(np.argsort(marks_of(digests), kind="stable")[:most])
