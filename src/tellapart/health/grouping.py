"""Pictures of one label -> subgroups: groups of pictures that resemble each other.

Embeddings of a label have no gaps between its subgroups: whatever the number of groups, silhouettes
are below 0.1 (Rousseeuw 1987), so no criterion can find their true number. Groups of about a dozen
are few enough to go through and small enough to be of one kind; their number follows from that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dataset.joining import Joining
from .directions import unit

USUAL = 12  # pictures of a subgroup, on average
MOST_SUBGROUPS = 24  # of one label
MOST_MERGED = 2500  # pictures that are merged pair by pair; the rest join the nearest subgroup
SHARPNESS = 10.0  # of the kernel: pictures 0.1 of cosine nearer weigh e times as much
_BLOCK = 1024
_ROUNDS = 10  # in which points are moved to the nearest mean


def subgroups(vectors: np.ndarray, digests: Sequence[str]) -> np.ndarray:
    """A subgroup for each of N pictures of a label, int `[N]`: 0 is the largest.

    Ward's method (1963) on embeddings of length 1, which merges the two groups whose union adds
    least to the squared distances from their means. The same pictures give the same subgroups in
    any order: they are taken by their `digests`, and exact copies are counted once.
    """
    kept, copies = np.unique(np.asarray(digests, dtype=np.str_), return_index=True)
    copy_of = np.searchsorted(kept, np.asarray(digests, dtype=np.str_))
    points = unit(vectors[copies], kind=np.float64)
    count = int(np.clip(round(len(points) / USUAL), 1, MOST_SUBGROUPS))
    merged = points[:MOST_MERGED]  # a fair sample: digests are as good as random
    found = _cut(_ward(merged), len(merged), count)
    if len(points) > len(merged):
        nearest = _nearest(points[MOST_MERGED:], _centres(merged, found))
        found = np.concatenate([found, nearest])
    return by_size(found[copy_of], copy_of)


def in_groups(points: np.ndarray, count: int) -> np.ndarray:
    """`count` groups of points `[N,D]`, int `[N]`: by Ward's method, and then by moving each point
    to the nearest mean (Lloyd 1982), which mends what merging cannot take back. See `Grouping`."""
    return Grouping(points).cut(count)


class Grouping:
    """Points `[N,D]`, merged by Ward's method once, to be cut into any number of groups.

    Of more points than can be merged an even sample is, and the others join the nearest mean.
    """

    def __init__(self, points: np.ndarray) -> None:
        self.points = points
        rows = np.linspace(0, len(points) - 1, min(MOST_MERGED, len(points)))
        self.sample = np.unique(rows.astype(int))
        self._merges = _ward(points[self.sample])

    def cut(self, count: int) -> np.ndarray:
        """So many groups at most, int `[N]`."""
        found = _cut(self._merges, len(self.sample), min(count, len(self.sample)))
        centres = _centres(self.points[self.sample], found)
        for _ in range(_ROUNDS):
            found = _nearest(self.points, centres)
            moved = _centres(self.points, found)
            if moved.shape == centres.shape and np.array_equal(moved, centres):
                break
            centres = moved
        return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _centres(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The means of groups, numbered from 0, `[K,D]`; those without points are left out."""
    return np.stack([points[found == group].mean(axis=0) for group in np.unique(found)])


def _nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of each point."""
    return np.asarray((points @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=1))


def central(vectors: np.ndarray) -> np.ndarray:
    """The order of a subgroup's pictures, the most central first, int `[N]`."""
    points = unit(vectors, kind=np.float64)
    return np.argsort(-(points @ points.mean(axis=0)).round(9), kind="stable")


def scarcity(pictures: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """How much rarer the like of each of `pictures` is among those learnt from, `[N]`.

    The logarithm of a density ratio: how densely the others of `pictures` lie around it, over how
    densely `learnt` `[M,D]` do. 0 is as common, 1 is e times rarer. Densities are means of a
    von Mises-Fisher kernel, exp(`SHARPNESS` * cosine). A ratio of densities tells missing subgroups
    far better than the distance to the nearest picture learnt from: see docs/gaps.md.
    """
    if len(pictures) < 2 or not len(learnt):
        return np.zeros(len(pictures))
    ours, theirs = (unit(some, kind=np.float64) for some in (pictures, learnt))
    ratio = np.empty(len(ours))
    for start in range(0, len(ours), _BLOCK):  # in blocks, so that memory stays small
        block = ours[start : start + _BLOCK]
        own = np.exp(SHARPNESS * (block @ ours.T - 1))
        own[np.arange(len(block)), start + np.arange(len(block))] = 0
        others = own.sum(axis=1) / (len(ours) - 1)
        among = np.exp(SHARPNESS * (block @ theirs.T - 1)).mean(axis=1)
        ratio[start : start + _BLOCK] = np.log(others / among)
    return ratio


def _ward(points: np.ndarray) -> list[tuple[float, int, int]]:
    """All merges of `[N,D]` points, as (height, a row of one group, a row of the other).

    By chains of nearest neighbours (Murtagh 1983), with distances between groups brought up to
    date after Lance and Williams (1967): time and memory grow with the square of N.
    """
    squares = np.einsum("nd,nd->n", points, points)
    apart = np.maximum(squares[:, None] + squares[None, :] - 2 * points @ points.T, 0)
    np.fill_diagonal(apart, np.inf)
    size = np.ones(len(points))
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    while len(merges) < len(points) - 1:
        if not chain:
            chain.append(int(np.flatnonzero(size)[0]))
        here = chain[-1]
        near = int(apart[here].argmin())
        if len(chain) > 1 and apart[here, chain[-2]] <= apart[here, near]:
            near = chain[-2]  # of equally near ones the one we came from, or chains never end
        if len(chain) < 2 or near != chain[-2]:
            chain.append(near)
            continue
        del chain[-2:]
        first, second, height = min(here, near), max(here, near), apart[here, near]
        merges.append((float(height), first, second))
        total = size[first] + size[second] + size
        joined = (
            (size[first] + size) * apart[first] + (size[second] + size) * apart[second]
        ) - size * height
        with np.errstate(invalid="ignore"):  # of rows that are gone, at infinity
            apart[first] = apart[:, first] = joined / total
        apart[first, first] = np.inf
        apart[second] = apart[:, second] = np.inf
        size[first], size[second] = size[first] + size[second], 0
    return merges


def _cut(merges: Sequence[tuple[float, int, int]], n: int, count: int) -> np.ndarray:
    """The `count` groups that are left before the highest merges, as numbers `[N]`."""
    joining = Joining[int]()
    for _, first, second in sorted(merges, key=lambda merge: merge[0])[: n - count]:
        joining.join(first, second)
    firsts = [joining.first(row) for row in range(n)]
    return np.unique(firsts, return_inverse=True)[1].astype(np.int64)


def by_size(found: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The same groups, numbered by size, the largest first; equal ones by their first digest."""
    numbers, sizes = np.unique(found, return_counts=True)
    first = np.array([order[found == number].min() for number in numbers])
    ranks = np.lexsort((first, -sizes))
    place = np.empty(len(numbers), np.int64)
    place[ranks] = np.arange(len(numbers))
    return place[np.searchsorted(numbers, found)]
