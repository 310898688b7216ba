"""Do pictures come in bursts? Then the nearest other picture of a label is far closer than the rest
of that label, and a figure that was cross-validated is of the same moments.

    embeddings, labels, groups -> Closeness -> whether they do

benchmarks/bursts.py holds the limits against sets that are taken in bursts and sets that are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.blocks import Vectors, slices
from .directions import unit
from .likeness import linked_at, own_blocks

FAR_CLOSER = 0.4  # of the usual distance within a label: as only pictures of one moment mostly are
USUAL_SHARE = 0.1  # of pictures taken one by one have another one so close: 0.08 to 0.14
ONE_OCCASION = 0.9
"""A cosine at which pictures are taken to be of one occasion: at 0.95 only the same scene is."""

MOST = 0.9  # of the pictures have to be of labels with two groups, or nothing can be tested
_MANY = 0.3  # of pictures that have one, from which on they come in bursts
_LEFT = 0.1  # of all pictures in bursts that nothing keeps together: fewer hardly move a figure
_LARGE = 3  # pictures of a burst: two may be alike by chance
_FEWEST = 12  # pictures that can tell
_SAMPLE = 512  # others of a label that say what is usual
_SAME = 0.04  # a usual distance below which a label's pictures are all one, as those of a jig


@dataclass(frozen=True)
class Closeness:
    """How close each of N pictures is to others of its label, but not to those of its own group.

    Attributes:
        nearest: the distance (1 - cosine) of the nearest one, `[N]`; nan where there is none.
        usual: the median distance, `[N]`.
    """

    nearest: np.ndarray
    usual: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Of which pictures it can be said, bool `[N]`."""
        return np.asarray(np.isfinite(self.nearest) & (self.usual > _SAME))

    @property
    def far_closer(self) -> np.ndarray:
        """Which pictures have another one of their label far closer than is usual, bool `[N]`."""
        return np.asarray(self.known & (self.nearest < FAR_CLOSER * self.usual))

    @property
    def share(self) -> float:
        """Of the pictures of which it can be said; 0 of none."""
        return float(self.far_closer.sum() / max(1, self.known.sum()))

    @property
    def middle(self) -> float:
        """The usual distance within a label, over all pictures; 0 where it is not known."""
        return float(np.median(self.usual[self.known])) if self.known.any() else 0.0

    @property
    def bursts(self) -> bool:
        """Whether so many have one that the pictures come in bursts."""
        return int(self.known.sum()) >= _FEWEST and self.share >= _MANY


