"""One set of answers held against the truth: accuracy, per-label table, confusion, mistakes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from . import metrics
from .coverage import Coverage, Covered, coverage_of
from .metrics import CALIBRATED, CalibrationBin, Estimate, LabelScore, Proportion
from .whole import Whole

_COLUMNS = 64  # labels whose scores are put side by side at once


@dataclass(frozen=True)
class Mistake:
    """A picture that got another label than its own.

    Attributes:
        name: its path below the source.
        label: its own label.
        predicted: the label that it got.
        score: the score of that label.
    """

    name: str
    label: str
    predicted: str
    score: float
    _labels: tuple[str, ...] = field(repr=False)
    _scores: np.ndarray = field(repr=False)

    @property
    def scores(self) -> dict[str, float]:
        """The score of each label, highest first."""
        return ranked(self._labels, self._scores)


@dataclass(frozen=True)
class Evaluation:
    """Pictures, their true labels `[N]` (indices into `labels`) and the scores given `[N,K]`.

    `groups` int `[N]` are equal for pictures of one occasion, which go right and wrong together, so
    that the accuracy's interval is wider; None where nothing is known of that.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    truth: np.ndarray
    scores: np.ndarray
    groups: np.ndarray | None = None

    @property
    def count(self) -> int:
        """How many pictures were judged, whether all of them are listed or not."""
        return len(self.truth)

    @property
    def wrong(self) -> int:
        """How many of them got another label than their own."""
        return self.accuracy.n - self.accuracy.correct

    @cached_property
    def predicted(self) -> np.ndarray:
        return np.asarray(self.scores.argmax(axis=1))

    @cached_property
    def highest(self) -> np.ndarray:
        """The score of each predicted label, `[N]`."""
        return np.asarray(self.scores.max(axis=1))

    @cached_property
    def accuracy(self) -> Proportion:
        right = self.predicted == self.truth
        if self.groups is None:
            return Proportion(int(right.sum()), len(right))
        return metrics.grouped(right, self.groups)

    @cached_property
    def confusion(self) -> np.ndarray:
        """`[K,K]`: rows are the true labels, columns the predicted ones."""
        table = np.zeros((len(self.labels), len(self.labels)), dtype=np.int64)
        label, given, times = self.cells
        table[label, given] = times
        return table

    @cached_property
    def cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The cells of the confusion matrix that hold pictures, row by row: true labels, predicted
        ones, and how many, int `[C]` each. Of very many labels the matrix itself is too large."""
        count = len(self.labels)
        numbers = self.truth.astype(np.int64) * count + self.predicted
        filled, times = np.unique(numbers, return_counts=True)
        return filled // count, filled % count, times

    @cached_property
    def per_label(self) -> tuple[LabelScore, ...]:
        found = (self.truth, self.predicted, self.truth[self.predicted == self.truth])
        counts = np.stack([np.bincount(of, minlength=len(self.labels)) for of in found], axis=1)
        return metrics.per_label(counts, self.labels)

    @cached_property
    def mistakes(self) -> tuple[Mistake, ...]:
        """The wrong ones, the surest first."""
        wrong = np.flatnonzero(self.predicted != self.truth)
        order = wrong[np.argsort(-self.highest[wrong], kind="stable")]
        return tuple(
            Mistake(
                self.names[i],
                self.labels[self.truth[i]],
                self.labels[self.predicted[i]],
                float(self.highest[i]),
                self.labels,
                self.scores[i],
            )
            for i in order
        )

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """(label, what it was taken for, how often), the commonest first."""
        pairs = Counter((mistake.label, mistake.predicted) for mistake in self.mistakes)
        return [(*pair, count) for pair, count in pairs.most_common()]

    @cached_property
    def baseline(self) -> Proportion:
        """What always saying the commonest label would get right."""
        counts = np.bincount(self.truth, minlength=1)
        return Proportion(int(counts.max()), len(self.truth))

    @cached_property
    def balanced_accuracy(self) -> Estimate:
        """The mean recall over the labels present."""
        return metrics.balanced_accuracy(self.per_label)

    @cached_property
    def log_loss(self) -> Estimate:
        """Mean of -log of the true label's score, in nats."""
        own = self.scores[np.arange(len(self.truth)), self.truth]
        return metrics.mean_estimate(-np.log(np.maximum(own, 1e-12)), self._counts[1])

    @cached_property
    def brier(self) -> Estimate:
        """Mean squared distance of the scores from the truth, 0 to 2."""
        return metrics.mean_estimate(metrics.brier(self.scores, self.truth), self._counts[1])

    @cached_property
    def coverage(self) -> Coverage:
        """How many pictures have each score or more, and how many of those are right."""
        return coverage_of(self.scores, self.truth)

    @property
    def sure(self) -> Covered | None:
        """As many pictures as a score tells of which `SURE` are right; None: no score does."""
        return self.coverage.at()

    @cached_property
    def calibration(self) -> tuple[CalibrationBin, ...]:
        return metrics.calibration_bins(self.scores, self.truth)

    @cached_property
    def calibration_error(self) -> Estimate:
        """How far, on average, the highest score is from how often it is right; nan of none."""
        if not len(self.truth):
            return Estimate(math.nan, (math.nan, math.nan))
        whole, draws = (
            metrics.calibration_error(self.scores, self.truth, counts) for counts in self._counts
        )
        return metrics.centred_estimate(float(whole[0]), draws)

    @cached_property
    def calibration_luck(self) -> float:
        """The calibration error that perfect scores would show on so many pictures, on average."""
        return float(self._luck.mean())

    @property
    def calibration_above_luck(self) -> float:
        """The calibration error without what luck alone brings, by about which it is measured too
        high (Kumar et al. 2019, arXiv:1909.10155)."""
        return max(0.0, self.calibration_error.value - self.calibration_luck)

    @cached_property
    def enough_to_calibrate(self) -> bool:
        """Whether there are pictures enough for the calibration error to mean something: perfect
        scores would hardly ever be measured as `CALIBRATED` off."""
        return bool(np.quantile(self._luck, 0.95) <= CALIBRATED)

    @cached_property
    def _luck(self) -> np.ndarray:
        return metrics.calibration_luck(self.scores)

    @cached_property
    def roc_auc(self) -> tuple[Estimate | None, ...]:
        """For each label, how well its score ranks its own pictures first; None without any."""
        areas: list[Estimate | None] = []
        for start in range(0, len(self.labels), _COLUMNS):
            columns = np.ascontiguousarray(self.scores[:, start : start + _COLUMNS].T)
            for k, scores in enumerate(columns, start):
                own = self.truth == k
                apart = own.any() and not own.all()
                areas.append(metrics.roc_auc(scores, own) if apart else None)
        return tuple(areas)

    @cached_property
    def f1(self) -> tuple[Estimate | None, ...]:
        """For each label; None where it neither occurs nor is given."""
        return tuple(map(metrics.f1, self.per_label))

    def top_k(self, k: int) -> Proportion:
        """How often the true label is among the k likeliest."""
        return metrics.top_k(self.scores, self.truth, k)

    @cached_property
    def _counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Each picture once, and each as often as resampling drew it. It draws from the pictures in
        the order of their scores, so that intervals are the same in whatever order they come."""
        own = self.scores[np.arange(len(self.truth)), self.truth]
        drawn = np.empty((metrics.RESAMPLES, len(self.truth)))
        order = np.lexsort((self.highest, own))
        drawn[:, order] = metrics.resampled(len(self.truth))
        return np.ones((1, len(self.truth))), drawn


@dataclass(frozen=True)
class ListedInPart(Evaluation):
    """Very many pictures, of which only some are listed: the surest mistakes, and others drawn.

    All figures are those of the `whole`, and so is what is counted; `names`, `truth`, `scores`,
    `predicted` and `mistakes` are those listed.
    """

    whole: Whole = field(kw_only=True)

    @property
    def count(self) -> int:
        return self.whole.n

    @property
    def accuracy(self) -> Proportion:
        return self.whole.accuracy

    @cached_property
    def cells(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same of the right ones and of the pairs that were confused most."""
        own = np.flatnonzero(self.whole.counts[:, 2])
        right = np.stack([own, own, self.whole.counts[own, 2]], axis=1)
        every = np.concatenate([right, self.whole.pairs])
        label, given, times = every[np.lexsort((every[:, 1], every[:, 0]))].T
        return label, given, times

    @cached_property
    def per_label(self) -> tuple[LabelScore, ...]:
        return metrics.per_label(self.whole.counts, self.labels)

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        return [(self.labels[i], self.labels[j], n) for i, j, n in self.whole.pairs.tolist()]

    @property
    def baseline(self) -> Proportion:
        return Proportion(int(self.whole.counts[:, 0].max()), self.whole.n)

    @property
    def log_loss(self) -> Estimate:
        return self.whole.log_loss

    @property
    def brier(self) -> Estimate:
        return self.whole.brier

    @property
    def coverage(self) -> Coverage:
        return self.whole.coverage

    @property
    def calibration(self) -> tuple[CalibrationBin, ...]:
        return self.whole.calibration

    @property
    def calibration_error(self) -> Estimate:
        return self.whole.calibration_error

    @property
    def calibration_luck(self) -> float:
        return self.whole.calibration_luck

    @property
    def enough_to_calibrate(self) -> bool:
        return self.whole.enough_to_calibrate

    @property
    def roc_auc(self) -> tuple[Estimate | None, ...]:
        return self.whole.roc_auc

    def top_k(self, k: int) -> Proportion:
        """The same, of k up to `whole.TOP`."""
        return Proportion(self.whole.top[k - 1], self.whole.n)


def ranked(labels: Sequence[str], scores: np.ndarray) -> dict[str, float]:
    """`{label: score}`, highest first; equal scores in the labels' order."""
    return {labels[k]: float(scores[k]) for k in np.argsort(-scores, kind="stable")}
