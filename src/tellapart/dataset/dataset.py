"""Labelled pictures as they were found: each with its place, its name and its label."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..files.reading import read_content
from ..files.skipped import SkippedFile
from ..files.stored import suffix_of_place
from ..files.workspaces import Workspace
from ..text import first_few, several, shown
from .items import Item as Item
from .items import Items
from .labels import ordered

FEW = 20  # the original warned below this many pictures of a label


@dataclass(frozen=True)
class Dataset:
    """What was found in a source; its `labels` are sorted.

    Attributes:
        source: the folder, table or archive; of pictures given in Python, where relative paths in
            them are from.
        items: the pictures, in order of their names.
        skipped: files that were passed over, with the reason.
        hidden: how many files and folders of the system were passed over.
        empty: folders without pictures, which would otherwise be labels.
        shut: (label, a sentence without its end) of each label folder that could not be opened.
        parts: (split, name) of each folder or word in a column that says a split.
        notes: sentences on what was read in one way and could be meant in another.
        test_source: where the pictures to test on are, if that is elsewhere; their names begin with
            its name.
        given: what a Python program gave, such as "the list given in Python"; empty otherwise.
        address: the source as it was given, where that is an address such as `s3://photos/`.
        unmended: the pictures as the source has them, before decisions about them were applied.
        kept: the names of pictures that are said to be right as they are.
    """

    source: Path
    items: Items
    skipped: tuple[SkippedFile, ...] = ()
    hidden: int = 0
    empty: tuple[str, ...] = ()
    shut: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    given: str = ""
    address: str = ""
    test_source: Path | None = None
    unmended: Items = field(default_factory=Items, repr=False)
    kept: frozenset[str] = frozenset()
    _workspaces: tuple[Workspace, ...] = field(default=(), repr=False, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        return ordered(set(self.items.labels))

    @property
    def called(self) -> str:
        """What it is called in a sentence; `subject` begins one."""
        return self.given or self.written

    @property
    def written(self) -> str:
        """The source as it is typed in a command."""
        return shown(self.address or self.source)

    @property
    def subject(self) -> str:
        return self.called if not self.given else self.given[0].upper() + self.given[1:]

    @property
    def place(self) -> str:
        """The one path by which it is known; empty for what Python gave."""
        return "" if self.given else self.address or os.path.realpath(self.source)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders that the items' names are below; none where no name is a path."""
        if self.given:
            return (Path.cwd(),) if self._paths else ()
        if self.address:
            return ()
        source = self.source.resolve()
        return (source if source.is_dir() else source.parent,)

    @property
    def counts(self) -> dict[str, int]:
        """Pictures per label, in the order of `labels`."""
        counts = Counter(self.items.labels)
        return {label: counts[label] for label in self.labels}

    def place_of(self, name: str) -> Path:
        """The path by which a picture can be opened from here, if it has one; else its name."""
        if name in self._paths:
            return self._paths[name]
        if self.address:
            return Path(name)
        place = (self.source if self.source.is_dir() else self.source.parent) / name
        return place if os.path.lexists(place) else Path(name)

    @cached_property
    def _paths(self) -> dict[str, Path]:
        """Those in an unpacked archive have none that lasts."""
        places = zip(self.items.names, self.items.paths, strict=True)
        return {
            name: path
            for name, path in places
            if isinstance(path, Path) and not self._is_unpacked(path)
        }

    def _is_unpacked(self, path: Path) -> bool:
        return any(path.is_relative_to(one.folder) for one in self._workspaces)

    def __deepcopy__(self, memo: object) -> Dataset:
        """Nothing in it changes, and its files are there as long as it is."""
        return self

    def __getstate__(self) -> dict[str, object]:
        """For a pickle, which holds the pictures that lie in a workspace: elsewhere there is none,
        and here it may be gone by then."""
        state = {**self.__dict__, "_workspaces": ()}
        state.pop("_paths", None)
        state["_contents"] = {
            at: read_content(path)
            for at, path in enumerate(self.items.paths)
            if isinstance(path, Path) and self._is_unpacked(path)
        }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        contents = state.pop("_contents")
        if contents:
            workspace = Workspace()
            items = list(state["items"])
            with workspace.filling() as folder:
                for at, content in contents.items():
                    path = folder / f"{at}{suffix_of_place(items[at].path)}"
                    path.write_bytes(content)
                    items[at] = replace(items[at], path=path)
            state = {**state, "items": Items(items), "_workspaces": (workspace,)}
        self.__dict__.update(state)

    @property
    def as_found(self) -> Dataset:
        """The same without decisions about its pictures."""
        return replace(self, items=self.unmended or self.items, kept=frozenset())

    def only(self, *splits: str | None) -> Dataset:
        """The part whose items are said to be in one of `splits`."""
        return replace(self, items=Items(i for i in self.items if i.split in splits))

    @property
    def held(self) -> str | None:
        """The split that is to be tested on: validation only where nothing is for testing."""
        said = set(self.items.splits)
        return next((split for split in ("test", "validation") if split in said), None)

    def to_test(self) -> tuple[Dataset, tuple[str, ...]]:
        """What of it a model is tested on, and a note where that is not all."""
        if self.held is None or set(self.items.splits) == {self.held}:
            return self, ()
        part = self.only(self.held)
        names = [name for split, name in self.parts if split == self.held]
        rest = several(len(self.items) - len(part.items), "picture")
        return part, (
            f"Only {first_few(names)} of {shown(self.source)} is used, because it is for testing; "
            f"{rest} beside it are not.",
        )

    @property
    def words_on_empty(self) -> tuple[str, ...]:
        """Sentences on the folders that hold no pictures, and on those that stay shut."""
        said = [
            f"{why}: {'it' if why.startswith(f'{shown(label)} ') else shown(label)} is missing "
            f"from the model."
            for label, why in self.shut
        ]
        if self.empty:
            many = len(self.empty) > 1
            said.append(
                f"{first_few(self.empty)} {'have' if many else 'has'} no pictures, so "
                f"{'they are not labels' if many else 'it is not a label'} of the model."
            )
        return tuple(said)


def marked(parts: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What a column says splits, those to learn from first."""
    named = sorted(parts, key=lambda part: (part[0] != "train", part[1]))
    return tuple((split, f"what is marked {word}") for split, word in named)


def on_torn(torn: list[tuple[str, list[str]]], called: str) -> Iterator[str]:
    """A sentence on the pictures that have more than one label."""
    if torn:
        name, labels = torn[0]
        yield (
            f"{called} gives {several(len(torn), 'picture')} more than one label, and "
            f"one of them must be wrong: {shown(name)} has {first_few(labels)}."
        )


def nohash_group(label: str, file_name: str) -> str | None:
    """retrain.py's convention: `rose1_nohash_2.jpg` belongs with `rose1`."""
    stem, mark, _ = file_name.partition("_nohash_")
    return f"{label}/{stem}" if mark else None


def labelled(name: str) -> str:
    if not name or any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        raise DatasetError(
            f"The label {shown(name)!r} is not text: its folder's name is not UTF-8.",
            hint="Rename that folder.",
        )
    return name
