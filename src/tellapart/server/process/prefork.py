"""One server by several processes, which take connections from one socket.

The first process forks the others and answers nothing itself. One that dies is replaced. Told to
end, it has all of them answer what they have taken, and ends when they have.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn, Protocol

from ...errors import ModelError, TellapartError
from ...workers.local import cores, limit_threads

_READY = b"."
_LONGEST = 2**16  # bytes of what a process says instead
_PAUSE = 1.0  # seconds before a process that lived for less is replaced


class Serving(Protocol):
    """A server: uvicorn's."""

    should_exit: bool

    async def serve(self, sockets: list[socket.socket]) -> None: ...


class _Processes:
    """The processes that answer."""

    def __init__(
        self,
        count: int,
        listening: socket.socket,
        server: Callable[[Callable[[], None]], Serving],
        gone: Callable[[int], None],
    ) -> None:
        self._count = count
        self._listening = listening
        self._server = server
        self._gone = gone
        self._born: dict[int, float] = {}  # when, of each
        self._alive = os.pipe()  # its end for writing is open as long as this process lives
        self._ending = False

    def start(self) -> int:
        """Fork one; what can be read from says when it is ready, or ends without a word."""
        heard, says = os.pipe()
        process = os.fork()
        if not process:
            os.close(heard)
            self._answer(says)
        os.close(says)
        self._born[process] = time.monotonic()
        return heard

    def _answer(self, says: int) -> NoReturn:
        """In a new process: answer until told to end."""
        try:
            os.close(self._alive[1])
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first process
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            limit_threads(cores() // self._count)
            asyncio.run(self._serve(says))
        except TellapartError as error:
            os.write(says, error.message.encode())
        finally:
            os._exit(0)

    async def _serve(self, says: int) -> None:
        server = self._server(lambda: _say(says))

        def end() -> None:
            server.should_exit = True

        loop = asyncio.get_running_loop()
        loop.add_reader(self._alive[0], end)  # the first process was killed
        loop.add_signal_handler(signal.SIGTERM, end)  # however often it comes
        await server.serve([self._listening])

    def watch(self) -> None:
        """Until all have ended; one that ends by itself is replaced."""
        while self._born:
            process, _ = os.wait()
            born = self._born.pop(process, None)
            if born is None or self._ending:
                continue
            self._gone(process)
            if time.monotonic() - born < _PAUSE:
                time.sleep(_PAUSE)
            if not self._ending:
                os.close(self.start())

    def end(self, number: int, frame: FrameType | None = None) -> None:
        """Have all of them end: when they have answered, or the second time at once."""
        again, self._ending = self._ending, True
        self._listening.close()
        for process in list(self._born):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL if again else signal.SIGTERM)
        if again:
            os._exit(128 + number)


def _say(says: int) -> None:
    with suppress(BrokenPipeError):  # of one that replaces another nobody asks
        os.write(says, _READY)
    os.close(says)


def serve_by_several(
    count: int,
    listening: socket.socket,
    server: Callable[[Callable[[], None]], Serving],
    ready: Callable[[], None],
    gone: Callable[[int], None],
) -> None:
    """Serve by so many processes; `server` makes one that calls what it is given once it is ready,
    and `ready` is called when all are. `gone` is told the number of one that died. Returns when all
    have ended.

    No thread may be at work in this process: a fork would find its locks held.

    Raises:
        ModelError: one of them could not begin.
    """
    processes = _Processes(count, listening, server, gone)
    for ear in [processes.start() for _ in range(count)]:
        said = os.read(ear, _LONGEST)
        os.close(ear)
        if said != _READY:
            processes.end(signal.SIGTERM)
            processes.watch()
            raise ModelError(said.decode() or "A worker process could not begin.")
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, processes.end)
    ready()
    processes.watch()
