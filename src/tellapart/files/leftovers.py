"""What stands beside a file or a folder only while that is written, and what a kill leaves of it.

A lock, which the system lets go of when a process is killed, tells the one from the other. Beside
it, under the same hidden name, is the new folder, then the old one, until that is deleted or kept.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .locks import is_still, take
from .renames import exchange

TEMPORARY = ".tellapart-"  # how the names of files begin that are not yet complete
PART = ".part"  # a file that is being written
_LOCK = ".lock"  # beside a folder that is being written
_OLD = ".old"  # a folder moved aside while the new one takes its place
_OLDER = ".older"  # one that was kept, while a later one takes its place


def kept_beside(target: Path) -> Path:
    """Where the folder whose place another has taken is kept: `flowers.before`."""
    place = Path(os.path.realpath(target)) if os.path.islink(target) else target
    return place.with_name(f"{place.name}.before")


def _beginning(target: Path) -> str:
    """How the names of all that is only there while `target` is written begin."""
    return f"{TEMPORARY}{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"


def new_lock(target: Path, suffix: str = _LOCK) -> BinaryIO:
    """A lock that is held while a folder is written, and that tells it from what a kill left; a
    single file is written into the locked file itself."""
    while True:
        path = target.parent / f"{_beginning(target)}{secrets.token_hex(4)}{suffix}"
        lock = path.open("x+b")
        if take(lock) is not False and is_still(path, lock):
            return lock
        lock.close()  # another run took it for a leftover


def folder_of(lock: BinaryIO) -> Path:
    return Path(lock.name).with_suffix("")


def clear_leftovers(
    target: Path,
    finish: Callable[[Path], None] | None = None,
    keep: Callable[[], None] | None = None,
) -> None:
    """Delete what killed runs left; the old folder comes back if none took its place, and is kept
    if it was to be. `finish` is called with each folder that was left, before that is deleted."""
    for path in _leftovers(target):
        with suppress(OSError):
            lock = path.open("r+b")
            if not (take(lock) and is_still(path, lock)):  # a run that is still writing
                lock.close()
                continue
            if path.suffix == _LOCK and not os.path.lexists(target):
                with suppress(FileNotFoundError):
                    os.rename(folder_of(lock).with_suffix(_OLD), target)
            if path.suffix == _LOCK and (replaced := _what_is_noted(lock)):
                if keep:
                    keep()
                elif os.path.lexists(kept_beside(target)):  # whatever that is
                    lock.close()
                    continue
                keep_replaced(replaced, lock, target)
            if finish:
                finish(folder_of(lock))
            discard(lock)


def clear_parts(folder: Path) -> None:
    """Delete what killed runs were writing into a folder, file by file, whatever it was to be."""
    for path in folder.glob(f"{TEMPORARY}*{PART}"):
        with suppress(OSError):
            lock = path.open("r+b")
            if take(lock) and is_still(path, lock):
                discard(lock)
            else:
                lock.close()


def _leftovers(target: Path) -> list[Path]:
    beginning = _beginning(target)
    with suppress(OSError), os.scandir(target.parent) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if entry.name.startswith(beginning) and entry.name.endswith((_LOCK, PART))
        ]
    return []


def note_to_keep(folder: Path, lock: BinaryIO) -> None:
    """Write into the lock which folder is to be kept, whatever it is called by then."""
    lock.write(b"%d" % folder.stat().st_ino)
    lock.flush()
    os.fsync(lock.fileno())


def _what_is_noted(lock: BinaryIO) -> Path | None:
    """The folder that is to be kept, where it is neither in its old place nor in its new one."""
    lock.seek(0)
    number = lock.read(64)  # which is a part of a file where one is written, and no number
    for folder in (folder_of(lock), folder_of(lock).with_suffix(_OLD)):
        with suppress(OSError):
            if b"%d" % folder.stat().st_ino == number:
                return folder
    return None


def keep_replaced(replaced: Path, lock: BinaryIO, target: Path) -> None:
    """Put a folder that was replaced where it is kept; the one kept before it then has the name of
    what is to be deleted."""
    place = kept_beside(target)
    if os.path.lexists(place):
        if exchange(replaced, place):
            return
        os.rename(place, folder_of(lock).with_suffix(_OLDER))
    os.rename(replaced, place)


def discard(lock: BinaryIO) -> None:
    """Delete all that belongs to a lock, itself last; what could not be kept stays for the next
    run to keep."""
    still_to_keep = _what_is_noted(lock)
    for folder in (
        folder_of(lock),
        folder_of(lock).with_suffix(_OLD),
        folder_of(lock).with_suffix(_OLDER),
    ):
        if folder != still_to_keep:
            shutil.rmtree(folder, ignore_errors=True)
    lock.close()  # before it is deleted, as Windows asks
    if not still_to_keep:
        with suppress(OSError):
            os.unlink(lock.name)


def put_in_place(fresh: Path, target: Path) -> Path | None:
    """Rename over `target`. A folder that is there is exchanged in one step where the system can;
    elsewhere it is moved aside first. Returns where it is then: it is deleted or kept last."""
    if not target.exists():
        os.rename(fresh, target)
        return None
    if exchange(fresh, target):  # what is now called `fresh` is the old one
        return fresh
    old = fresh.with_suffix(_OLD)
    try:
        os.rename(target, old)
        os.rename(fresh, target)
    except BaseException:  # Ctrl-C too: the old one comes back unless the new one is there
        with suppress(OSError):
            os.rename(old, target)
        raise
    return old
