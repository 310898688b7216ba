"""How unlike everything it was shown is a picture? One number, and what is usual for it.

Five plain scores fail in different places, so they are put on one scale and combined:

- the cosine distance to the nearest training pictures, in units of each one's own distance to its
  neighbours (as in the local outlier factor, Breunig et al. 2000), finds what is close to a tight
  label without belonging to it (a tulip among daisies);
- the same of embeddings that are standardised, where what all pictures share does not count,
  finds the same of other labels;
- the free energy, -log sum exp logits (Liu et al. 2020, arXiv:2010.03759), finds what no label
  claims;
- the distance to the nearest training picture, by the cosine and, standardised, as the crow flies,
  finds what is far from all (a bicycle among heroes; a grey wall). Near at hand it says little, so
  these two only count where they are large.

Each is scaled by what it is for pictures of the known labels, judged out of fold, and they are
joined as log(exp a + exp b + exp c + exp d + exp e), a soft largest: a few nodes in the graph.

Where a threshold lies is read off the tail of what is usual, not off its last few values: of 300
pictures the three with the highest novelty, perhaps wrongly labelled, would decide what 99 % is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..workers.local import side_by_side
from ..workers.pausing import pause
from .blocks import Rows, Vectors, are_large, evenly, slices
from .prepared import standardisation

NEIGHBOURS = 3  # training pictures whose mean distance is a radius, or a score in radii
SOFTENING = 0.05  # of the median radius, added to each: a duplicate does not make one of zero
MOST_EXEMPLARS = 3000  # training pictures kept in the model to measure distances from
MOST_MEASURED = 50_000  # training pictures, of very many, that say what is usual
_AT_ONCE = 2048  # pictures that are measured at once
FAR = (1.75, 2.25)  # the last two count above so many deviations, and then so many times
TAIL = (0.8, 0.99)  # the part of what is usual that thresholds are fitted to
_IN_TAIL = 30  # pictures that it shall hold: of few, it begins sooner, but at the middle at most
COMMON = 0.95  # up to this fraction the quantiles themselves are steady enough
_FEWEST_IN_TAIL = 10
_STEEP = 0.35  # of the tail's length, its mean excess at most: 0.28 in an exponential
TINY = 1e-12  # the least length of an embedding
ADMITTED = (0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # fractions for which a threshold is stored


@dataclass(frozen=True)
class Exemplars:
    """The M training pictures that distances are measured from.

    `standard` `[M,D]` are their embeddings, standardised by `mean` and `deviation` `[D]`. Of the
    embeddings as they were, and then of the standardised ones, `lengths` `[2,M]` are the lengths,
    `radii` `[2,M]` the mean cosine distances of each to its nearest others.
    """

    standard: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    lengths: np.ndarray
    radii: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> Exemplars:
        """From embeddings `[M,D]`, as precise as they are."""
        mean, deviation = (each.astype(vectors.dtype) for each in standardisation(vectors))
        standard = (vectors - mean) / deviation
        both = (vectors, standard)
        lengths = np.stack([np.maximum(np.linalg.norm(x, axis=1), TINY) for x in both])
        units = (x / length[:, None] for x, length in zip(both, lengths, strict=True))
        return cls(standard, mean, deviation, lengths, np.stack([*map(radii_of, units)]))

    @classmethod
    def among(cls, vectors: Vectors) -> Exemplars:
        """From embeddings `[N,D]`, or evenly spread ones of them where they are too many."""
        return cls.of(vectors[evenly(len(vectors), MOST_EXEMPLARS)])

    def scores(self, embeddings: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The five scores `[N,5]` of embeddings `[N,D]` with logits `[N,K]`."""
        standard = (embeddings - self.mean) / self.deviation
        raw = (embeddings * self.deviation) @ self.standard.T + (embeddings @ self.mean)[:, None]
        products = standard @ self.standard.T
        lengths = [np.maximum(np.linalg.norm(x, axis=1), TINY) for x in (embeddings, standard)]
        squared = lengths[1][:, None] ** 2 - 2 * products + self.lengths[1] ** 2
        cosines = [
            product / np.outer(own, theirs)
            for product, own, theirs in zip((raw, products), lengths, self.lengths, strict=True)
        ]
        in_radii = (_nearest((1 - c) / r) for c, r in zip(cosines, self.radii, strict=True))
        energy = -np.logaddexp.reduce(logits, axis=1)
        apart = 1 - cosines[0].max(axis=1)
        far = np.sqrt(np.maximum(squared.min(axis=1), 0))
        return np.column_stack([*in_radii, energy, apart, far])


