"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from ..errors import DestinationError, option
from ..text import shown
from .leftovers import PART, clear_leftovers, new_lock
from .on_disk import check_written_here
from .system import WINDOWS

_SIDE_BY_SIDE = 8  # files and folders that are brought to the disk at once
DESTINATION = "destination"  # the setting that says where a command writes
CLUTTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Files that file managers leave in every folder they show; they are nobody's work."""


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


def sync_all(paths: Collection[Path], one: Callable[[Path], None] = sync) -> None:
    """Bring several to the disk side by side, which takes little longer than one does."""
    if len(paths) < 2:
        for path in paths:
            one(path)
        return
    with ThreadPoolExecutor(min(len(paths), _SIDE_BY_SIDE)) as threads:
        for _ in threads.map(one, paths):
            """An error of one is raised here."""


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


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write a file under a temporary name, sync it, and rename it into place. What is too large to
    be in memory comes piece by piece.

    Raises:
        OSError: the disk is full or read-only; nothing is left behind.
    """
    with undisturbed(), _part_of(path, content) as part:
        os.replace(part, path)
    sync(path.parent)


@contextmanager
def _part_of(path: Path, content: bytes | Iterable[bytes]) -> Iterator[str]:
    """The name of a new file beside `path`, whole and on the disk, which is gone afterwards unless
    it was renamed; what a killed run left is cleared away first."""
    clear_leftovers(path)
    stream = new_lock(path, PART)
    try:
        stream.writelines([content] if isinstance(content, bytes) else content)
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
    check_written_here(path)
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
    check_written_here(path)
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


def check_writable(path: Path, setting: str = DESTINATION, *, inside: bool = False) -> None:
    """Whether the nearest folder above that exists lets us write: better said before any work.
    Of a folder into which files are put, `inside`, that may be itself.

    Raises:
        DestinationError: it does not; `setting` is what chooses another place.
    """
    check_written_here(path)
    real = Path(os.path.realpath(path))
    nearest = [real, *real.parents] if inside else real.parents
    above = next(up for up in nearest if os.path.lexists(up))
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


def cannot_write(path: Path, error: OSError, setting: str = DESTINATION) -> DestinationError:
    """An `OSError` of writing as a sentence; `setting` is what chooses another place."""
    reason = (error.strerror or type(error).__name__).lower()
    return DestinationError(
        f"{shown(path)} cannot be written: {reason}.",
        hint=f"Nothing was changed there. Free some space, or choose another place"
        f"{chosen_with(setting)}.",
    )
