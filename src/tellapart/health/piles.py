"""Unlabelled pictures -> piles: groups that look alike, and what is unlike all of them.

Along all of an embedding no criterion tells how many groups there are (see `grouping.py`). Along
the few directions in which the pictures differ most, silhouettes (Rousseeuw 1987) do, roughly: in
70 samples of 2 to 12 labels of four public sets the number was within a factor of 1.5 of that of
the labels in 66 % and within 2 in 84 % (benchmarks/piles.py). The piles themselves are cut along
all of the embedding, which does better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .directions import unit
from .grouping import MOST_MERGED, Grouping, by_size

MOST_PILES = 200  # that may be asked for
_MOST_CHOSEN = 24  # piles, where their number is chosen: more than a person names at once
_DIRECTIONS = 10  # in which pictures differ most, along which silhouettes are taken
_NEARLY_BEST = 0.95  # of the best silhouette: the fewest piles that reach it
_FAR = 4.0  # robust deviations above the middle: a picture so far from every pile is in none
_FEWEST = 20  # pictures, from which it can be said what is usual
_FEWEST_IN_PILE = 4  # pictures on average, where the number of piles is chosen
_ALIKE = 1.4826  # a median absolute deviation times that is a standard deviation, of a bell curve


@dataclass(frozen=True)
class Piled:
    """The pile of each of N pictures, int `[N]`: 0 is the largest, and -1 none; and how `typical`
    of its pile each is, the cosine with the pile's mean `[N]`."""

    pile: np.ndarray
    typical: np.ndarray


def pile_up(vectors: np.ndarray, digests: Sequence[str], count: int | None = None) -> Piled:
    """Piles of pictures with embeddings `[N,D]`: `count` of them, or as many as there seem to be.

    The same pictures give the same piles in any order: they are taken by their `digests`, and exact
    copies are counted once.
    """
    kept, copies = np.unique(np.asarray(digests, dtype=np.str_), return_index=True)
    copy_of = np.searchsorted(kept, np.asarray(digests, dtype=np.str_))
    points = unit(vectors[copies], kind=np.float64)
    grouping = Grouping(points)
    found = grouping.cut(number_of(points) if count is None else count)
    typical = _typical(points, found)
    apart = _far(typical)
    if apart.any() and not apart.all():  # means, once more, without what is in no pile
        found[apart] = -1
        present = np.unique(found[~apart])
        centres = unit(
            np.stack([points[found == pile].mean(axis=0) for pile in present]), kind=np.float64
        )
        typical[apart] = (points[apart] @ centres.T).max(axis=1)
    every = found[copy_of]
    kept_in = every >= 0
    piles = np.full(len(every), -1, np.int64)
    piles[kept_in] = by_size(every[kept_in], copy_of[kept_in])
    return Piled(piles, np.clip(typical, -1, 1)[copy_of])


def number_of(points: np.ndarray) -> int:
    """About how many kinds of pictures there are: the fewest piles whose silhouette is nearly the
    best, along the directions in which points `[N,D]` of length 1 differ most."""
    most = min(_MOST_CHOSEN, len(points) // _FEWEST_IN_PILE)
    if most < 2:
        return 1
    sample = points[
        np.unique(np.linspace(0, len(points) - 1, min(MOST_MERGED, len(points))).astype(int))
    ]
    along = _leading(sample)
    apart = 1 - along @ along.T
    grouping = Grouping(along)
    found = [_silhouette(apart, grouping.cut(count)) for count in range(2, most + 1)]
    return 2 + int(np.argmax(np.array(found) >= _NEARLY_BEST * max(found)))


def _leading(points: np.ndarray) -> np.ndarray:
    """Points along the directions in which they differ most, at length 1, `[N,R]`."""
    apart = points - points.mean(axis=0)
    values, vectors = np.linalg.eigh(apart @ apart.T)
    few = min(_DIRECTIONS, len(points) - 1)
    return unit(vectors[:, -few:] * np.sqrt(np.maximum(values[-few:], 0)), kind=np.float64)


def _silhouette(apart: np.ndarray, found: np.ndarray) -> float:
    """The mean silhouette of groups `[N]`, from all distances `[N,N]`."""
    everyone = np.arange(len(found))
    member = (found[:, None] == np.arange(found.max() + 1)).astype(apart.dtype)
    if member.shape[1] < 2:
        return -1.0
    sizes = member.sum(axis=0)
    sums = apart @ member
    own = sums[everyone, found] / np.maximum(sizes[found] - 1, 1)
    others = sums / sizes
    others[everyone, found] = np.inf
    next_to = others.min(axis=1)
    values = (next_to - own) / np.maximum(np.maximum(next_to, own), 1e-12)
    return float(np.where(sizes[found] > 1, values, 0.0).mean())


def _typical(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The cosine of each point with the mean of its group."""
    means = np.stack([points[found == group].mean(axis=0) for group in np.unique(found)])
    centres = unit(means, kind=np.float64)
    return np.asarray(np.einsum("nd,nd->n", points, centres[found]))


def _far(typical: np.ndarray) -> np.ndarray:
    """Which are far less typical than is usual, bool `[N]`."""
    middle = np.median(typical)
    deviation = _ALIKE * float(np.median(np.abs(typical - middle)))
    if len(typical) < _FEWEST or deviation < 1e-9:
        return np.zeros(len(typical), dtype=bool)
    return np.asarray(typical < middle - _FAR * deviation)
