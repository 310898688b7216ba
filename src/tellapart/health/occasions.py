"""Do pictures come in bursts? Then the nearest other picture of a label is far closer than the rest
of that label, and a figure that was cross-validated is of the same moments.

    embeddings, labels, groups -> Closeness -> whether they do

benchmarks/bursts.py holds the limits against sets that are taken in bursts and sets that are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .likeness import linked_at, own_blocks

FAR_CLOSER = 0.4  # of the usual distance within a label: as only pictures of one moment mostly are
USUAL_SHARE = 0.1  # of pictures taken one by one have another one so close: 0.08 to 0.14
ONE_OCCASION = 0.9
"""A cosine at which pictures are taken to be of one occasion: at 0.95 only the same scene is."""

MOST = 0.9  # of the pictures have to be of labels with two groups, or nothing can be tested
_MANY = 0.3  # of pictures that have one, from which on they come in bursts
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
    def bursts(self) -> bool:
        """Whether so many have one that the pictures come in bursts."""
        return int(self.known.sum()) >= _FEWEST and self.share >= _MANY


def closeness(vectors: np.ndarray, truth: np.ndarray, groups: np.ndarray) -> Closeness:
    """Of N pictures with embeddings `[N,D]`, labels int `[N]`, and `groups` int `[N]` of pictures
    that are kept together anyway."""
    nearest = np.full(len(truth), np.nan)
    usual = np.full(len(truth), np.nan)
    for rows, columns, near in own_blocks(vectors, truth):
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


def one_occasion(vectors: np.ndarray, truth: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The group of each of N pictures that come in bursts, int `[N]`, those of one occasion
    together, and what is of one of the `groups`.

    They are as alike as `ONE_OCCASION`; or where all pictures of a label are as alike as that, far
    more than is usual within a label.
    """
    found = linked_at(vectors, truth, (ONE_OCCASION,), groups)[0]
    if testable(truth, found).mean() >= MOST:
        return found
    close = closeness(vectors, truth, groups)
    usual = float(np.median(close.usual[close.known])) if close.known.any() else 0.0
    return linked_at(vectors, truth, (1 - FAR_CLOSER * usual,), groups)[0]


def testable(truth: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Which pictures are of a label with two groups at least, bool `[N]`: of one alone, all are
    left out together."""
    pairs = np.unique(np.stack([truth, groups]), axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=int(truth.max()) + 1)[truth] > 1)


def alike_in_turn(
    vectors: np.ndarray,
    found: Closeness,
    first: np.ndarray,
    second: np.ndarray,
    closer: float = FAR_CLOSER,
) -> np.ndarray:
    """Which pairs of rows int `[E]` are so much `closer` than is usual in their label, bool
    `[E]`."""
    lengths = np.linalg.norm(vectors, axis=1)
    scale = np.maximum(lengths[first] * lengths[second], 1e-12)
    away = 1 - np.einsum("ed,ed->e", vectors[first], vectors[second]) / scale
    usual = np.minimum(found.usual[first], found.usual[second])
    return np.asarray((away < closer * usual) & (usual > _SAME))


def by_chance(vectors: np.ndarray, truth: np.ndarray, found: Closeness) -> float:
    """The share of all pairs of one label that are far closer than is usual in it."""
    close = pairs = 0
    for rows, _, near in own_blocks(vectors, truth):
        usual = found.usual[rows][:, None]
        close += int(((1 - near < FAR_CLOSER * usual) & (usual > _SAME)).sum()) - len(rows)
        pairs += near.size - len(rows)
    return max(0, close) / max(1, pairs)
