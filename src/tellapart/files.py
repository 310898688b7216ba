"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from .errors import DestinationError
from .wording import shown

TEMPORARY = ".tellapart-"  # how the names of files begin that are not yet complete
CLUTTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""Files that file managers leave in every folder they show; they are nobody's work."""


def sync(path: Path) -> None:
    """Bring a file or folder to the disk; where folders cannot be synced, that is skipped."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C wait until a few steps that belong together are done; on the main thread."""
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not (main and callable(before)):  # a thread is never disturbed
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(*came[0])


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, sync it, and rename it into place.

    Raises:
        OSError: the disk is full or read-only; nothing is left behind.
    """
    with undisturbed():
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o666 & ~_umask())
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
    sync(path.parent)


def check_free(path: Path) -> None:
    """Whether a new file may be written there, before any work is done for it.

    Raises:
        DestinationError: something is there already.
    """
    if os.path.lexists(path):
        raise DestinationError(
            f"{shown(path)} is there already.", hint="Nothing was changed. Choose another with -o."
        )


def check_writable(path: Path) -> None:
    """Whether a file may be written there, over another or not, before any work is done for it.

    Raises:
        DestinationError: its folder is missing or read-only, or it is a folder itself.
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
        f"{shown(path)} cannot be written: {reason}.", hint="Choose another place."
    )


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, and over nothing.

    Raises:
        DestinationError: something is there already, or it cannot be written.
    """
    check_free(path)
    try:
        with path.open("xb") as stream:
            try:
                stream.write(content)
                stream.flush()
            except OSError:
                path.unlink()
                raise
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def folder_written_atomically(target: Path) -> Iterator[Path]:
    """A new folder beside `target` to write into; when all went well it takes `target`'s place.

    Raises:
        DestinationError: it cannot be written, or the disk is full; `target` is as it was.
    """
    target = Path(os.path.abspath(target))  # "." has a name and a parent then
    fresh = None
    try:
        with undisturbed():
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target.parent))
        yield fresh
        os.chmod(fresh, 0o777 & ~_umask())
        for path in fresh.iterdir():
            sync(path)
        sync(fresh)
        with undisturbed():
            _take_place(fresh, target)
        sync(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        with undisturbed():
            if fresh:
                shutil.rmtree(fresh, ignore_errors=True)


def _take_place(fresh: Path, target: Path) -> None:
    """Rename over `target`. A folder that is there is exchanged in one step where the system can;
    elsewhere it is moved aside first. Either way it is deleted last."""
    if not target.exists():
        os.rename(fresh, target)
        return
    if _exchange(fresh, target):  # what is now called `fresh` is the old one
        return
    aside = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=target.parent))
    try:
        os.rename(target, aside / "old")
        os.rename(fresh, target)
    except BaseException:  # Ctrl-C too: the old one comes back unless the new one is there
        with suppress(OSError):
            os.rename(aside / "old", target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


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


def cannot_write(path: Path, error: OSError) -> DestinationError:
    """An `OSError` of writing as a sentence."""
    reason = (error.strerror or type(error).__name__).lower()
    return DestinationError(
        f"{shown(path)} cannot be written: {reason}.",
        hint="Nothing was changed there. Free some space, or choose another place with -o.",
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
