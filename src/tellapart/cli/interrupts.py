"""Ctrl-C: one sentence and an exit code, at whatever moment it comes and however often."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType

from ..files.system import WINDOWS

EXIT_CODE = 130  # of a program stopped with Ctrl-C
SENTENCE = "Stopped. What was finished is kept; type the same command again to go on."
_PATIENCE = 2.0  # seconds
_GRACE = 5.0  # seconds
_AT_ONCE = 0.5  # seconds
_came = 0.0  # when Ctrl-C came; never, as long as it is 0


def end_at_once() -> None:
    """Ctrl-C ends the process there and then, as long as there is nothing to tidy up."""
    _handle(_end)


def raise_once() -> None:
    """Ctrl-C raises KeyboardInterrupt; more of them at once leave the tidying up alone. Later ones
    raise again: an interrupt can be lost in somebody else's import."""
    _handle(_raise)


def end_quietly() -> None:
    """Ctrl-C and SIGTERM end the process there and then, without a word: what is kept and whether
    to go on is no question where nothing has begun."""
    _handle(_end_quietly)
    signal.signal(signal.SIGTERM, _end_quietly)


def _end_quietly(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)  # as shells say that a signal has ended a process


def hear_termination() -> None:
    """SIGTERM is as good as Ctrl-C, also where that is ignored, as a script's `&` does it."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        _raise(number, frame)
    signal.raise_signal(signal.SIGINT)


class Ending:
    """Ctrl-C, SIGTERM and a terminal that closes end what is under way at its next pause; once more
    of them, or `_GRACE` seconds without an end, at once: a drive may hang. Several in one moment
    are one: `timeout` sends SIGTERM to a process and to its group. It is waited for like a
    `threading.Event`, which a signal's handler must not set."""

    def __init__(self) -> None:
        self._came = 0.0  # when it came; not yet, as long as it is 0
        self._wake: SimpleQueue[None] = SimpleQueue()

    def __enter__(self) -> Ending:
        _handle(self._end)
        signal.signal(signal.SIGTERM, self._end)
        if not WINDOWS and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup`
            signal.signal(signal.SIGHUP, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self.take_time()

    def is_set(self) -> bool:
        return self._came > 0

    def wait(self, timeout: float | None = None) -> bool:
        with suppress(Empty):
            if not self._came:
                self._wake.get(timeout=timeout)
        return self._came > 0

    def take_time(self) -> None:
        """It is ending: from here on only Ctrl-C ends it sooner."""
        if not WINDOWS:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _end(self, number: int, frame: FrameType | None) -> None:
        if self._came:
            if time.monotonic() - self._came >= _AT_ONCE:
                _raise(number, frame)
            return
        self._came = time.monotonic()
        self._wake.put(None)
        if not WINDOWS:  # which has no alarm
            signal.signal(signal.SIGALRM, _raise)
            signal.setitimer(signal.ITIMER_REAL, _GRACE)


def came() -> bool:
    """Whether `raise_once` has raised. In the middle of an import that can come out as anything."""
    return _came > 0


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as `nohup` and `&` ask
        signal.signal(signal.SIGINT, handler)


def _end(number: int, frame: FrameType | None) -> None:
    try:
        os.write(2, f"{SENTENCE}\n".encode())
    finally:
        os._exit(EXIT_CODE)


def _raise(number: int, frame: FrameType | None) -> None:
    global _came
    if _came and time.monotonic() - _came < _PATIENCE:
        return
    _came = time.monotonic()
    raise KeyboardInterrupt


def end_with_code() -> None:
    """Let the exit code say it. CPython ends by the signal itself where an interrupt has once
    passed through a text that was executed, as dataclasses do it; executing another forgets it."""
    exec("")
