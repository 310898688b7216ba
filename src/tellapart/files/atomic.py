"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from ..errors import DestinationError, option
from ..text import shown
from .locks import is_still, take
from .system import WINDOWS

DESTINATION = "destination"  # the setting that says where a command writes
TEMPORARY = ".tellapart-"  # how the names of files begin that are not yet complete
CLUTTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Files that file managers leave in every folder they show; they are nobody's work."""
_PART = ".part"  # a file that is being written
_LOCK = ".lock"  # beside a folder that is being written
_OLD = ".old"  # a folder moved aside while the new one takes its place
_OLDER = ".older"  # one that was kept, while a later one takes its place


def sync(path: Path) -> None:
    """Bring a file or folder to the disk; where folders cannot be synced, that is skipped."""
    try:
        handle = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)  # as its fsync asks
    except OSError:
        return
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


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
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until a few steps that belong together are done; on the main
    thread."""
    if threading.current_thread() is not threading.main_thread():  # a thread is never disturbed
        yield
        return
    before: dict[signal.Signals, Callable[[int, FrameType | None], Any]] = {}
    came: list[tuple[int, FrameType | None]] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            before[signal.Signals(came[0][0])](*came[0])


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, sync it, and rename it into place.

    Raises:
        OSError: the disk is full or read-only; nothing is left behind.
    """
    with undisturbed(), _part_of(path, content) as part:
        os.replace(part, path)
    sync(path.parent)


@contextmanager
def _part_of(path: Path, content: bytes) -> Iterator[str]:
    """The name of a new file beside `path`, whole and on the disk, which is gone afterwards unless
    it was renamed; what a killed run left is cleared away first."""
    clear_leftovers(path)
    stream = _new_lock(path, _PART)
    try:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
        if WINDOWS:  # where an open file keeps its name
            stream.close()
        yield stream.name
    finally:
        with suppress(OSError):  # what it still held is what could not be written before
            stream.close()
        with suppress(OSError):
            os.unlink(stream.name)


def check_free(path: Path) -> None:
    """Whether a new file may be written there, before any work is done for it.

    Raises:
        DestinationError: something is there already.
    """
    if os.path.lexists(path):
        raise DestinationError(
            f"{shown(path)} is there already.",
            hint=f"Nothing was changed. Choose another{chosen_with()}.",
        )


