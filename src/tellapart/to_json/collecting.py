"""What was collected -> plain values for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import Json, passed_over

if TYPE_CHECKING:
    from ..collecting.collect import Collected
    from ..collecting.provenance import Origin


def collected(result: Collected) -> dict[str, Json]:
    """All of `collect --json`."""
    return {
        "into": str(result.into),
        "pictures": [_origin(one) for one in result.pictures],
        "duplicates": [_origin(one) for one in result.duplicates],
        "failed": [_origin(one) for one in result.failed],
        "already_done": result.already_done,
        "skipped": passed_over(result.unread),
        "notes": list(result.notes),
        "table": str(result.table),
    }


def _origin(one: Origin) -> dict[str, Json]:
    return {
        "path": one.picture,
        "sha256": one.sha256,
        "source": one.source,
        "label": one.collected_as,
        "licence": one.licence,
        "when": one.when,
        "reason": one.reason,
    }
