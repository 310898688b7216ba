"""Running the server: a socket, uvicorn on it, and the address once it is ready to answer."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import uvicorn

from ..errors import UsageError, option
from .app import application
from .config import Config
from .connection import KEEP_ALIVE, connections
from .models import Models


def serve(models: Models, config: Config, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to end; `ready` is called with the address, as
    "http://127.0.0.1:8000", when requests are answered.

    Raises:
        UsageError: the address cannot be bound.
    """
    listening = bound(config)
    settings = uvicorn.Config(
        application(models, config),
        http=connections(config.connections, config.patience),
        timeout_keep_alive=KEEP_ALIVE,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )
    _Server(settings, lambda: ready(address_of(listening))).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, settings: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(settings)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()


def bound(config: Config) -> socket.socket:
    """A socket that is bound to the address of a configuration.

    Raises:
        UsageError: it cannot be.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((config.host, config.port))
    except OSError as error:
        listening.close()
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
