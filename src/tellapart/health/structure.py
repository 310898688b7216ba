"""Labels as they lie among embeddings: two that are one, and one that is two.

benchmarks/structure.py joins labels and parts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.metrics import Z_95
from ..head.blocks import Vectors, block, evenly
from ..head.linear import softmax
from .by_label import label_sums, rows_by_label
from .directions import unit
from .grouping import in_groups
from .sample import parts

_FEWEST = 20  # pictures that may be split in two
NEAR_CHANCE = 0.7  # of the pictures of two labels that are told apart; chance is a half
_SURELY_TOLD = 0.85  # what the upper end of that one's 95 % interval stays below
_MOST_OF_A_LABEL = 100  # other labels that one is compared with, those first that it is most like
_MOST_PAIRS = 1000  # pairs of labels that are named
_LABELS = 1000  # of more, so many say how far apart labels are
_FEWEST_CONFUSED = 8  # pictures of a label that is compared with others
_AS_LABELS = 1.2  # times as far apart as a label and the one next to it: two things
_CLEANER = 1.2  # times as clean a split as that of other labels
_SMALLEST = 0.1  # of a label: less is no half of it
_LARGEST = 1000  # pictures of a label that are looked at: a split shows in that many


@dataclass(frozen=True)
class Confused:
    """Two labels that are hardly told apart.

    `told` is the fraction of their pictures for which the right one of the two has the higher
    logit, both labels weighing the same; `gain` is by how much the fraction of all pictures that
    are right grows where the two are one label; `border` are the rows of the pictures of the first
    label and of the second, those that lie between the two first.
    """

    labels: tuple[int, int]
    told: float
    gain: float
    border: tuple[np.ndarray, np.ndarray]


def confused(truth: np.ndarray, logits: Vectors, judged: np.ndarray) -> list[Confused]:
    """Pairs of labels that out-of-fold logits `[N,K]` of heads hardly tell apart, those that cost
    most first; `judged` bool `[N]`, which pictures have logits. At most `_MOST_PAIRS`, those that
    are told apart worst."""
    count = logits.shape[1]
    rows_of = rows_by_label(np.where(judged, truth, count), count)
    told = _hardly_told(rows_of, logits)
    gains = _gains(truth, logits, np.flatnonzero(judged), [*told])
    found = []
    for (pair, right), gain in zip(told.items(), gains, strict=True):
        border = []
        for k, other in (pair, pair[::-1]):
            (margins,) = _margins(logits, rows_of[k], k, [other])
            border.append(rows_of[k][np.argsort(np.abs(margins), kind="stable")])
        found.append(Confused(pair, right, gain, (border[0], border[1])))
    return sorted(found, key=lambda one: -one.gain)


def _margins(logits: Vectors, rows: np.ndarray, label: int, others: Sequence[int]) -> np.ndarray:
    """By how much a label's logit of some pictures is above those of others, `[O,M]`."""
    found = np.empty((len(others), len(rows)), logits.dtype)
    for some in parts(len(rows), logits.shape[1]):
        own = logits[rows[some]]
        found[:, some] = (own[:, [label]] - own[:, others]).T
    return found


