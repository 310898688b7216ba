"""A model that is served, as JSON: what anyone who may ask it may know of it.

No name or place of a picture, and nothing of the run that could hold one.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..errors import ModelError
from ..model.judged import evaluations_of
from .shapes import Judged, Occasions, Served
from .typed import covered, proportion, unknowns

if TYPE_CHECKING:
    from ..model.classifier import Classifier


def served(
    name: str, classifier: Classifier, *, default: bool, written: float | None = None
) -> Served:
    """An entry of `/v1/models`; `written` is in seconds since 1970. A damaged training record is
    as none: the model answers without."""
    manifest = classifier.manifest
    judged, bursts = _judged(classifier)
    return {
        "name": name,
        "default": default,
        "digest": classifier.digest,
        "labels": list(manifest.labels),
        "counts": list(manifest.counts),
        "bias": [float(one) for one in manifest.bias],
        "quality": manifest.quality,
        "backbones": list(manifest.backbones),
        "views": list(manifest.views),
        "solver": manifest.solver,
        "admits": [float(manifest.admitted[0]), float(manifest.admitted[-1])],
        "version": manifest.version,
        "written": _moment(written),
        "judged": judged,
        "bursts": bursts,
        "unknowns": unknowns(manifest.unknowns),
    }


def _judged(classifier: Classifier) -> tuple[dict[str, Judged], Occasions | None]:
    try:
        record = classifier.training_record
        evaluations = evaluations_of(classifier) if record else {}
    except ModelError:
        return {}, None
    if record is None:
        return {}, None
    judged: dict[str, Judged] = {
        how: {"accuracy": proportion(found.accuracy), "sure": covered(found.sure)}
        for how, found in evaluations.items()
    }
    bursts = record.run.bursts
    return judged, {"found": bursts.found, "low": bursts.low, "high": bursts.high}


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
