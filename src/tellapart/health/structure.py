"""Labels as they lie among embeddings: strangers to all of them, two that are one, one that is two.

Distances here are of embeddings at length 1 to the *means* of labels, and from means that the
picture itself is no part of. Strangers are often alike (screenshots, or pictures of another
collection), so the distance to the nearest picture, by which a model tells the unknown, hardly
finds them. benchmarks/structure.py plants strangers, joins labels and parts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..evaluation.metrics import Z_95
from ..head.blocks import evenly
from ..head.linear import softmax
from .grouping import in_groups
from .neighbours import unit

FAR = 3.0  # robust deviations from the middle of all distances, from which a picture is far away
BELIEVED = 0.9  # a score, from which a label claims a picture
FEWEST = 20  # pictures that may be judged by what is usual, or split in two
_ALIKE = 1.4826  # a median absolute deviation times that is a standard deviation, of a bell curve
NEAR_CHANCE = 0.7  # of the pictures of two labels that are told apart; chance is a half
_SURELY_TOLD = 0.85  # what the upper end of that one's 95 % interval stays below
_FEWEST_CONFUSED = 8  # pictures of a label that is compared with others
_AS_LABELS = 1.2  # times as far apart as a label and the one next to it: two things
_CLEANER = 1.2  # times as clean a split as that of other labels
_SMALLEST = 0.1  # of a label: less is no half of it
_LARGEST = 1000  # pictures of a label that are looked at: a split shows in that many


@dataclass(frozen=True)
class Strangers:
    """How far N pictures are from all labels.

    `distance` `[N]` is the cosine distance to the nearest label's mean, out of fold, in robust
    deviations from what is usual; `rows` are the pictures that are far and that no label claims,
    the strangest first.
    """

    distance: np.ndarray
    rows: np.ndarray


def strangers(
    vectors: np.ndarray, truth: np.ndarray, scores: np.ndarray, fold: np.ndarray
) -> Strangers:
    """Pictures that likely show none of the labels: from embeddings `[N,D]`, labels `[N]`, and the
    out-of-fold scores `[N,K]` of heads that never saw their `fold` `[N]`."""
    if len(vectors) < FEWEST:
        return Strangers(np.zeros(len(vectors)), np.zeros(0, np.int64))
    points = unit(vectors)
    own = _members(truth, scores.shape[1])
    sums, counts = own @ points, own.sum(axis=1)
    apart = np.zeros(len(points))
    for number in np.unique(fold):
        rows = np.flatnonzero(fold == number)
        left = counts - own[:, rows].sum(axis=1)
        means = (sums - own[:, rows] @ points[rows]) / np.maximum(left, 1)[:, None]
        likeness = points[rows] @ unit(means).T
        likeness[:, left == 0] = -1.0
        apart[rows] = 1 - likeness.max(axis=1)
    middle = np.median(apart)
    deviation = _ALIKE * float(np.median(np.abs(apart - middle)))
    if deviation < 1e-9:
        return Strangers(np.zeros(len(apart)), np.zeros(0, np.int64))
    far = (apart - middle) / deviation
    rows = np.flatnonzero((far > FAR) & (scores.max(axis=1) < BELIEVED))
    own = scores[rows, truth[rows]]  # what is said to be claimed by its own label comes last
    return Strangers(far, rows[np.argsort(-(far[rows] - FAR * own), kind="stable")])


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


def confused(truth: np.ndarray, logits: np.ndarray, judged: np.ndarray) -> list[Confused]:
    """Pairs of labels that out-of-fold logits `[N,K]` of heads hardly tell apart, those that cost
    most first; `judged` bool `[N]`, which pictures have logits."""
    rows_of = [np.flatnonzero((truth == k) & judged) for k in range(logits.shape[1])]
    counts = np.array([len(rows) for rows in rows_of])
    # of each label's pictures, the fraction whose own logit is above each label's
    above = np.stack(
        [
            (logits[own, k, None] > logits[own]).sum(axis=0) / max(1, len(own))
            for k, own in enumerate(rows_of)
        ]
    )
    told = (above + above.T) / 2
    error = np.sqrt(_variance(above, counts) + _variance(above, counts).T) / 2
    alike = (told <= NEAR_CHANCE) & (told + Z_95 * error <= _SURELY_TOLD)
    alike &= np.minimum.outer(counts, counts) >= _FEWEST_CONFUSED
    scores = softmax(logits[judged].copy())
    found = []
    for pair in np.argwhere(np.triu(alike, 1)).tolist():
        rows = [rows_of[k] for k in pair]
        margins = [
            logits[own, k] - logits[own, other]
            for own, k, other in zip(rows, pair, reversed(pair), strict=True)
        ]
        first, second = (
            own[np.argsort(np.abs(margin), kind="stable")]
            for own, margin in zip(rows, margins, strict=True)
        )
        both = (pair[0], pair[1])
        gain = _gain(truth[judged], scores, both)
        found.append(Confused(both, float(told[both]), gain, (first, second)))
    return sorted(found, key=lambda one: -one.gain)


def _variance(fractions: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of fractions `[K,K]`, each row of so many pictures."""
    return np.asarray(fractions * (1 - fractions) / np.maximum(1, counts)[:, None])


