"""The journal of a studio's changes on the disk, and the lock that keeps another studio out.

    .tellapart-studio/journal.jsonl   a line of JSON for what is to be done, and one when it is
    .tellapart-studio/taken/          what undo took back of what the studio had brought in
    .tellapart-studio/incoming/       uploads that have not come whole
    .tellapart-studio/lock            locked as long as a studio has the folder

A line is whole or it is not there: one that a kill or a full disk cut short is dropped.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DestinationError
from ..files.atomic import sync
from ..files.locks import is_still, open_lock, take
from ..files.purpose import Errand, Purpose
from ..files.transfer import reason_of
from ..text import shown
from .folder import HIDDEN

PURPOSE = Purpose(
    hidden=HIDDEN,
    done="moved",
    if_damaged="Nothing was changed. Move it away to begin anew; what was done before can then not "
    "be undone.",
    if_stopped="Nothing was changed. Free some space, or make it a folder that can be written to.",
)
TAKEN = f"{HIDDEN}/taken"
INCOMING = f"{HIDDEN}/incoming"
_RECORD = "journal.jsonl"
_LOCK = "lock"
_VERSION = 1
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)


class Journal:
    """The journal of one folder. `open` gives it, for this process alone.

    Attributes:
        errand: by whose token that is known which a kill leaves half-way.
    """

    def __init__(self, root: Path, lock: BinaryIO) -> None:
        self.root = root
        self.errand = Errand(PURPOSE, secrets.token_hex(8))
        self._lock = lock
        self._stream: BinaryIO | None = None
        self._reader: BinaryIO | None = None  # of what an earlier studio wrote
        self._length = 0  # bytes of whole lines
        self._line = 0
        self._late = b""  # lines that a full disk did not take

    @classmethod
    def open(cls, root: Path) -> Journal:
        """The one of a folder.

        Raises:
            DestinationError: another studio has the folder, it cannot be written to, or what is to
                be in it is a link.
        """
        state = root / HIDDEN
        for place in (state, state / _RECORD, root / TAKEN, root / INCOMING):
            if place.is_symlink():  # it may have come with the folder, and lead to anything
                raise DestinationError(f"{shown(place)} is a link.", hint=PURPOSE.if_damaged)
        try:
            return cls(root, _locked(root))
        except OSError as error:
            raise DestinationError(
                f"{shown(root)} cannot be written to, and the studio labels pictures by moving "
                "them.",
                hint="Copy the folder to a place of yours, and open the copy.",
            ) from error

    def close(self) -> None:
        """Let another studio have the folder. Where nothing was written, nothing is left there."""
        self._let_go()
        if self._lock.closed:
            return
        if not self._length:
            with suppress(OSError):
                (self.root / HIDDEN / _LOCK).unlink()
        self._lock.close()
        for place in (INCOMING, TAKEN, HIDDEN):
            with suppress(OSError):  # none, or not empty
                (self.root / place).rmdir()

    def _let_go(self) -> None:
        for stream in (self._stream, self._reader):
            if stream:
                stream.close()
        self._stream = self._reader = None

    def read(self) -> Iterator[dict[str, Any]]:
        """All lines but the first, which is the journal's own.

        Raises:
            DestinationError: it is damaged, from another release, or cannot be read.
        """
        path = self._path
        try:
            self._reader = path.open("rb")  # and open as long as this is: see `_stay`
            for line in self._reader:
                if not line.endswith(b"\n"):
                    return  # cut short
                self._line += 1
                with self.damaged():
                    values = json.loads(line)
                    if self._line == 1:
                        self._begun(values)
                if self._line > 1:
                    yield values
                self._length += len(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise DestinationError(f"{shown(path)} cannot be read: {reason_of(error)}.") from error

    @contextmanager
    def damaged(self) -> Iterator[None]:
        """A line that makes no sense is one of a damaged journal."""
        try:
            yield
        except _NONSENSE as error:
            raise DestinationError(
                f"{shown(self._path)} is damaged in line {self._line}.", hint=PURPOSE.if_damaged
            ) from error

    def _begun(self, header: Mapping[str, Any]) -> None:
        if header["version"] != _VERSION:
            raise DestinationError(
                f"{shown(self.root)} was changed in the studio of another release of tellapart.",
                hint="Open it with that release.",
            )
        if not str(header["token"]).isalnum():  # it becomes a part of files' names
            raise ValueError(header["token"])
        self.errand = Errand(PURPOSE, str(header["token"]))

    def write(self, line: Mapping[str, object]) -> None:
        """A line of what is to be done, on the disk before this returns.

        Raises:
            DestinationError: it cannot be written; nothing was.
        """
        try:
            self._stay()
            self._append(_text(line), synced=True)
        except OSError as error:
            raise DestinationError(
                f"{shown(self.root)} cannot be changed: {reason_of(error)}.",
                hint=PURPOSE.if_stopped,
            ) from error

    def note(self, line: Mapping[str, object]) -> None:
        """A line that says what is known already; where the disk is full, it comes later."""
        text = _text(line)
        try:
            self._append(text, synced=False)
        except OSError:
            self._late += text

    def _stay(self) -> None:
        """Make the studio's own folder anew, with the lock and all lines, where somebody has
        deleted it meanwhile.

        Raises:
            DestinationError: another studio has the folder by now.
            OSError: it cannot be made.
        """
        if not is_still(self.root / HIDDEN / _LOCK, self._lock):
            lock = _locked(self.root)
            self._lock.close()
            self._lock = lock
        for place in (TAKEN, INCOMING):
            (self.root / place).mkdir(exist_ok=True)
        kept = self._stream or self._reader
        if not kept or is_still(self._path, kept):
            return
        kept.seek(0)
        whole = kept.read(self._length)
        with self._path.open("xb") as stream:
            try:
                stream.write(whole)
                stream.flush()
            except OSError:
                self._path.unlink()
                raise
        self._let_go()
        self._reader = self._path.open("rb")

    def _append(self, text: bytes, *, synced: bool) -> None:
        stream = self._stream = self._stream or self._opened()
        whole = self._late + text
        try:
            stream.seek(self._length)
            rest = memoryview(whole)
            while rest:  # a disk that becomes full takes a part, and then says so
                rest = rest[stream.write(rest) :]
            if synced:
                os.fsync(stream.fileno())
        except OSError:
            with suppress(OSError):  # no torn line stays before the next one
                os.ftruncate(stream.fileno(), self._length)
            raise
        self._length += len(whole)
        self._late = b""

    def _opened(self) -> BinaryIO:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        stream = os.fdopen(handle, "r+b", buffering=0)
        if not self._length:
            header = _text({"version": _VERSION, "token": self.errand.token})
            stream.write(header)
            self._length = len(header)
        stream.truncate(self._length)  # what was cut short
        os.fsync(handle)
        sync(self._path.parent)
        sync(self.root)
        return stream

    @property
    def _path(self) -> Path:
        return self.root / HIDDEN / _RECORD


def _text(line: Mapping[str, object]) -> bytes:
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _locked(root: Path) -> BinaryIO:
    """The lock of a folder, held.

    Raises:
        DestinationError: another studio has it.
        OSError: the folder cannot be written to.
    """
    path = root / HIDDEN / _LOCK
    while True:
        path.parent.mkdir(exist_ok=True)
        try:
            stream = open_lock(path)
        except FileNotFoundError:
            continue  # another studio ended in this moment
        if take(stream) is False:
            stream.close()
            raise DestinationError(
                f"{shown(root)} is open in another studio.",
                hint="Go on in its page, or end it first, with Ctrl-C in its terminal.",
            )
        if is_still(path, stream):
            return stream
        stream.close()
