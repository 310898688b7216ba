"""The nearest of very many pictures, looked for among those in the same buckets alone.

Buckets are what is nearest to each of some points, which a few rounds of k-means on a sample place
(an inverted file: Jégou et al. 2011, "Product quantization for nearest neighbor search"). Each
picture is held against all that have its bucket among their own `PLACES` nearest, so that two that
lie on either side of a border still meet. benchmarks/check_at_scale.py says how many are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..head.blocks import Vectors, block, evenly, slices
from ..workers.local import side_by_side
from .by_label import label_sums, rows_by_label
from .directions import unit

SIZE = 1000  # pictures of a bucket, about
PLACES = 4  # buckets that each picture is found in
_MOST = 4000  # buckets
_CROWDED = 12  # times as many pictures: then only some of a bucket are held against each
_DRAWN = 20_000  # pictures that the points are placed by
_ROUNDS = 4
_HELD = 4_000_000  # cosines that a thread holds at once
_SPREAD = 500  # pictures of a crowded bucket that say which way it is spread the most


@dataclass(frozen=True)
class Near:
    """The nearest of each of N pictures that were found, in no order.

    Attributes:
        rows: int32 `[N,k]`; -1 where there are fewer.
        cosines: float32 `[N,k]`; -1 where there are fewer.
    """

    rows: np.ndarray
    cosines: np.ndarray

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Each pair once, int `[P,2]`, and its cosine, `[P]`."""
        ones, columns = np.nonzero(self.rows >= 0)
        found = np.sort(np.column_stack([ones, self.rows[ones, columns]]), axis=1)
        pairs, first = np.unique(found, axis=0, return_index=True)
        return pairs, self.cosines[ones, columns][first]


def near(vectors: Vectors, centre: np.ndarray, count: int, bound: float, size: int = SIZE) -> Near:
    """The `count` nearest of each of N pictures with embeddings `[N,D]`, from their `centre` `[D]`,
    that have a cosine of `bound` or more."""
    rows = np.full((len(vectors), count), -1, np.int32)
    cosines = np.full((len(vectors), count), -1, np.float32)
    buckets = min(_MOST, max(2, len(vectors) // size))
    places = _places(vectors, centre, _points(vectors, centre, buckets))
    own = rows_by_label(places[:, 0], buckets)
    every = [found // places.shape[1] for found in rows_by_label(places.ravel(), buckets)]

    def search(bucket: int) -> None:
        for ones, others in _held(vectors, centre, own[bucket], every[bucket], size):
            products = _units(vectors, centre, ones) @ _units(vectors, centre, others).T
            products[ones[:, None] == others] = -1
            some = np.flatnonzero(products.max(axis=1) >= bound)
            few = min(count, len(others))
            best = np.argpartition(-products[some], few - 1, axis=1)[:, :few]
            found = np.take_along_axis(products[some], best, axis=1)
            rows[ones[some], :few] = np.where(found >= bound, others[best], -1)
            cosines[ones[some], :few] = np.where(found >= bound, found, -1)

    side_by_side(search, [bucket for bucket in range(buckets) if len(own[bucket])])
    return Near(rows, cosines)


def _units(vectors: Vectors, centre: np.ndarray, rows: np.ndarray | slice) -> np.ndarray:
    return unit(block(vectors, rows), centre)


def _points(vectors: Vectors, centre: np.ndarray, count: int) -> np.ndarray:
    """So many points among the embeddings, of length 1, float32 `[count,D]`."""
    drawn = _units(vectors, centre, evenly(len(vectors), _DRAWN))
    points: np.ndarray = drawn[evenly(len(drawn), count)]
    for _ in range(_ROUNDS):
        nearest = np.concatenate(
            [(drawn[some] @ points.T).argmax(axis=1) for some in slices(len(drawn))]
        )
        moved = unit(label_sums(drawn, nearest, len(points)))
        held = np.bincount(nearest, minlength=len(points)) > 0
        points[held] = moved[held]
    return points


def _places(vectors: Vectors, centre: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The nearest points of each picture, the nearest first, int32 `[N,PLACES]`, or as many as
    there are."""
    places = np.empty((len(vectors), min(PLACES, len(points))), np.int32)

    def place(some: slice) -> None:
        likeness = _units(vectors, centre, some) @ points.T
        for number in range(places.shape[1]):
            places[some, number] = likeness.argmax(axis=1)
            likeness[np.arange(len(likeness)), places[some, number]] = -2

    side_by_side(place, slices(len(vectors)))
    return places


def _held(
    vectors: Vectors, centre: np.ndarray, own: np.ndarray, every: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of a bucket in blocks, and those that each block is held against: `every` one that
    is found there, or of a crowded bucket those that lie closest along its longest axis."""
    most = _CROWDED * size
    if len(every) <= most:
        for some in slices(len(own), max(1, _HELD // len(every))):
            yield own[some], every
        return
    drawn = _units(vectors, centre, own[evenly(len(own), _SPREAD)])
    axis = np.linalg.svd(drawn - drawn.mean(axis=0), full_matrices=False)[2][0]
    along = [
        np.concatenate([_units(vectors, centre, rows[some]) @ axis for some in slices(len(rows))])
        for rows in (own, every)
    ]
    ranks, order = (np.argsort(one, kind="stable") for one in along)
    sorted_along = along[1][order]
    narrow = len(own) * most // len(every) // 4  # beside what those at its ends are held against
    for some in slices(len(own), max(1, min(narrow, _HELD // most))):
        chosen = ranks[some]
        middle = int(np.searchsorted(sorted_along, np.median(along[0][chosen])))
        begin = min(max(0, middle - most // 2), len(every) - most)
        yield own[chosen], np.sort(every[order[begin : begin + most]])
