"""Results -> plain values for JSON. Keys are a promise: later releases add and never rename."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias, cast

from ..dataset.sources import SkippedFile
from ..errors import PictureError
from ..evaluation.coverage import Coverage, Covered
from ..model.judged import evaluations_of
from . import typed
from .typed import number

if TYPE_CHECKING:
    from ..assess.comparing import Comparison
    from ..assess.testing import TestResult
    from ..cache.folder import SpaceInfo
    from ..evaluation.judged import Evaluation, Mistake
    from ..evaluation.metrics import Estimate, Proportion
    from ..evaluation.occasions import Bursts
    from ..evaluation.unknowns import Unknowns
    from ..exporters.export import ExportResult, Target
    from ..model.classifier import Classifier
    from ..model.prediction import Prediction
    from ..report.content import ReportContent
    from ..sorting.sort import SortResult, SortStep, UndoResult

MOST_SCORES = 100  # labels whose scores are told of each mistake
WIDEST = 1_000  # labels, of more of which the confusion matrix is not told
MOST_POINTS = 200  # of the curve of coverage

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | float | int | bool | None"


def text(value: Json, *, indent: int | None = None) -> str:
    """As JSON that every reader takes: a number that there is not is null."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Json) -> Json:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(part) for part in value]
    return value


def proportion(value: Proportion) -> dict[str, Json]:
    """`{"accuracy", "correct", "n", "interval": [low, high]}`."""
    return _json(typed.proportion(value))


def estimate(value: Estimate) -> dict[str, Json]:
    """`{"value", "interval": [low, high]}`."""
    return _json(typed.estimate(value))


def evaluation(value: Evaluation) -> dict[str, Json]:
    """The four of `proportion`, then all other figures, per label too, confusion (null of more than
    `WIDEST` labels) and mistakes (of very many, those listed)."""
    return {
        **proportion(value.accuracy),
        "baseline": proportion(value.baseline),
        "balanced_accuracy": estimate(value.balanced_accuracy),
        "log_loss": number(value.log_loss.value),
        "log_loss_interval": [number(bound) for bound in value.log_loss.interval],
        "brier": estimate(value.brier),
        "calibration_error": estimate(value.calibration_error),
        "calibration_luck": value.calibration_luck,
        "calibration_above_luck": value.calibration_above_luck,
        "enough_to_calibrate": value.enough_to_calibrate,
        "reliability": [asdict(row) for row in value.calibration],
        "top_2": proportion(value.top_k(2)),
        "sure": _covered(value.sure),
        "coverage": _coverage(value.coverage),
        "labels": [
            {
                "label": row.label,
                "n": row.n,
                "correct": row.correct,
                "precision": number(row.precision),
                "recall": number(row.recall),
                "f1": number(row.f1),
                "f1_interval": [number(bound) for bound in f1.interval] if f1 else None,
                "recall_interval": list(row.found.interval),
                "precision_interval": list(row.trusted.interval),
                "roc_auc": estimate(area) if area else None,
            }
            for row, area, f1 in zip(value.per_label, value.roc_auc, value.f1, strict=True)
        ],
        "confusion": value.confusion.tolist() if len(value.labels) <= WIDEST else None,
        "wrong": [_mistake(mistake) for mistake in value.mistakes],
    }


def _covered(found: Covered | None) -> Json:
    """Of the pictures with this `score` or more, `SURE` are right; null where no score says so."""
    return _json(sure) if (sure := typed.covered(found)) else None


def _coverage(curve: Coverage) -> Json:
    """How many pictures have each of at most `MOST_POINTS` scores or more, and how many of those
    are right, the surest first."""
    points = range(len(curve.scores))
    step = max(1, math.ceil(len(points) / MOST_POINTS))
    return [
        {
            "score": float(curve.scores[at]),
            "n": int(curve.covered[at]),
            "correct": int(curve.right[at]),
        }
        for at in sorted({*points[::step], *points[-1:]})
    ]


def tested(result: TestResult) -> dict[str, Json]:
    """All of `test --json`."""
    return {
        **evaluation(result.evaluation),
        "refused": proportion(result.refused),
        "learnt_from": result.learnt_from,
        "occasions": result.occasions,
        "other_labels": result.other_labels,
        "missing_labels": list(result.missing),
        "skipped": passed_over(result.skipped),
        "notes": list(result.notes),
    }


def compared(result: Comparison) -> dict[str, Json]:
    """All of `compare --json`; `better` is "first", "second" or null: one cannot tell."""
    return {
        "first": proportion(result.first),
        "second": proportion(result.second),
        "only_first_right": result.only_first,
        "only_second_right": result.only_second,
        "first_learnt_from": result.learnt_from[0],
        "second_learnt_from": result.learnt_from[1],
        "first_note": result.cautions[0],
        "second_note": result.cautions[1],
        "difference": estimate(result.difference),
        "p": result.p,
        "better": result.better,
    }


