"""Decisions about the pictures of a folder, carried out: files are moved to where they belong.

A dropped picture goes to `set-aside/`, which no command reads; a relabelled one into the folder of
its new label, in the same part of the data set. Nothing is overwritten or deleted. A journal
(`files/journal/`) is written first, so a run that was killed goes on, and all of it can be taken
back. The data set reads the same before, between and after, whenever a run is killed: a decision
whose picture has moved already is done. (On a disk that cannot rename to a free name in one step,
the one picture that was being moved may have both names until the next run.)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from ..dataset.decision import FILE, Decision, place_of_decisions
from ..dataset.decision_table import DecisionTable, changing
from ..dataset.decisions import now
from ..dataset.filenames import longest_name, named, safe_name
from ..dataset.labels import Labels
from ..dataset.layout import LabelFolder, layout_of
from ..dataset.mended import locate
from ..dataset.sources import Item, SkippedFile, read_dataset
from ..dataset.splits import split_within
from ..dataset.walk import SET_ASIDE, Walk
from ..errors import UsageError
from ..files.journal.journal import Journal
from ..files.journal.record import Entry, Placement
from ..files.journal.state import locked, opened
from ..files.journal.undo import UndoResult, undo
from ..files.purpose import Purpose
from ..text import csv_text, first_few, shown

MENDING = Purpose(
    hidden=".tellapart-mend",
    done="carried out",
    if_stopped="No picture was lost. Do the same again to go on, or take back what was done.",
    if_refused="Nothing was done. The decisions are applied all the same when pictures are read.",
    if_nothing="Give the folder in which decisions were carried out.",
    if_damaged="Nothing was changed. The decisions are applied all the same when pictures are "
    "read.",
)


@dataclass(frozen=True)
class CarriedOut:
    """What was done with the files of a data set.

    Attributes:
        source: the folder.
        moved: (old name, new name) of each picture that was moved by this run, below the folder.
        left: pictures that are where they were, with the reason; their decisions stay in force.
    """

    source: Path
    moved: tuple[tuple[str, str], ...] = ()
    left: tuple[SkippedFile, ...] = ()


def planned(source: str | os.PathLike[str]) -> tuple[tuple[str, str], ...]:
    """(old name, new name) of each picture that `carry_out` would move; nothing is written. Where
    a name is taken then, it gets a number.

    Raises:
        UsageError: the source is no folder.
        DatasetError: it is no data set, or a line of its table is no decision.
    """
    steps = _Plan(_folder(source)).steps()
    return tuple((s.source, s.target) for s in steps if isinstance(s, Placement))


def wanted(source: str | os.PathLike[str]) -> tuple[Placement | SkippedFile, ...]:
    """What `carry_out` would move, for a caller with a journal of its own, and what it could not;
    nothing is written. `marked` is what becomes of the decisions then.

    Raises:
        UsageError: the source is no folder.
        DatasetError: it is no data set, or a line of its table is no decision.
    """
    return tuple(_Plan(_folder(source)).steps())


def marked(
    rows: Sequence[Decision], placed: Sequence[tuple[Placement, str]]
) -> dict[Decision, Decision]:
    """What becomes of decisions once each of what was `wanted` is at a name; by what they were."""
    when = now()
    asked = {_key(one.extra) for one, _ in placed}
    targets = {(str(one.extra["path"]), str(one.extra["digest"])): name for one, name in placed}
    new = {old: _marked(old, asked, targets.get((old.path, old.digest)), when) for old in rows}
    return {old: one for old, one in new.items() if one != old}


def carry_out(
    source: str | os.PathLike[str], *, progress: Callable[[int, int], None] | None = None
) -> CarriedOut:
    """Move the pictures of a folder to where decisions say that they belong.

    Raises:
        UsageError: the source is no folder, or only its parts have decisions.
        DatasetError: it is no data set, or a line of its table is no decision.
        DestinationError: the folder cannot be written to, or another run is at work in it.
    """
    root = _folder(source)
    rows = DecisionTable.read(place_of_decisions(root)).decisions
    if not rows and (parts := [at.parent for at in sorted(root.glob(f"*/{FILE}")) if at.is_file()]):
        raise UsageError(
            f"There is no decision to carry out in {shown(place_of_decisions(root))}.",
            hint=f"Carry out what is in another folder's table there: "
            f"{first_few([str(part) for part in parts])}.",
        )
    if not any(one.in_force for one in rows):
        return CarriedOut(root)
    moved: list[tuple[str, str]] = []
    left: list[SkippedFile] = []
    with opened(root, MENDING, request={}) as journal:
        _mark(root, journal)  # what an earlier run had placed
        steps = list(_Plan(root).steps())
        left += (step for step in steps if isinstance(step, SkippedFile))
        numbered = partial(_numbered, longest=longest_name(root))
        placements = [step for step in steps if isinstance(step, Placement)]
        try:
            for one in journal.carry_out(placements, numbered):
                if isinstance(one, Entry):
                    moved.append((one.source, one.target))
                else:
                    left.append(one)
                if progress:
                    progress(len(moved) + len(left), len(steps))
        finally:
            _mark(root, journal)
    if not moved and not journal.entries:
        with suppress(UsageError):
            undo(root, MENDING)  # nothing but a journal of nothing
    return CarriedOut(root, tuple(moved), tuple(left))


def undo_carried_out(source: str | os.PathLike[str]) -> UndoResult:
    """Move all pictures back; their decisions are in force again, so the data set reads the same.

    Raises:
        UsageError: nothing was carried out there.
        DestinationError: the journal is damaged, or another run is at work.
    """
    root = _folder(source)
    if Journal.load(root, MENDING) is not None:
        with locked(root, MENDING), changing(place_of_decisions(root)) as table:
            journal = Journal.load(root, MENDING)
            entries = [*journal.entries, *journal.moved_on] if journal else []
            steps: dict[str, list[Entry]] = {}
            for step in sorted(entries, key=lambda entry: -entry.offset):  # the last one first
                steps.setdefault(step.content.sha256, []).append(step)
            every = table.decisions

            def as_before(old: Decision) -> Decision:
                path = old.path
                for step in steps.get(old.digest, ()) if not old.superseded else ():
                    path = step.source if step.target == path else path
                return _back(replace(old, carried_out="", path=path), old, every)

            table.change(as_before)
    return undo(root, MENDING)


def _back(new: Decision, old: Decision, every: Sequence[Decision]) -> Decision:
    """A decision about a picture that goes back from `old.path` to `new.path`: that it was right
    where it had been moved to, is another label where it goes back to."""
    if new.path == old.path or old.decision != "keep":
        return new
    carried = (o for o in every if o.carried_out and o.decision == "relabel")
    first = next((o for o in carried if (o.path, o.digest) == (new.path, old.digest)), None)
    if first is None:
        return new
    return replace(new, decision="relabel", old_label=first.old_label, new_label=old.old_label)


def _folder(source: str | os.PathLike[str]) -> Path:
    root = Path(os.path.realpath(source))
    if not root.is_dir():
        raise UsageError(
            f"{shown(source)} is not a folder, and only in a folder can pictures be moved.",
            hint="Its decisions are applied all the same by every command that reads it.",
        )
    return root


class _Plan:
    """What is to be moved in a folder, by the decisions in force."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders = layout_of(Walk(root, follow_links=False)).labels
        dataset = read_dataset(root, at_least=0, decided=False)
        rows = DecisionTable.read(place_of_decisions(root)).decisions
        self.held = locate(dataset.items, [one for one in rows if one.in_force]).held
        self.items = dataset.items
        self.labels = Labels([*dataset.labels, *(folder.label for folder in self.folders)])

    def steps(self) -> Iterator[Placement | SkippedFile]:
        for item in self.items:
            for one in self.held.get(item.name, ()):
                if one.decision == "drop":
                    yield _placement(item, f"{SET_ASIDE}/{item.name}", one)
                elif one.decision == "relabel":
                    label = self.labels.same(one.new_label) or one.new_label
                    if Labels([item.label]).same(label) is None:
                        yield self._relabelled(item, label, one)

    def _relabelled(self, item: Item, label: str, one: Decision) -> Placement | SkippedFile:
        own = max(
            (f for f in self.folders if item.file.is_relative_to(f.folder)),
            key=lambda found: len(found.folder.parts),
        )
        place, is_new = self._place(own, label)
        if is_new and (why := _no_folder(label, self.root)):
            return SkippedFile(item.name, f"no folder can be called {shown(label)}: {why}")
        if is_new and (lacks := self._lacking_beside(place.parent, label)):
            part = shown(place.parent.relative_to(self.root).as_posix())
            return SkippedFile(
                item.name,
                f"{part}/ has no folder {shown(lacks)}, so with one for {shown(label)}, which is "
                "not learnt, it would not be read as pictures to test on",
            )
        target = place / item.file.relative_to(own.folder)
        return _placement(item, target.relative_to(self.root).as_posix(), one)

    def _place(self, own: LabelFolder, label: str) -> tuple[Path, bool]:
        """The folder of a label in the part of the data set that `own` is in, and whether it is
        none of the data set yet."""
        below = own.folder.name != own.label  # label/train/
        above = own.folder.parent.parent if below else own.folder.parent
        for one in self.folders:
            place = one.folder.parent if below else one.folder
            if place.parent == above and Labels([one.label]).same(label) is not None:
                return (place / own.folder.name if below else place), False
        return (above / label / own.folder.name if below else above / label), True

    def _lacking_beside(self, part: Path, label: str) -> str:
        """A label to learn that a part beside it lacks, if a label that is not learnt would go
        there: it is known for a part by the labels that it shares. Empty where all is well."""
        learnt = [one.label for one in self.folders if one.folder.parent in part.parents]
        held = Labels(one.label for one in self.folders if one.folder.parent == part)
        if Labels(learnt).same(label) is not None:
            return ""
        return next((one for one in learnt if held.same(one) is None), "")


