"""A folder, table or archive of labelled pictures -> `Dataset`.

Nothing is decoded here: a `Dataset` lists what is there, under which label, and what was passed
over and why.
"""

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
from ..files.workspaces import Workspace
from ..text import first_few, several, shown
from .archives import is_archive, unpack
from .completeness import finished
from .decided import decisions_about
from .labels import ordered
from .layout import layout_of
from .mended import apply
from .paths import Finder, missing
from .tables import TABLE_SUFFIXES, names_pictures, read_table
from .walk import SET_ASIDE, Walk, identity
from .walk import SkippedFile as SkippedFile
from .walk import is_hidden as is_hidden
from .walk import pictures_below as pictures_below

FEW = 20  # the original warned below this many pictures of a label


@dataclass(frozen=True)
class Item:
    """One file said to be a picture: where it is, its name below the source, and its label."""

    path: Path
    name: str
    label: str
    split: str | None = None  # "train", "test", "validation", or None: not said
    group: str | None = None  # pictures of one group are never parted


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
        unmended: the pictures as the source has them, before decisions about them were applied.
        kept: the names of pictures that are said to be right as they are.
    """

    source: Path
    items: tuple[Item, ...]
    skipped: tuple[SkippedFile, ...] = ()
    hidden: int = 0
    empty: tuple[str, ...] = ()
    shut: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    given: str = ""
    test_source: Path | None = None
    unmended: tuple[Item, ...] = field(default=(), repr=False)
    kept: frozenset[str] = frozenset()
    _workspaces: tuple[Workspace, ...] = field(default=(), repr=False, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        return ordered({item.label for item in self.items})

    @property
    def called(self) -> str:
        """What it is called in a sentence; `subject` begins one."""
        return self.given or shown(self.source)

    @property
    def subject(self) -> str:
        return self.called if not self.given else self.given[0].upper() + self.given[1:]

    @property
    def place(self) -> str:
        """The one path by which it is known; empty for what Python gave."""
        return "" if self.given else os.path.realpath(self.source)

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders that the items' names are below; none where no name is a path."""
        if self.given:
            return (Path.cwd(),) if self._paths else ()
        source = self.source.resolve()
        return (source if source.is_dir() else source.parent,)

    @property
    def counts(self) -> dict[str, int]:
        """Pictures per label, in the order of `labels`."""
        counts = Counter(item.label for item in self.items)
        return {label: counts[label] for label in self.labels}

    def place_of(self, name: str) -> Path:
        """The path by which a picture can be opened from here, if it has one; else its name."""
        if name in self._paths:
            return self._paths[name]
        place = (self.source if self.source.is_dir() else self.source.parent) / name
        return place if os.path.lexists(place) else Path(name)

    @cached_property
    def _paths(self) -> dict[str, Path]:
        """Those in an unpacked archive have none that lasts."""
        folders = [workspace.folder for workspace in self._workspaces]
        return {
            item.name: item.path
            for item in self.items
            if not any(item.path.is_relative_to(folder) for folder in folders)
        }

    def __deepcopy__(self, memo: object) -> Dataset:
        """Nothing in it changes, and its files are there as long as it is."""
        return self

    def __getstate__(self) -> dict[str, object]:
        """For a pickle, which holds the pictures that lie in a workspace: elsewhere there is none,
        and here it may be gone by then."""
        state = {**self.__dict__, "_workspaces": ()}
        state.pop("_paths", None)
        state["_contents"] = {
            at: read_content(item.path)
            for at, item in enumerate(self.items)
            if any(item.path.is_relative_to(one.folder) for one in self._workspaces)
        }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        contents = state.pop("_contents")
        if contents:
            workspace = Workspace()
            items = list(state["items"])
            with workspace.filling() as folder:
                for at, content in contents.items():
                    path = folder / f"{at}{items[at].path.suffix}"
                    path.write_bytes(content)
                    items[at] = replace(items[at], path=path)
            state = {**state, "items": tuple(items), "_workspaces": (workspace,)}
        self.__dict__.update(state)

    @property
    def as_found(self) -> Dataset:
        """The same without decisions about its pictures."""
        return replace(self, items=self.unmended or self.items, kept=frozenset())

    def only(self, *splits: str | None) -> Dataset:
        """The part whose items are said to be in one of `splits`."""
        return replace(self, items=tuple(i for i in self.items if i.split in splits))

    @property
    def held(self) -> str | None:
        """The split that is to be tested on: validation only where nothing is for testing."""
        said = {item.split for item in self.items}
        return next((split for split in ("test", "validation") if split in said), None)

    def to_test(self) -> tuple[Dataset, tuple[str, ...]]:
        """What of it a model is tested on, and a note where that is not all."""
        if self.held is None or {item.split for item in self.items} == {self.held}:
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


