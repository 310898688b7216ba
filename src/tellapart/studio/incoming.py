"""A file that comes from the page: streamed to the disk, where it has a name of ours until it has
come whole and was looked at. An archive is unpacked by the library's own guarded code.

What was brought in lies for a moment where undo takes it back to, so that a kill leaves it there or
in its place (`uploads.py`).
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..dataset.archives import unpack
from ..errors import DestinationError
from ..files.folders import remove_tree
from ..files.reading import MAX_BYTES
from ..files.transfer import reason_of
from ..text import shown
from .disk import check_there
from .folder import HIDDEN, LEARN
from .journal import INCOMING, TAKEN

LARGEST = MAX_BYTES  # bytes of a picture
LARGEST_ARCHIVE = 2**32
_ARCHIVE = re.compile(r"\.(zip|tar|tar\.gz|tgz|tar\.bz2|tar\.xz)$", re.IGNORECASE)


@dataclass(frozen=True)
class Wanted:
    """Where what comes is to go.

    Attributes:
        name: of the file, as the browser has it.
        label: of its pictures; empty for the heap, and of an archive for the labels in it.
        part: "test" for testing, else to learn from.
        batch: what comes with the same word is undone together.
    """

    name: str
    label: str = ""
    part: str = LEARN
    batch: str = ""

    @property
    def is_archive(self) -> bool:
        return _ARCHIVE.search(self.name) is not None

    @property
    def own_name(self) -> str:
        """The name without a path before it, whichever system wrote that."""
        return re.split(r"[/\\]", self.name)[-1] or "picture"


class Incoming:
    """A file that is coming, under a name of ours.

    Raises:
        DestinationError: the folder cannot be written to.
    """

    def __init__(self, root: Path, wanted: Wanted) -> None:
        self.root = root
        self.called = wanted.own_name
        found = _ARCHIVE.search(wanted.name)
        suffix = found[0].lower() if found else ""
        self.token = secrets.token_hex(8)
        self.path = root / INCOMING / f"{self.token}{suffix}"
        with _writing(root):
            for place in (HIDDEN, INCOMING):  # and never a folder that was moved away
                (root / place).mkdir(exist_ok=True)
            self._stream: BinaryIO = self.path.open("xb")

    def write(self, part: bytes) -> None:
        with _writing(self.root):
            self._stream.write(part)

    def end(self) -> None:
        """It has come whole: it is on the disk before this returns."""
        with _writing(self.root):
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()

    def drop(self) -> None:
        """Take away what is left of it here."""
        with suppress(OSError):
            self._stream.close()
        with suppress(OSError):
            self.path.unlink()
        remove_tree(self._unpacked)

    def take(self, path: Path) -> str:
        """Lay it, or the folder of what it held, where undo takes it back to; its name there."""
        with _writing(self.root):
            (self.root / TAKEN).mkdir(exist_ok=True)
            os.rename(path, self.root / TAKEN / self.token)
        return f"{TAKEN}/{self.token}"

    def give_up(self) -> None:
        """It could not be placed."""
        place = self.root / TAKEN / self.token
        with suppress(OSError):
            place.unlink()
        remove_tree(place)

    @property
    def _unpacked(self) -> Path:
        return self.root / INCOMING / f"{self.token}.unpacked"

    def unpacked(self) -> tuple[Path, tuple[str, ...]]:
        """The folder of what an archive holds, and notes on that.

        Raises:
            ArchiveError, DestinationError: it cannot be unpacked.
        """
        with _writing(self.root):
            self._unpacked.mkdir()
        notes = unpack(self.path, self._unpacked)
        return self._unpacked, notes

    def told(self, text: str) -> str:
        """A sentence with the name that the user knows it by."""
        inner = text.replace(f"{shown(self._unpacked)}/", "").replace(shown(self._unpacked), "it")
        return inner.replace(shown(self.path), shown(self.called))


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        check_there(root)
        raise DestinationError(
            f"Nothing can be added to {shown(root)}: {reason_of(error)}.",
            hint="Free some space, or make it a folder that can be written to.",
        ) from error