def _no_folder(label: str, root: Path) -> str:
    """Why a label cannot be the name of a new folder that is read as its own; empty if it can."""
    if safe_name(label, longest_name(root)) != label:
        return "some system does not take that name"
    if label == SET_ASIDE:
        return "dropped pictures are there"
    if split_within(label)[0]:
        return "it is read as a part of a data set"
    return ""


def _placement(item: Item, target: str, one: Decision) -> Placement:
    said = {"path": one.path, "digest": one.digest, "decision": one.decision, "when": one.when}
    return Placement(item.name, target, extra=said)


def _numbered(taken: Placement, longest: int) -> Placement:
    """The same with the next number in its name: `012.jpg`, `012-2.jpg`."""
    path = PurePosixPath(taken.target)
    found = re.fullmatch(r"(.*)-(\d+)", path.stem)
    tried = int(str(taken.extra.get("tried", 1))) + 1
    stem = found[1] if found and tried > 2 else path.stem
    name = named(stem, f"-{tried}{path.suffix}", longest)
    extra = {**taken.extra, "tried": tried}
    return replace(taken, target=path.with_name(name).as_posix(), extra=extra)


def _mark(root: Path, journal: Journal) -> None:
    """Note in the table what was carried out, and where its pictures are."""
    placed = {(e.source, e.content.sha256): e for e in journal.live() if journal.entries.is_done(e)}
    if not placed:
        return
    asked = {_key(journal.extra(e)) for e in placed.values()}
    when = now()

    def changed(old: Decision) -> Decision:
        entry = placed.get((old.path, old.digest))
        return _marked(old, asked, entry.target if entry else None, when)

    with changing(place_of_decisions(root)) as table:
        table.change(changed)


def _marked(
    old: Decision, asked: Collection[tuple[object, ...]], target: str | None, when: str
) -> Decision:
    """A decision once the pictures of those that were `asked` for have moved, its own to `target`
    if it is one."""
    if old.in_force and (old.path, old.digest, old.decision, old.when) in asked:
        return replace(old, carried_out=when)
    if old.in_force and target and old.matter == "group":
        if target.startswith(f"{SET_ASIDE}/"):
            return replace(old, carried_out=when)  # it was dropped too
        return replace(old, path=csv_text(target))
    return old


def _key(extra: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(extra.get(name) for name in ("path", "digest", "decision", "when"))
