"""Folders: made, deleted, and written so that a reader sees the old or the new, never a half."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import DestinationError
from ..text import shown
from .atomic import cannot_write, sync, undisturbed
from .leftovers import (
    clear_leftovers,
    discard,
    folder_of,
    keep_replaced,
    new_lock,
    note_to_keep,
    put_in_place,
)
from .on_disk import check_written_here
from .system import WINDOWS


def make_folders(path: Path) -> None:
    """A folder and those above it, unless they are there; `Path.mkdir` calls itself for each of
    them, and Python has too little room for some archives."""
    missing, above = [], os.path.abspath(path)
    while not os.path.isdir(above):
        missing.append(above)
        above = os.path.dirname(above)
    for folder in reversed(missing):
        with suppress(FileExistsError):
            os.mkdir(folder)
    if missing and not os.path.isdir(path):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def remove_tree(folder: Path) -> None:
    """Delete a folder of our own with all that is in it, as far as the system lets us."""
    folders = [os.fspath(folder)]
    for place in folders:  # which grows meanwhile: `shutil.rmtree` would call itself instead
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    with suppress(OSError):
                        os.unlink(entry.path)
    for place in reversed(folders):
        with suppress(OSError):
            os.rmdir(place)


@contextmanager
def folder_written_atomically(
    target: Path, *, keep: Callable[[], None] | None = None
) -> Iterator[Path]:
    """A new folder beside `target` to write into; when all went well it takes `target`'s place.

    Where `target` is a link, what it leads to is replaced. What a killed run left is cleared away.
    With `keep` the folder that was there is kept beside the new one, in the place of the one that
    was kept before; `keep` raises what speaks against taking that one away.

    Raises:
        DestinationError: it cannot be written, or the disk is full; `target` is as it was.
    """
    check_written_here(target)
    target = Path(os.path.realpath(target))
    lock = None
    try:
        with undisturbed():
            target.parent.mkdir(parents=True, exist_ok=True)
            clear_leftovers(target, keep=keep)
            lock = new_lock(target)
            fresh = folder_of(lock)
            fresh.mkdir(0o777 if WINDOWS else 0o700)  # there `chmod` would not open it again
        yield fresh
        os.chmod(fresh, 0o777 & ~_umask())
        for path in fresh.iterdir():
            sync(path)
        sync(fresh)
        with undisturbed():
            if keep and target.exists():
                keep()
                note_to_keep(target, lock)
            replaced = put_in_place(fresh, target)
            if keep and replaced:
                keep_replaced(replaced, lock, target)
        sync(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        _let_go(lock)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to write into that then is there in one step, unless something is by then.

    Raises:
        OSError: it cannot be written.
    """
    lock = None
    try:
        with undisturbed():
            clear_leftovers(target)
            lock = new_lock(target)
            fresh = folder_of(lock)
            fresh.mkdir()
        yield fresh
        sync(fresh)
        with suppress(FileExistsError, NotADirectoryError), undisturbed():
            _rename_unless_there(fresh, target)
        sync(target.parent)
    finally:
        _let_go(lock)


def _let_go(lock: BinaryIO | None) -> None:
    """Also if Ctrl-C comes in the moment before it is held back, which is then passed on."""
    try:
        with undisturbed():
            _discarded(lock)
    except KeyboardInterrupt:
        with undisturbed():
            _discarded(lock)
        raise


def _discarded(lock: BinaryIO | None) -> None:
    if lock and not lock.closed:
        discard(lock)


def _rename_unless_there(folder: Path, target: Path) -> None:
    try:
        os.rename(folder, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


@contextmanager
def moved_away(folder: Path, beside: Path) -> Iterator[None]:
    """A folder of our own is first moved away, to a hidden name beside `beside`, and deleted when
    all is done; what is done in between, `clear_leftovers` can do again after a kill.

    Raises:
        OSError: it cannot be moved.
    """
    with undisturbed():
        lock = new_lock(beside)
        try:
            os.rename(folder, folder_of(lock))
            yield
        finally:
            discard(lock)


def check_may_be_replaced(folder: Path) -> None:
    """Whether a folder may be taken away for a new one of its name.

    Raises:
        DestinationError: a disk is mounted there, or the shell that started us stands in it.
    """
    real = Path(os.path.realpath(folder))
    if os.path.ismount(real):
        why = "is where a disk is mounted, and cannot be replaced in one step"
    elif _is_here(real):
        why = "is the folder you are in, which cannot be replaced under you"
    else:
        return
    raise DestinationError(
        f"{shown(folder)} {why}.",
        hint=f"Name a folder in it, such as {shown(folder / 'model')}.",
    )


def _is_here(folder: Path) -> bool:
    try:
        return Path.cwd().is_relative_to(folder)
    except FileNotFoundError:  # it was deleted long ago
        return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
