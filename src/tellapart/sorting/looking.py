"""One look through a folder -> the files in it that are to be asked about, with what they are like.

It changes nothing, and keeps no word of what was seen before: that is told to it (`arrivals.py`).
"""

from __future__ import annotations

import os
import re
from array import array
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dataset.decision import is_table_of_decisions
from ..dataset.walk import LINK, SHUT, is_hidden
from ..files.compact import HashTable
from ..files.leftovers import TEMPORARY
from ..files.transfer import Stamp, reason_of
from ..workers.deadlines import Call
from .journal import STATE

_ALL = 2**64 - 1
_MOST = 20_000  # files waited for at once; where more have come, they are seen once these are done

# Names that programs give to what they are still writing: browsers, FTP servers, rsync, Syncthing,
# cloud and download programs, editors. What begins with a dot is hidden anyway.
_UNFINISHED = re.compile(
    r"(?P<name>.*)(?:\.(?:te?mp|part|partial|filepart|crdownload|download|opdownload|upload"
    r"|uploading|incomplete|aria2|!ut|!qb|!sync|bc!|swp|lock|icloud)|~)|~syncthing~.*|~\$.*",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class Found:
    """What one look finds."""

    stamps: dict[str, Stamp] = field(default_factory=dict)  # of the files that were asked
    unfinished: set[int] = field(default_factory=set)  # file numbers under unfinished names
    numbers: dict[str, int] = field(default_factory=dict)  # of the files that were asked
    shut: dict[str, str] = field(default_factory=dict)  # what could not be looked into, and why
    hidden: int = 0  # hidden and system files
    found_again: array[int] = field(default_factory=lambda: array("Q"))  # see `DealtWith.renew`
    new: int = 0  # files that nobody has waited for yet
    has_more: bool = False  # of those, than are waited for


class DealtWith:
    """What is kept in memory of each file that was sorted, for months: a hash of its name and one
    of its stamp. Where two names have one hash, one of the files is looked into again and again,
    and found to be sorted."""

    def __init__(self) -> None:
        self._marks = HashTable()

    def __contains__(self, name: object) -> bool:
        return self._marks.first(hash(name)) is not None

    def add(self, name: str, stamp: Stamp) -> None:
        self._marks.put(hash(name), _mark(stamp))

    def remove(self, name: str) -> None:
        mark = self._marks.first(hash(name))
        if mark is not None:
            self._marks.remove(hash(name), mark)

    def is_same(self, name: str, stamp: Stamp, renewed: array[int]) -> bool:
        """Whether a file is the one that was sorted; if its ctime was not known then, what is to be
        remembered from now on is added."""
        known = self._marks.first(hash(name))
        if known is None or known == _mark(stamp):
            return known is not None
        if known != _mark(_without_ctime(stamp)):
            return False
        renewed.extend((hash(name) & _ALL, _mark(stamp)))
        return True

    def renew(self, found_again: array[int]) -> None:
        for at in range(0, len(found_again), 2):
            self._marks.put(found_again[at], found_again[at + 1])


def _mark(stamp: Stamp) -> int:
    return hash(stamp) & _ALL


def _without_ctime(stamp: Stamp) -> Stamp:
    return stamp._replace(ctime_ns=0)


@dataclass(frozen=True)
class Looking:
    """How a folder is looked through.

    Attributes:
        root: the folder.
        destination: where sorted files go, which is not looked into.
        follow_links: whether links to folders are followed.
        dealt_with: what was sorted.
        waiting: by name, the files that are waited for.
        refused: by name, those that could not be read.
    """

    root: Path
    destination: Path
    follow_links: bool
    dealt_with: DealtWith
    waiting: Mapping[str, object]
    refused: Mapping[str, object]

    def find(self, known: Container[str], call: Call[Any]) -> Found:
        """Read the folder and those in it, asking each file that is not known. It changes nothing,
        since it may still run when nobody waits for it any more."""
        found = Found()
        stack: list[tuple[str, str, frozenset[tuple[int, int]]]] = [("", str(self.root), _NONE)]
        while stack:
            prefix, folder, above = stack.pop()
            try:
                with os.scandir(folder) as scan:
                    entries = list(scan)
                call.beat()
                if self.follow_links:
                    here = os.stat(folder)
                    if (here.st_dev, here.st_ino) in above:
                        continue
                    above |= {(here.st_dev, here.st_ino)}
            except OSError as error:
                if not prefix:
                    raise
                if not isinstance(error, FileNotFoundError):  # gone in this moment
                    found.shut[prefix[:-1]] = f"{SHUT}cannot be opened: {reason_of(error)}"
                continue
            if prefix and any(entry.name == STATE for entry in entries):
                continue  # it holds what a sort has put there
            self._look_through(entries, prefix, above, known, found, stack, call)
        return found

    def _look_through(
        self,
        entries: list[os.DirEntry[str]],
        prefix: str,
        above: frozenset[tuple[int, int]],
        known: Container[str],
        found: Found,
        stack: list[tuple[str, str, frozenset[tuple[int, int]]]],
        call: Call[Any],
    ) -> None:
        being_written = set()
        files = []
        for entry in entries:
            name = entry.name
            if name.startswith(TEMPORARY) or is_table_of_decisions(name):
                continue
            if prefix + name in known and prefix + name not in self.waiting:
                continue
            unfinished = _UNFINISHED.fullmatch(name)
            if is_hidden(name):
                found.unfinished.add(entry.inode())
                found.hidden += not unfinished
            elif self._is_folder(entry):
                if not name.lower().endswith(".download") and not self._is_destination(entry):
                    stack.append((f"{prefix}{name}/", entry.path, above))
            elif unfinished:
                found.unfinished.add(entry.inode())
                being_written.add(unfinished["name"])
            elif self._is_linked_folder(entry):
                found.shut[prefix + name] = LINK
            else:
                files.append(entry)
        for entry in files:
            name = prefix + entry.name
            call.beat()
            try:
                state = os.stat(entry.path)
            except FileNotFoundError:  # gone in this moment, or a link to what is not there
                continue
            except OSError as error:
                found.shut[name] = f"cannot be opened: {reason_of(error)}"
                continue
            if not state.st_size and entry.name in being_written:
                continue  # a browser holds the name so
            stamp = Stamp.of(state)
            if self.dealt_with.is_same(name, stamp, found.found_again):
                continue
            if name not in self.waiting and name not in self.refused:
                found.new += 1
                if found.new + len(self.waiting) > _MOST:
                    found.has_more = True
                    continue
            found.stamps[name] = stamp
            found.numbers[name] = entry.inode()

    def _is_destination(self, entry: os.DirEntry[str]) -> bool:
        if entry.is_symlink():
            return os.path.realpath(entry.path) == str(self.destination)
        return entry.path == str(self.destination)

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_dir(follow_symlinks=self.follow_links)
        except OSError:  # links that lead to each other
            return False

    @staticmethod
    def _is_linked_folder(entry: os.DirEntry[str]) -> bool:
        try:
            return entry.is_symlink() and entry.is_dir()
        except OSError:
            return False


_NONE: frozenset[tuple[int, int]] = frozenset()
