"""What a training found, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from .results import Json, bursts, estimate, if_any, judged, passed_over, proportion, unknowns

if TYPE_CHECKING:
    from ..evaluation.learning_curve import LearningCurve
    from ..health.shortcuts import Shortcut
    from ..model.replacing import Change
    from ..training.quality_choice import QualityChoice
    from ..training.result import TrainResult


def trained(result: TrainResult, model: str, changed: Change | None = None) -> dict[str, Json]:
    """All of `train --json`. `cross_validated` is null where `validation` takes its place: after
    fine-tuning, and with distortions. `choice` is null where a quality was asked for, `replaced`
    where there was no model."""
    manifest = result.classifier.manifest
    return {
        "model": model,
        "cross_validated": if_any(result.cross_validated),
        "validation": if_any(result.validated),
        "held_out": if_any(result.held_out),
        "digest": result.classifier.digest,
        "labels": dict(zip(manifest.labels, manifest.counts, strict=True)),
        "counts": list(manifest.counts),
        "judged": judged(result.evaluations),
        "kept_back": list(result.kept_back),
        "untested": list(result.untested),
        "skipped": passed_over(result.skipped),
        "hidden": result.dataset.hidden,
        "notes": list(result.notes),
        "quality": manifest.quality,
        "choice": _choice(result.choice) if result.choice else None,
        "solver": manifest.solver,
        "head": [asdict(part) for part in manifest.parts],
        "heads_compared": [asdict(one) for one in manifest.compared],
        "network": manifest.network,
        "bursts": bursts(result.bursts),
        "learning_curve": _curve(result.learning) if result.learning else None,
        "shortcuts": [_shortcut(shortcut) for shortcut in result.shortcuts],
        "unknowns": unknowns(result.unknowns),
        "repeated": [proportion(one) for one in result.repeated],
        "replaced": _changed(changed) if changed else None,
    }


def _changed(found: Change) -> Json:
    """`kept` is null where the same model was there; the two accuracies compare if
    `same_pictures`."""
    return {
        "kept": str(found.kept) if found.kept else None,
        "judged_by": found.judged_by or None,
        "before": proportion(found.before) if found.before else None,
        "after": proportion(found.after) if found.after else None,
        "same_pictures": found.same_pictures,
        "common": found.common,
        "added": found.added,
        "removed": found.removed,
        "new_labels": list(found.new_labels),
        "gone_labels": list(found.gone_labels),
        "words": found.words,
    }


def _choice(found: QualityChoice) -> Json:
    """Why `--quality auto` took this quality. `gain` is in accuracy over the quickest, as 0.012;
    null where it was not tried. `needs` are the seconds without which it cannot be."""
    return {
        "quality": found.quality,
        "pictures": found.pictures,
        "of": found.of,
        "time_limit": found.time_limit,
        "seconds": found.seconds,
        "qualities": [
            {
                "quality": one.quality,
                "milliseconds": one.milliseconds,
                "times_slower": one.slower,
                "accuracy": proportion(one.accuracy) if one.accuracy else None,
                "gain": estimate(one.gain) if one.gain else None,
                "gain_on_chosen": estimate(one.gain_on_chosen) if one.gain_on_chosen else None,
                "needs": one.needs,
            }
            for one in found.trials
        ],
        "words": found.words,
    }


def _curve(curve: LearningCurve) -> Json:
    """What the points say of all labels and of each, and what so many `more` pictures would bring;
    `gain` is null where that cannot be told."""
    return {
        "points": [
            {
                "pictures": point.n,
                **proportion(point.accuracy),
                "labels": [proportion(one) for one in point.per_label],
            }
            for point in curve.points
        ],
        "more": curve.more,
        "gain": estimate(curve.gain) if curve.gain else None,
        "neediest": curve.neediest,
        "occasions": curve.occasions,
    }


def _shortcut(shortcut: Shortcut) -> Json:
    """`told` is how often the property alone tells the label from all others, 0.5 by chance."""
    return {
        "shortcut": shortcut.shortcut,
        "label": shortcut.label,
        "told": estimate(shortcut.told),
        "direction": shortcut.direction,
        "typical": list(shortcut.typical),
        "opposite": list(shortcut.opposite),
        "contrary": list(shortcut.contrary),
        "words": shortcut.words,
        "advice": shortcut.advice,
    }
