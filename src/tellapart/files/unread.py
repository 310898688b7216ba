"""A file that is read when it is needed, as it was when it was opened.

A model's training record is large and seldom asked for, and by then the model's folder may have
been replaced: what is opened together belongs together.
"""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass, field
from pathlib import Path

_MOST = 2**30  # bytes that a system reads at a time


@dataclass(frozen=True)
class Unread:
    """A file not yet read. One that was pickled, or that could not be kept open, is read by its
    path: it may be another by then."""

    path: Path
    _handle: int | None = field(default=None, repr=False, compare=False)

    @classmethod
    def open(cls, path: Path) -> Unread | None:
        """The file at `path`; None where there is none."""
        if not os.path.isfile(path):  # a pipe would wait for someone to write
            return None
        path = path.absolute()  # a program may go elsewhere, and send a pickle there
        if not hasattr(os, "pread"):  # Windows: a folder with an open file stays where it is
            return cls(path)
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            return cls(path)  # too many are open, say; if it cannot be read, reading will tell
        unread = cls(path, handle)
        weakref.finalize(unread, os.close, handle)
        return unread

    def read(self) -> bytes:
        """All of it; any thread may ask.

        Raises:
            OSError: it cannot be read.
        """
        if self._handle is None:
            return self.path.read_bytes()
        size, parts, at = os.fstat(self._handle).st_size, [], 0
        while at < size and (part := os.pread(self._handle, min(size - at, _MOST), at)):
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def __reduce__(self) -> tuple[type[Unread], tuple[Path]]:
        return Unread, (self.path,)