def read_dataset(
    source: str | os.PathLike[str],
    *,
    follow_links: bool = False,
    at_least: int = 2,
    decided: bool = True,
) -> Dataset:
    """Read a labelled data set that has pictures of at least `at_least` labels.

    A source is a folder that has one folder per label; a folder with `train/`, and perhaps `test/`
    and `val/`, that have such folders (others beside them are passed over); a CSV or JSONL file
    with the columns path and label, and perhaps split and group; a JSON export of Label Studio or
    FiftyOne; or a .zip or .tar.gz of these.
    Decisions about its pictures are applied, unless not `decided`: see `decisions.py`.

    Raises:
        DatasetError: it is none of these; the message lists what was found. Or a line of the table
            of decisions is none.
    """
    path = Path(source)
    if not os.path.exists(path):
        raise DatasetError(
            f"{shown(path)} does not exist.",
            hint="Give a folder that has one folder of pictures per label.",
        )
    unpacked = None
    if is_archive(path):
        workspace = Workspace()
        with workspace.filling() as folder:
            said = unpack(path, folder)
        dataset, unpacked = read_unpacked(workspace.folder, path)
        dataset = replace(dataset, notes=(*said, *dataset.notes), _workspaces=(workspace,))
    elif path.is_dir():
        dataset = _read_folder(path, follow_links)
    elif path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
        dataset = _read_table(path)
    else:
        raise DatasetError(
            f"{shown(path)} is neither a folder, a CSV, JSONL or JSON file, nor a .zip or .tar.gz.",
            hint="Give a folder that has one folder of pictures per label.",
        )
    dataset = replace(dataset, unmended=dataset.items)
    if decided:
        decisions, notes = decisions_about(path, dataset.parts, unpacked)
        dataset = apply(replace(dataset, notes=(*dataset.notes, *notes)), decisions)
    return finished(dataset, at_least)


def _read_folder(root: Path, follow_links: bool) -> Dataset:
    walk = Walk(root, follow_links)
    layout = layout_of(walk)
    notes = layout.notes
    if os.path.isdir(root / SET_ASIDE):
        notes += (f"{SET_ASIDE}/ is no label: it holds pictures that were dropped.",)
    items: list[Item] = []
    bare: list[str] = []
    shut: dict[str, str] = {}
    for place in layout.labels:
        label = _label(place.label)
        above = frozenset({identity(root), identity(place.folder.parent)})
        found = [
            Item(path, name, label, place.split, _nohash_group(label, path.name))
            for path, name in walk.pictures(place.folder, above)
        ]
        items += found
        if not found:
            why = walk.shut(place.folder)
            bare += [] if why else [label]
            shut |= {label: why} if why else {}
    filled = {item.label for item in items}
    return Dataset(
        root,
        tuple(items),
        tuple(walk.skipped),
        walk.hidden,
        empty=tuple(dict.fromkeys(label for label in bare if label not in filled)),
        shut=tuple((label, why) for label, why in shut.items() if label not in filled),
        parts=layout.parts,
        notes=notes,
    )


def _nohash_group(label: str, file_name: str) -> str | None:
    """retrain.py's convention: `rose1_nohash_2.jpg` belongs with `rose1`."""
    stem, mark, _ = file_name.partition("_nohash_")
    return f"{label}/{stem}" if mark else None


def _read_table(path: Path, inside: Path | None = None, called: Path | None = None) -> Dataset:
    """A CSV or JSONL file; paths in it are relative to its folder, and below `inside` if given.

    `called` is what an error calls it, if not by its path.
    """
    items, skipped = [], []
    labels_of: dict[Path, dict[str, None]] = {}
    finder = Finder(path.parent)
    rows, faults = read_table(path, called)
    if not rows:
        raise DatasetError(
            f"{shown(called or path)} holds no rows: it names no picture.",
            hint="Write a line with the columns path and label, and below it a line a picture.",
        )
    for row in rows:
        file = finder.find(row.path)
        if file is None:
            skipped.append(SkippedFile(row.path, missing(row.path)))
        elif inside and not file.resolve().is_relative_to(inside.resolve()):
            skipped.append(SkippedFile(row.path, "a path that leads outside the archive"))
        elif row.label in labels_of.setdefault(file, {}):
            skipped.append(SkippedFile(row.path, "named a second time, with the same label"))
        else:
            labels_of[file][row.label] = None
            label = _label(row.label)
            group = row.group or _nohash_group(label, file.name)
            name = finder.name(row.path, file)
            items.append(Item(file, name, label, row.split, group))
    if skipped and not items:
        raise DatasetError(
            f"{shown(called or path)} names {several(len(skipped), 'picture')}, and none of them "
            f"exists; the first is {shown(skipped[0].name)} ({skipped[0].reason}).",
            hint="Write paths relative to the folder that the table is in.",
        )
    skipped += (SkippedFile(f"{path.name}, {one.place}", one.reason) for one in faults)
    items.sort(key=lambda item: item.name)
    torn = [(finder.name("", f), list(of)) for f, of in labels_of.items() if len(of) > 1]
    parts = dict.fromkeys((r.split, r.part) for r in rows if r.split)
    return Dataset(
        path,
        tuple(items),
        tuple(skipped),
        parts=marked(parts),
        notes=tuple(on_torn(torn, shown(path.name))),
    )


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


def read_unpacked(root: Path, archive: Path) -> tuple[Dataset, Path]:
    """What an archive held: a data set at its top, or one folder further down; and that folder."""
    top = root
    for _ in range(3):
        walk = Walk(root, follow_links=False)
        entries = walk.entries(root)
        tables = [path for path in (Path(e.path) for e in entries) if names_pictures(path)]
        folders = [e for e in entries if e.is_dir()]
        if len(tables) == 1:
            called = archive / tables[0].relative_to(top)
            return replace(_read_table(tables[0], root, called), source=archive), root
        if len(folders) != 1 or not walk.folders(Path(folders[0].path)):
            break
        root = Path(folders[0].path)
    return replace(_read_folder(root, follow_links=False), source=archive), root


def _label(name: str) -> str:
    if not name or any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        raise DatasetError(
            f"The label {shown(name)!r} is not text: its folder's name is not UTF-8.",
            hint="Rename that folder.",
        )
    return name
