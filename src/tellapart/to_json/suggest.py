"""Suggestions -> plain values for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import passed_over

if TYPE_CHECKING:
    from ..assess.suggesting import Copied, Suggestions
    from .results import Json


def suggested(result: Suggestions, copied: Copied | None) -> dict[str, Json]:
    """All of `suggest --json`; `copied` is null where nothing was to be copied."""
    return {
        "suggestions": [
            {
                "path": str(one.path),
                "label": one.label,
                "score": one.score,
                "settles": one.settles,
                "reason": one.reason,
            }
            for one in result.suggestions
        ],
        "looked_at": result.looked_at,
        "learnt_from": result.learnt,
        "tested_on": result.tested,
        "copies": result.twice,
        "skipped": passed_over(result.unreadable),
        "hidden": result.hidden,
        "notes": list(result.notes),
        "copied": {
            "folder": str(copied.folder),
            "copied": copied.copied,
            "already_there": copied.there,
            "skipped": passed_over(copied.skipped),
        }
        if copied
        else None,
    }
