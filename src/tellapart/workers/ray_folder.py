"""The temporary folder of a Ray cluster that is made on this machine: its sockets and logs.

It is locked for as long as its command lives, and the system lets go of that when the command is
killed. So the next command that makes a cluster can tell what was left, and deletes it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # of systems with POSIX calls; elsewhere nothing of another run is touched
    fcntl = None  # type: ignore[assignment]

_NAME = "tellapart-ray-"
_BEGUN = "tellapart-new-"  # until it is locked
_INSIDE = "ray"  # all that is in one
_SHORT = 12  # letters of a folder for temporary ones: a socket's path has 107 at most


@contextmanager
def own_folder() -> Iterator[str]:
    """A new one, with a path that is short enough for sockets; it is deleted with the block."""
    usual = tempfile.gettempdir()
    is_short = len(usual) <= _SHORT or not os.path.isdir("/tmp")
    place = Path(usual if is_short else "/tmp")
    _clear_left(place)
    begun = Path(tempfile.mkdtemp(prefix=_BEGUN, dir=place))
    lock = _locked(begun)
    folder = begun.with_name(begun.name.replace(_BEGUN, _NAME, 1))
    try:
        begun.rename(folder)
        yield os.fspath(folder / _INSIDE)  # which Ray opens to everybody, and nobody gets there
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _clear_left(place: Path) -> None:
    """Delete what commands have left that were killed."""
    for folder in place.glob(f"{_NAME}*") if fcntl else ():
        with suppress(OSError):
            lock = _locked(folder)
            if lock is None:
                continue
            if os.listdir(folder) in ([], [_INSIDE]):  # somebody's own may be called so
                shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """A lock on a folder, held while it is open; None where somebody else has it, or nobody can."""
    if not fcntl:
        return None
    lock = os.open(folder, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
