"""The model for phones in the same network: a second, small server on this computer's address
there, for as long as somebody shares it. It answers for pictures that are sent to it, and has
nothing of the folder.

The link ends in `#KEY`, which a browser sends to nobody: the page reads it from its own address and
shows it with each picture, as a token. So there is no cookie, and nothing that a log could hold.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from asyncio import Task
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import PictureError, UsageError
from ..images.budget import at_most
from ..model.classifier import Classifier
from ..server.app import guarded, running
from ..server.bodies.pictures import pictures_of
from ..server.config import Config
from ..server.guards.admission import Tokens, guards
from ..server.process.addresses import neighbourly
from ..server.process.running import Server, address_of, bound
from ..server.queue import Queue
from ..server.records.account import Account
from ..text import shown
from ..to_json import results as to_json
from .qr import code
from .routes import phone as pages

LASTS = 2 * 3600.0  # seconds after which it ends by itself
_WAITING = 8  # pictures
_LEAVE = 1  # seconds for what a thread still looks at


@dataclass
class _Shared:
    """What is shared now.

    Attributes:
        link: where, with the key behind its #.
        server: what answers there.
        until: when it ends by itself, in seconds since 1970.
        pictures: how many were sent.
        phones: by which addresses.
        serving: the task that the server runs in.
        timer: what ends it.
    """

    link: str
    server: Server
    until: float
    pictures: int = 0
    phones: set[str] = field(default_factory=set)
    serving: Task[None] | None = None
    timer: asyncio.TimerHandle | None = None


class Phone:
    """Shares the newest model with whoever has the link, once it is asked to: `model` gives it, or
    raises what says that there is none. `tell` is called whenever `state` has changed. All methods
    but `state`, which looks at the computer's networks and draws, are for the event loop alone."""

    def __init__(
        self,
        model: Callable[[], Classifier],
        tell: Callable[[], None],
        log: Callable[[Account], None],
        lasts: float = LASTS,
    ) -> None:
        self._model = model
        self._tell = tell
        self._log = log
        self._lasts = lasts
        self._turn = asyncio.Lock()  # two that begin at once would leave a server nobody can end
        self._shared: _Shared | None = None
        self._ending: Task[None] | None = None

    def state(self) -> dict[str, object]:
        """Whether it is shared, how, and who has asked; or at which addresses it could be."""
        shared = self._shared
        if not shared:
            every = [{"address": one.address, "by": one.interface} for one in neighbourly()]
            return {"on": False, "addresses": every}
        drawn = code(shared.link)
        return {
            "on": True,
            "link": shared.link,
            "side": drawn.side,
            "path": drawn.path,
            "until": shared.until,
            "pictures": shared.pictures,
            "phones": len(shared.phones),
        }

    async def share(self, address: str) -> None:
        """Begin; what was shared before is no more.

        Raises:
            ModelError: there is no model yet.
            UsageError: the address is none by which neighbours reach it.
        """
        self._model()
        if address not in [one.address for one in neighbourly()]:
            raise UsageError(
                f"{shown(address)} is no address of this computer in a local network.",
                hint="Choose one of those that the page offers.",
            )
        async with self._turn:
            await self._stop()
            await self._begin(address)
        self._tell()

    async def _begin(self, address: str) -> None:
        config = Config(
            host=address,
            port=0,
            token=secrets.token_urlsafe(16),
            waiting=_WAITING,
            most=1,
            connections=32,
        )
        listening = bound(config)
        link = f"{address_of(listening)}/#{config.token}"
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        app = self._application(config)
        server = running(
            app,
            listening,
            config,
            lambda: ready.set_result(None),
            lambda _: None,
            lambda: None,
            alone=False,
        )
        server.config.timeout_graceful_shutdown = _LEAVE
        shared = self._shared = _Shared(link, server, time.time() + self._lasts)
        shared.serving = loop.create_task(server.serve(sockets=[listening]))
        shared.timer = loop.call_later(self._lasts, self._end)
        await ready

    async def stop(self) -> None:
        """End it now: who is in the middle of something gets no answer any more."""
        async with self._turn:
            if await self._stop():
                self._tell()

    async def _stop(self) -> bool:
        """End what is shared, if anything is; whether it was."""
        shared, self._shared = self._shared, None
        if not shared:
            return False
        if shared.timer:
            shared.timer.cancel()
        for each in shared.server.servers:
            each.close()
        for connection in list(shared.server.server_state.connections):
            with suppress(AttributeError):  # it was never opened
                connection.transport.abort()
        shared.server.should_exit = True
        if shared.serving:
            await shared.serving
        return True

    def _end(self) -> None:
        """As the time is over; whoever holds no task may lose it."""
        self._ending = asyncio.get_running_loop().create_task(self.stop())

    def _application(self, config: Config) -> Starlette:
        queue = Queue(config.waiting, config.deadline, partial(at_most, config.pixels))

        async def guess(request: Request) -> Response:
            classifier = self._model()
            queue.check_room()  # before the body is read
            pictures = await pictures_of(request, config, queue)
            calls = [partial(_said, classifier, sent.content) for sent in pictures.sent]
            answers = await queue.ask_all(calls, request.receive, pictures.came)
            self._asked(request)
            return Response(answers[0], media_type="application/json")

        routes = [*pages.routes(), Route("/guess", guess, methods=["POST"])]
        admission = Middleware(Tokens, config.token, pages.OPEN)
        return guarded(routes, guards(config, admission), self._log, self._log)

    def _asked(self, request: Request) -> None:
        if self._shared:
            self._shared.pictures += 1
            self._shared.phones.add(request.client.host if request.client else "")
            self._tell()


def _said(classifier: Classifier, content: bytes) -> str:
    """What is said of a picture, as `guess --json` says it."""
    try:
        found = classifier.predict(content)
    except PictureError as error:
        raise PictureError(error.message, hint=error.hint) from None
    return to_json.text(to_json.guessed("", found))
