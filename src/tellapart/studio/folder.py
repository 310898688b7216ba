"""What is in a studio's folder now: which pictures, and under which label.

    photos/elsa/1.jpg           labelled
    photos/test/elsa/7.jpg      labelled, and kept for testing
    photos/IMG_1.jpg            of the heap: without a label yet
    photos/set-aside/9.jpg      set aside: no command reads it

A picture keeps its number as long as the process lives, also when it is moved, by the studio or by
somebody else. Every difference between two readings (`reading.py`) raises the revision.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..dataset.decision import FILE, Decision
from ..dataset.labels import Labels
from ..dataset.sources import Dataset, SkippedFile, read_dataset
from ..dataset.walk import SET_ASIDE
from ..errors import TellapartError
from .places import ASIDE, HEAP, LEARN, TEST, Places
from .reading import Kept, Reading, Seen, reading_of, times_of, unlabelled
from .steps import Move, Step

__all__ = ["ASIDE", "HEAP", "HIDDEN", "LEARN", "TEST", "Delta", "Folder", "Kept"]

HIDDEN = ".tellapart-studio"  # in the folder: the journal of changes, and what undo took back
_YOUNG = 3 * 10**9  # nanoseconds in which a file that was just written may still grow


@dataclass(frozen=True)
class Delta:
    """What has changed since a revision: pictures as they are now, and the numbers of those gone;
    `whole` if it is everything there is."""

    revision: int
    whole: bool
    pictures: tuple[Kept, ...]
    gone: tuple[int, ...]


class Folder:
    """The pictures of a folder, as they were when it was last read.

    Attributes:
        root: the folder; a real path.
        revision: raised by every difference.
        labels: all labels, those without pictures too, in the order of people.
        skipped: files that were passed over, with the reason.
        places: where the pictures of labels are.
        about: decisions in force, by the names of their pictures.
        problem: why it cannot be read as labelled pictures; None where it can.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.revision = 0
        self.labels: tuple[str, ...] = ()
        self.skipped: tuple[SkippedFile, ...] = ()
        self.places = Places.none()
        self.about: Mapping[str, list[Decision]] = {}
        self.problem: TellapartError | None = None
        self._by_id: dict[int, Kept] = {}
        self._ids: dict[str, int] = {}
        self._once: dict[str, int] = {}  # names that pictures had
        self._changed: dict[int, int] = {}  # id -> revision
        self._next = 1
        self._times: dict[str, int] = {}  # when each folder was changed
        self._table: Seen | None = None
        self._young: list[str] = []

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
        """The pictures of these numbers that are there, each once."""
        return [self._by_id[one] for one in dict.fromkeys(numbers) if one in self._by_id]

    def dataset(self, *, decided: bool = True) -> Dataset:
        """The labelled pictures, as every command reads them."""
        return read_dataset(self.root, at_least=0, decided=decided)

    # Reading.

    def read(self, moved: Mapping[str, str] = {}) -> bool:
        """Read it again; `moved` are new names of files and folders by old ones. Whether anything
        is different.

        What cannot be read as labelled pictures, such as two labels that are easy to confuse, is
        the `problem`, and what was known before stays.
        """
        self._times = dict(times_of(self.root))
        self._table = Seen.at(self.root / FILE)
        reading = reading_of(self.root)
        if reading.kept is None:
            reading.kept = [one for one in self.pictures if one.label or one.part in (LEARN, TEST)]
            reading.kept += unlabelled(self.root)
            reading.labels, reading.places = self.labels, self.places
        self._name_anew(moved)
        return self._take(reading)

    def follow(self, steps: Sequence[Step]) -> bool:
        """Take in steps that were done, without reading the folder again: what any two readings
        differ in is known where files of which nothing was decided have moved between folders that
        are there, have come, or were taken back. False where more was done."""
        moves = [step for step in steps if isinstance(step, Move) and step.file]
        if len(moves) < len(steps) or self.problem:
            return False
        there = dict.fromkeys(one.folder for one in self.places.every)
        now: list[Kept] = []
        lost: list[Kept] = []
        for step in moves:
            one, seen = self.named(step.source), Seen.at(self.root / step.target)
            place = self.places.place_of(step.target)
            if _is_taken(step.source) and seen and self._table is None:
                one = Kept(self._next + len(now), "", "", "", seen)
            if not (one and seen) or one.decided or step.source in self.about:
                return False
            if _is_taken(step.target):
                lost.append(one)
                continue
            if "/" not in step.target:
                label, part = "", HEAP
            elif step.target.startswith(f"{SET_ASIDE}/"):
                label, part = "", ASIDE
            elif place and place.folder in there:
                label, part = Labels(self.labels).same(place.label) or place.label, place.part
            else:
                return False
            now.append(replace(one, name=step.target, label=label, part=part, seen=seen))
        if len({one.id for one in [*now, *lost]}) < len(moves):
            return False
        for step in moves:
            if step.source in self._ids:
                self._once[step.source] = self._ids.pop(step.source)
        for one in now:
            self._ids[one.name] = one.id
            self._by_id[one.id] = one
        for one in lost:
            del self._by_id[one.id]
        self.revision += 1
        self._changed |= {one.id: self.revision for one in [*now, *lost]}
        self._next = max([self._next, *(one.id + 1 for one in now)])
        return True

    def has_changed(self) -> bool:
        """Whether a folder, the table of decisions, or a file that was just being written is not as
        it was when it was read: whoever did that, it is time to read again."""
        if not self._times or Seen.at(self.root / FILE) != self._table:
            return True  # where not even the folder was there, it may have come back
        for name, time_ns in self._times.items():
            try:
                if os.stat(self.root / name).st_mtime_ns != time_ns:
                    return True
            except OSError:
                return True
        young = (self.named(name) for name in self._young)
        return any(one and Seen.at(self.path(one)) != one.seen for one in young)

    def _name_anew(self, moved: Mapping[str, str]) -> None:
        """Let pictures keep their numbers that have moved, by themselves or with a folder."""
        new: dict[str, int] = {}
        for old, target in moved.items():
            if old in self._ids:
                new[target] = self._once[old] = self._ids.pop(old)
            else:
                for name in [name for name in self._ids if name.startswith(f"{old}/")]:
                    new[target + name[len(old) :]] = self._once[name] = self._ids.pop(name)
        self._ids |= new

    def _take(self, reading: Reading) -> bool:
        found = {one.name: one for one in reading.kept or ()}
        revision = self.revision + 1
        said = (reading.labels, str(reading.problem or ""))
        changed = said != (self.labels, str(self.problem or ""))
        lost = {name: number for name, number in self._ids.items() if name not in found}
        moved = {self._by_id[number].seen: number for number in lost.values()}
        for name in lost:
            self._once[name] = self._ids.pop(name)
        for name, one in found.items():
            number = self._ids.get(name) or moved.pop(one.seen, 0)
            if not number:
                number, self._next = self._next, self._next + 1
            self._ids[name] = number
            now = replace(one, id=number)
            if self._by_id.get(number) != now:
                self._by_id[number] = now
                self._changed[number] = revision
                changed = True
        for number in set(lost.values()) - set(self._ids.values()):
            del self._by_id[number]
            self._changed[number] = revision
            changed = True
        self.labels, self.skipped, self.problem = reading.labels, reading.skipped, reading.problem
        self.about, self.places = reading.about, reading.places
        fresh = time.time_ns() - _YOUNG
        self._young = [one.name for one in found.values() if one.seen.mtime_ns > fresh]
        if changed:
            self.revision = revision
        return changed

    def since(self, revision: int) -> Delta:
        """What has changed since then."""
        if not 0 < revision <= self.revision:
            return Delta(self.revision, True, self.pictures, ())
        changed = [number for number, at in self._changed.items() if at > revision]
        there = tuple(self._by_id[number] for number in changed if number in self._by_id)
        gone = tuple(number for number in changed if number not in self._by_id)
        return Delta(self.revision, False, there, gone)


def _is_taken(name: str) -> bool:
    return name.startswith(f"{HIDDEN}/")