def _gain(truth: np.ndarray, scores: np.ndarray, pair: tuple[int, int]) -> float:
    """How much larger a fraction of pictures is right where the scores of two labels are added."""
    first, second = pair
    joined = scores.copy()
    joined[:, first] += joined[:, second]
    joined[:, second] = -1.0
    known_as = np.where(truth == second, first, truth)
    before, after = (scores.argmax(axis=1) == truth), (joined.argmax(axis=1) == known_as)
    return float(after.mean() - before.mean())


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


def split_labels(
    vectors: np.ndarray, truth: np.ndarray, count: int, fold: np.ndarray
) -> list[Halves]:
    """Labels that split into two sorts far more cleanly than the others do, and into sorts that are
    as unlike as two labels are; from embeddings `[N,D]`.

    Of any label two halves can be found, so that only the comparison says something: with the other
    labels' halves, and with the distances between labels. Where all labels come in bursts, the
    halves of all are clean.
    """
    points = unit(vectors)
    means = _means(points, truth, count)
    halves = [_halved(points, np.flatnonzero(truth == k), fold) for k in range(count)]
    cleanness = np.array([0.0 if one is None else one[0] for one in halves])
    found = []
    for k, one in enumerate(halves):
        others = [j for j in range(count) if j != k and halves[j]]
        if one is None or not others:
            continue
        usual = float(np.median(cleanness[others]))
        apart = one[1] / max(_to_next(means, k), 1e-12)
        if cleanness[k] >= _CLEANER * usual and apart >= _AS_LABELS:
            found.append(Halves(k, float(cleanness[k]), apart, one[2]))
    return sorted(found, key=lambda one: -one.cleanness)


def _to_next(means: np.ndarray, k: int) -> float:
    """The usual squared distance between a label and the one next to it, among all others but k;
    with less than two others, among all."""
    others = np.delete(means, k, axis=0) if len(means) > 2 else means
    squares = np.einsum("kd,kd->k", others, others)
    apart = squares[:, None] + squares - 2 * others @ others.T
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(axis=1)))


def _halved(
    points: np.ndarray, rows: np.ndarray, fold: np.ndarray
) -> tuple[float, float, tuple[np.ndarray, np.ndarray]] | None:
    """How clean the best split of pictures in two is, the squared distance of the two, and the rows
    of both; None where one of them is next to nothing."""
    rows = rows[evenly(len(rows), _LARGEST)]
    if len(rows) < FEWEST:
        return None
    own, folds = points[rows].astype(np.float64), fold[rows]
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
    own = _members(truth, count).astype(points.dtype)
    return np.asarray(own @ points / np.maximum(own.sum(axis=1), 1)[:, None])


def _members(truth: np.ndarray, count: int) -> np.ndarray:
    """1 where a picture has a label, float32 `[K,N]`."""
    return np.asarray(truth == np.arange(count)[:, None], dtype=np.float32)
