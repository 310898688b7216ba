"""Piles of unlabelled pictures -> plain values for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import Json, passed_over

if TYPE_CHECKING:
    from ..assess.piling import PiledPicture, Piles


def piled(result: Piles) -> dict[str, Json]:
    """All of `piles --json`; `typical` is the cosine with the mean of the pile, 1 at most."""
    return {
        "pictures": result.count,
        "chosen": result.chosen,
        "piles": [
            {"name": pile.name, "pictures": [_picture(one) for one in pile.pictures]}
            for pile in result.piles
        ],
        "apart": [_picture(one) for one in result.apart],
        "destination": str(result.destination) if result.destination else None,
        "placed": result.placed,
        "placed_before": result.before,
        "moved_since": result.moved,
        "copied": result.copied,
        "page": str(result.page) if result.page else None,
        "table": str(result.table) if result.table else None,
        "skipped": passed_over(result.unreadable),
        "hidden": result.hidden,
    }


def _picture(one: PiledPicture) -> Json:
    return {"path": one.name, "typical": one.typical}