def closeness(
    vectors: Vectors, truth: np.ndarray, groups: np.ndarray, most: int | None = None
) -> Closeness:
    """Of N pictures with embeddings `[N,D]`, labels int `[N]`, and `groups` int `[N]` of pictures
    that are kept together anyway; from at most so many others of a label, evenly spread."""
    nearest = np.full(len(truth), np.nan)
    usual = np.full(len(truth), np.nan)
    for rows, columns, near in own_blocks(vectors, truth, most):
        away = 1 - near
        away[groups[rows][:, None] == groups[columns]] = np.inf  # itself too
        least = away.min(axis=1)
        there = np.isfinite(least)
        nearest[rows] = np.where(there, np.maximum(least, 0), np.nan)
        some = np.sort(away[:, :: max(1, len(columns) // _SAMPLE)], axis=1)
        middle = (np.isfinite(some).sum(axis=1) - 1) // 2
        usual[rows] = np.where(there, some[np.arange(len(rows)), middle], np.nan)
    usual[~np.isfinite(usual)] = np.nan
    return Closeness(nearest, usual)


def one_occasion(vectors: Vectors, truth: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The group of each of N pictures that come in bursts, int `[N]`, those of one occasion
    together, and what is of one of the `groups`.

    They are as alike as `ONE_OCCASION`; or where all pictures of a label are as alike as that, far
    more than is usual within a label.
    """
    close = closeness(vectors, truth, groups)
    usual = close.middle
    if not all_alike(usual):
        found = linked_at(vectors, truth, (ONE_OCCASION,), groups)[0]
        if testable(truth, found).mean() >= MOST:
            return found
    return linked_at(vectors, truth, (1 - FAR_CLOSER * usual,), groups)[0]


def all_alike(usual: float) -> bool:
    """Whether any two pictures of a label mostly are as alike as those of one occasion elsewhere,
    going by the `usual` distance of two."""
    return usual <= 1 - ONE_OCCASION


def parted_bursts(vectors: Vectors, truth: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
    """The rows of each burst of which the `groups` int `[N]` keep only parts together, the largest
    first."""
    whole = one_occasion(vectors, truth, groups)
    sizes = np.bincount(whole, minlength=len(whole))
    pairs = np.unique(np.stack([whole, groups]), axis=1)
    parted = np.bincount(pairs[0], minlength=len(whole)) > 1
    roots = np.flatnonzero((sizes >= _LARGE) & parted).tolist()
    return [
        np.flatnonzero(whole == root) for root in sorted(roots, key=lambda root: -int(sizes[root]))
    ]


def still_in_bursts(
    vectors: Vectors, truth: np.ndarray, groups: np.ndarray, found: Closeness | None = None
) -> bool:
    """Whether pictures come in bursts that the `groups` int `[N]` do not keep together.

    Where some are kept together, those are burst pictures that have their company, and say nothing:
    the others are judged by themselves. `found` is their closeness, where it is known.
    """
    found = found or closeness(vectors, truth, groups)
    alone = np.bincount(groups, minlength=len(groups))[groups] == 1
    if found.bursts or alone.all():
        return found.bursts
    known = found.known & alone
    far = found.far_closer & alone
    if known.sum() < _FEWEST or far.sum() < _MANY * known.sum() or far.mean() < _LEFT:
        return False
    left = np.zeros(len(groups), bool)
    for rows in parted_bursts(vectors, truth, groups):
        left[rows] = True
    return bool((left & alone).mean() >= _LEFT)


def of_same_moments(
    vectors: Vectors, truth: np.ndarray, others: Vectors, other_truth: np.ndarray
) -> bool:
    """Whether many pictures `[N,D]` have one among the `others` `[M,D]` of their label that is as
    close as only pictures of one moment mostly are."""
    close = known = 0
    for label in np.unique(truth):
        rows, beside = np.flatnonzero(truth == label), np.flatnonzero(other_truth == label)
        own, learnt = unit(vectors[rows]), unit(others[beside])
        if len(learnt) < 2:
            continue
        away = 1 - own @ learnt.T
        usual = np.median(away, axis=1)
        told = usual > _SAME
        known += int(told.sum())
        close += int((told & (away.min(axis=1) < FAR_CLOSER * usual)).sum())
    return close >= _MANY * max(1, known)


def mostly_one(truth: np.ndarray, groups: np.ndarray) -> bool:
    """Whether most of N pictures are of labels of which one group has more than half: then a label
    is learnt from next to nothing, or judged by next to nothing."""
    pairs, counts = np.unique(np.stack([truth, groups]), axis=1, return_counts=True)
    largest = np.zeros(int(truth.max()) + 1)
    np.maximum.at(largest, pairs[0], counts)
    return bool((2 * largest > np.bincount(truth))[truth].mean() >= 0.5)


def testable(truth: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which pictures are of a label with two groups at least, bool `[N]`: of one alone, all are
    left out together."""
    pairs = np.unique(np.stack([truth, groups]), axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=int(truth.max()) + 1)[truth] > 1)


def alike_in_turn(
    vectors: Vectors,
    found: Closeness,
    first: np.ndarray,
    second: np.ndarray,
    closer: float = FAR_CLOSER,
) -> np.ndarray:
    """Which pairs of rows int `[E]` are so much `closer` than is usual in their label, bool
    `[E]`."""
    away = np.empty(len(first), np.float32)
    for some in slices(len(first)):
        ones, others = vectors[first[some]], vectors[second[some]]
        scale = np.maximum(np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1), 1e-12)
        away[some] = 1 - np.einsum("ed,ed->e", ones, others) / scale
    usual = np.minimum(found.usual[first], found.usual[second])
    return np.asarray((away < closer * usual) & (usual > _SAME))


def by_chance(
    vectors: Vectors, truth: np.ndarray, found: Closeness, most: int | None = None
) -> float:
    """The share of all pairs of one label that are far closer than is usual in it; of those with at
    most so many of a label, evenly spread."""
    close = pairs = 0
    for rows, columns, near in own_blocks(vectors, truth, most):
        usual = found.usual[rows][:, None]
        itself = int(np.isin(columns, rows).sum())
        close += int(((1 - near < FAR_CLOSER * usual) & (usual > _SAME)).sum()) - itself
        pairs += near.size - itself
    return max(0, close) / max(1, pairs)
