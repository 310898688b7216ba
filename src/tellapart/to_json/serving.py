"""A model that is served, as JSON: what anyone who may ask it may know of it.

No name or place of a picture, and nothing of the run that could hold one.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..errors import ModelError
from ..model.judged import evaluations_of
from .shapes import Bursts, Judged, Served
from .typed import bursts, judged, unknowns

if TYPE_CHECKING:
    from ..model.classifier import Classifier


def served(
    name: str, classifier: Classifier, *, default: bool, modified: float | None = None
) -> Served:
    """An entry of `/v1/models`; `modified` is in seconds since 1970. A damaged training record is
    as none: the model answers without."""
    manifest = classifier.manifest
    how_good, found = _record(classifier)
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
        "admitted": [float(one) for one in manifest.admitted],
        "version": manifest.version,
        "modified": _moment(modified),
        "judged": how_good,
        "bursts": found,
        "unknowns": unknowns(manifest.unknowns),
    }


def _record(classifier: Classifier) -> tuple[dict[str, Judged], Bursts | None]:
    try:
        record = classifier.training_record
        if record is None:
            return {}, None
        return judged(evaluations_of(classifier)), bursts(record.run.bursts)
    except ModelError:
        return {}, None


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
