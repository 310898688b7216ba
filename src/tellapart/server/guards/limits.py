"""Bodies on their way in: what all of them hold together, and how long a client may take."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import BusyError, HttpError

SLOWEST = 4096  # bytes a second, below which a body is a way to keep a connection
_HOLD = "tellapart.hold"


def holder(scope: Scope) -> Callable[[int], None]:
    """What counts bytes that a body takes besides those that came, as it is unpacked; to be called
    from any thread. It refuses them by 503 where all bodies together take too many."""
    hold: Callable[[int], None] = scope[_HOLD]
    return hold


class BodyLimits:
    """Counts the bytes of all bodies that are held, and refuses more than `together`: so many
    clients with large pictures cannot fill the memory. A body that stops for `patience` seconds, or
    comes more slowly than `SLOWEST` after these, is given up.
    """

    def __init__(self, app: ASGIApp, together: int, patience: float) -> None:
        self.app = app
        self.together = together
        self.patience = patience
        self.held = 0
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        mine = 0
        ended = False  # and what a thread still unpacks is for nobody
        more = True
        began = time.monotonic()

        def hold(size: int) -> None:
            nonlocal mine
            with self._lock:
                if not ended:
                    mine += size
                    self.held += size
                full = ended or self.held > self.together
            if full:
                raise BusyError("Too many pictures are being sent.")

        async def reading() -> Message:
            nonlocal mine, more
            if not more:  # what is waited for now is that the client hangs up
                return await receive()
            whole = began + self.patience + mine / SLOWEST - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), max(0.001, min(self.patience, whole)))
            except asyncio.TimeoutError as error:
                raise HttpError(408, "The body came too slowly.") from error
            more = message.get("more_body", False)
            hold(len(message.get("body", b"")))
            return message

        scope[_HOLD] = hold
        try:
            await self.app(scope, reading, send)
        finally:
            with self._lock:
                ended = True
                self.held -= mine
