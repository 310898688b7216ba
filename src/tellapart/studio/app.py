"""The studio as an ASGI application: the guards of `tellapart serve`, who may come in, routes."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..errors import TellapartError
from ..server.config import Config
from ..server.guards.admission import Answers, Hosts
from ..server.guards.limits import BodyLimits
from ..server.guards.origins import Origins
from ..server.problems import no_route
from ..server.records.account import Account, Accounts
from .careful import Careful
from .phone import Phone
from .problems import told
from .routes import (
    guess,
    heap,
    labels,
    mending,
    page,
    pictures,
    sharing,
    shown,
    state,
    training,
    why,
)
from .session import Sessions
from .sharing import Sharing
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

    phone = Phone(lambda: studio.training.classifier, shared, log)
    taking = Sharing(studio.root, lambda: studio.training.result, shared)
    routes = [
        Route("/healthz", alive),
        *page.routes(),
        *state.routes(studio),
        *labels.routes(studio),
        *pictures.routes(studio),
        *training.routes(studio),
        *heap.routes(studio),
        *guess.routes(studio),
        *mending.routes(studio),
        *shown.routes(studio),
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

    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Accounts, routes=routes, came=lambda: None, told=log),
            Middleware(Answers),
            Middleware(Hosts, config),
            Middleware(Origins, ()),
            Middleware(Careful),
            Middleware(Sessions, token, key),
            Middleware(BodyLimits, config.together, config.patience),
        ],
        exception_handlers={TellapartError: told, HTTPException: no_route},
        lifespan=living,
    )
    app.state.refused = log  # is told of those that come no farther
    app.router.redirect_slashes = False
    return app
