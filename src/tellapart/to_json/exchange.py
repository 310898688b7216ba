"""What was split, added and exchanged, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import Json, passed_over

if TYPE_CHECKING:
    from ..exchange.splitting import SplitResult


def split(result: SplitResult) -> dict[str, Json]:
    """All of `split --json`; `counts` has the pictures of each label, by part."""
    return {
        "destination": str(result.destination),
        "counts": {part: dict(of.items()) for part, of in result.counts.items()},
        "already_there": result.already_there,
        "table": str(result.table),
        "skipped": passed_over(result.skipped),
        "hidden": result.hidden,
        "notes": list(result.notes),
    }
