"""Taking turns: a bounded queue before the threads that all of this process shares.

A request asks for one call a picture, and for others beside them, such as to take its body apart.
It is let in whole or refused whole, at once; it is answered within the deadline, which begins when
all of it has come, or refused then; and what nobody waits for any more is never begun.

    request ─ is there room? ─ waits ─ a thread decodes and runs the network ─ answer
                   │             └ deadline, or the client hangs up: never begun
                   └ 503, Retry-After

Each picture is a run of its own: batches save an eighth of the time of the quickest network, cost
time with the others (`benchmarks/serving.py`), and would need pictures of one size.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from starlette.requests import ClientDisconnect

from ..workers.local import submit, threads
from .problems import BusyError

Out = TypeVar("Out")
Receive: TypeAlias = "Callable[[], Awaitable[MutableMapping[str, Any]]]"

_WEIGHT = 0.1  # of the newest in the mean of seconds that a picture takes


class Queue:
    """Has functions called by the threads of the process, in order, and few enough at once.

    Where it is full it refuses, and it refuses what has not been answered after `deadline` seconds:
    whoever asks learns at once what is the matter, and memory stays flat. All of its methods are
    for the event loop alone.

    Attributes:
        most: calls that it holds, under way or waiting.
        deadline: seconds in which a request is answered, or refused.
        held: calls that are under way or wait.
        seconds: that one call takes a thread, as a mean over the latest.
        begun: when the calls began that are under way.
        within: what each call is made within.
    """

    def __init__(
        self,
        waiting: int,
        deadline: float,
        within: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.most = waiting + threads()
        self.deadline = deadline
        self.held = 0
        self.seconds = 0.0
        self.begun: dict[object, float] = {}
        self.within = within

    def check_room(self, calls: int = 1) -> None:
        """Refuse what there is no room for; worth asking before a body is read.

        Raises:
            HttpError: 503, with the seconds after which there will be room.
        """
        if self.held + calls > self.most:
            raise self._busy("Too many pictures are waiting.")

    async def aside(
        self,
        function: Callable[..., Out],
        *arguments: Any,
        receive: Receive | None = None,
        came: float | None = None,
    ) -> Out:
        """What a function gives that is called in its turn, for a request which has been let in: it
        needs no room of its own. See `ask_all`."""
        calls = [partial(function, *arguments)]
        return (await self._ask(calls, receive, came, _ignored))[0]

    async def ask_all(
        self,
        calls: Sequence[Callable[[], Out]],
        receive: Receive | None = None,
        came: float | None = None,
    ) -> list[Out]:
        """What the calls of a request give, a picture each, in their order, each called in its
        turn.

        The first that raises ends it for all. So does the client who hangs up, as its connection's
        `receive` tells once its body is read; then what waits is never begun. The deadline is
        counted from when the request `came`, by `time.monotonic()`, or else from now.

        Raises:
            HttpError: 503 where there is no room for all, or no answer in time.
            ClientDisconnect: the client hung up.
        """
        self.check_room(len(calls))
        return await self._ask(calls, receive, came, self._took)

    async def _ask(
        self,
        calls: Sequence[Callable[[], Out]],
        receive: Receive | None,
        came: float | None,
        took: Callable[[float], None],
    ) -> list[Out]:
        left = self.deadline if came is None else came + self.deadline - time.monotonic()
        if left <= 0:
            raise self._late()
        loop = asyncio.get_running_loop()
        turn: _Turn[Out] = _Turn(self, calls, loop, took)
        late = loop.call_later(left, turn.fail_with, self._late)
        ear = loop.create_task(_until_gone(receive, turn)) if receive else None
        try:
            return await turn.answer
        except Exception:  # raised again; but it would keep the pictures
            turn.forget()
            raise
        finally:
            late.cancel()
            if ear:
                ear.cancel()
            turn.give_up()

    def _late(self) -> Exception:
        return self._busy(f"No answer within {self.deadline:g} seconds.")

    def _busy(self, message: str) -> BusyError:
        # What is under way for long may well go on for as long; what waits is refused in the end.
        oldest = max((time.monotonic() - begun for begun in list(self.begun.values())), default=0.0)
        seconds = min(oldest + self.held * self.seconds / threads(), self.deadline)
        return BusyError(message, max(1, math.ceil(seconds)))

    def _took(self, seconds: float) -> None:
        """A call for a picture took a thread so long."""
        self.seconds += (seconds - self.seconds) * (_WEIGHT if self.seconds else 1.0)


def _ignored(seconds: float) -> None:
    """Of what is no picture: it says nothing of how long one takes."""


class _Turn(Generic[Out]):
    """The calls of one request: `answer` is a list of what they gave."""

    def __init__(
        self,
        queue: Queue,
        calls: Sequence[Callable[[], Out]],
        loop: asyncio.AbstractEventLoop,
        took: Callable[[float], None],
    ) -> None:
        self.answer: asyncio.Future[list[Out]] = loop.create_future()
        self._queue = queue
        self._loop = loop
        self._took = took
        self._calls: list[Callable[[], Out] | None] = list(calls)
        self._given: list[Any] = [None] * len(calls)
        self._missing = len(calls)
        queue.held += len(calls)
        self._futures = [submit(self._call, index) for index in range(len(calls))]

    def _call(self, index: int) -> None:
        """Make a call; in a thread."""
        call = self._calls[index]
        assert call
        begin = time.monotonic()
        self._queue.begun[(self, index)] = begin
        error: BaseException | None = None
        given = None
        try:
            with self._queue.within():
                given = call()
        except BaseException as raised:
            error = raised
        del self._queue.begun[(self, index)]
        with suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(
                self._told, index, given, error, time.monotonic() - begin
            )
        del error  # which holds this function, which would hold it, and so the picture

    def _told(self, index: int, given: Any, error: BaseException | None, seconds: float) -> None:
        self._queue.held -= 1
        self._took(seconds)
        self._given[index] = given
        self._missing -= 1
        if self.answer.done():
            return
        if error:
            self.answer.set_exception(error)
        elif not self._missing:
            self.answer.set_result(self._given)

    def fail_with(self, error: Callable[[], Exception]) -> None:
        if not self.answer.done():
            self.answer.set_exception(error())

    def forget(self) -> None:
        """Let go of an error: it holds the functions that it came through, with the picture, and
        these hold this."""
        self.answer = self._loop.create_future()
        self.answer.cancel()

    def give_up(self) -> None:
        """Nobody waits for the answer any more: what has not begun never does."""
        if not self._missing:
            return
        for index, future in enumerate(self._futures):
            if future.cancel():
                self._calls[index] = None  # and with it the picture
                self._missing -= 1
                self._queue.held -= 1


async def _until_gone(receive: Receive, turn: _Turn[Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    turn.fail_with(ClientDisconnect)
