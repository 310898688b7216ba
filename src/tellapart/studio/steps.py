"""The steps of a change, each of which can be done, done again after a kill, and taken back.

A step names places below the folder, and nothing is ever overwritten or deleted: a file or a folder
goes from one name to another, an empty folder is made or taken away, lines of `tellapart.csv` take
the place of others. What is found at a place tells whether a step is done already, so the steps of
a change that a kill interrupted are simply done again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

from ..dataset.decision import FILE, Decision
from ..files.journal.record import inside
from ..files.transfer import Content
from ..text import csv_text


@dataclass(frozen=True)
class Move:
    """A file or folder gets another name below the folder; never that of something there.

    Attributes:
        source: its name.
        target: the other name.
        bare: of a folder: only if it holds nothing.
        file: of a file, by what it is known again: size and time, and where another disk may not
            keep those, its content. It is found out when the change is written down.
    """

    source: str
    target: str
    bare: bool = False
    file: Content | None = None

    @property
    def back(self) -> Move:
        return Move(self.target, self.source, file=self.file)


@dataclass(frozen=True)
class MakeFolder:
    """An empty folder is made; back, it is taken away if it is empty still."""

    name: str
    gone: bool = False

    @property
    def back(self) -> MakeFolder:
        return replace(self, gone=not self.gone)


Pair: TypeAlias = "tuple[Decision | None, Decision | None]"


@dataclass(frozen=True)
class Rewrite:
    """Decisions that others take the place of in `tellapart.csv`; None stands for no decision."""

    pairs: tuple[Pair, ...]

    @property
    def back(self) -> Rewrite:
        return Rewrite(tuple((after, before) for before, after in self.pairs))

    def but_about(self, names: Iterable[str]) -> Rewrite:
        """The same without what is about pictures of these names, which have not moved."""
        out = {csv_text(name) for name in names}
        return Rewrite(tuple(p for p in self.pairs if not any(o and o.path in out for o in p)))


Step: TypeAlias = "Move | MakeFolder | Rewrite"


def place_of(step: Step) -> str:
    """What a step is about, by the name that it has before."""
    if isinstance(step, Move):
        return step.source
    return step.name if isinstance(step, MakeFolder) else FILE


def to_json(step: Step) -> dict[str, object]:
    if isinstance(step, MakeFolder):
        return {"folder": step.name}
    if isinstance(step, Rewrite):
        return {"rows": [[_row(before), _row(after)] for before, after in step.pairs]}
    line: dict[str, object] = {"move": [step.source, step.target]}
    if step.file:
        known = [step.file.size, step.file.mtime_ns]
        line["file"] = [*known, step.file.sha256] if step.file.sha256 else known
    return {**line, "bare": True} if step.bare else line


def from_json(line: Mapping[str, Any]) -> Step:
    """A step of JSON.

    Raises:
        ValueError, KeyError, TypeError: it is none, or leads out of the folder.
    """
    if "move" in line:
        source, target = map(_place, line["move"])
        file = Content(*(*line["file"], "")[:3]) if "file" in line else None
        return Move(source, target, bool(line.get("bare", False)), file)
    if "folder" in line:
        return MakeFolder(_place(line["folder"]))
    return Rewrite(tuple((_decision(before), _decision(after)) for before, after in line["rows"]))


def _place(name: str) -> str:
    os.fsencode(name)  # a ValueError where no file can be called so
    return inside(name)


def _row(one: Decision | None) -> dict[str, str] | None:
    return None if one is None else {name: said for name, said in asdict(one).items() if said}


def _decision(row: dict[str, str] | None) -> Decision | None:
    return None if row is None else Decision(**row)
