"""Temporary folders that last as long as what is in them is used, and no longer.

Each has a lock beside it, which the system lets go of when a process is killed. So whoever makes
the next one, and the command line at its end, can tell what a kill left, and delete it.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import DestinationError
from .atomic import undisturbed
from .folders import remove_tree
from .locks import is_still, take

_NAME = re.compile(r"tellapart-[0-9a-f]{16}\.lock")
_FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


class Workspace:
    """An empty temporary folder, which is gone once this object or the process is.

    Raises:
        DestinationError: the system's temporary folder is full, or cannot be written to.
    """

    def __init__(self) -> None:
        clear_leftovers()
        try:
            with undisturbed():  # Ctrl-C never finds a folder that nobody will delete
                path, lock = _new_lock(Path(tempfile.gettempdir()))
                self._remove = weakref.finalize(self, _discard, path, lock, os.getpid())
                self.folder = path.with_suffix("")
                self.folder.mkdir(0o700)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DestinationError(
                f"There is no temporary folder to be had: {reason}.",
                hint="Free some space, or name another folder with TMPDIR.",
            ) from error

    def remove(self) -> None:
        """Delete it now, with all that is in it."""
        with undisturbed():
            self._remove()

    @contextmanager
    def filling(self) -> Iterator[Path]:
        """To write into it: what failed half-way is deleted at once, as the disk may be full."""
        try:
            yield self.folder
        except BaseException:
            self.remove()
            raise


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A workspace for a few steps."""
    workspace = Workspace()
    try:
        yield workspace.folder
    finally:
        workspace.remove()


def clear_leftovers() -> None:
    """Delete the workspaces of killed processes: ours alone, and none that is in use."""
    for path in _locks():
        with suppress(OSError):
            lock = os.fdopen(os.open(path, _FLAGS), "r+b")
            if _is_ours(os.fstat(lock.fileno())) and take(lock) and is_still(path, lock):
                _remove(path, lock)
            lock.close()


def _locks() -> list[Path]:
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        return [Path(entry.path) for entry in entries if _NAME.fullmatch(entry.name)]
    return []


def _is_ours(found: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or found.st_uid == os.getuid()


def _new_lock(place: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = place / f"tellapart-{secrets.token_hex(8)}.lock"
        lock = os.fdopen(os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600), "r+b")
        if take(lock) is not False and is_still(path, lock):
            return path, lock
        lock.close()  # another run took it for a leftover


def _discard(path: Path, lock: BinaryIO, owner: int) -> None:
    if os.getpid() == owner:  # and no process that was forked from it
        _remove(path, lock)


def _remove(path: Path, lock: BinaryIO) -> None:
    """Delete all that belongs to a lock, itself last."""
    folder = path.with_suffix("")
    with suppress(OSError):
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and _is_ours(found):
            remove_tree(folder)
    lock.close()  # before it is deleted, as Windows asks
    with suppress(OSError):
        path.unlink()
