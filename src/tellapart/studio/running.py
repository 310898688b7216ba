"""Opening a studio: a socket, the server on it, and the link to its page once it answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from ..server.app import running
from ..server.config import Config
from ..server.process.running import address_of, bound
from ..server.records.access_log import Log, take_over
from ..workers.local import is_working
from .app import application
from .session import new_token
from .studio import Studio

_BODIES = 2**30  # bytes of the largest that may come, such as a zip


def open_studio(
    root: Path, config: Config, quality: str | None, log: Log, ready: Callable[[str], None]
) -> None:
    """Serve a page on a folder until the process is told to end; `ready` is called with the link
    when the page answers.

    Raises:
        UsageError: the address cannot be bound.
        DatasetError: the folder makes no sense as labelled pictures.
    """
    studio = Studio(root, quality)
    token = new_token()
    listening = bound(config)
    link = f"{address_of(listening)}/?token={token}"
    take_over(log)
    app = application(studio, config, token, log.request)
    server = running(
        app, listening, config, lambda: ready(link), lambda _: None, log.flush, alone=True
    )
    ended = server.handle_exit

    def ending(sig: int, frame: FrameType | None) -> None:
        studio.events.end()  # streams never end by themselves
        ended(sig, frame)

    server.handle_exit = ending  # type: ignore[method-assign]
    server.run(sockets=[listening])
    if is_working():  # on what nobody waits for
        os._exit(0)


def config_for(port: int) -> Config:
    """How a studio is served: to this computer alone."""
    return Config(port=port, largest=_BODIES)
