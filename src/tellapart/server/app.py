"""The routes, put together."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from ..errors import TellapartError
from .config import Config
from .guards.admission import guards
from .inference.routes import Inference
from .models import Models
from .problems import no_route, told
from .queue import Queue
from .records.account import Account, Accounts
from .routes.guess import Guessing
from .routes.health import Health
from .routes.metrics import Metrics
from .routes.models import Describing
from .routes.openapi import OpenApi, document


def application(
    models: Models,
    config: Config,
    log: Callable[[Account], None] = lambda _: None,
    draining: Callable[[], bool] = lambda: False,
) -> Starlette:
    """The server as an ASGI application; `log` is told of each request, and `draining` tells
    whether it is ending. In its state is `refused`, to be told of those that do not come so far."""
    queue = Queue(config.waiting, config.deadline)
    guessing = Guessing(models, queue, config)
    metrics = Metrics(models.names, lambda: queue.held)
    describing, health = Describing(models, queue), Health(models, draining)
    openapi = OpenApi(
        document(models.names, token=bool(config.token), largest=config.largest, most=config.most)
    )
    routes = [
        Route("/v1/guess", guessing.answer, methods=["POST"]),
        Route("/v1/models/{name}/guess", guessing.answer, methods=["POST"]),
        Route("/v1/models", describing.all),
        Route("/v1/models/{name}", describing.one),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", metrics.answer),
        Route("/openapi.json", openapi.answer),
        Route("/", describing.doors),
        *Inference(models, queue, config, health).routes(),
    ]

    def tell(account: Account) -> None:
        metrics.told(account)
        log(account)

    def refused(account: Account) -> None:
        metrics.came()
        tell(account)

    @asynccontextmanager
    async def alive(app: Starlette) -> AsyncIterator[None]:
        models.watch(metrics.replaced)
        with suppress(CancelledError):  # it was told to end while it began
            yield
        models.stop()

    server = Starlette(
        routes=routes,
        middleware=[
            Middleware(Accounts, routes=routes, came=metrics.came, told=tell),
            *guards(config),
        ],
        exception_handlers={TellapartError: told, HTTPException: no_route},
        lifespan=alive,
    )
    server.state.refused = refused
    server.router.redirect_slashes = False  # it would send clients where their Host header says
    return server
