"""The records of parts: what became of each picture of a run of them, as the mark that it is done.

Who embeds a part writes its embeddings, and then its record, under a key that changes with the
pictures: so a part is either done or not, and whoever asked for it reads from the record under
which digests the embeddings are.

A *caution* is kept of a part at which workers have died: which picture is about to be read, and
which were when a worker died.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import PictureError
from ..images.decode import Picture, Stored
from ..workers.deadlines import answered
from .stores import PARTS

CAREFUL = 2  # deaths at a part after which each of its pictures is noted before it is read
STOPPED = "the program that read it was stopped, perhaps for lack of memory"
_FORMAT = 1
_JUST_NOW = 2 * 10**9  # nanoseconds: a file that changed so lately may change again unnoticed
_GONE = "-"  # the stamp of a file that cannot be looked at


@dataclass(frozen=True)
class PartRecord:
    """What became of a part.

    Attributes:
        entries: of each picture the sha256 of its content, or why it cannot be read.
        shard: the file of the cache that holds its embeddings; empty if there are none.
        is_settled: whether a later run would find the same. Not so where a picture may be read at
            another try, or changed just then.
    """

    entries: tuple[bytes | PictureError, ...]
    shard: str
    is_settled: bool

    @property
    def digests(self) -> list[bytes]:
        """Those of the pictures that could be read."""
        return [entry for entry in self.entries if isinstance(entry, bytes)]

    def keep(self, key: str, folder: Path) -> bool:
        """Write it; returns whether that could be done."""
        entries = [
            [*entry.said, entry.may_pass] if isinstance(entry, PictureError) else entry.hex()
            for entry in self.entries
        ]
        said = {"format": _FORMAT, "shard": self.shard, "settled": self.is_settled, "of": entries}
        PARTS.keep(_name(key), json.dumps(said).encode(), folder)
        return PARTS.read(_name(key), folder) is not None

    @classmethod
    def read(cls, key: str, folder: Path) -> PartRecord | None:
        """The record under a key; None where there is none, or a damaged one."""
        content = PARTS.read(_name(key), folder)
        if content is None:
            return None
        said = json.loads(content)
        if said["format"] != _FORMAT:
            return None
        entries = tuple(
            bytes.fromhex(entry)
            if isinstance(entry, str)
            else PictureError(entry[0], hint=entry[1], may_pass=entry[2])
            for entry in said["of"]
        )
        return cls(entries, said["shard"], said["settled"])


class Caution:
    """What is noted of a part of which workers have died: from the third attempt at it, which
    picture is read. One at which a worker died then is not read again."""

    def __init__(self, key: str, attempt: int, folder: Path) -> None:
        self._name, self._folder = _name(f"{key}-caution"), folder
        self.is_careful = attempt >= CAREFUL
        self._stopped: list[int] = []
        note = PARTS.read(self._name, folder) if attempt > CAREFUL else None
        if note:  # those before, and the one that was then about to be read
            self._stopped = json.loads(note)

    def check(self, position: int) -> None:
        """Say that a picture of the part is about to be read.

        Raises:
            PictureError: a worker died at it.
        """
        if not self.is_careful:
            return
        if position in self._stopped:
            raise PictureError(STOPPED, may_pass=True)
        note = json.dumps([*self._stopped, position]).encode()
        PARTS.keep(self._name, note, self._folder, lightly=True)

    def over(self) -> None:
        """The part is done."""
        if self.is_careful:
            PARTS.forget(self._name, self._folder)


@dataclass(frozen=True)
class Stamps:
    """What says that the pictures of a part are the same as before: the place of each with the size
    and the time of its file, or what its container says. `newest` is the latest time of a file, in
    nanoseconds."""

    each: tuple[str, ...]
    newest: int

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> Stamps:
        each, newest = [], 0
        for picture in pictures:
            place, stamp, changed = _stamp(picture)
            each.append(f"{place}\0{stamp}")
            newest = max(newest, changed)
        return cls(tuple(each), newest)

    def key(self, space: str) -> str:
        """The key of the part's record, in hex; `space` is all else that shapes what it says."""
        digest = hashlib.sha256(space.encode())
        for one in self.each:
            digest.update(b"\0\0" + one.encode("utf-8", "backslashreplace"))
        return digest.hexdigest()[:40]

    def are_old(self, now: int) -> bool:
        """Whether no file changed so lately before `now` that another change may keep its time."""
        return self.newest < now - _JUST_NOW


def now() -> int:
    """In nanoseconds."""
    return time.time_ns()


def _stamp(picture: Picture) -> tuple[str, str, int]:
    """A picture's place, its stamp, and when it changed, in nanoseconds."""
    if isinstance(picture, Stored):
        try:
            return picture.name, picture.stamp(), 0
        except (OSError, PictureError):
            return picture.name, _GONE, 0
    assert isinstance(picture, str | os.PathLike), "it does not travel"
    path = os.fspath(picture)
    try:
        found = answered(lambda call: os.stat(path), os.path.dirname(path))
    except (OSError, ValueError):
        return path, _GONE, 0
    return path, f"{found.st_size}+{found.st_mtime_ns}", found.st_mtime_ns


def _name(key: str) -> str:
    return f"{key[:2]}/{key}.part"
