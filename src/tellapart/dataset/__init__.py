"""A folder, table or archive of labelled pictures -> `Dataset`.

Nothing is decoded here: a `Dataset` lists what is there, under which label, and what was passed
over and why.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ..errors import DatasetError
from ..wording import several, shown
from ..workspaces import Workspace
from .archives import is_archive, unpack
from .tables import SPLITS, TABLE_SUFFIXES, names_pictures, read_table
from .walk import Skipped as Skipped
from .walk import Walk, identity
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
    """What was found in a source: `labels` sorted, `items` in order of their names."""

    source: Path
    items: tuple[Item, ...]
    skipped: tuple[Skipped, ...] = ()
    hidden: int = 0  # files and folders that systems leave behind
    _workspaces: tuple[Workspace, ...] = field(default=(), repr=False, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({item.label for item in self.items}))

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

    def only(self, *splits: str | None) -> Dataset:
        """The part whose items are said to be in one of `splits`."""
        return replace(self, items=tuple(i for i in self.items if i.split in splits))


def read_dataset(
    source: str | os.PathLike[str], *, follow_links: bool = False, at_least: int = 2
) -> Dataset:
    """Read a labelled data set with pictures of `at_least` so many labels.

    A source is a folder with one folder a label; a folder with `train/` and perhaps `test/` and
    `val/` of such folders, beside which others are passed over; a CSV or JSONL file with the
    columns path and label, and perhaps split and group; or a .zip or .tar.gz of any of these.

    Raises:
        DatasetError: there is nothing of that kind; the message lists what was found.
    """
    path = Path(source)
    if not os.path.exists(path):
        raise DatasetError(
            f"There is no {shown(path)}.", hint="Give a folder with one folder of pictures a label."
        )
    if is_archive(path):
        workspace = Workspace()
        with workspace.filling() as folder:
            unpack(path, folder)
        dataset = replace(_read_unpacked(workspace.folder, path), _workspaces=(workspace,))
    elif path.is_dir():
        dataset = _read_folder(path, follow_links)
    elif path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
        dataset = _read_table(path)
    else:
        raise DatasetError(
            f"{shown(path)} is neither a folder, a CSV or JSONL file, nor a .zip or .tar.gz.",
            hint="Give a folder with one folder of pictures a label.",
        )
    _check_labels(dataset, at_least)
    return dataset


def _read_folder(root: Path, follow_links: bool) -> Dataset:
    walk = Walk(root, follow_links)
    items: list[Item] = []
    for split, label_folder in _label_folders(walk):
        label = _label(label_folder.name)
        above = frozenset({identity(root), identity(label_folder.parent)})
        items += (
            Item(path, name, label, split, _nohash_group(label, path.name))
            for path, name in walk.pictures(label_folder, above)
        )
    return Dataset(root, tuple(items), tuple(walk.skipped), walk.hidden)


def _label_folders(walk: Walk) -> list[tuple[str | None, Path]]:
    """(split, folder of a label); split folders are read one level deeper.

    A root of nothing but split folders has them; beside others they must be `train/`, with nothing
    but folders in it, and one more, for all of them may be labels.
    """
    named = [(SPLITS.get(folder.name.lower()), folder) for folder in walk.folders(walk.root)]
    learnt = [folder for split, folder in named if split == "train"]
    splits = {split for split, _ in named}
    if not learnt or (
        None in splits
        and (len(splits) < 3 or not all(walk.holds_only_folders(folder) for folder in learnt))
    ):
        return [(None, folder) for _, folder in named]
    for split, folder in named:
        if split is None:
            walk.pass_over(folder, f"a folder beside {learnt[0].name}/, and none of a split")
    return [(split, inner) for split, folder in named if split for inner in walk.folders(folder)]


def _nohash_group(label: str, file_name: str) -> str | None:
    """retrain.py's convention: `rose1_nohash_2.jpg` belongs with `rose1`."""
    stem, mark, _ = file_name.partition("_nohash_")
    return f"{label}/{stem}" if mark else None


def _read_table(path: Path, inside: Path | None = None, called: Path | None = None) -> Dataset:
    """A CSV or JSONL file; paths in it are relative to its folder, and below `inside` if given.

    `called` is what an error calls it, if not by its path.
    """
    items, skipped = [], []
    for row in read_table(path, called):
        file = path.parent / row.path
        if not os.path.exists(file):  # unlike Path.exists, never raises
            skipped.append(Skipped(row.path, "no such file"))
        elif inside and not file.resolve().is_relative_to(inside.resolve()):
            skipped.append(Skipped(row.path, "a path that leads outside the archive"))
        else:
            label = _label(row.label)
            group = row.group or _nohash_group(label, file.name)
            items.append(Item(file, row.path, label, row.split, group))
    if skipped and not items:
        raise DatasetError(
            f"None of the {several(len(skipped), 'picture')} named in {shown(called or path)} "
            f"exists; the first is {shown(skipped[0].name)}.",
            hint="Paths are relative to the folder that the table is in.",
        )
    items.sort(key=lambda item: item.name)
    return Dataset(path, tuple(items), tuple(skipped))


def _read_unpacked(root: Path, archive: Path) -> Dataset:
    """What an archive held: a data set at its top, or one folder further down."""
    top = root
    for _ in range(3):
        walk = Walk(root, follow_links=False)
        entries = walk.entries(root)
        tables = [path for path in (Path(e.path) for e in entries) if names_pictures(path)]
        folders = [e for e in entries if e.is_dir()]
        if len(tables) == 1:
            called = archive / tables[0].relative_to(top)
            return replace(_read_table(tables[0], root, called), source=archive)
        if len(folders) != 1 or not walk.folders(Path(folders[0].path)):
            break
        root = Path(folders[0].path)
    return replace(_read_folder(root, follow_links=False), source=archive)


def _label(name: str) -> str:
    if not name or any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        raise DatasetError(
            f"The label {shown(name)!r} is not text: its folder's name is not UTF-8.",
            hint="Rename that folder.",
        )
    return name


def _check_labels(dataset: Dataset, at_least: int) -> None:
    """Enough labels with pictures, and none that is another one but for how it is written."""
    counts = dataset.only(None, "train", "validation").counts if at_least > 1 else dataset.counts
    if len(counts) < at_least:
        found = ", ".join(f"{shown(label)} ({n})" for label, n in counts.items()) or "none"
        needed = several(at_least, "label")
        raise DatasetError(
            f"{shown(dataset.source)} needs pictures of at least {needed}; found: {found}."
            f"{_passed_over(dataset)}",
            hint="Put the pictures of each label into a folder with the label's name.",
        )
    check_distinct(dataset.labels)


def check_distinct(labels: Iterable[str]) -> None:
    """No label is another one but for case, encoding, or spaces at its ends.

    Raises:
        DatasetError: two of them are.
    """
    seen: dict[str, str] = {}
    for label in labels:
        folded = _folded(label.strip())
        if folded in seen:
            spaces = _folded(label) != _folded(seen[folded])
            way = "spaces at their ends" if spaces else "case or encoding"
            raise DatasetError(
                f"The labels {seen[folded]!r} and {label!r} differ only in {way}.",
                hint="Rename one of them, or put their pictures into one folder.",
            )
        seen[folded] = label


def _folded(label: str) -> str:
    return unicodedata.normalize("NFC", label).casefold()


def _passed_over(dataset: Dataset) -> str:
    if not dataset.skipped:
        return ""
    first = dataset.skipped[0]
    count = several(len(dataset.skipped), "file")
    return f" Passed over: {count}, such as {shown(first.name)} ({first.reason})."