def _hardly_told(rows_of: Sequence[np.ndarray], logits: Vectors) -> dict[tuple[int, int], float]:
    """How often the pictures of two labels have a higher logit for their own of the two, both
    labels weighing the same, for the pairs of which that is hardly above chance.

    No table of all pairs is held: of a pair that is told so badly, one of the two is.
    """
    counts = np.array([len(rows) for rows in rows_of])
    compared = counts >= _FEWEST_CONFUSED
    above: dict[tuple[int, int], float] = {}  # of the first one's pictures
    for k in np.flatnonzero(compared).tolist():
        higher = np.zeros(len(counts), np.int64)
        for some in parts(counts[k], len(counts)):
            own = logits[rows_of[k][some]]
            higher += (own[:, [k]] > own).sum(axis=0)
        share = higher / counts[k]
        share[[k]] = np.inf
        near = np.flatnonzero((share <= NEAR_CHANCE) & compared)
        for other in near[np.argsort(share[near], kind="stable")][:_MOST_OF_A_LABEL].tolist():
            above[k, other] = float(share[other])
    missing: dict[int, list[int]] = {}
    for k, other in above:
        if (other, k) not in above:
            missing.setdefault(other, []).append(k)
    for k, others in missing.items():
        margins = _margins(logits, rows_of[k], k, others)
        shares = (margins > 0).sum(axis=1) / counts[k]
        above |= {(k, other): float(share) for other, share in zip(others, shares, strict=True)}
    told = {}
    for k, other in sorted(above):
        if k < other:
            shares = np.array([above[k, other], above[other, k]])
            error = np.sqrt(_variance(shares, counts[[k, other]]).sum()) / 2
            right = float(shares.sum() / 2)
            if right <= NEAR_CHANCE and right + Z_95 * error <= _SURELY_TOLD:
                told[k, other] = right
    worst = sorted(told, key=lambda pair: told[pair])[:_MOST_PAIRS]
    return {pair: told[pair] for pair in sorted(worst)}


