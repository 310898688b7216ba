"""Taking turns: a bounded queue before the threads that all of this process shares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from ..workers.local import submit
from .problems import HttpError

Out = TypeVar("Out")


class Queue:
    """Has functions called by the threads of the process, at most so many at once, in order.

    Where it is full it refuses, and it refuses what has not been answered after `deadline` seconds:
    whoever asks learns at once what is the matter, and memory stays flat.
    """

    def __init__(self, waiting: int, deadline: float) -> None:
        self.most = waiting
        self.deadline = deadline
        self.held = 0  # under way or waiting

    async def ask(self, function: Callable[..., Out], *arguments: Any) -> Out:
        """What a function gives, called in its turn.

        Raises:
            HttpError: 503 where the queue is full, or the answer did not come in time.
        """
        if self.held >= self.most:
            raise HttpError(503, "Too many pictures are waiting.", headers={"Retry-After": "1"})
        self.held += 1
        loop = asyncio.get_running_loop()
        future = submit(function, *arguments)
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._leave, done))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.deadline)
        except asyncio.TimeoutError as error:
            raise HttpError(
                503, f"No answer within {self.deadline:g} seconds.", headers={"Retry-After": "1"}
            ) from error

    def _leave(self, future: Future[Any]) -> None:
        self.held -= 1
