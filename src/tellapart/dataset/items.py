"""The pictures of a data set, one by one and as columns: in some 50 bytes each and those of their
names, as a million paths and names would fill the memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DatasetError
from ..files.columns import Column, Few, Texts, taken
from ..files.stored import Place
from ..text import shown


@dataclass(frozen=True, slots=True)
class Item:
    """One picture, as it is said to be one: where it is, its name below the source, and its
    label."""

    path: Place
    name: str
    label: str
    split: str | None = None  # "train", "test", "validation", or None: not said
    group: str | None = None  # pictures of one group are never parted

    @property
    def file(self) -> Path:
        """Its own file, for who moves, links or renames it.

        Raises:
            DatasetError: it lies inside something else, and has none.
        """
        if isinstance(self.path, Path):
            return self.path
        raise DatasetError(
            f"{shown(self.path.name)} has no file of its own: it lies in a tar, in a Parquet file "
            f"or at an address, and stays there.",
            hint="Unpack or download the pictures into a folder, and give that.",
        )


class Items(Column[Item]):
    """Pictures in order, as columns.

    Attributes:
        names: below the source.
        paths: where they are.
        labels: their labels.
        splits: "train", "test", "validation" or None.
        groups: the names of their groups, or None.
    """

    names: Sequence[str]
    paths: Sequence[Place]
    labels: Sequence[str]
    splits: Sequence[str | None]
    groups: Sequence[str | None]

    def __init__(self, items: Iterable[Item] = ()) -> None:
        names, labels = Texts(), Few[str]()
        splits, groups = Few[str | None](), Few[str | None]()
        places = _Places(names)
        for item in items:
            names.append(item.name)
            places.append(item.path, item.name)
            labels.append(item.label)
            splits.append(item.split)
            groups.append(item.group)
        self.names, self.paths, self.labels = names, places, labels
        self.splits, self.groups = splits, groups

    def among(self, rows: np.ndarray) -> Items:
        """Those in `rows`, int `[N]`, in this order."""
        found = Items()
        found.names, found.paths = taken(self.names, rows), taken(self.paths, rows)
        found.labels, found.splits = taken(self.labels, rows), taken(self.splits, rows)
        found.groups = taken(self.groups, rows)
        return found

    def __len__(self) -> int:
        return len(self.names)

    def _row(self, at: int) -> Item:
        where, group = self.paths[at], self.groups[at]
        return Item(where, self.names[at], self.labels[at], self.splits[at], group)

    def __iter__(self) -> Iterator[Item]:
        return map(Item, self.paths, self.names, self.labels, self.splits, self.groups)


class _Places(Column[Place]):
    """Where pictures are, each in 5 bytes where its path ends with its name.

    A path is kept as what comes before, which is the same for many, and how much of the name is
    not in it: of one called `test/cat/1.jpg` only `cat/1.jpg` may be.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._before: Few[str] = Few()
        self._skipped = array("I")
        self._stored: dict[int, Place] = {}  # those that are no files, by their rows

    def append(self, place: Place, name: str) -> None:
        if not isinstance(place, Path):
            self._stored[len(self._skipped)] = place
            self._before.append("")
            self._skipped.append(0)
            return
        path, skipped = place.as_posix(), 0
        while skipped < len(name) and not path.endswith(name[skipped:]):
            skipped = name.find("/", skipped) + 1 or len(name)
        self._before.append(path[: len(path) - len(name) + skipped])
        self._skipped.append(skipped)

    def __len__(self) -> int:
        return len(self._skipped)

    def _row(self, at: int) -> Place:
        if at in self._stored:
            return self._stored[at]
        return Path(self._before[at] + self._names[at][self._skipped[at] :])
