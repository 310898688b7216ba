"""The studio as an ASGI application: the guards of `tellapart serve`, who may come in, routes."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..server.app import guarded
from ..server.config import Config
from ..server.guards.admission import guards
from ..server.records.account import Account
from .model import trained
from .phone import Phone
from .problems import nowhere, told
from .routes import (
    guess,
    heap,
    images,
    labels,
    mending,
    page,
    sharing,
    state,
    training,
    uploads,
    why,
)
from .session import Sessions
from .sharing import Sharing
from .sites import Sites
from .studio import Studio


def application(
    studio: Studio, config: Config, token: str, key: str, log: Callable[[Account], None]
) -> Starlette:
    """The page of a studio and all that it asks, of who has the link's `token` or the cookie's
    `key`; `log` is told of each request."""

    async def alive(request: Request) -> JSONResponse:
        return JSONResponse({"alive": True})

    def shared() -> None:
        studio.events.tell("share", {})

    phone = Phone(lambda: trained(studio).classifier, shared, log)
    taking = Sharing(studio.root, lambda: studio.training.result, partial(trained, studio), shared)
    routes = [
        Route("/healthz", alive),
        *page.routes(),
        *state.routes(studio),
        *labels.routes(studio),
        *uploads.routes(studio),
        *training.routes(studio),
        *heap.routes(studio),
        *guess.routes(studio),
        *mending.routes(studio),
        *images.routes(studio),
        *why.routes(studio),
        *sharing.routes(taking, phone),
    ]

    @asynccontextmanager
    async def living(app: Starlette) -> AsyncIterator[None]:
        studio.events.begin()
        studio.start()
        with suppress(CancelledError):  # it was told to end while it began
            yield
        await phone.stop()
        studio.end()

    admission = Middleware(Sites), Middleware(Sessions, token, key)
    return guarded(
        routes, guards(config, *admission), log, log, problem=told, nowhere=nowhere, lifespan=living
    )
