"""What a journal has on the disk: a line of JSON for what was asked, and then one for each folder,
file and table before it is made.

The lines, after the first: {"folder"} is made; {"source", "target", "content", ...} is placed;
{"done": [targets], "lost"} were; {"results", "sha256"} is a table that is written; {"request"} is
what is asked from there on. Where files move about within one folder, undo strikes out the line of
each step that it has taken back: by one byte in its place, which needs no room on a full disk.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, TypeVar

from ...errors import DestinationError
from ...text import shown
from ..atomic import sync
from ..locks import is_still
from ..purpose import Errand, Purpose
from ..system import WINDOWS
from ..transfer import Content, Stamp, holds, is_link, reason_of
from .entries import Entries
from .entries import Entry as Entry
from .entries import How as How
from .lines import lines_backwards

RECORD = "journal.jsonl"
_HOWS: Mapping[str, How] = {"copy": "copy", "link": "link", "move": "move"}
_OWN = frozenset({"source", "target", "how", "group", "content"})  # of a line; the rest is extra
_VERSION = 1
_STRUCK = b"-"  # the first byte of a line that was taken back
_JSON = json.JSONDecoder()
_SOURCE, _TARGET = '{"source":', ',"target":'  # how the line of a file begins


@dataclass(frozen=True)
class Placement:
    """One file to be placed. Both names have `/` on every system."""

    #: Below the journal's root.
    source: str
    #: Below the journal's folder. Folders that are not there are made.
    target: str
    #: None: as the journal says.
    how: How | None = None
    #: A word of the caller's, such as what it is counted under, which stays in memory.
    group: str = ""
    #: Anything of the caller's that JSON can hold; `Record.extra` gives it back.
    extra: Mapping[str, object] = field(default_factory=dict)
    #: What its file was like before the caller looked into it: it is placed only if it is so still.
    seen: Stamp | None = None


def inside(name: str) -> str:
    """A name as it is, if it is one of a place below a folder, whoever wrote the journal.

    Raises:
        ValueError: it leads elsewhere.
    """
    if "\0" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise ValueError(name)
    if WINDOWS and ("\\" in name or PurePath(name).anchor):
        raise ValueError(name)
    return name


_Record = TypeVar("_Record", bound="Record")


class Record:
    """The journal of one folder, as it stands on the disk. `opened` gives one to write to.

    Attributes:
        folder: where files are placed.
        purpose: what for.
        request: what was asked last, as JSON; for the caller to compare.
        root: the folder that sources are named below; empty where it is `folder` itself, which
            may then be renamed, and in which steps may follow on each other.
        how: how files are placed where a step does not say.
        made: the folder and those above it, where the work made them.
        entries: by target, what was placed and not moved on since, and which of it is known to be
            placed.
        moved_on: what a later step has moved from its target, in the order of that.
        lost: what another disk did not keep of what was moved to it.
        results: name of a table that was written -> its sha256s.
    """

    def __init__(self, folder: Path, purpose: Purpose, header: Mapping[str, Any]) -> None:
        self.folder = folder
        self.purpose = purpose
        self.request: Mapping[str, Any] = header["request"]
        self.root: str = header["root"]
        self._sources: Path = folder / self.root
        self.how = _HOWS[header["how"]]
        self.made = tuple[str, ...](header["made"])
        if not re.fullmatch("[0-9a-f]+", header["token"]):
            raise ValueError(header["token"])  # it becomes a part of files' names
        self.errand = Errand(purpose, header["token"])
        self.entries = Entries(self.entry_at, self._each)
        self.moved_on: list[Entry] = []
        self.lost: set[str] = set()
        self.results: dict[str, set[str]] = {}
        self._lost = frozenset[str]()  # of those, what is not written down yet
        self._length = 0  # bytes of whole lines
        self._stream: BinaryIO | None = None
        self._reading: BinaryIO | None = None

    @classmethod
    def new(
        cls: type[_Record],
        folder: Path,
        purpose: Purpose,
        *,
        request: Mapping[str, object],
        root: str,
        how: How,
        made: Sequence[str],
    ) -> _Record:
        """One that is not yet on the disk."""
        header = {"token": secrets.token_hex(8), "made": made, "root": root, "how": how}
        return cls(folder, purpose, {**header, "request": request})

    @classmethod
    def load(cls: type[_Record], folder: Path, purpose: Purpose) -> _Record | None:
        """Read the journal; None where no work has got as far as its first line.

        Raises:
            DestinationError: it is damaged, or from a newer release.
        """
        path = folder / purpose.hidden / RECORD
        journal: _Record | None = None
        offset = 0
        try:
            with path.open("rb") as stream:
                for number, line in enumerate(stream, start=1):
                    if not line.endswith(b"\n"):
                        break  # cut short by a kill or a full disk
                    try:
                        if journal is None:
                            journal = cls._begun(folder, purpose, json.loads(line))
                        elif not line.startswith(_STRUCK):
                            journal._take(json.loads(line), offset)
                    except (ValueError, KeyError, TypeError, AttributeError) as error:
                        raise DestinationError(
                            f"{shown(path)} is damaged in line {number}.", hint=purpose.if_damaged
                        ) from error
                    offset += len(line)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DestinationError(f"{shown(path)} cannot be read: {reason_of(error)}.") from error
        if journal is not None:
            journal._length = offset
            journal._close_reading()
        return journal

    @classmethod
    def _begun(
        cls: type[_Record], folder: Path, purpose: Purpose, header: dict[str, Any]
    ) -> _Record:
        if header["version"] != _VERSION:
            raise DestinationError(
                f"{shown(folder)} was {purpose.done} by another release of tellapart.",
                hint="Undo it, or go on with it, with that release.",
            )
        return cls(folder, purpose, purpose.upgraded(header))

    def _take(self, values: dict[str, Any], offset: int) -> None:
        """Take in one line."""
        if "target" in values:
            self.entries.take(self._entry(values, offset))
        elif "done" in values:
            for target in values["done"]:
                self._take_done(target)
            self.lost.update(values.get("lost", ()))
        elif "folder" in values:
            inside(values["folder"])
        elif "request" in values:
            self.request = self.purpose.upgraded(values)["request"]
        elif "/" in inside(values["results"]):
            raise ValueError(values["results"])
        else:
            self.results.setdefault(values["results"], set()).add(values["sha256"])

    def _take_done(self, target: str) -> None:
        if self.root:
            self.entries.settle(target)
        elif entry := self.entries.get(target):  # its line may have been struck out
            self.entries.settle(target)
            if entry.how == "move" and (before := self.entries.get(entry.source)):
                if self.entries.is_done(before):
                    self.moved_on.append(before)
                self.entries.drop(before.target)

    def _entry(self, values: Mapping[str, Any], offset: int) -> Entry:
        target, content = inside(values["target"]), Content(**values["content"])
        how = _HOWS[values.get("how", self.how)]
        if how == "move" and not self.root:
            inside(values["source"])
        group = sys.intern(values.get("group", ""))
        return Entry(values["source"], target, how, group, content, offset)

    def _each(self) -> Iterator[Entry]:
        """The entries of all lines there are now, in their order."""
        offset, end = 0, self._length
        with self.path.open("rb") as stream:
            for line in stream:
                if offset >= end:
                    return
                if line.startswith(b"{") and b'"target"' in line and offset:
                    values = json.loads(line)
                    if "target" in values:
                        yield self._entry(values, offset)
                offset += len(line)

    def backwards(self) -> Iterator[Entry | str]:
        """What was placed, the last first, with what was moved on since; and between, each folder
        that was made."""
        moved_on = {entry.offset for entry in self.moved_on}
        for offset, line in lines_backwards(self.path, self._length):
            if not offset or line.startswith((_STRUCK, b'{"done"')):
                continue
            values = json.loads(line)
            if "target" in values:
                entry = self._entry(values, offset)
                if offset in moved_on or self.entries.is_latest(entry):
                    yield entry
            elif "folder" in values:
                yield inside(values["folder"])

    def source(self, entry: Entry | Placement) -> Path:
        return self._sources / entry.source

    def target(self, entry: Entry | Placement) -> Path:
        return self.folder / entry.target

    def link_above(self, name: str, source: str = "") -> Path | None:
        """A folder on the way to a place that is a link, where files only move about within one
        folder: what is behind it may be anybody's. The place is a target, and also a source that
        is moved."""
        if self.root:
            return None
        names = (name, source) if source else (name,)
        above = [self.folder / up for one in names for up in PurePosixPath(one).parents]
        return next((path for path in above if path != self.folder and path.is_symlink()), None)

    def link_near(self, entry: Entry) -> Path | None:
        """The same of a file that was placed, and of where it came from if it was moved."""
        return self.link_above(entry.target, entry.source if entry.how == "move" else "")

    def is_placed(self, entry: Entry) -> bool:
        """Whether the file at an entry's target is the one that this work put there."""
        if entry.how == "link":
            return is_link(self.target(entry), self.source(entry))
        return holds(self.target(entry), entry.content)

    def living(self) -> Iterator[Entry]:
        """The files that were placed and whose targets are still there, edited or not."""
        for entry in self.entries:
            if os.path.lexists(os.path.join(self.folder, entry.target)) and (
                self.entries.is_done(entry) or self.is_placed(entry)
            ):
                yield entry

    def live(self) -> list[Entry]:
        """All of `living`, in memory."""
        return list(self.living())

    def entry_at(self, offset: int) -> Entry:
        """The entry of the line at an offset, read again."""
        return self._entry(self.values_at(offset), offset)

    def extra(self, entry: Entry) -> dict[str, Any]:
        """What the caller said of a file: that stays on the disk until it is asked for."""
        values = self.values_at(entry.offset)
        return {name: value for name, value in values.items() if name not in _OWN}

    def names_at(self, offset: int) -> tuple[str, str]:
        """Source and target of the line at an offset."""
        line = self._line_at(offset).decode("ascii")
        if line.startswith(_SOURCE):  # as it is written; to parse all that a line says takes longer
            source, end = _JSON.raw_decode(line, len(_SOURCE))
            if line.startswith(_TARGET, end):
                return source, _JSON.raw_decode(line, end + len(_TARGET))[0]
        values = json.loads(line)
        return values["source"], values["target"]

    def values_at(self, offset: int) -> dict[str, Any]:
        """All that the line at an offset says."""
        values: dict[str, Any] = json.loads(self._line_at(offset))
        return values

    def _line_at(self, offset: int) -> bytes:
        if self._reading is None:
            self._reading = self.path.open("rb")
        self._reading.seek(offset)
        return self._reading.readline()

    # Writing. Every line is with the system before this process goes on; `synced`, on the disk.

    def begin(self, state: Path) -> None:
        """Write the first line, into a hidden folder that is there."""
        self._stream = (state / RECORD).open("wb")
        header = {
            "version": _VERSION,
            "token": self.errand.token,
            "made": self.made,
            "root": self.root,
            "how": self.how,
            "request": self.request,
        }
        self._stream.write(json.dumps(header).encode("ascii") + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._length = self._stream.tell()
        sync(state)
        sync(state.parent)

    def append(self, lines: Iterable[Mapping[str, object]], *, synced: bool) -> None:
        assert self._stream is not None  # only `opened` gives a journal to write to
        for values in lines:
            line = (
                json.dumps(values, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
            )
            self._stream.write(line)
            self._take(json.loads(line), self._length)
            self._length += len(line)
        self._stream.flush()
        if synced:
            os.fsync(self._stream.fileno())

    def line(self, one: Placement, content: Content) -> dict[str, object]:
        """The line of a file that will be placed.

        Raises:
            ValueError: `extra` has a name that is ours.
        """
        if not _OWN.isdisjoint(one.extra):
            raise ValueError(f"the extra of {one.source} has one of the names {sorted(_OWN)}")
        how = {"how": one.how} if one.how not in (None, self.how) else {}
        group = {"group": one.group} if one.group else {}
        known = {"source": one.source, "target": one.target, **how, **group}
        return {**known, "content": asdict(content), **one.extra}

    def strike(self, entry: Entry) -> None:
        """Take a line out, where steps may follow on each other: else what undo has put back at one
        step's target could be taken for what the step had placed there."""
        if self.root:
            return
        with suppress(OSError), self.path.open("r+b", buffering=0) as stream:
            stream.seek(entry.offset)
            stream.write(_STRUCK)
            os.fsync(stream.fileno())

    def ask(self, request: Mapping[str, object]) -> None:
        """Write down that something else is asked from here on."""
        self.append([{"request": request}], synced=True)

    def is_still_there(self) -> bool:
        """Whether the file that is written to is still the one of that name: its folder may have
        been deleted, or its drive taken away."""
        return self._stream is not None and is_still(self.path, self._stream)

    def close(self) -> None:
        self._close_reading()
        with suppress(OSError):  # what it still held is what could not be written before
            if self._stream is not None:
                self._stream.close()

    def _close_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
            self._reading = None

    @property
    def path(self) -> Path:
        return self.folder / self.purpose.hidden / RECORD
