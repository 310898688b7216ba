"""What a check found, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import Json, bursts, passed_over, proportion

if TYPE_CHECKING:
    from ..assess.check.health import Finding, Health


def checked(health: Health, page: str | None = None) -> dict[str, Json]:
    """All of `check --json`; `cost` is in points of accuracy."""
    return {
        "pictures": len(health.pictures.names),
        "labels": dict(zip(health.pictures.labels, health.pictures.counts, strict=True)),
        "accuracy": proportion(health.accuracy),
        "bursts": bursts(health.bursts),
        "findings": [finding(one) for one in health.findings],
        "skipped": passed_over(health.skipped),
        "notes": list(health.notes),
        "page": page,
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
    }
