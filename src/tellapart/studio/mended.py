"""Two steps of a change that are about decisions made before: one is taken back, or all are carried
out. Either can be done twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..assess.carrying_out import carry_out, undo_carried_out
from ..dataset.decision import Decision, place_of_decisions
from ..dataset.decisions import read_decisions, restore_decisions, undo_decisions
from ..errors import UsageError


@dataclass(frozen=True)
class TakeBack:
    """A decision is taken back; `row` is its line in `tellapart.csv`."""

    row: dict[str, str]

    def do(self, root: Path) -> None:
        decision = Decision(**self.row)
        if decision in read_decisions(place_of_decisions(root)):
            undo_decisions(root, rows=[decision])

    def undo(self, root: Path) -> None:
        restore_decisions(root, [Decision(**self.row)])


@dataclass
class CarryOut:
    """Files are moved to where decisions say that they belong; `moved` are their new names by the
    old ones."""

    moved: dict[str, str] = field(default_factory=dict)

    def do(self, root: Path) -> None:
        self.moved = dict(carry_out(root).moved)

    def undo(self, root: Path) -> None:
        with suppress(UsageError):  # they were put back by the command
            undo_carried_out(root)
