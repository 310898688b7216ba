"""Where a picture waits that is no file yet, until the journal moves it to its place: whole, on the
disk, and on the same one."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from ..files.folders import remove_tree
from .provenance import COLLECTING

_NAME = "new"


class Staging:
    """A folder inside the journal's own hidden one; what a kill left there is removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._place = folder / COLLECTING.hidden / _NAME
        self.clear()

    def put(self, content: bytes) -> str:
        """Write a file; its name below the folder.

        Raises:
            OSError: the disk is full.
        """
        self._place.mkdir(exist_ok=True)
        name = secrets.token_hex(8)  # never given twice: undo puts all of them back for a moment
        with (self._place / name).open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        return f"{COLLECTING.hidden}/{_NAME}/{name}"

    def drop(self, name: str) -> None:
        """Remove a file that was not moved."""
        with suppress(OSError):
            (self.folder / name).unlink()

    def clear(self) -> None:
        """Remove all that waits."""
        remove_tree(self._place)