@dataclass(frozen=True)
class Novelty:
    """What measuring novelty takes.

    `centre` and `spread` `[5]` are the usual values of the five scores, with `FAR` in the last two;
    of the model's own kind, a fraction `ADMITTED[i]` stays below the novelty `thresholds[i]`.
    """

    exemplars: Exemplars
    centre: np.ndarray
    spread: np.ndarray
    thresholds: tuple[float, ...]

    def of(self, embeddings: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The novelty `[N]` of embeddings `[N,D]` with logits `[N,K]`."""
        return combined(self.exemplars.scores(embeddings, logits), self.centre, self.spread)


def combined(scores: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Five scores `[N,5]` as one `[N]`."""
    return np.asarray(np.logaddexp.reduce((scores - centre) / spread, axis=1))


def usual_of(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`Novelty.centre` and `spread`: from scores `[N,5]` of the model's own kind."""
    centre, spread = scores.mean(axis=0), np.maximum(scores.std(axis=0), 1e-6)
    above, times = FAR
    centre[-2:] += above * spread[-2:]
    spread[-2:] /= times
    return centre, spread


def fit_novelty(vectors: Vectors, logits: np.ndarray, fold: np.ndarray) -> Novelty:
    """Learn what is usual from training embeddings `[N,D]` and their out-of-fold logits `[N,K]`, or
    the logarithms of the sums of these logits' powers `[N,1]`.

    Each picture is measured against the pictures of the other folds, as many as are kept at most,
    as a new one would be against all that are kept; a few at a time. Of embeddings too many for
    memory at most `MOST_MEASURED` are, evenly spread.
    """
    large = are_large(vectors)
    rows = evenly(len(vectors), MOST_MEASURED) if large else np.arange(len(vectors))
    numbers = np.unique(fold[rows]).tolist()

    def against_the_others(number: int) -> np.ndarray:
        inside = fold != number
        others = np.flatnonzero(inside) if inside.any() else np.arange(len(fold))  # copies of one
        exemplars = Exemplars.among(Rows(vectors, others))
        own = rows[fold[rows] == number]
        few = slices(len(own), _AT_ONCE)  # each takes a dozen numbers for each exemplar
        return np.concatenate(
            [exemplars.scores(vectors[own[some]], logits[own[some]]) for some in few]
        )

    scores = np.zeros((len(rows), 5))
    for number, found in zip(numbers, side_by_side(against_the_others, numbers), strict=True):
        scores[fold[rows] == number] = found
    centre, spread = usual_of(scores)
    usual = combined(scores, centre, spread)
    return Novelty(Exemplars.among(vectors), centre, spread, tuple(thresholds_of(usual, ADMITTED)))


def thresholds_of(usual: np.ndarray, fractions: Sequence[float]) -> list[float]:
    """For each fraction, the value that this fraction of more such pictures stays below; `usual`
    `[N]`.

    Up to `COMMON` these are plain quantiles. Beyond, between the quantiles `TAIL`, the excess over
    the lower one is taken for exponential (Balkema & de Haan 1974, Pickands 1975), cut off at the
    upper one; its scale s is the most likely: mean excess = s - T / (exp(T / s) - 1), T being the
    distance between the two. A threshold is then the lower of that and the plain quantile, which
    odd pictures only ever raise. Where the tail is too short for that, or ends sooner than an
    exponential does, all are plain quantiles.
    """
    plain = np.quantile(usual, fractions)
    begins, ends = TAIL
    begins = max(0.5, min(begins, ends - _IN_TAIL / len(usual)))
    start, end = np.quantile(usual, (begins, ends))
    excess = usual[(usual > start) & (usual <= end)] - start
    length = float(end - start)
    if len(excess) < _FEWEST_IN_TAIL or not 0 < excess.mean() < _STEEP * length:
        return [float(value) for value in plain]
    scale = mean = float(excess.mean())
    for _ in range(100):
        scale = mean + length / np.expm1(length / scale)
    fitted = start + scale * np.log((1 - begins) / (1 - np.array(fractions)))
    found = np.where(np.array(fractions) <= COMMON, plain, np.minimum(plain, fitted))
    return [float(value) for value in np.maximum.accumulate(found)]


def radii_of(units: np.ndarray) -> np.ndarray:
    """The mean cosine distance of each of `[M,D]` to its nearest others, `[M]`, softened."""
    near = min(NEIGHBOURS, len(units) - 1)
    if near < 1:
        return np.ones(len(units))
    radii = np.empty(len(units))
    for start in range(0, len(units), 1024):  # in blocks, so that memory stays small
        pause()
        apart = 1 - units[start : start + 1024] @ units.T
        apart[np.arange(len(apart)), start + np.arange(len(apart))] = np.inf
        radii[start : start + 1024] = _nearest(apart)
    return np.asarray(np.maximum(radii + SOFTENING * np.median(radii), 1e-3))


def _nearest(apart: np.ndarray) -> np.ndarray:
    """The mean of the `NEIGHBOURS` smallest of each row of `[N,M]`, where they are finite."""
    near = min(NEIGHBOURS, apart.shape[1]) - 1
    smallest = np.partition(apart, near, axis=1)[:, : near + 1]
    return np.asarray(np.mean(smallest, axis=1, where=np.isfinite(smallest)))
