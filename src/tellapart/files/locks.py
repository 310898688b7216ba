"""Locks on files: the system lets go of them when a process is killed."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import BinaryIO

from .system import WINDOWS

try:
    import fcntl
except ImportError:  # of systems with POSIX calls
    fcntl = None  # type: ignore[assignment]

_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)


def take(stream: BinaryIO) -> bool | None:
    """Lock an open file for as long as it stays open, without waiting: whether it is ours now.

    None: nobody can tell, because some network drives and systems know no locks.
    """
    try:
        if fcntl:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif sys.platform == "win32":
            import msvcrt

            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            return None
    except OSError as error:
        return False if error.errno in _TAKEN else None
    return True


def is_still(path: Path, stream: BinaryIO) -> bool:
    """Whether the file that was locked is still the one of that name, and not just deleted."""
    if WINDOWS:  # where nobody deletes an open file
        return True
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except OSError:
        return False