def _variance(fractions: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of fractions, each of so many pictures."""
    return np.asarray(fractions * (1 - fractions) / np.maximum(1, counts))


def _gains(
    truth: np.ndarray, logits: Vectors, rows: np.ndarray, pairs: Sequence[tuple[int, int]]
) -> list[float]:
    """How much larger a fraction of the pictures in `rows` is right where the scores of the two
    labels of a pair are added, for each pair."""
    before, after = 0, np.zeros(len(pairs), np.int64)
    for some in parts(len(rows), logits.shape[1]) if pairs else []:
        own = truth[rows[some]]
        scores = softmax(np.array(logits[rows[some]]))
        likeliest = _likeliest(scores)
        before += int(np.count_nonzero(likeliest[0] == own))
        for number, (first, second) in enumerate(pairs):
            joined = scores[:, first] + scores[:, second]
            best, theirs = _best_but(likeliest, scores, first, second)
            wins = (joined > theirs) | ((joined == theirs) & (first < best))
            known_as = np.where(own == second, first, own)
            after[number] += np.count_nonzero(np.where(wins, first, best) == known_as)
    return [float(right / len(rows) - before / len(rows)) for right in after.tolist()]


def _likeliest(scores: np.ndarray) -> list[np.ndarray]:
    """The three likeliest labels by scores `[N,K]`, int `[N]` each; of two labels, only these."""
    left, each, found = scores.copy(), np.arange(len(scores)), []
    for _ in range(min(3, scores.shape[1])):
        found.append(left.argmax(axis=1))
        left[each, found[-1]] = -1
    return found


def _best_but(
    likeliest: Sequence[np.ndarray], scores: np.ndarray, first: int, second: int
) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest label that is neither of two, and its score, `[N]`; of none, -1."""
    best = np.full(len(scores), -1)
    for one in reversed(likeliest):
        best = np.where((one != first) & (one != second), one, best)
    return best, np.where(best < 0, -1, scores[np.arange(len(scores)), best])


@dataclass(frozen=True)
class Halves:
    """One label whose pictures are of two sorts.

    `cleanness` is how far apart the two are in deviations within them, measured on pictures that
    the axis between them was not taken from; `apart` their distance, in units of that between a
    label and the one next to it; `rows` the pictures of either, the most typical first.
    """

    label: int
    cleanness: float
    apart: float
    rows: tuple[np.ndarray, np.ndarray]


def split_labels(vectors: Vectors, truth: np.ndarray, count: int, fold: np.ndarray) -> list[Halves]:
    """Labels that split into two sorts far more cleanly than the others do, and into sorts that are
    as unlike as two labels are; from embeddings `[N,D]`.

    Of any label two halves can be found, so that only the comparison says something: with the other
    labels' halves, and with the distances between labels. Where all labels come in bursts, the
    halves of all are clean.
    """
    rows_of = rows_by_label(truth, count)
    halves = [_halved(vectors, rows, fold) for rows in rows_of]
    cleanness = np.array([0.0 if one is None else one[0] for one in halves])
    known = np.array([k for k, one in enumerate(halves) if one], np.int64)
    clean = []
    for k in known.tolist():
        others = known[known != k]
        if len(others) and cleanness[k] >= _CLEANER * float(np.median(cleanness[others])):
            clean.append(k)
    if not clean:
        return []
    means = _means_of_labels(vectors, truth, count)
    found = []
    for k in clean:
        one = halves[k]
        assert one
        apart = one[1] / max(_to_next(means, k), 1e-12)
        if apart >= _AS_LABELS:
            found.append(Halves(k, float(cleanness[k]), apart, one[2]))
    return sorted(found, key=lambda one: -one.cleanness)


def _to_next(means: np.ndarray, k: int) -> float:
    """The usual squared distance between a label and the one next to it, among all others but k;
    with less than two others, among all. Of very many labels, so many say what is usual."""
    others = np.delete(means, k, axis=0) if len(means) > 2 else means
    squares = np.einsum("kd,kd->k", others, others)
    some = evenly(len(others), _LABELS)
    apart = squares[some][:, None] + squares - 2 * others[some] @ others.T
    apart[np.arange(len(some)), some] = np.inf
    return float(np.median(apart.min(axis=1)))


def _halved(
    vectors: Vectors, rows: np.ndarray, fold: np.ndarray
) -> tuple[float, float, tuple[np.ndarray, np.ndarray]] | None:
    """How clean the best split of pictures in two is, the squared distance of the two, and the rows
    of both; None where one of them is next to nothing."""
    rows = rows[evenly(len(rows), _LARGEST)]
    if len(rows) < _FEWEST:
        return None
    own, folds = unit(block(vectors, rows)).astype(np.float64), fold[rows]
    side = in_groups(own, 2)
    if min(np.bincount(side, minlength=2)) < max(5, _SMALLEST * len(rows)):
        return None
    along = np.zeros(len(rows))
    for number in np.unique(folds):
        outside = folds == number
        inner = _means(own[~outside], side[~outside], 2)
        if not inner.any(axis=1).all():
            return None
        axis = inner[1] - inner[0]
        along[outside] = (own[outside] - inner[0]) @ axis / max(float(axis @ axis), 1e-12)
    means = np.array([along[side == k].mean() for k in (0, 1)])
    spread = float((along - means[side]).std())
    centres = _means(own, side, 2)
    apart = float(np.sum((centres[1] - centres[0]) ** 2))
    for k in (0, 1):  # what the means' own error adds to it
        within = own[side == k] - centres[k]
        apart -= float(np.sum(within**2)) / len(within) / (len(within) - 1)
    first, second = (
        rows[side == k][np.argsort(-(own[side == k] @ centres[k]), kind="stable")] for k in (0, 1)
    )
    return float(means[1] - means[0]) / max(spread, 1e-12), apart, (first, second)


def _means(points: np.ndarray, truth: np.ndarray, count: int) -> np.ndarray:
    """The mean of the points of each label `[K,D]`; 0 of one that has none."""
    own = np.asarray(truth == np.arange(count)[:, None], dtype=points.dtype)
    return np.asarray(own @ points / np.maximum(own.sum(axis=1), 1)[:, None])


def _means_of_labels(vectors: Vectors, truth: np.ndarray, count: int) -> np.ndarray:
    """The same of embeddings at length 1, float32."""
    sums = np.zeros((count, vectors.shape[1]), np.float32)
    for some in parts(len(truth), count):
        sums += label_sums(unit(block(vectors, some)), truth[some], count)
    counts = np.maximum(np.bincount(truth, minlength=count), 1)
    return np.asarray(sums / counts.astype(np.float32)[:, None])
