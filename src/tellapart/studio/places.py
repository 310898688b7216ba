"""Where the pictures of a label are in a folder, by its layout, and which names are free there."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..dataset.filenames import folded, longest_name
from ..dataset.layout import Layout
from ..images.kinds import SUFFIXES

TEST = "test"
LEARN, HEAP, ASIDE = "learn", "heap", "aside"


@dataclass(frozen=True)
class Place:
    """A folder of pictures of a label; its name below the root has `/` on every system."""

    label: str
    part: str
    folder: str
    own: str  # the folder of the label itself, which has a folder of each part in some layouts


class Places:
    """The folders of labels.

    Attributes:
        every: those that are there.
        held: the split that is tested on.
    """

    def __init__(self, root: Path, layout: Layout) -> None:
        said = {one.split for one in layout.labels}
        self.held = next((split for split in ("test", "validation") if split in said), None)
        self.every: list[Place] = []
        self._of: dict[tuple[str, str], Place] = {}
        for one in layout.labels:
            part: str = TEST if one.split is not None and one.split == self.held else LEARN
            folder = PurePosixPath(one.folder.relative_to(root).as_posix())
            own = folder if folder.name == one.label else folder.parent
            place = Place(one.label, part, folder.as_posix(), own.as_posix())
            self.every.append(place)
            if one.split != "validation" or part == TEST:
                self._of.setdefault((_key(one.label), part), place)
        for place in self.every:  # what is for validation is learnt from where there is a test
            self._of.setdefault((_key(place.label), place.part), place)
        self._by_folder = {place.folder: place for place in self.every}

    @classmethod
    def none(cls) -> Places:
        """Those of a folder that has none."""
        return cls(Path(), Layout(()))

    def of(self, label: str, part: str) -> str:
        """The folder of a label's pictures to learn or to test on, which need not be there."""
        found = self._of.get((_key(label), part))
        return found.folder if found else self._new(label, part)

    def _new(self, label: str, part: str) -> str:
        """Where a label's folder is to be, as those of other labels are."""
        like = next((one for one in self._of.values() if one.part == part), None)
        other = next(iter(self.every), None)
        if like is not None and like.own == like.folder:
            return (PurePosixPath(like.folder).parent / label).as_posix()
        if other is not None and other.own != other.folder:  # cats/train/, cats/test/
            name = PurePosixPath(like.folder).name if like else _named(part)
            return (PurePosixPath(other.own).parent / label / name).as_posix()
        if other is None or part == LEARN:
            return f"{TEST}/{label}" if part == TEST else label
        above = PurePosixPath(other.folder).parent  # train/, or the folder itself
        if not above.parts:
            return f"{TEST}/{label}"
        return (above.parent / _named(part) / label).as_posix()

    def place_of(self, name: str) -> Place | None:
        """The label's folder that a picture is in, by its name; None for one of the heap."""
        for up in PurePosixPath(name).parents:
            if found := self._by_folder.get(up.as_posix()):
                return found
        return None

    def below(self, name: str) -> str:
        """What a picture is called below its label's folder: folders there say which pictures
        belong together."""
        found = self.place_of(name)
        return name[len(found.folder) + 1 :] if found else PurePosixPath(name).name


def _named(part: str) -> str:
    return TEST if part == TEST else "train"


def _key(label: str) -> str:
    return unicodedata.normalize("NFC", label)


class Free:
    """Names that are free in the folders of a root, also on systems that take `A` for `a`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._longest = longest_name(root)
        self._taken: dict[str, set[str]] = {}

    def free(self, target: str) -> str:
        """The name, or the same with a number, `x-2.jpg`; it is taken from now on."""
        folder, _, name = target.rpartition("/")
        taken = self._names_in(folder)
        suffix = PurePosixPath(name).suffix
        suffix = suffix if suffix.lower() in SUFFIXES else ""
        stem = name.removesuffix(suffix)
        number = 1
        while folded(name) in taken:
            number += 1
            name = _fitting(stem, f"-{number}{suffix}", self._longest)
        taken.add(folded(name))
        return f"{folder}/{name}" if folder else name

    def _names_in(self, folder: str) -> set[str]:
        if folder not in self._taken:
            try:
                self._taken[folder] = {folded(name) for name in os.listdir(self.root / folder)}
            except (FileNotFoundError, NotADirectoryError):
                self._taken[folder] = set()
        return self._taken[folder]


def _fitting(stem: str, ending: str, longest: int) -> str:
    """A file's name; where that is too long, the stem loses its last letters."""
    while stem and len(os.fsencode(stem + ending)) > longest:
        stem = stem[:-1]
    return stem + ending
