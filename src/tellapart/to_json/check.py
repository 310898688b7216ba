"""What a check found, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..health.label_errors import FIRST
from .results import Json, bursts, passed_over, proportion

if TYPE_CHECKING:
    from ..assess.check.health import Finding, Health
    from ..health.label_errors import LabelErrors


def checked(health: Health, page: str | None = None) -> dict[str, Json]:
    """All of `check --json`; `cost` is in points of accuracy."""
    return {
        "pictures": len(health.pictures.names),
        "labels": dict(zip(health.pictures.labels, health.pictures.counts, strict=True)),
        "accuracy": proportion(health.accuracy),
        "bursts": bursts(health.bursts),
        "findings": [finding(one) for one in health.findings],
        "wrong_labels": _wrong_labels(health.label_errors) if health.label_errors else None,
        "skipped": passed_over(health.skipped),
        "notes": list(health.notes),
        "page": page,
    }


def _wrong_labels(found: LabelErrors) -> Json:
    """What the ranking by wrong labels is worth: how many of the `first` and of all are wrong, as
    far as can be told, and how many of those `planted` for a trial came up."""
    return {
        "first": min(FIRST, len(found.order)),
        "expected_first": found.expected(FIRST),
        "expected": found.expected(),
        "planted": found.planted,
        "found": found.found,
        "tells": found.tells,
        "words": found.words,
    }


def finding(one: Finding) -> Json:
    return {
        "kind": one.kind,
        "paths": list(one.paths),
        "label": one.label,
        "suggested": one.suggested,
        "sure": one.sure,
        "score": one.score,
        "cost": one.cost,
        "mend": one.mend,
        "words": one.words,
        "sides": [list(side) for side in one.sides],
    }
