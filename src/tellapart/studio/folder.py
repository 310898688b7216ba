"""What is in a studio's folder now: which pictures, and under which label.

    photos/elsa/1.jpg           labelled
    photos/test/elsa/7.jpg      labelled, and kept for testing
    photos/IMG_1.jpg            of the heap: without a label yet
    photos/set-aside/9.jpg      set aside: no command reads it

Labels come from the library's own reader, so that a command sees just what the page shows. The
whole folder is read again after each change, which takes 0.1 s for 10,000 pictures; a picture keeps
its number as long as the process lives, also when it is moved.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..dataset.sources import Dataset, SkippedFile, read_dataset
from ..dataset.walk import SET_ASIDE, Walk, no_picture

HIDDEN = ".tellapart-studio"  # in the folder: the journal of changes, and what undo took back
TEST = "test"
LEARN, HEAP, ASIDE = "learn", "heap", "aside"


@dataclass(frozen=True)
class Kept:
    """A picture of the folder.

    Attributes:
        id: a number, for as long as the process lives.
        name: its path below the folder.
        label: the label in force; empty without one.
        part: "learn", "test", "heap" or "aside".
        version: changes when the file does.
        decided: "relabel", "drop" or "keep" where a decision about it is in force.
    """

    id: int
    name: str
    label: str
    part: str
    version: str
    decided: str = ""

    def to_json(self) -> list[object]:
        return [self.id, self.name, self.label, self.part, self.version, self.decided]


@dataclass(frozen=True)
class Delta:
    """What has changed since a revision: pictures as they are now, and the numbers of those gone;
    `whole` if it is everything there is."""

    revision: int
    whole: bool
    pictures: tuple[Kept, ...]
    gone: tuple[int, ...]


class Folder:
    """The pictures of a folder, as they were when it was last read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.revision = 0
        self.labels: tuple[str, ...] = ()
        self.skipped: tuple[SkippedFile, ...] = ()
        self._by_id: dict[int, Kept] = {}
        self._ids: dict[str, int] = {}
        self._once: dict[str, int] = {}  # names that pictures had
        self._changed: dict[int, int] = {}  # id -> revision
        self._next = 1

    @property
    def pictures(self) -> tuple[Kept, ...]:
        return tuple(self._by_id.values())

    def get(self, number: int) -> Kept | None:
        return self._by_id.get(number)

    def named(self, name: str) -> Kept | None:
        return self._by_id.get(self._ids.get(name, 0))

    def known_as(self, name: str) -> int:
        """The number of the picture of this name, or that had it before it was moved; 0 if there is
        none."""
        number = self._ids.get(name) or self._once.get(name, 0)
        return number if number in self._by_id else 0

    def path(self, kept: Kept) -> Path:
        return self.root / kept.name

    def of(self, numbers: Iterable[int]) -> list[Kept]:
        """The pictures of these numbers that are there."""
        return [self._by_id[one] for one in numbers if one in self._by_id]

    def read(self, moved: Mapping[str, str] = {}) -> bool:
        """Read it again; `moved` are new names by old ones. Whether anything is different.

        Raises:
            DatasetError: its folders make no sense as labels.
        """
        for old, new in moved.items():
            if old in self._ids:
                self._ids[new] = self._once[old] = self._ids.pop(old)
        found = {one.name: one for one in self._found()}
        revision = self.revision + 1
        changed = False
        for name in [name for name in self._ids if name not in found]:
            number = self._ids.pop(name)
            del self._by_id[number]
            self._changed[number] = revision
            changed = True
        for name, one in found.items():
            number = self._ids.get(name, 0)
            if not number:
                number = self._ids[name] = self._next
                self._next += 1
            now = replace(one, id=number)
            if self._by_id.get(number) != now:
                self._by_id[number] = now
                self._changed[number] = revision
                changed = True
        if changed:
            self.revision = revision
        return changed

    def since(self, revision: int) -> Delta:
        """What has changed since then."""
        if revision <= 0:
            return Delta(self.revision, True, self.pictures, ())
        changed = [number for number, at in self._changed.items() if at > revision]
        there = tuple(self._by_id[number] for number in changed if number in self._by_id)
        gone = tuple(number for number in changed if number not in self._by_id)
        return Delta(self.revision, False, there, gone)

    def dataset(self, *, decided: bool = True) -> Dataset:
        """The labelled pictures, as every command reads them."""
        return read_dataset(self.root, at_least=0, decided=decided)

    def _found(self) -> list[Kept]:
        dataset = self.dataset()
        self.skipped = dataset.skipped
        now = {item.name: item for item in dataset.items}
        found = []
        for item in dataset.unmended or dataset.items:
            mended = now.get(item.name)
            part = TEST if item.split in ("test", "validation") else LEARN
            label, decided = item.label, ""
            if mended is None:
                decided = "drop"
            elif mended.label != item.label:
                label, decided = mended.label, "relabel"
            elif item.name in dataset.kept:
                decided = "keep"
            found.append(Kept(0, item.name, label, part, _version(item.path), decided))
        filled = {one.label for one in found}
        self.labels = tuple(sorted(filled | {label for label in dataset.empty if label != TEST}))
        walk = Walk(self.root, follow_links=False)
        for entry in walk.entries(self.root):
            path = Path(entry.path)
            if entry.is_file(follow_symlinks=False) and not no_picture(path):
                found.append(Kept(0, entry.name, "", HEAP, _version(path)))
        if (self.root / SET_ASIDE).is_dir():
            for path, name in walk.pictures(self.root / SET_ASIDE):
                found.append(Kept(0, name, "", ASIDE, _version(path)))
        return found


def _version(path: Path) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return "gone"
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"