def guessed(
    path: str, outcome: Prediction | PictureError, top: int | None = None
) -> dict[str, Json]:
    """A line of `guess --json`, and what a server answers for a picture: the `top` likeliest scores
    of all, and `evidence` by label where that was asked for; or the error alone."""
    return _json(typed.guessed(path, outcome, top))


def planned(step: SortStep | SkippedFile) -> dict[str, Json]:
    """A line of `sort --dry-run --json`."""
    if isinstance(step, SkippedFile):
        return {"path": step.name, "error": step.reason}
    return {
        "path": str(step.source),
        "sorted_as": step.target,
        "label": step.label,
        "score": step.score,
        "scores": dict(step.scores),
        "unknown": step.unknown,
    }


def sorted_(result: SortResult) -> dict[str, Json]:
    """All of `sort --json`."""
    return {
        "destination": str(result.destination),
        "counts": dict(result.counts),
        "already_done": result.already_done,
        "skipped": passed_over(result.unreadable),
        "hidden": result.hidden,
        "results": str(result.results),
        "not_kept": list(result.not_kept),
        "waiting": list(result.waiting),
    }


def undone(result: UndoResult) -> dict[str, Json]:
    """All of `sort --undo --json`."""
    return {
        "destination": str(result.destination),
        "taken_back": result.taken_back,
        "left": passed_over(result.left),
        "unfinished": result.unfinished,
        "not_kept": list(result.not_kept),
        "elsewhere": result.elsewhere,
    }


def targets(rows: Sequence[Target]) -> list[Json]:
    """All of `export --list --json`."""
    return [
        {
            "name": row.name,
            "writes": row.writes,
            "read_by": row.read_by,
            "extra": row.extra,
            "needs": row.needs,
            "run": row.run,
        }
        for row in rows
    ]


def exported(result: ExportResult) -> dict[str, Json]:
    """All of `export --json`."""
    return {
        "to": result.target.name,
        "folder": str(result.folder),
        "size": result.size,
        "pictures": result.proof.pictures,
        "same_label": result.proof.same_label,
        "largest_difference": result.proof.largest_difference,
        "note": result.proof.note,
    }


def described(classifier: Classifier) -> dict[str, Json]:
    """All of `info --json`: the digest by which a server knows the model too, the manifest, and
    from a training record how good the model is."""
    record = classifier.training_record
    evaluations = evaluations_of(classifier) if record else {}
    return {
        "digest": classifier.digest,
        **asdict(classifier.manifest),
        "unknowns": unknowns(classifier.manifest.unknowns),
        "bursts": bursts(record.run.bursts) if record else None,
        "judged": judged(evaluations),
    }


def spaces(found: Sequence[SpaceInfo]) -> list[Json]:
    """All of `cache info --json`."""
    return [asdict(space) for space in found]


def if_any(value: Evaluation | None) -> Json:
    return evaluation(value) if value else None


def bursts(found: Bursts) -> Json:
    """`low` and `high` are the accuracies to expect of other occasions; null if not known."""
    return _json(typed.bursts(found))


def judged(evaluations: Mapping[str, Evaluation]) -> Json:
    """By the way of judging: `{"accuracy", "sure"}`."""
    return _json(typed.judged(evaluations))


def unknowns(found: Unknowns | None) -> Json:
    """`auroc` is the mean of the labels left out, its interval that of one more label; `held_out`
    the same against the pictures held out, where these are less familiar than by chance. Null where
    it was not measured."""
    return _json(told) if (told := typed.unknowns(found)) else None


def written_report(path: str, content: ReportContent) -> dict[str, Json]:
    """All of `report --json`."""
    return {"report": path, "missing_pictures": content.missing}


def _mistake(mistake: Mistake) -> Json:
    """With the scores of the `MOST_SCORES` likeliest labels, and of its own."""
    scores = mistake.scores
    if len(scores) > MOST_SCORES:
        likeliest = dict(list(scores.items())[:MOST_SCORES])
        scores = {**likeliest, mistake.label: scores[mistake.label]}
    return {
        "path": mistake.name,
        "label": mistake.label,
        "predicted": mistake.predicted,
        "score": mistake.score,
        "scores": scores,
    }


def passed_over(skipped: Sequence[SkippedFile]) -> Json:
    """Files that were not read: `{"path", "reason"}` each."""
    return [{"path": file.name, "reason": file.reason} for file in skipped]


def _json(value: Mapping[str, object]) -> dict[str, Json]:
    """A promised shape, whose type says more than that it is JSON."""
    return cast("dict[str, Json]", value)
