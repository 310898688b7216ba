"""The figures of very many answers, of which only some pictures are listed by name.

    scores [N,K], truth [N] -> Answers -> Whole

`Answers` are a few numbers a picture, which can be gathered block by block; `Whole` is what is told
of all of them, however many, and small enough for a training record. All counts are exact.
Intervals come from resampling `RESAMPLED` of the pictures, and are narrowed to what as many as
there are would give (the m out of n bootstrap: Bickel, Götze and van Zwet 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import metrics
from .coverage import Coverage, curve_of
from .metrics import CalibrationBin, Estimate, Proportion

MOST_PAIRS = 20_000  # of labels that were confused, the commonest
TOP = 5  # how often the true label is among the k likeliest is known of k up to this
RESAMPLED = 50_000
RANKED = 5_000  # pictures of a label, and others, whose scores say how well it is ranked first
_DIGITS = 4  # of the scores at which coverage is known
_BLOCK = 16_000_000  # scores that are looked at at once
_SURELY = 0.95


@dataclass(frozen=True)
class Answers:
    """What N answers were, each against its true label.

    Attributes:
        truth: the true labels, int32 `[N]`.
        predicted: the labels that were given, int32 `[N]`.
        sure: the highest score of each, `[N]`.
        own: the score of the true label, `[N]`.
        rank: how many labels had a higher score than the true one, int32 `[N]`.
        distance: the squared distance of the scores from the truth (Brier), `[N]`.
    """

    truth: np.ndarray
    predicted: np.ndarray
    sure: np.ndarray
    own: np.ndarray
    rank: np.ndarray
    distance: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, truth: np.ndarray) -> Answers:
        """From scores `[N,K]`, which may lie in a file, and true labels `[N]`."""
        height = max(1, _BLOCK // max(1, scores.shape[1]))
        begins = range(0, max(1, len(truth)), height)
        return cls.joined(
            [
                cls._of_block(scores[at : at + height], np.asarray(truth[at : at + height]))
                for at in begins
            ]
        )

    @classmethod
    def _of_block(cls, scores: np.ndarray, truth: np.ndarray) -> Answers:
        own = scores[np.arange(len(truth)), truth]
        return cls(
            truth.astype(np.int32),
            scores.argmax(axis=1).astype(np.int32),
            scores.max(axis=1),
            own,
            (scores > own[:, None]).sum(axis=1, dtype=np.int32),
            metrics.brier(scores, truth),
        )

    @classmethod
    def joined(cls, parts: Sequence[Answers]) -> Answers:
        """Those of several blocks, one after the other; at least one."""
        names = cls.__dataclass_fields__
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def right(self) -> np.ndarray:
        """Which of them are, bool `[N]`."""
        return np.asarray(self.predicted == self.truth)


@dataclass(frozen=True)
class Whole:
    """How good all answers are together, with K labels.

    Attributes:
        accuracy: how many are right.
        counts: of each label how many pictures have it, were given it, and both, int `[K,3]`.
        pairs: (label, label that was given, how often) where these differ, int `[P,3]`, the
            commonest first, at most `MOST_PAIRS`.
        top: how many have their label among the k likeliest, of k from 1 to `TOP`.
        log_loss: as of an `Evaluation`.
        brier: likewise.
        calibration: likewise.
        calibration_error: likewise.
        calibration_luck: likewise.
        enough_to_calibrate: likewise.
        coverage: likewise, at scores of a few digits.
        roc_auc: from `RANKED` pictures of each label, and as many others.
    """

    accuracy: Proportion
    counts: np.ndarray
    pairs: np.ndarray
    top: tuple[int, ...]
    log_loss: Estimate
    brier: Estimate
    calibration: tuple[CalibrationBin, ...]
    calibration_error: Estimate
    calibration_luck: float
    enough_to_calibrate: bool
    coverage: Coverage
    roc_auc: tuple[Estimate | None, ...]

    @property
    def n(self) -> int:
        """How many pictures were judged."""
        return self.accuracy.n

    def to_json(self) -> dict[str, Any]:
        """Numbers, lists and texts alone; `from_json` reads it."""
        curve = (self.coverage.scores, self.coverage.covered, self.coverage.right)
        return {
            **asdict(self),
            "counts": self.counts.tolist(),
            "pairs": self.pairs.tolist(),
            "coverage": [column.tolist() for column in curve],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Whole:
        """What `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        scores, covered, right = values["coverage"]
        return cls(
            accuracy=Proportion(**values["accuracy"]),
            counts=np.array(values["counts"], np.int64).reshape(-1, 3),
            pairs=np.array(values["pairs"], np.int64).reshape(-1, 3),
            top=tuple(values["top"]),
            log_loss=_estimate(values["log_loss"]),
            brier=_estimate(values["brier"]),
            calibration=tuple(CalibrationBin(**one) for one in values["calibration"]),
            calibration_error=_estimate(values["calibration_error"]),
            calibration_luck=float(values["calibration_luck"]),
            enough_to_calibrate=bool(values["enough_to_calibrate"]),
            coverage=Coverage(
                np.array(scores, np.float64),
                np.array(covered, np.int64),
                np.array(right, np.int64),
            ),
            roc_auc=tuple(one and _estimate(one) for one in values["roc_auc"]),
        )


def _estimate(values: Any) -> Estimate:
    low, high = values["interval"]
    return Estimate(values["value"], (low, high))


def figures_of(
    answers: Answers, count: int, roc_auc: Sequence[Estimate | None], groups: np.ndarray | None
) -> Whole:
    """The figures of N answers, at least one, with `count` labels; `groups` int `[N]` are equal for
    pictures of one occasion, `roc_auc` are those of `areas_of`."""
    right = answers.right
    accuracy = (
        Proportion(int(right.sum()), len(right))
        if groups is None
        else metrics.grouped(right, groups)
    )
    drawn = _Drawn(answers)
    losses = -np.log(np.maximum(answers.own, 1e-12))
    ones = np.ones((1, len(right)))
    luck = metrics.luck_of(answers.sure[drawn.rows]) * drawn.narrower
    return Whole(
        accuracy=accuracy,
        counts=np.stack(
            [
                np.bincount(answers.truth, minlength=count),
                np.bincount(answers.predicted, minlength=count),
                np.bincount(answers.truth[right], minlength=count),
            ],
            axis=1,
        ),
        pairs=_pairs(answers.truth[~right], answers.predicted[~right], count),
        top=tuple(int((answers.rank < k).sum()) for k in range(1, TOP + 1)),
        log_loss=drawn.mean(losses),
        brier=drawn.mean(answers.distance),
        calibration=metrics.bins_of(answers.sure, right),
        calibration_error=metrics.centred_estimate(
            float(metrics.error_of(answers.sure, right, ones)[0]),
            drawn.narrowed(
                metrics.error_of(answers.sure[drawn.rows], right[drawn.rows], drawn.counts)
            ),
        ),
        calibration_luck=float(luck.mean()),
        enough_to_calibrate=bool(np.quantile(luck, _SURELY) <= metrics.CALIBRATED),
        coverage=curve_of(answers.sure, right).rounded(_DIGITS),
        roc_auc=tuple(roc_auc),
    )


def areas_of(scores: np.ndarray, truth: np.ndarray) -> tuple[Estimate | None, ...]:
    """For each of K labels, how well its score ranks its own pictures first, from at most `RANKED`
    of them and as many others, evenly spread over scores `[N,K]`; None without any."""
    others = _evenly(np.arange(len(truth)), RANKED)
    theirs, labels = np.asarray(scores[others]), truth[others]
    order = np.argsort(truth, kind="stable")
    ends = np.cumsum(np.bincount(truth, minlength=scores.shape[1]))
    found: list[Estimate | None] = []
    for k in range(scores.shape[1]):
        own = _evenly(order[ends[k - 1] if k else 0 : ends[k]], RANKED)
        other = theirs[labels != k, k]
        if not (len(own) and len(other)):
            found.append(None)
            continue
        values = np.concatenate([scores[own, k], other])
        found.append(metrics.roc_auc(values, np.arange(len(values)) < len(own)))
    return tuple(found)


class _Drawn:
    """Some of the answers, and how often each is drawn anew; what that gives is as wide as for all
    of them once it is `narrowed`."""

    def __init__(self, answers: Answers) -> None:
        order = np.lexsort((answers.sure, answers.own))  # whatever the order of the pictures is
        self.rows = _evenly(order, RESAMPLED)
        self.counts = metrics.resampled(len(self.rows))
        self.narrower = float(np.sqrt(len(self.rows) / max(1, len(answers))))

    def mean(self, values: np.ndarray) -> Estimate:
        """Of a value of each answer `[N]`."""
        some = values[self.rows]
        draws = self.counts @ some / self.counts.sum(axis=1) - some.mean()
        return metrics.estimate(float(values.mean()), values.mean() + self.narrower * draws)

    def narrowed(self, draws: np.ndarray) -> np.ndarray:
        """Nearer to their mean."""
        return np.asarray(draws.mean() + self.narrower * (draws - draws.mean()))


def _pairs(truth: np.ndarray, predicted: np.ndarray, count: int) -> np.ndarray:
    """Of the wrong ones."""
    cells, times = np.unique(truth.astype(np.int64) * count + predicted, return_counts=True)
    most = np.argsort(-times, kind="stable")[:MOST_PAIRS]
    return np.stack([cells[most] // count, cells[most] % count, times[most]], axis=1)


def _evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, evenly spread."""
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)])
