"""What a server answers, in the shapes that it promises; the command line's JSON has the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import PictureError
from ..evaluation.coverage import SURE
from .shapes import (
    Bursts,
    Estimate,
    Guess,
    Judged,
    Proportion,
    Sure,
    Unknowns,
    Unreadable,
)

if TYPE_CHECKING:
    from ..evaluation import metrics, occasions
    from ..evaluation.coverage import Covered
    from ..evaluation.judged import Evaluation
    from ..evaluation.unknowns import Unknowns as Found
    from ..model.prediction import Prediction


def number(value: float) -> float | None:
    """A figure; null where there is none."""
    return value if math.isfinite(value) else None


def proportion(value: metrics.Proportion) -> Proportion:
    return {
        "accuracy": number(value.value),
        "correct": value.correct,
        "n": value.n,
        "interval": list(value.interval),
    }


def estimate(value: metrics.Estimate) -> Estimate:
    return {"value": number(value.value), "interval": [number(b) for b in value.interval]}


def covered(found: Covered | None) -> Sure | None:
    if found is None:
        return None
    return {
        "asked": SURE,
        "score": found.score,
        "coverage": proportion(found.coverage),
        "accuracy": proportion(found.accuracy),
    }


def judged(evaluations: Mapping[str, Evaluation]) -> dict[str, Judged]:
    """How good a model is, by the way of judging: `cross-validated` or `validation`, `held out`."""
    return {
        how: {"accuracy": proportion(found.accuracy), "sure": covered(found.sure)}
        for how, found in evaluations.items()
    }


def bursts(found: occasions.Bursts) -> Bursts:
    return {
        "found": found.found,
        "why": found.why,
        "apart": [
            {"groups": one.groups, "count": one.count, **proportion(one.accuracy)}
            for one in found.apart
        ],
        "low": found.low,
        "high": found.high,
    }


def unknowns(found: Found | None) -> Unknowns | None:
    if found is None:
        return None
    return {
        "auroc": estimate(found.area),
        "labels": [
            {"label": one.label, "pictures": one.pictures, "auroc": one.area}
            for one in found.labels
        ],
        "held_out": found.held_out,
    }


def guessed(path: str, outcome: Prediction | PictureError, top: int | None) -> Guess | Unreadable:
    if isinstance(outcome, PictureError):
        return {"path": path, "error": outcome.message}
    values: Guess = {
        "path": path,
        "label": outcome.label,
        "score": outcome.score,
        "scores": dict(list(outcome.scores.items())[:top]),
        "unknown": outcome.unknown,
        "novelty": outcome.novelty,
    }
    if outcome.evidence is not None:
        maps = outcome.evidence.items()
        values["evidence"] = {label: one.astype(float).round(6).tolist() for label, one in maps}
    return values
