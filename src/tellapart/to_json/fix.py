"""Decisions about pictures, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .results import Json, passed_over, proportion

if TYPE_CHECKING:
    from ..assess.carrying_out import CarriedOut
    from ..assess.deciding import Decided
    from ..dataset.decisions import Decision


def decided(done: Decided) -> dict[str, Json]:
    """What was decided or taken back; the accuracies are null where they are not known."""
    return {
        "decisions": [
            {"paths": list(one.names), "decision": one.how, "value": one.value or None}
            for one in done.mends
        ],
        "before": proportion(done.before) if done.before else None,
        "after": proportion(done.after) if done.after else None,
        "about": done.about,
        "trouble": done.trouble or None,
    }


def listed(rows: Sequence[Decision]) -> dict[str, Json]:
    """Decisions, each with the number by which it can be undone."""
    return {"decisions": [_row(number, row) for number, row in enumerate(rows, 1)]}


def carried(done: CarriedOut) -> dict[str, Json]:
    """The files that were moved, and those that were left with the reason."""
    return {
        "moved": [{"from": before, "to": after} for before, after in done.moved],
        "left": passed_over(done.left),
    }


def _row(number: int, row: Decision) -> dict[str, Json]:
    return {
        "row": number,
        "path": row.path,
        "sha256": row.digest,
        "decision": row.decision,
        "old_label": row.old_label,
        "new_label": row.new_label,
        "when": row.when,
        "why": row.why,
        "carried_out": row.carried_out or None,
    }
