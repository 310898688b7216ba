"""Asking the system about a file, and not waiting for ever: a drive that stalls never answers.

A call that the system does not end cannot be stopped. So it is made on a thread that waits for such
calls, and the caller goes on without it after `PATIENCE` seconds in which nothing came. Threads are
used again and again; one that hangs is left behind, and does not keep the process from ending.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

PATIENCE = 30.0  # seconds without a byte: a disk that slept, or a slow network, is awake by then
SHORT = 1.0  # seconds, while something else at the same place still has not answered
MOST = 200  # calls left behind at once, each with its thread

Out = TypeVar("Out")


class NoAnswerError(OSError):
    """The system did not answer in time; `reason` says so in plain words. `was_long` says that it
    had as long as anything has, and no shorter time since something else hung there."""

    def __init__(self, reason: str, *, was_long: bool = False) -> None:
        super().__init__(None, reason)
        self.reason = reason
        self.was_long = was_long


class Stop:
    """Ends the waiting of all calls that were made under it, at once and for good."""

    def __init__(self) -> None:
        self.came = False
        self._lock = threading.Lock()
        self._waiting: set[Call[Any]] = set()

    def over(self, function: Callable[..., Out], *arguments: Any) -> Out:
        """Call a function, on a thread that is under this stop meanwhile."""
        before, _own.stop = getattr(_own, "stop", None), self
        try:
            return function(*arguments)
        finally:
            _own.stop = before

    def set(self) -> None:
        with self._lock:
            self.came = True
            for call in self._waiting:
                call.end()

    def add(self, call: Call[Any]) -> None:
        with self._lock:
            self._waiting.add(call)
            if self.came:
                call.end()

    def remove(self, call: Call[Any]) -> None:
        with self._lock:
            self._waiting.discard(call)


class Call(Generic[Out]):
    """One call under way, as the function that is called sees it too."""

    __slots__ = ("_beats", "_ended", "_function", "_patience", "done", "error", "place", "result")

    def __init__(self, function: Callable[[Call[Out]], Out], place: object) -> None:
        self._function = function
        self._ended = threading.Lock()
        self._ended.acquire()
        self._beats = 0
        self._patience = PATIENCE
        self.done = False
        self.result: Out | None = None
        self.error: BaseException | None = None
        self.at(place)

    def at(self, place: object) -> None:
        """Where it waits now: what is known to hang there is waited for no longer than `SHORT`."""
        self.place = place
        if _hanging and any(call.place == place and not call.done for call in _hanging):
            self._patience = min(SHORT, PATIENCE)

    def beat(self) -> None:
        """Something came."""
        self._beats += 1

    def make(self) -> None:
        try:
            self.result = self._function(self)
        except BaseException as error:  # it is the caller's
            self.error = error
        self.done = True

    def end(self) -> None:
        """Let the caller go on; it may be told so twice."""
        with suppress(RuntimeError):
            self._ended.release()

    def wait(self) -> None:
        """Until it is made or ended, or nothing came for too long."""
        waited, beats = 0.0, self._beats
        while waited < self._patience:
            step = min(SHORT, self._patience - waited)
            if self._ended.acquire(timeout=step):
                return
            waited = waited + step if beats == self._beats else 0.0
            beats = self._beats

    def no_answer(self) -> NoAnswerError:
        several = "" if self._patience == 1 else "s"
        return NoAnswerError(
            f"did not answer within {self._patience:g} second{several}",
            was_long=self._patience == PATIENCE,
        )


_own = threading.local()  # .stop: the one that a thread is under
_idle: list[SimpleQueue[Call[Any]]] = []  # of threads that wait for a call
_hanging: list[Call[Any]] = []


def answered(function: Callable[[Call[Out]], Out], place: object) -> Out:
    """What a function of its `Call` returns or raises, if the system lets it end.

    `place` is what would hang together, such as a folder.

    Raises:
        NoAnswerError: nothing came in time, or the thread's `Stop` came.
    """
    if _hanging:
        _hanging[:] = [call for call in _hanging if not call.done]
    if len(_hanging) >= MOST:
        raise NoAnswerError("not asked for, as too much else does not answer")
    call = Call(function, place)
    try:
        helper = _idle.pop()
    except IndexError:
        helper = SimpleQueue()
        threading.Thread(target=_help, args=(helper,), name="file-reader", daemon=True).start()
    helper.put(call)
    stop: Stop | None = getattr(_own, "stop", None)
    if stop:
        stop.add(call)
    try:
        call.wait()
    finally:
        if stop:
            stop.remove(call)
        if not call.done:  # Ctrl-C too
            _hanging.append(call)
    if not call.done:
        raise call.no_answer()
    if call.error is not None:
        raise call.error
    return call.result  # type: ignore[return-value]


def _help(calls: SimpleQueue[Call[Any]]) -> None:
    while True:
        call = calls.get()
        call.make()
        _idle.append(calls)  # before the caller goes on, which may ask again at once
        call.end()
        del call  # and what it read


def _forget() -> None:
    """A forked process has none of the threads."""
    _idle.clear()
    _hanging.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
