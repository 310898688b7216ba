"""A training's result -> what the page says of it: as figures, which the page puts into words; and
the library's own sentences, as they are."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from ..evaluation.coverage import Coverage
from ..evaluation.enough import enough
from ..evaluation.judged import Evaluation
from ..evaluation.learning_curve import MORE, LearningCurve
from ..evaluation.metrics import Estimate, Proportion
from ..evaluation.sentences import headline, headline_words, unknown_words, worth_words
from ..text import in_order
from ..training.result import TrainResult

_DIGITS = 6  # of a score: rounded down, so that a bound of fewer digits parts the same pictures


def verdict(result: TrainResult) -> dict[str, object]:
    """Whether there are pictures enough, and the figures that say so."""
    counts, judged = result.classifier.manifest.counts, headline(result.evaluations)[1].accuracy
    labels = result.classifier.manifest.labels
    found = enough(labels, counts, judged, result.learning, result.bursts)
    return {
        **asdict(found),
        "enough": found.is_enough,
        "more": result.learning.more if result.learning else MORE,
        "gain": _estimate(result.learning.gain if result.learning else None),
        "occasions": result.learning.occasions if result.learning else None,
        **_proportion(judged),
    }


def figures(result: TrainResult) -> dict[str, object]:
    """All that the page shows of a result."""
    manifest = result.classifier.manifest
    return {
        "digest": result.classifier.digest,
        "quality": manifest.quality,
        "judged": [
            {
                "name": name,
                **_proportion(one.accuracy),
                "effect": one.accuracy.effect,
                "worth": worth_words(name, result.bursts),
                "baseline": _finite(one.baseline.value),
                "coverage": _coverage(one.coverage),
            }
            for name, one in result.evaluations.items()
        ],
        "labels": _labels(result),
        "learning": _learning(result.learning),
        "expect": headline_words(result.evaluations, result.bursts),
        "bursts": result.bursts.words,
        "unknowns": unknown_words(result.unknowns, manifest.counts),
        "notes": list(result.notes),
        "shortcuts": [f"{one.words} {one.advice}" for one in result.shortcuts],
    }


def _labels(result: TrainResult) -> list[dict[str, object]]:
    """A row for each label, in the order of a table: how many pictures it has learnt from, and by
    each way of judging how many of its pictures were right."""
    manifest, evaluations = result.classifier.manifest, [*result.evaluations.values()]
    return [
        {
            "label": manifest.labels[k],
            "learnt": manifest.counts[k],
            "right": [_proportion(one.per_label[k].found) for one in evaluations],
            "mistaken_for": _mistaken(evaluations[0], k),
        }
        for k in in_order(manifest.labels)
    ]


def _mistaken(evaluation: Evaluation, k: int) -> list[object] | None:
    """The label that pictures of label k are taken for most often, and how often; None: never."""
    others = evaluation.confusion[k].copy()
    others[k] = 0
    most = int(others.argmax())
    return [evaluation.labels[most], int(others[most])] if others[most] else None


def _learning(curve: LearningCurve | None) -> dict[str, object] | None:
    if curve is None:
        return None
    return {
        "words": curve.words,
        "points": [{"pictures": one.n, **_proportion(one.accuracy)} for one in curve.points],
        "more": curve.more,
        "gain": _estimate(curve.gain),
        "neediest": curve.neediest,
        "occasions": curve.occasions,
    }


def _coverage(curve: Coverage) -> dict[str, list[Any]]:
    """For each score, the surest first: how many pictures have it or more, and how many of those
    are right."""
    scale = 10**_DIGITS
    return {
        "scores": (np.floor(curve.scores.astype(float) * scale) / scale).tolist(),
        "covered": curve.covered.tolist(),
        "right": curve.right.tolist(),
    }


def _proportion(value: Proportion) -> dict[str, object]:
    low, high = value.interval
    return {
        "correct": value.correct,
        "n": value.n,
        "value": _finite(value.value),
        "low": low,
        "high": high,
    }


def _estimate(value: Estimate | None) -> list[float] | None:
    """[value, low, high]."""
    return [value.value, *value.interval] if value else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
