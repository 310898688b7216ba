"""Running the server: a socket, uvicorn on it, and the address once it is ready to answer.

Told to end, it takes no more connections, answers what it has taken, and ends quietly; told twice,
it ends at once.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

from ...errors import UsageError, option
from ...files.system import WINDOWS
from ...text import shown
from ...workers.local import cores, is_working
from ..config import Config
from ..models import Models
from ..records import figures
from ..records.access_log import Log, take_over
from .prefork import serve_by_several

_BACKLOG = 2048  # connections that wait to be taken
AT_ONCE = 64  # that are taken in one round; asyncio tries each, and complains of each
_OTHER_FILES = 32  # that are open besides connections


def serve(
    models: Models,
    config: Config,
    log: Log,
    ready: Callable[[str], None],
    ending: Callable[[int], None] = lambda _: None,
) -> None:
    """Serve until the process is told to end; `ready` is called with the address, as
    "http://127.0.0.1:8000", when requests are answered, and `ending` with how many still are being
    answered when it was told to end, if any are.

    Raises:
        UsageError: the address cannot be bound, or there are more workers than cores.
        ModelError: a model cannot be run.
    """
    check_workers(config.workers)
    listening = bound(config)
    address = address_of(listening)
    take_over(log)

    def server(config: Config, ready: Callable[[], None], *, alone: bool) -> Server:
        from ..app import server_on  # looks for the folder of figures when it is imported

        return server_on(listening, models, config, log, ready, ending, alone=alone)

    if config.workers == 1:
        server(config, lambda: ready(address), alone=True).run(sockets=[listening])
        if is_working():  # on what nobody waits for; Python would, and hear no signal
            os._exit(0)
        return
    share = config.share_of_worker()
    with figures.added_up():
        serve_by_several(
            config.workers,
            listening,
            lambda told: server(share, told, alone=False),
            lambda: ready(address),
            figures.forget,
        )


def possible(connections: int) -> int:
    """So many connections, or fewer where the system gives this process too few descriptors for
    them; it is asked for more first."""
    if WINDOWS:
        return connections
    import resource

    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
        return max(1, min(connections, soft - _OTHER_FILES))
    return connections


class Server(uvicorn.Server):
    """Says when it is ready, and ends quietly when it is told to."""

    def __init__(
        self,
        settings: uvicorn.Config,
        listening: socket.socket,
        ready: Callable[[], None],
        ending: Callable[[int], None],
        ended: Callable[[], None],
        *,
        alone: bool,
    ) -> None:
        super().__init__(settings)
        self._listening = listening
        self._ready = ready
        self._ending = ending
        self._ended = ended
        self._alone = alone

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.listen(_BACKLOG)
        if not self.should_exit:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if answering := len(self.server_state.tasks):
            self._ending(answering)
        await super().shutdown(sockets)
        self._ended()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's, it does not raise the signal again at the end: all is well then."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if self._alone and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)  # as shells say that a signal has ended a process
        self.should_exit = True


def check_workers(count: int) -> None:
    """More processes than cores only wait for each other.

    Raises:
        UsageError: so many cannot be.
    """
    if count > cores():
        raise UsageError(
            f"{count} workers are more than this computer has cores for ({cores()}).",
            hint=f"Give {option('workers')} {cores()} or less.",
        )
    if count > 1 and not hasattr(os, "fork"):
        raise UsageError(
            "Several workers need a system on which a process can fork.",
            hint=f"Leave out {option('workers')}.",
        )


def bound(config: Config) -> socket.socket:
    """A socket that is bound to the address of a configuration.

    Raises:
        UsageError: it cannot be.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    # asyncio has the answers of a socket sent at once only if it says that it is TCP's; otherwise
    # their second part waits 40 ms for the client to acknowledge the first.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            raise UsageError(
                f"{shown(config.host)} is no address of this computer.",
                hint=f"Leave out {option('host')} for this computer alone; 0.0.0.0 takes every "
                "address that it has.",
            ) from error
        why = (
            "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        )
        raise UsageError(
            f"{config.host}:{config.port} {why}.",
            hint=f"Choose another with {option('port')}; 0 takes a free one.",
        ) from error
    return listening


def address_of(listening: socket.socket) -> str:
    """Where a bound socket is reached."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
