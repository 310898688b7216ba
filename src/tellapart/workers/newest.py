"""Work for whoever waits for it now: what was asked last is done first.

Somebody who scrolls past a thousand pictures wants the ones that are seen now.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from .local import cores

Out = TypeVar("Out")


class Newest:
    """As many threads as there are cores; each takes what was asked last. What is cancelled before
    it is begun is never done."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self.threads = cores()
        self._threads = ThreadPoolExecutor(self.threads, thread_name_prefix="tellapart-newest")

    def submit(self, function: Callable[..., Out], *arguments: Any) -> Future[Out]:
        """Have a function called by one of the threads."""
        future: Future[Out] = Future()
        self._waiting.append((future, function, arguments))  # appending and popping are atomic
        self._threads.submit(self._one)
        return future

    def _one(self) -> None:
        future, function, arguments = self._waiting.pop()
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
