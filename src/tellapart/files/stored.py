"""Pictures that are no files of their own: a member of a tar, a cell of a Parquet file, an object
in a bucket. What lies where is found once; each is read from there whenever it is asked for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeAlias, runtime_checkable

from ..errors import PictureError
from ..workers.deadlines import NoAnswerError, answered


@runtime_checkable
class Stored(Protocol):
    """A picture that lies inside something else. It is small, can be pickled, and can be read again
    and again, from any thread and in any process."""

    @property
    def name(self) -> str:
        """Where it is, as a person would say it: `photos/data-000.tar/cat/0001.jpg`."""
        ...

    def content(self) -> bytes:
        """Its bytes, read afresh.

        Raises:
            PictureError: it cannot be read.
        """
        ...

    def stamp(self) -> str:
        """What changes when its content may have: of what holds it the size and the time, or what
        a server calls its version."""
        ...


Place: TypeAlias = "Path | Stored"
"""Where a picture is: its file, or what it is stored in."""


class Container(Protocol):
    """A file that holds many pictures, of which parts can be read: on a disk, or at an address."""

    @property
    def name(self) -> str:
        """Its path or address, as it was given."""
        ...

    @property
    def size(self) -> int:
        """In bytes, when it was looked at first."""
        ...

    def stamp(self) -> str:
        """What changes when its content does."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """That many bytes from an offset on, or as many as there are.

        Raises:
            PictureError: they cannot be read, or the file was changed since.
        """
        ...

    def open(self) -> IO[bytes]:
        """The whole, to be read from any place to any other.

        Raises:
            OSError: it cannot be opened.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A container on a disk, with its size in bytes and its time in nanoseconds."""

    name: str
    size: int
    time: int

    @classmethod
    def at(cls, path: str) -> LocalFile:
        """Raises OSError where it cannot be looked at, or does not answer."""
        found = answered(lambda call: os.stat(path), os.path.dirname(path))
        return cls(path, found.st_size, found.st_mtime_ns)

    def stamp(self) -> str:
        return f"{self.size}+{self.time}"

    def read(self, offset: int, size: int) -> bytes:
        try:
            return answered(lambda call: self._read(offset, size), os.path.dirname(self.name))
        except OSError as error:
            why = error.reason if isinstance(error, NoAnswerError) else (error.strerror or "")
            raise PictureError(
                f"{os.path.basename(self.name)} cannot be read: {why.lower()}", may_pass=True
            ) from error

    def open(self) -> IO[bytes]:
        return open(self.name, "rb")

    def check(self) -> None:
        """Raises PictureError where it was changed since, and OSError where it is gone."""
        self._compare(answered(lambda call: os.stat(self.name), os.path.dirname(self.name)))

    def _compare(self, found: os.stat_result) -> None:
        if (found.st_size, found.st_mtime_ns) != (self.size, self.time):
            raise PictureError(
                f"{os.path.basename(self.name)} was changed while it was in use", may_pass=True
            )

    def _read(self, offset: int, size: int) -> bytes:
        with open(self.name, "rb", buffering=0) as stream:
            self._compare(os.fstat(stream.fileno()))
            stream.seek(offset)
            chunks = []
            while size and (chunk := stream.read(size)):
                chunks.append(chunk)
                size -= len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def place_text(place: Place) -> str:
    """Where a picture is, in words."""
    return place.name if isinstance(place, Stored) else os.fspath(place)


def suffix_of_place(place: Place) -> str:
    """What a picture's name ends with, such as `.jpg`."""
    return os.path.splitext(place.name)[1] if isinstance(place, Stored) else place.suffix
