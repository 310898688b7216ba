"""Two steps of a change that are about decisions made before: one is taken back, or all are carried
out. Either can be done twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..assess.carrying_out import carry_out, undo_carried_out
from ..assess.check.mending import GROUP, RELABEL, Mend
from ..assess.deciding import Keeper
from ..dataset.decision import Decision, place_of_decisions
from ..dataset.decisions import read_decisions, undo_decisions
from ..dataset.sources import read_dataset
from ..errors import UsageError


@dataclass(frozen=True)
class TakeBack:
    """A decision is taken back: what of a content was decided."""

    path: str
    digest: str
    decision: str
    value: str = ""
    why: str = ""

    def do(self, root: Path) -> None:
        rows = read_decisions(place_of_decisions(root))
        if wanted := [one for one in rows if self._is(one)]:
            undo_decisions(root, rows=wanted)

    def undo(self, root: Path) -> None:
        """Decide so again."""
        rows = read_decisions(place_of_decisions(root))
        if not any(self._is(one) for one in rows):
            value = self.value if self.decision in (RELABEL, GROUP) else ""
            mend = Mend((self.path,), self.decision, value)
            Keeper(read_dataset(root, at_least=0)).decide(mend, self.why)

    def _is(self, one: Decision) -> bool:
        said = (one.path, one.digest, one.decision, one.new_label)
        return said == (self.path, self.digest, self.decision, self.value)


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


def taken_back(rows: Sequence[Decision]) -> list[TakeBack]:
    """The steps that take decisions back."""
    return [TakeBack(o.path, o.digest, o.decision, o.new_label, o.why) for o in rows]
