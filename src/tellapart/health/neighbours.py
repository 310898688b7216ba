"""The nearest neighbours of each picture, by the cosine of their embeddings.

Found by products of blocks: a table of all pairs is never held. Every pair is looked at, so the
answer is exact; it takes N x M x D products, 20 seconds of one core for 20,000 pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..workers.local import side_by_side
from .directions import unit

_HELD = 4_000_000  # cosines that a thread holds at once
_HEAVY = 100_000_000  # products, from which on several threads are worth it


@dataclass(frozen=True)
class Neighbours:
    """The k nearest of each of N pictures, the nearest first.

    Attributes:
        rows: int `[N,k]`, the rows they are in; -1 where a picture has fewer.
        cosines: float32 `[N,k]`; -1 where there is none.
    """

    rows: np.ndarray
    cosines: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Where there is a neighbour, bool `[N,k]`."""
        return np.asarray(self.rows >= 0)


def nearest(
    vectors: np.ndarray,
    count: int,
    groups: np.ndarray,
    *,
    among: np.ndarray | None = None,
    centre: np.ndarray | None = None,
) -> Neighbours:
    """The `count` nearest of each of N pictures with embeddings `[N,D]`, but none of its own group.

    `groups` int `[N]` is equal for pictures that are not to be each other's neighbours, and differs
    between all others. With `among`, bool `[N]`, only those are neighbours. `centre` `[D]` is taken
    from all embeddings first: what they have in common then makes no picture near to another.
    Equally near ones are taken in the order of their rows.
    """
    points = unit(vectors, centre)
    every = among is None or bool(np.all(among))
    chosen = np.arange(len(points)) if among is None else np.flatnonzero(among)
    found = nearest_of(points, points if every else points[chosen], count, groups, groups[chosen])
    rows = np.full(found.rows.shape, -1, np.int64)
    rows[found.known] = chosen[found.rows[found.known]]
    return Neighbours(rows, found.cosines)


def nearest_of(
    points: np.ndarray,
    others: np.ndarray,
    count: int,
    groups: np.ndarray,
    their_groups: np.ndarray,
) -> Neighbours:
    """The `count` nearest of each of N points `[N,D]` among others `[M,D]` of other groups, all of
    length 1: rows of `others`."""
    few = min(count, len(others))
    rows = np.full((len(points), count), -1, np.int64)
    cosines = np.full((len(points), count), -1, np.float32)
    if not few:
        return Neighbours(rows, cosines)
    height = max(1, _HELD // len(others))
    of_group = _columns_by_group(their_groups)
    none = np.empty(0, np.int64)

    def find(begin: int) -> None:
        block = slice(begin, begin + height)
        near = points[block] @ others.T
        for row, group in enumerate(groups[block].tolist()):
            near[row, of_group.get(group, none)] = -np.inf
        columns = _largest(near, few)
        found = np.take_along_axis(near, columns, axis=1)
        missing = np.isneginf(found)
        rows[block, :few] = np.where(missing, -1, columns)
        cosines[block, :few] = np.where(missing, -1, np.clip(found, -1, 1))

    begins = range(0, len(points), height)
    side_by_side(find, begins, heavy=len(points) * others.size > _HEAVY)
    return Neighbours(rows, cosines)


def _columns_by_group(groups: np.ndarray) -> dict[int, np.ndarray]:
    """Where each group is `[M]`."""
    order = np.argsort(groups, kind="stable")
    names, begins = np.unique(groups[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, begins[1:]), strict=True))


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """The columns of the `count` largest of each row `[N,M]`, the largest first, equal ones in
    their order, int `[N,count]`."""
    least = np.partition(values, values.shape[1] - count, axis=1)[:, -count]
    found = np.empty((len(values), count), np.int64)
    for row, edge in enumerate(least):
        columns = np.flatnonzero(values[row] >= edge)  # more than `count`, if some are equally near
        found[row] = columns[np.argsort(-values[row, columns], kind="stable")[:count]]
    return found
