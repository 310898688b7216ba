"""Quiet while pictures are read: what Pillow warns of, and what libtiff writes straight to file 2.

What is wrong with a picture is told in words of ours. Nothing is changed for the process but while
a picture is read, by however many threads.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
_readers = 0
_before: Any = None  # libtiff's own handler of errors
_FILTER = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing of Pillow's or libtiff's is printed while this is open in any thread."""
    global _readers
    with _lock:
        _readers += 1
        if _readers == 1:
            _hush()
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers:
                _speak()


def _hush() -> None:
    global _before
    # warnings.catch_warnings() is not for threads: it puts back the list it found.
    warnings.filters.insert(0, _FILTER)  # type: ignore[attr-defined]
    if set_handler := _libtiff():
        _before = set_handler(None)


def _speak() -> None:
    # By identity: somebody may have one like it, and ours may have been copied, or be gone.
    filters = warnings.filters
    filters[:] = [one for one in filters if one is not _FILTER]  # type: ignore[index]
    if set_handler := _libtiff():
        set_handler(_before)


@cache
def _libtiff() -> Any:
    """TIFFSetErrorHandler of the libtiff that Pillow is linked with; none where it is hidden."""
    from PIL import _imaging

    try:
        found = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (OSError, AttributeError):
        return None
    found.argtypes, found.restype = [ctypes.c_void_p], ctypes.c_void_p
    return found


def _begin_anew() -> None:
    """In a forked child, whose parent may have been reading in another thread."""
    global _lock, _readers
    _lock = threading.Lock()
    if _readers:
        _readers = 0
        _speak()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
