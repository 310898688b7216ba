"""Ending long work from outside: it pauses every fraction of a second, and may be told to end then.

    with pausing(check):
        ...            # calls pause() now and then, and that calls check(), which may raise

Arithmetic knows nothing of who asked for it, so the check is kept by the thread; what a thread
hands to others goes under its check there (`local.side_by_side`, `local.local_map`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Out = TypeVar("Out")
Check = Callable[[], None]

_own = threading.local()


@contextmanager
def pausing(check: Check) -> Iterator[None]:
    """Have `check` called at each pause of this thread, and of those that work for it; whatever it
    raises ends the work there. Several threads may call it at once. The checks outside of it are
    not called."""
    before = _check()
    _own.check = check
    try:
        yield
    finally:
        _own.check = before


def pause() -> None:
    """A place where long work may end."""
    check = _check()
    if check:
        check()


def carried(function: Callable[..., Out]) -> Callable[..., Out]:
    """The function, to be called by another thread under the check of this one."""
    check = _check()
    if not check:
        return function

    def checked(*arguments: object) -> Out:
        with pausing(check):
            return function(*arguments)

    return checked


def _check() -> Check | None:
    found: Check | None = getattr(_own, "check", None)
    return found
