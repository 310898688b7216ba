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


def open_lock(path: Path) -> BinaryIO:
    """A file to lock, made if need be; never one that a link leads to, nor one that waits.

    Raises:
        OSError: it cannot be written, or is no file.
    """
    asked = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | asked
    return os.fdopen(os.open(path, flags, 0o666), "ab")


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
