"""What lies in a studio's folder, read from the disk; pictures have no numbers yet.

Labels come from the library's own reader, so that a command sees just what the page shows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..dataset.decided import decisions_about
from ..dataset.decision import Decision
from ..dataset.labels import Labels
from ..dataset.layout import layout_of
from ..dataset.mended import apply, locate
from ..dataset.sources import Dataset, SkippedFile, read_dataset
from ..dataset.splits import split_of
from ..dataset.walk import SET_ASIDE, Walk, no_picture
from ..errors import TellapartError
from ..text import csv_text, in_order
from .places import ASIDE, HEAP, LEARN, TEST, Places

_SETTLED = 10**8  # nanoseconds after which another change gives a folder another time


@dataclass(frozen=True)
class Seen:
    """What tells without reading it that a file has changed, and that it is the same under another
    name."""

    size: int
    mtime_ns: int
    device: int
    number: int

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Seen | None:
        try:
            found = os.stat(path)
        except (OSError, ValueError):
            return None
        return cls(found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino)


@dataclass(frozen=True)
class Kept:
    """A picture of the folder.

    Attributes:
        id: a number, for as long as the process lives.
        name: its path below the folder.
        label: the label in force; empty without one.
        part: "learn", "test", "heap" or "aside".
        seen: its file as it was read last.
        decided: "relabel", "drop" or "keep" where a decision about it is in force.
    """

    id: int
    name: str
    label: str
    part: str
    seen: Seen
    decided: str = ""

    @property
    def version(self) -> str:
        """Changes when the file does."""
        return f"{self.seen.mtime_ns:x}-{self.seen.size:x}"

    def to_json(self) -> list[object]:
        return [self.id, csv_text(self.name), self.label, self.part, self.version, self.decided]


@dataclass
class Reading:
    """What was found in a folder."""

    #: None where it cannot be said which pictures have labels.
    kept: list[Kept] | None = None
    #: Those without pictures too.
    labels: tuple[str, ...] = ()
    #: Files that were passed over.
    skipped: tuple[SkippedFile, ...] = ()
    #: Decisions in force, by the names of their pictures.
    about: Mapping[str, list[Decision]] = field(default_factory=dict)
    #: Where the pictures of labels are.
    places: Places = field(default_factory=Places.none)
    #: What cannot be read.
    problem: TellapartError | None = None


def reading_of(root: Path) -> Reading:
    """All that is in a folder; what cannot be read as labelled pictures is the `problem`."""
    try:
        dataset = read_dataset(root, at_least=0, decided=False)
        places = Places(root, layout_of(Walk(root, follow_links=False)))
        reading = Reading(skipped=dataset.skipped, places=places)
        mended = dataset
        try:
            rows, _ = decisions_about(root, dataset.parts)
            found = locate(dataset.items, rows)
            mended = apply(dataset, rows, found)
            reading.about = found.about
        except TellapartError as error:  # the table is damaged: labels are those of the folders
            reading.problem = error
        reading.kept = [*_labelled(dataset, mended, places), *unlabelled(root)]
    except TellapartError as error:
        return Reading(problem=error)
    filled = {*dataset.labels, *mended.labels}
    empty = [one.label for one in places.every if not split_of(one.label)]
    known = Labels([*empty, *filled])
    names = list(dict.fromkeys(known.same(name) or name for name in [*filled, *empty]))
    reading.labels = tuple(names[at] for at in in_order(names))
    return reading


def _labelled(dataset: Dataset, mended: Dataset, places: Places) -> Iterator[Kept]:
    now = {item.name: item for item in mended.items}
    for item in dataset.items:
        seen = Seen.at(item.file)
        if seen is None:
            continue
        part = TEST if item.split and item.split == places.held else LEARN
        label, decided = item.label, ""
        if item.name not in now:
            decided = "drop"
        elif now[item.name].label != item.label:
            label, decided = now[item.name].label, "relabel"
        elif item.name in mended.kept:
            decided = "keep"
        yield Kept(0, item.name, label, part, seen, decided)


def unlabelled(root: Path) -> Iterator[Kept]:
    """Pictures that have no label: loose in the folder, and set aside."""
    walk = Walk(root, follow_links=False)
    for entry in walk.entries(root):
        # os.path.isfile and not entry.is_file(), which raises on a link that leads to itself
        may_be = os.path.isfile(entry.path) and no_picture(Path(entry.path)) is None
        if may_be and (seen := Seen.at(entry)):
            yield Kept(0, entry.name, "", HEAP, seen)
    aside = root / SET_ASIDE
    if aside.is_dir() and not aside.is_symlink():
        for path, name in walk.pictures(aside):
            if seen := Seen.at(path):
                yield Kept(0, name, "", ASIDE, seen)


def times_of(root: Path) -> Iterator[tuple[str, int]]:
    """When each folder was changed that pictures may be in. One that was changed just now has no
    time yet: another change in the same moment would not give it another. A time to come is one of
    a clock that went wrong, and the next change gives another."""
    now = time.time_ns()
    waiting = [""]
    for name in waiting:  # which grows meanwhile
        with suppress(OSError):
            time_ns = os.stat(root / name).st_mtime_ns
            with os.scandir(root / name) as entries:
                inner = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
            yield name, time_ns if abs(now - time_ns) > _SETTLED else -1
            waiting += [f"{name}/{one}" if name else one for one in inner if one[0] != "."]
