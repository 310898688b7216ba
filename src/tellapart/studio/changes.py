"""Changes of a studio's folder: written down before they are done, and so undone, redone, and
finished after a kill.

A change is a list of steps: a file or a folder gets another name, a folder is made, decisions are
written into `tellapart.csv`. The journal is one line of JSON a change, and one for each undo and
redo; a line is on the disk before the first of its steps is done. Every step can be done twice:
what is done already is left.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ..assess.check.mending import Mend
from ..assess.deciding import Keeper
from ..dataset.decision import Decision
from ..dataset.decisions import undo_decisions
from ..dataset.sources import read_dataset
from ..errors import DestinationError, TellapartError, UsageError
from ..files.atomic import sync
from ..files.purpose import Errand, Purpose
from ..files.transfer import take_place
from ..text import shown
from .folder import HIDDEN
from .mended import CarryOut, TakeBack

JOURNAL = "journal.jsonl"
PURPOSE = Purpose(hidden=HIDDEN, done="moved")


@dataclass(frozen=True)
class Move:
    """A file or folder gets another name below the folder; never that of something there."""

    source: str
    target: str


@dataclass(frozen=True)
class MakeFolder:
    """An empty folder is made."""

    name: str


@dataclass
class Decide:
    """What is decided of pictures is written into `tellapart.csv`; `rows` are its lines then."""

    names: tuple[str, ...]
    how: str
    value: str = ""
    why: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)


Step: TypeAlias = "Move | MakeFolder | Decide | TakeBack | CarryOut"
_KINDS: dict[str, type[Any]] = {
    "move": Move,
    "folder": MakeFolder,
    "decide": Decide,
    "take-back": TakeBack,
    "carry-out": CarryOut,
}


@dataclass
class Change:
    """Steps that are done, undone and redone together, and what they are called."""

    what: str
    steps: list[Step]

    @property
    def moved(self) -> dict[str, str]:
        """New names by old ones, as it is done."""
        names: dict[str, str] = {}
        for step in self.steps:
            if isinstance(step, Move):
                names[step.source] = step.target
            elif isinstance(step, CarryOut):
                names |= step.moved
        return names


class Changes:
    """All changes of a folder, in order; those after `done` were undone and can be redone."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.all: list[Change] = []
        self.done = 0
        self._errand = Errand(PURPOSE, "studio")
        self._load()

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back."""
        return self.all[self.done - 1].what if self.done else None

    @property
    def redoable(self) -> str | None:
        """What `redo` would do again."""
        return self.all[self.done].what if self.done < len(self.all) else None

    def do(self, what: str, steps: Sequence[Step]) -> Change:
        """Do steps as one change.

        Raises:
            DestinationError: the folder cannot be written, or a name is taken; nothing was done.
        """
        with self.lock:
            change = Change(what, list(steps))
            self._write({"do": what, "steps": [_to_json(step) for step in steps]})
            done = []
            try:
                for step in change.steps:
                    self._do(step)
                    done.append(step)
            except (OSError, TellapartError):
                for step in reversed(done):
                    self._undo(step)
                self._write({"failed": what})
                raise
            decided = [step for step in change.steps if isinstance(step, Decide)]
            if decided:
                self._write({"rows": [step.rows for step in decided]})
            self.all[self.done :] = [change]
            self.done += 1
            return change

    def undo(self) -> dict[str, str]:
        """Take the last change back; new names by old ones.

        Raises:
            UsageError: there is none.
        """
        with self.lock:
            if not self.done:
                raise UsageError("There is nothing to undo.")
            change = self.all[self.done - 1]
            self._write({"undo": change.what})
            for step in reversed(change.steps):
                self._undo(step)
            self.done -= 1
            return {new: old for old, new in change.moved.items()}

    def redo(self) -> dict[str, str]:
        """Do the change again that was undone last; new names by old ones.

        Raises:
            UsageError: there is none.
        """
        with self.lock:
            if self.done >= len(self.all):
                raise UsageError("There is nothing to redo.")
            change = self.all[self.done]
            self._write({"redo": change.what})
            for step in change.steps:
                self._do(step)
            if any(isinstance(step, Decide) for step in change.steps):
                self._write({"rows": [s.rows for s in change.steps if isinstance(s, Decide)]})
            self.done += 1
            return change.moved

    def _do(self, step: Step) -> None:
        if isinstance(step, MakeFolder):
            (self.root / step.name).mkdir(parents=True, exist_ok=True)
        elif isinstance(step, Move):
            self._move(step.source, step.target)
        elif isinstance(step, TakeBack | CarryOut):
            step.do(self.root)
        else:
            keeper = Keeper(read_dataset(self.root, at_least=0))
            made = keeper.decide(Mend(tuple(step.names), step.how, step.value), step.why)
            step.rows = [asdict(row) for _, rows in made for row in rows]

    def _undo(self, step: Step) -> None:
        if isinstance(step, MakeFolder):
            with suppress(OSError):  # it is not empty any more
                (self.root / step.name).rmdir()
        elif isinstance(step, Move):
            self._move(step.target, step.source)
        elif isinstance(step, TakeBack | CarryOut):
            step.undo(self.root)
        else:
            with suppress(UsageError):  # taken back elsewhere
                undo_decisions(self.root, rows=[Decision(**row) for row in step.rows])

    def _move(self, source: str, target: str) -> None:
        old, new = self.root / source, self.root / target
        if not os.path.lexists(old) and os.path.lexists(new):
            return
        new.parent.mkdir(parents=True, exist_ok=True)
        if os.path.isdir(old) and not os.path.islink(old):
            if os.path.lexists(new):
                raise DestinationError(f"{shown(target)} is there already.")
            os.rename(old, new)
            return
        try:
            take_place(old, new, self._errand)
        except FileExistsError as error:
            raise DestinationError(f"{shown(target)} is there already.") from error

    @property
    def _file(self) -> Path:
        return self.root / HIDDEN / JOURNAL

    def _write(self, line: dict[str, object]) -> None:
        self._file.parent.mkdir(exist_ok=True)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        sync(self._file.parent)

    def _load(self) -> None:
        """Read the journal, and finish what a kill interrupted."""
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        last: tuple[Callable[[Step], None], list[Step]] | None = None
        for text in lines:
            try:
                line = json.loads(text)
            except ValueError:  # cut short by a kill: nothing of it was done
                continue
            last = self._replay(line)
        if last:
            act, steps = last
            for step in steps:
                if not isinstance(step, Decide):
                    act(step)

    def _replay(self, line: dict[str, Any]) -> tuple[Callable[[Step], None], list[Step]] | None:
        """What a line did, as far as it may not be finished: how, and which steps."""
        if "do" in line:
            steps = [_from_json(step) for step in line["steps"]]
            self.all[self.done :] = [Change(line["do"], steps)]
            self.done += 1
            return self._do, steps
        if "failed" in line:
            self.done -= 1
            self.all.pop()
        elif "undo" in line:
            self.done -= 1
            change = self.all[self.done]
            return self._undo, change.steps[::-1]
        elif "redo" in line:
            change = self.all[self.done]
            self.done += 1
            return self._do, change.steps
        elif "rows" in line:
            decided = [s for s in self.all[self.done - 1].steps if isinstance(s, Decide)]
            for step, rows in zip(decided, line["rows"], strict=True):
                step.rows = rows
        return None


def _to_json(step: Step) -> dict[str, object]:
    kind = next(name for name, kind in _KINDS.items() if isinstance(step, kind))
    return {"step": kind, **asdict(step)}


def _from_json(line: dict[str, Any]) -> Step:
    values = {key: value for key, value in line.items() if key != "step"}
    if "names" in values:
        values["names"] = tuple(values["names"])
    step: Step = _KINDS[line["step"]](**values)
    return step
