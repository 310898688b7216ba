"""Renames in one step that Python has no call for: onto a name that must be free, and of two that
change places. Where the system or the disk knows none, nothing is done and the caller goes another
way."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

_AT_FOLDER = -100  # AT_FDCWD of Linux
_LINUX_FREE, _LINUX_EXCHANGE = 1, 2  # RENAME_NOREPLACE, RENAME_EXCHANGE
_MAC_FREE = 4  # RENAME_EXCL


def rename_new(path: Path, target: Path) -> bool:
    """Rename a file to a name that is free, so that a kill finds it under one name or the other;
    False where that cannot be done so.

    Raises:
        FileExistsError: something has that name.
    """
    sys.audit("os.rename", path, target, -1, -1)  # as Python says of its own
    if sys.platform == "darwin":
        failed = _call("renamex_np", os.fsencode(path), os.fsencode(target), _MAC_FREE)
    else:
        failed = _renameat2(path, target, _LINUX_FREE)
    if failed == errno.EEXIST:
        raise FileExistsError(failed, os.strerror(failed), str(path), None, str(target))
    return not failed


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places, so that a kill finds either the old or the new; False where that
    cannot be done so."""
    return not _renameat2(one, other, _LINUX_EXCHANGE)


def _renameat2(one: Path, other: Path, flags: int) -> int:
    """As Python 3.15 has it. Its error number, 0 for none."""
    if not sys.platform.startswith("linux"):
        return errno.ENOSYS
    names = os.fsencode(one), os.fsencode(other)
    return _call("renameat2", _AT_FOLDER, names[0], _AT_FOLDER, names[1], flags)


def _call(name: str, *given: object) -> int:
    """Call a function of the C library. Its error number, 0 for none."""
    import ctypes

    call = _system(name)
    if call is None:
        return errno.ENOSYS
    return ctypes.get_errno() if call(*given) else 0


@cache
def _system(name: str) -> Callable[..., int] | None:
    """A function of the C library; None in one without it."""
    import ctypes

    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return None
    return found