def check_file_writable(path: Path, setting: str = DESTINATION) -> None:
    """Whether a file may be written there, over another or not, before any work is done for it.

    Raises:
        DestinationError: its folder is missing or read-only, or it is a folder itself; `setting` is
            what chooses another place.
    """
    folder = path.parent
    if os.path.isdir(path):
        reason = "it is a folder"
    elif not os.path.isdir(folder):
        reason = f"{shown(folder)} is {'no folder' if os.path.lexists(folder) else 'not there'}"
    elif not os.access(folder, os.W_OK | os.X_OK):
        reason = f"{shown(folder)} is read-only"
    else:
        return
    raise DestinationError(
        f"{shown(path)} cannot be written: {reason}.",
        hint=f"Choose another place{chosen_with(setting)}.",
    )


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and over nothing.

    Raises:
        DestinationError: something is there already, or it cannot be written.
    """
    check_free(path)
    try:
        with undisturbed(), _part_of(path, content) as part:
            try:
                os.link(part, path)
            except FileExistsError:
                raise
            except OSError:  # a disk without hard links: take the name first, and then fill it
                path.open("xb").close()
                os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from error


def kept_beside(target: Path) -> Path:
    """Where the folder whose place another has taken is kept: `flowers.before`."""
    place = Path(os.path.realpath(target)) if os.path.islink(target) else target
    return place.with_name(f"{place.name}.before")


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
    target = Path(os.path.realpath(target))
    lock = None
    try:
        with undisturbed():
            target.parent.mkdir(parents=True, exist_ok=True)
            clear_leftovers(target, keep=keep)
            lock = _new_lock(target)
            fresh = _folder_of(lock)
            fresh.mkdir(0o777 if WINDOWS else 0o700)  # there `chmod` would not open it again
        yield fresh
        os.chmod(fresh, 0o777 & ~_umask())
        for path in fresh.iterdir():
            sync(path)
        sync(fresh)
        with undisturbed():
            if keep and target.exists():
                keep()
                _note_to_keep(target, lock)
            replaced = _take_place(fresh, target)
            if keep and replaced:
                _keep(replaced, lock, target)
        sync(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        with undisturbed():
            if lock:
                _discard(lock)


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
            lock = _new_lock(target)
            fresh = _folder_of(lock)
            fresh.mkdir()
        yield fresh
        sync(fresh)
        with suppress(FileExistsError, NotADirectoryError), undisturbed():
            _rename_unless_there(fresh, target)
        sync(target.parent)
    finally:
        with undisturbed():
            if lock:
                _discard(lock)


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
        lock = _new_lock(beside)
        try:
            os.rename(folder, _folder_of(lock))
            yield
        finally:
            _discard(lock)


def _beginning(target: Path) -> str:
    """How the names of all that is only there while `target` is written begin."""
    return f"{TEMPORARY}{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"


def _new_lock(target: Path, suffix: str = _LOCK) -> BinaryIO:
    """A lock that is held while a folder is written, and that tells it from what a kill left; a
    single file is written into the locked file itself."""
    while True:
        path = target.parent / f"{_beginning(target)}{secrets.token_hex(4)}{suffix}"
        lock = path.open("x+b")
        if take(lock) is not False and is_still(path, lock):
            return lock
        lock.close()  # another run took it for a leftover


def _folder_of(lock: BinaryIO) -> Path:
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
                    os.rename(_folder_of(lock).with_suffix(_OLD), target)
            if path.suffix == _LOCK and (replaced := _what_is_noted(lock)):
                if keep:
                    keep()
                elif os.path.lexists(kept_beside(target)):  # whatever that is
                    lock.close()
                    continue
                _keep(replaced, lock, target)
            if finish:
                finish(_folder_of(lock))
            _discard(lock)


def _leftovers(target: Path) -> list[Path]:
    beginning = _beginning(target)
    with suppress(OSError), os.scandir(target.parent) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if entry.name.startswith(beginning) and entry.name.endswith((_LOCK, _PART))
        ]
    return []


def _note_to_keep(folder: Path, lock: BinaryIO) -> None:
    """Write into the lock which folder is to be kept, whatever it is called by then."""
    lock.write(b"%d" % folder.stat().st_ino)
    lock.flush()
    os.fsync(lock.fileno())


def _what_is_noted(lock: BinaryIO) -> Path | None:
    """The folder that is to be kept, where it is neither in its old place nor in its new one."""
    lock.seek(0)
    number = lock.read(64)  # which is a part of a file where one is written, and no number
    for folder in (_folder_of(lock), _folder_of(lock).with_suffix(_OLD)):
        with suppress(OSError):
            if b"%d" % folder.stat().st_ino == number:
                return folder
    return None


def _keep(replaced: Path, lock: BinaryIO, target: Path) -> None:
    """Put a folder that was replaced where it is kept; the one kept before it then has the name of
    what is to be deleted."""
    place = kept_beside(target)
    if os.path.lexists(place):
        if _exchange(replaced, place):
            return
        os.rename(place, _folder_of(lock).with_suffix(_OLDER))
    os.rename(replaced, place)


def _discard(lock: BinaryIO) -> None:
    """Delete all that belongs to a lock, itself last; what could not be kept stays for the next
    run to keep."""
    still_to_keep = _what_is_noted(lock)
    for folder in (
        _folder_of(lock),
        _folder_of(lock).with_suffix(_OLD),
        _folder_of(lock).with_suffix(_OLDER),
    ):
        if folder != still_to_keep:
            shutil.rmtree(folder, ignore_errors=True)
    lock.close()  # before it is deleted, as Windows asks
    if not still_to_keep:
        with suppress(OSError):
            os.unlink(lock.name)


def _take_place(fresh: Path, target: Path) -> Path | None:
    """Rename over `target`. A folder that is there is exchanged in one step where the system can;
    elsewhere it is moved aside first. Returns where it is then: it is deleted or kept last."""
    if not target.exists():
        os.rename(fresh, target)
        return None
    if _exchange(fresh, target):  # what is now called `fresh` is the old one
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


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths change places, so that a kill finds either the old or the new; False where the
    system or the disk knows no such call. Python has none (renameat2 of Linux 3.15)."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    at_folder, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    try:
        call = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):  # a C library without it
        return False
    names = os.fsencode(one), os.fsencode(other)
    return call(at_folder, names[0], at_folder, names[1], exchange) == 0  # type: ignore[no-any-return]


def check_writable(path: Path, setting: str = DESTINATION) -> None:
    """Whether the nearest folder above that exists lets us write: better said before any work.

    Raises:
        DestinationError: it does not; `setting` is what chooses another place.
    """
    above = next(up for up in Path(os.path.realpath(path)).parents if os.path.lexists(up))
    if not os.path.isdir(above):
        reason = "no folder"
    elif not os.access(above, os.W_OK | os.X_OK):
        reason = "read-only"
    else:
        return
    raise DestinationError(
        f"{shown(path)} cannot be written: {shown(above)} is {reason}.",
        hint=f"Choose another place{chosen_with(setting)}.",
    )


def chosen_with(setting: str = DESTINATION) -> str:
    """` with -o`, as the face at hand calls it: what chooses another place."""
    return option(setting, lead=" with ")


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


def cannot_write(path: Path, error: OSError, setting: str = DESTINATION) -> DestinationError:
    """An `OSError` of writing as a sentence; `setting` is what chooses another place."""
    reason = (error.strerror or type(error).__name__).lower()
    return DestinationError(
        f"{shown(path)} cannot be written: {reason}.",
        hint=f"Nothing was changed there. Free some space, or choose another place"
        f"{chosen_with(setting)}.",
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
