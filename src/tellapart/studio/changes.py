"""Changes of a studio's folder: written down before they are done, and so undone and redone as deep
as the history goes, also after a restart, and finished where a kill came between.

A change is a list of steps (`steps.py`): a file or a folder gets another name, a folder is made,
decisions are written into `tellapart.csv`. The journal (`journal.py`) has a line for each change,
undo and redo, which is on the disk before the first of its steps is done, and another when they
are. A step that cannot be done, because somebody else has changed the file meanwhile, is left, and
that is said; the others are done.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ..assess.check.mending import DROP, GROUP, KEEP, RELABEL
from ..dataset.decision import Decision
from ..dataset.decisions import Wish as Asked
from ..dataset.decisions import planned_decisions
from ..dataset.sources import read_dataset
from ..errors import UsageError
from ..files.folders import remove_tree
from ..files.skipped import SkippedFile
from ..text import first_few, several, shown
from .disk import Disk, check_there
from .journal import INCOMING, TAKEN, Journal
from .steps import MakeFolder, Move, Rewrite, Step, from_json, place_of, to_json

__all__ = [
    "Change",
    "Changes",
    "Decide",
    "Done",
    "MakeFolder",
    "Move",
    "TakeBack",
    "Wish",
]

_NAMED = 3  # of those that were left, in a sentence


@dataclass(frozen=True)
class Decide:
    """What is decided of pictures, without touching their files: `how` as in `Mend`."""

    names: tuple[str, ...]
    how: str
    value: str = ""
    why: str = ""


@dataclass(frozen=True)
class TakeBack:
    """A decision that was made is taken back, whoever made it."""

    decision: Decision


Wish: TypeAlias = "Step | Decide | TakeBack | SkippedFile"
"""What a plan may ask for, and what it knows that cannot be done, which is said; folders that a
move needs are made without being asked for."""


@dataclass
class Change:
    """Steps that are done, undone and redone together.

    Attributes:
        what: what it is called.
        steps: its steps.
        number: its number, in the order in which changes were made.
        batch: what it may grow by, such as the name of one drop of many files.
        applied: which of its steps are done now.
    """

    what: str
    steps: list[Step]
    number: int = 0
    batch: str = ""
    applied: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Done:
    """What was done, undone or redone now.

    Attributes:
        change: of which change.
        steps: the steps as they were done.
        left: what was left as it is, with the reason.
    """

    change: Change
    steps: tuple[Step, ...] = ()
    left: tuple[SkippedFile, ...] = ()

    @property
    def moved(self) -> dict[str, str]:
        """New names by old ones."""
        return {step.source: step.target for step in self.steps if isinstance(step, Move)}

    @property
    def words(self) -> str:
        """A sentence on what was left; empty if nothing was."""
        if not self.left:
            return ""
        named = [f"{shown(one.name)} ({one.reason})" for one in self.left]
        is_one = len(named) == 1
        return f"{'This was' if is_one else 'These were'} left: {first_few(named, _NAMED)}."


class Changes:
    """All changes of a folder, in order; those after `done` were undone and can be redone.

    One process has them, and its threads take turns: by `lock`, which `do`, `undo` and `redo` take,
    and whoever looks at the folder to think of a change.

    Raises:
        DestinationError: another studio has the folder, or the journal is damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.lock = threading.RLock()
        self.all: list[Change] = []
        self.done = 0
        self._count = 0
        self._over: set[str] = set()  # batches that were undone, and take no more
        self._open: tuple[Change, tuple[int, ...], bool] | None = None  # until it is done
        self._journal = Journal.open(self.root)
        try:
            for line in self._journal.read():
                with self._journal.damaged():
                    self._replay(line)
            self._disk = Disk(self.root, self._journal.errand)
            remove_tree(self.root / INCOMING)
            self._finish()
        except BaseException:
            self._journal.close()
            raise

    def close(self) -> None:
        """Let another studio have the folder."""
        with self.lock:
            self._journal.close()

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back."""
        return self.all[self.done - 1].what if self.done else None

    @property
    def redoable(self) -> str | None:
        """What `redo` would do again."""
        return self.all[self.done].what if self.done < len(self.all) else None

    def do(self, what: str, wishes: Sequence[Wish], *, batch: str = "") -> Done:
        """Do what is wished as one change, in place of what could be redone. What has the `batch`
        of the latest change becomes a part of that, which is then called `what`.

        Raises:
            DestinationError: the folder cannot be written to; nothing was changed.
            UsageError: none of it can be done, or its batch was undone; the message says why.
        """
        with self.lock:
            check_there(self.root)
            if batch in self._over:
                raise UsageError("What came with it was undone, so it was not added.")
            steps, left = self._known(wishes)
            if not steps:
                raise _nothing(left)
            growing = self.growing(batch)
            lines = [to_json(step) for step in steps]
            if growing:
                self._journal.write({"more": growing.number, "what": what, "steps": lines})
                numbers = self._grow(growing, what, steps)
                done = self._carry(growing, numbers)
            else:
                number = self._count + 1
                line = {"do": number, "what": what, "steps": lines}
                self._journal.write({**line, "batch": batch} if batch else line)
                change = self._begin(number, what, steps, batch)
                done = self._carry(change, range(len(steps)))
            done = Done(done.change, done.steps, (*left, *done.left))
            if done.left and not done.steps:
                raise _nothing(done.left)
            return done

    def growing(self, batch: str) -> Change | None:
        """The latest change, if what has this batch becomes a part of it."""
        if not batch or not self.done or self.done < len(self.all):
            return None
        last = self.all[-1]
        return last if last.batch == batch else None

    def end(self, batch: str) -> bool:
        """Refuse what may still come of a batch; whether any of it has come and is not undone."""
        with self.lock:
            self._over.add(batch)
            return any(one.batch == batch for one in self.all[: self.done])

    def undo(self) -> Done:
        """Take the last change back; no more comes to its batch.

        Raises:
            UsageError: there is none.
            DestinationError: the folder cannot be written to; nothing was changed.
        """
        with self.lock:
            if not self.done:
                raise UsageError("There is nothing to undo.")
            check_there(self.root)
            change = self.all[self.done - 1]
            self._journal.write({"undo": change.number})
            self._over |= {change.batch} - {""}
            self.done -= 1
            return self._carry(change, sorted(change.applied), back=True)

    def redo(self) -> Done:
        """Do the change again that was undone last.

        Raises:
            UsageError: there is none.
            DestinationError: the folder cannot be written to; nothing was changed.
        """
        with self.lock:
            if self.done >= len(self.all):
                raise UsageError("There is nothing to redo.")
            check_there(self.root)
            change = self.all[self.done]
            self._journal.write({"redo": change.number})
            self._over.discard(change.batch)
            self.done += 1
            return self._carry(change, _not_applied(change))

    # Steps as they are written down.

    def _known(self, wishes: Sequence[Wish]) -> tuple[list[Step], list[SkippedFile]]:
        """Steps for what is wished, with the folders they need, and what cannot be done."""
        steps: list[Step] = []
        left: list[SkippedFile] = []
        made: set[str] = set()

        def make(names: Iterable[str]) -> None:
            missing = [one for one in self._disk.missing_above(names) if one.name not in made]
            steps.extend(missing)
            made.update(one.name for one in missing)

        make(one.target for one in wishes if isinstance(one, Move) and not _is_ours(one.target))
        make(f"{one.name}/x" for one in wishes if isinstance(one, MakeFolder))
        for one in wishes:
            if isinstance(one, Move):
                known = self._disk.known(one)
                if isinstance(known, Move):
                    steps.append(known)
                else:
                    left.append(SkippedFile(one.source, known))
            elif isinstance(one, Rewrite):
                steps.append(one)
            elif isinstance(one, SkippedFile):
                left.append(one)
        still = [one.name for one in left]
        steps = [one.but_about(still) if isinstance(one, Rewrite) else one for one in steps]
        decided = [one for one in wishes if isinstance(one, Decide)]
        taken_back = [one.decision for one in wishes if isinstance(one, TakeBack)]
        if decided or taken_back:
            steps.append(self._decided(decided, taken_back))
        return steps, left

    def _decided(self, wishes: Sequence[Decide], taken_back: Sequence[Decision]) -> Rewrite:
        asked = [
            Asked(
                one.names,
                relabel=one.value if one.how == RELABEL else None,
                drop=one.how == DROP,
                keep=one.how == KEEP,
                group=one.value if one.how == GROUP else None,
                why=one.why,
            )
            for one in wishes
        ]
        dataset = read_dataset(self.root, at_least=0, decided=False)
        return Rewrite(planned_decisions(dataset, asked, taken_back=taken_back))

    # What is in memory follows the lines of the journal, when they are written and when they are
    # read.

    def _begin(self, number: int, what: str, steps: list[Step], batch: str) -> Change:
        change = Change(what, steps, number, batch)
        self.all[self.done :] = [change]
        self.done += 1
        self._count = number
        return change

    @staticmethod
    def _grow(change: Change, what: str, steps: list[Step]) -> range:
        before = len(change.steps)
        change.steps += steps
        change.what = what
        return range(before, len(change.steps))

    def _note(self, change: Change, done: Iterable[int], *, back: bool) -> None:
        change.applied = change.applied - {*done} if back else change.applied | {*done}
        latest = self.done == len(self.all) and self.all[-1] is change
        if latest and not back and not change.applied:  # nothing of it could be done
            self.all.pop()
            self.done -= 1

    def _carry(
        self, change: Change, numbers: Iterable[int], *, back: bool = False, again: bool = False
    ) -> Done:
        """Do steps of a change, or take them back, and note which were left."""
        order = sorted(numbers, reverse=back)
        steps = [change.steps[at].back if back else change.steps[at] for at in order]
        found = self._disk.do(steps, again=again)
        left = {order[at] for at in found}
        self._note(change, [at for at in order if at not in left], back=back)
        self._journal.note({"done": change.number, "left": sorted(left)})
        return Done(
            change,
            tuple(step for at, step in enumerate(steps) if at not in found),
            (
                *(SkippedFile(place_of(steps[at]), reason) for at, reason in found.items()),
                *self._disk.said,
            ),
        )

    def _replay(self, line: Mapping[str, Any]) -> None:
        """Take in a line of the journal."""
        if "done" in line:
            return self._end_open({*line["left"]})
        self._end_open(set())  # that it was done could not be written: what is later builds on it
        if "do" in line:
            steps = [from_json(step) for step in line["steps"]]
            batch = str(line.get("batch", ""))
            change = self._begin(int(line["do"]), str(line["what"]), steps, batch)
            self._open = change, tuple(range(len(steps))), False
        elif "more" in line:
            change = self._numbered(line["more"], self.done - 1)
            steps = [from_json(step) for step in line["steps"]]
            self._open = change, tuple(self._grow(change, str(line["what"]), steps)), False
        elif "undo" in line:
            change = self._numbered(line["undo"], self.done - 1)
            self.done -= 1
            self._open = change, tuple(change.applied), True
        else:
            change = self._numbered(line["redo"], self.done)
            self.done += 1
            self._open = change, _not_applied(change), False
        return None

    def _numbered(self, number: int, at: int) -> Change:
        if at < 0 or self.all[at].number != number:
            raise ValueError(number)
        return self.all[at]

    def _end_open(self, left: set[int]) -> None:
        if self._open:
            change, numbers, back = self._open
            self._open = None
            self._note(change, {*numbers} - left, back=back)

    def _finish(self) -> None:
        """Do what the last line says, where nothing says that it was done."""
        if self._open:
            change, numbers, back = self._open
            self._open = None
            self._carry(change, numbers, back=back, again=True)


def _not_applied(change: Change) -> tuple[int, ...]:
    return tuple(at for at in range(len(change.steps)) if at not in change.applied)


def _is_ours(name: str) -> bool:
    return name.startswith(f"{TAKEN}/")


def _nothing(left: Sequence[SkippedFile]) -> UsageError:
    """That nothing of a change could be done, and why."""
    if len(left) == 1:
        return UsageError(f"{shown(left[0].name)} was left as it is: {left[0].reason}.")
    named = [f"{shown(one.name)} ({one.reason})" for one in left]
    return UsageError(
        f"{several(len(left), 'picture')} were left as they are: {first_few(named, _NAMED)}."
    )
