"""Which pictures of a label are alike: single link by the cosine of their embeddings.

Two pictures are of one group where a chain of pictures leads from one to the other, each as alike
to the next as asked for, all of one label. Found by products of blocks: a table of all pairs is
never held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..head.blocks import Vectors, evenly
from ..workers.pausing import pause
from .directions import unit

_HELD = 4_000_000  # cosines that are held at once


def linked(vectors: Vectors, truth: np.ndarray, cosine: float) -> np.ndarray:
    """The group of each of N pictures with embeddings `[N,D]` and labels int `[N]`: int `[N]`, the
    row of the first picture of its group. The order of the pictures changes no group."""
    return linked_at(vectors, truth, (cosine,))[0]


def linked_at(
    vectors: Vectors,
    truth: np.ndarray,
    cosines: Sequence[float],
    begin: np.ndarray | None = None,
) -> tuple[np.ndarray, ...]:
    """The same at each of several cosines, for the price of the products of one. With `begin`, int
    `[N]` as this gives it, what is of one group there stays together."""
    groups = tuple(np.arange(len(truth)) if begin is None else begin.copy() for _ in cosines)
    for rows, columns, near in own_blocks(vectors, truth):
        for group, cosine in zip(groups, cosines, strict=True):
            one, other = np.nonzero(near >= cosine)
            join(group, rows[one], columns[other])
    return groups


def own_blocks(
    vectors: Vectors, truth: np.ndarray, most: int | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(rows int `[B]`, columns int `[M]`, cosines float32 `[B,M]`): a block of the pictures of a
    label against all pictures of that label, or against at most so many of them, evenly spread,
    until each was in a block."""
    for own in by_label(truth):
        points = unit(vectors[own])
        some = np.arange(len(own)) if most is None else evenly(len(own), most)
        others = points if len(some) == len(own) else points[some]
        height = max(1, _HELD // len(some))
        for begin in range(0, len(own), height):
            pause()
            block = slice(begin, begin + height)
            yield own[block], own[some], points[block] @ others.T


def by_label(truth: np.ndarray) -> list[np.ndarray]:
    """The rows of each label that there is, rising, in the order of the labels."""
    order = np.argsort(truth, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(truth[order])) + 1) if len(truth) else []


def first_of_each(numbers: np.ndarray) -> np.ndarray:
    """Groups `[N]` by any numbers, named by the row of their first picture."""
    _, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    return np.asarray(first[place])


def join(group: np.ndarray, ones: np.ndarray, others: np.ndarray) -> None:
    """Make one group of the groups of `ones` `[E]` and `others` `[E]`, pair by pair, in place.

    A group `[N]` is named by the row of its first picture, and that row says its own number.
    """
    while True:
        first, second = group[ones], group[others]
        apart = first != second
        if not apart.any():
            return
        ones, others, first, second = ones[apart], others[apart], first[apart], second[apart]
        np.minimum.at(group, np.maximum(first, second), np.minimum(first, second))
        while (group[group] != group).any():
            group[:] = group[group]
