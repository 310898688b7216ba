"""How unlike everything it was shown is a picture? One number, and what is usual for it.

Three plain scores fail in different places, so they are put on one scale and combined:

- the cosine distance to the nearest training picture finds what is far from all (a bicycle among
  heroes), but calls every picture of a varied label strange;
- the same distance measured in units of that training picture's own distance to its neighbours
  (as in the local outlier factor, Breunig et al. 2000) finds what is close to a tight label
  without belonging to it (a tulip among daisies);
- the largest logit finds what no label claims.

Each is standardised by what it is for pictures of the known labels, judged out of fold, and the
three are joined as log(exp a + exp b + exp c), a soft largest: a few nodes in the graph.

Where a threshold lies is read off the tail of what is usual, not off its last few values: of 300
pictures the strangest three, perhaps wrongly labelled, would decide alone what 99 % is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .pool import side_by_side

NEIGHBOURS = 3  # of a training picture, whose mean distance is its radius
SOFTENING = 0.05  # added to a radius, so that duplicates do not make one of zero
MOST_EXEMPLARS = 3000  # training pictures kept in the model to measure distances from
TAIL = (0.8, 0.99)  # the part of what is usual that thresholds are fitted to
COMMON = 0.95  # up to this share the quantiles themselves are steady enough
_FEWEST_IN_TAIL = 30
_STEEP = 0.35  # of the tail's length, its mean excess at most: 0.28 in an exponential
ADMITTED = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # shares for which a threshold is stored


@dataclass(frozen=True)
class Novelty:
    """What measuring novelty takes.

    `exemplars` `[M,D]` are training embeddings of length 1, `radii` `[M]` their distances to their
    neighbours; `centre` and `spread` `[3]` are the usual values of the three scores (distance,
    distance in radii, minus the largest logit); of the model's own kind, a share `ADMITTED[i]`
    stays below the novelty `thresholds[i]`.
    """

    exemplars: np.ndarray
    radii: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    thresholds: tuple[float, ...]

    def of(self, embeddings: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The novelty `[N]` of embeddings `[N,D]` with logits `[N,K]`."""
        scores = _scores(embeddings, logits, self.exemplars, self.radii)
        return combined(scores, self.centre, self.spread)


def combined(scores: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Three scores `[N,3]` as one `[N]`."""
    return np.asarray(np.logaddexp.reduce((scores - centre) / spread, axis=1))


def fit_novelty(
    vectors: np.ndarray, logits: np.ndarray, fold: np.ndarray, keep: Sequence[int] | None = None
) -> Novelty:
    """Learn what is usual from training embeddings `[N,D]` and their out-of-fold logits `[N,K]`.

    Each picture is measured against the pictures of the other folds, as many as are kept at most,
    as a new one would be against all that are kept. `keep` are the rows to keep as exemplars;
    without it, evenly spread ones.
    """
    parts = [fold == number for number in np.unique(fold)]

    def against_the_others(outside: np.ndarray) -> np.ndarray:
        others = np.flatnonzero(outside if outside.all() else ~outside)  # copies of one: one fold
        exemplars = _unit(vectors[_evenly(others)])
        return _scores(vectors[outside], logits[outside], exemplars, radii_of(exemplars))

    scores = np.zeros((len(vectors), 3))
    for outside, found in zip(parts, side_by_side(against_the_others, parts), strict=True):
        scores[outside] = found
    centre, spread = scores.mean(axis=0), np.maximum(scores.std(axis=0), 1e-6)
    usual = combined(scores, centre, spread)
    thresholds = tuple(thresholds_of(usual, ADMITTED))
    rows = _evenly(np.arange(len(vectors))) if keep is None else np.array(keep)
    exemplars = _unit(vectors[rows])
    return Novelty(exemplars, radii_of(exemplars), centre, spread, thresholds)


def thresholds_of(usual: np.ndarray, shares: Sequence[float]) -> list[float]:
    """For each share, the value that this share of more such pictures stays below; `usual` `[N]`.

    Up to `COMMON` these are plain quantiles. Beyond, between the quantiles `TAIL`, the excess over
    the lower one is taken for exponential (Balkema & de Haan 1974, Pickands 1975), cut off at the
    upper one; its scale s is the most likely: mean excess = s - T / (exp(T / s) - 1), T being the
    distance between the two. A threshold is then the lower of that and the plain quantile, which
    odd pictures only ever raise. Where the tail is too short for that, or ends sooner than an
    exponential does, all are plain quantiles.
    """
    plain = np.quantile(usual, shares)
    start, end = np.quantile(usual, TAIL)
    excess = usual[(usual > start) & (usual <= end)] - start
    length = float(end - start)
    if len(excess) < _FEWEST_IN_TAIL or not 0 < excess.mean() < _STEEP * length:
        return [float(value) for value in plain]
    scale = mean = float(excess.mean())
    for _ in range(100):
        scale = mean + length / np.expm1(length / scale)
    fitted = start + scale * np.log((1 - TAIL[0]) / (1 - np.array(shares)))
    found = np.where(np.array(shares) <= COMMON, plain, np.minimum(plain, fitted))
    return [float(value) for value in np.maximum.accumulate(found)]


def _evenly(rows: np.ndarray) -> np.ndarray:
    """At most `MOST_EXEMPLARS` of `rows`, evenly spread."""
    at = np.linspace(0, len(rows) - 1, min(MOST_EXEMPLARS, len(rows)))
    return np.asarray(rows[np.unique(at.astype(int))])


def radii_of(exemplars: np.ndarray) -> np.ndarray:
    """The mean cosine distance of each of `[M,D]` to its nearest others, `[M]`, softened."""
    near = min(NEIGHBOURS, len(exemplars) - 1)
    if near < 1:
        return np.full(len(exemplars), 1.0)
    radii = np.empty(len(exemplars))
    for start in range(0, len(exemplars), 1024):  # in blocks, so that memory stays small
        block = exemplars[start : start + 1024] @ exemplars.T
        block[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        radii[start : start + 1024] = 1 - np.partition(block, -near, axis=1)[:, -near:].mean(axis=1)
    return radii + SOFTENING


def _scores(
    vectors: np.ndarray, logits: np.ndarray, exemplars: np.ndarray, radii: np.ndarray
) -> np.ndarray:
    distances = 1 - _unit(vectors) @ exemplars.T
    nearest = distances.min(axis=1)
    in_radii = (distances / radii).min(axis=1)
    return np.column_stack([nearest, in_radii, -logits.max(axis=1)])


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))
