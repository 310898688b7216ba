"""Names in order, of what is in one folder or of anything else, also where they are a million.

A folder of at most `_AT_ONCE` entries is put in order in memory, as the system gives them. Of a
larger one, so many at a time are put in order and kept packed, and these are merged: some ten bytes
an entry.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

from ..files.compact import Packed
from ..workers.deadlines import Call

_AT_ONCE = 10_000

Identity = tuple[int, int]  # what tells a folder from all others, by whatever links it is reached


class InFolder(Protocol):
    """What is asked of an entry of a folder: `os.DirEntry` has it."""

    @property
    def name(self) -> str: ...

    @property
    def path(self) -> str: ...

    def __fspath__(self) -> str: ...

    def is_symlink(self) -> bool: ...

    def is_dir(self, *, follow_symlinks: bool = True) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """An entry that was packed; its kind is that of the time when it was found."""

    name: str
    path: str
    kind: str  # "l" of a link, "d" of a folder, "f" of anything else

    def __fspath__(self) -> str:
        return self.path

    def is_symlink(self) -> bool:
        return self.kind == "l"

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        if self.kind == "l":
            return follow_symlinks and os.path.isdir(self.path)
        return self.kind == "d"


def identity(folder: Path) -> Identity:
    found = folder.stat()
    return found.st_dev, found.st_ino


def in_order(
    folder: Path, wanted: Callable[[str], bool], call: Call[Any]
) -> tuple[Identity, Iterator[InFolder]]:
    """A folder's identity, and its entries in the order of their names, those whose name is wanted.
    The folder is read to its end before.

    Raises:
        OSError: it cannot be opened or read.
    """
    with os.scandir(folder) as found:
        here = identity(folder)
        rest = (entry for entry in found if wanted(entry.name))
        entries = list(islice(rest, _AT_ONCE + 1))
        if len(entries) <= _AT_ONCE:
            return here, iter(sorted(entries, key=attrgetter("name")))
        runs = []
        while entries:
            call.beat()
            runs.append(_packed(entries))
            entries = list(islice(rest, _AT_ONCE))
    return here, _merged(os.fspath(folder), runs)


def ordered(texts: Iterable[str]) -> Iterator[str]:
    """Texts in order, none with a NUL in it; the same is held of them, however many they are."""
    rest = iter(texts)
    some = sorted(islice(rest, _AT_ONCE))
    if len(some) < _AT_ONCE:
        return iter(some)
    runs = []
    while some:
        packed = Packed()
        for text in some:
            packed.append(text)
        runs.append(packed)
        some = sorted(islice(rest, _AT_ONCE))
    return heapq.merge(*runs)


def _packed(entries: Iterable[os.DirEntry[str]]) -> Packed:
    packed = Packed()
    for entry in sorted(entries, key=attrgetter("name")):
        packed.append(entry.name + _kind(entry))
    return packed


def _kind(entry: os.DirEntry[str]) -> str:
    with suppress(OSError):
        if entry.is_symlink():
            return "l"
        if entry.is_dir(follow_symlinks=False):
            return "d"
    return "f"


def _merged(folder: str, runs: Iterable[Packed]) -> Iterator[InFolder]:
    for text in heapq.merge(*runs, key=lambda text: text[:-1]):
        name = text[:-1]
        yield _Unpacked(name, os.path.join(folder, name), text[-1])
