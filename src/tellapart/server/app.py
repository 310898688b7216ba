"""The server, put together. What comes to its socket goes this way:

    process/connection    limits: of a head, of time, of connections
    records/account       what it asked for and cost, for the log and the figures
    guards                Host, Origin, token, and what all bodies hold together
    routes/guess          the query -> what is wanted, and the model of that name
    bodies/pictures       the body -> pictures
    queue                 each in its turn, or 503
    model/classifier      in a thread: decodes, runs the network, gives a Prediction
    to_json/results       which is written as `guess --json` writes it

Whichever of them refuses raises an error, which `problems` puts into words.
"""

from __future__ import annotations

import socket
from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import TellapartError
from ..images.budget import at_most
from .config import Config
from .doors import DOORS
from .guards.admission import guards
from .inference.routes import STATISTICS, Inference
from .models import Models
from .problems import no_route, told
from .process.connection import KEEP_ALIVE, connections
from .process.running import AT_ONCE, Server, possible
from .queue import Queue
from .records.access_log import Log
from .records.account import Account, Accounts
from .routes.guess import Guessing
from .routes.health import Health
from .routes.metrics import Metrics
from .routes.models import Describing
from .routes.openapi import OpenApi, document


def server_on(
    listening: socket.socket,
    models: Models,
    config: Config,
    log: Log,
    ready: Callable[[], None],
    ending: Callable[[int], None] = lambda _: None,
    *,
    alone: bool,
) -> Server:
    """A server that answers what comes to a socket, with its networks open; one that is `alone` in
    its process hears that process's signals.

    Raises:
        ModelError: a model cannot be run.
    """
    for name in models.names:
        models.model(name).classifier.prepare()
    app = application(models, config, log.request, lambda: server.should_exit)
    server = running(app, listening, config, ready, ending, log.flush, alone=alone)
    return server


def running(
    app: Starlette,
    listening: socket.socket,
    config: Config,
    ready: Callable[[], None],
    ending: Callable[[int], None],
    ended: Callable[[], None],
    *,
    alone: bool,
) -> Server:
    """A server of an application that comes to a socket, with the limits of a configuration."""
    settings = uvicorn.Config(
        app,
        http=connections(possible(config.connections), config.patience, app.state.refused),
        timeout_keep_alive=KEEP_ALIVE,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        # Of several processes each takes one connection at a time: all get some.
        backlog=AT_ONCE if config.workers == 1 else 1,
        timeout_graceful_shutdown=round(config.deadline) + 1,
    )
    return Server(settings, listening, ready, ending, ended, alone=alone)


def application(
    models: Models,
    config: Config,
    log: Callable[[Account], None],
    draining: Callable[[], bool],
) -> Starlette:
    """The server as an ASGI application; `log` is told of each request, and `draining` tells
    whether it is ending. In its state is `refused`, to be told of those that do not come so far."""
    queue = Queue(config.waiting, config.deadline, partial(at_most, config.pixels))
    guessing = Guessing(models, queue, config)
    metrics = Metrics(models.names, lambda: queue.held)
    describing, health = Describing(models, queue), Health(models, draining)
    openapi = OpenApi(
        document(models.names, token=bool(config.token), largest=config.largest, most=config.most)
    )
    inference = Inference(models, queue, config, health)
    answering = {
        "guess": guessing.answer,
        "models": describing.all,
        "model": describing.one,
        "doors": describing.doors,
        "alive": health.alive,
        "ready": health.ready,
        "metrics": metrics.answer,
        "openapi": openapi.answer,
        "v2_server": inference.server,
        "v2_live": inference.live,
        "v2_ready": inference.ready,
        "v2_index": inference.index,
        "v2_metadata": inference.metadata,
        "v2_model_ready": inference.model_ready,
        "v2_configuration": inference.configuration,
        "v2_infer": inference.infer,
    }
    routes = [
        *(Route(path, inference.statistics, include_in_schema=False) for path in STATISTICS),
        *(Route(door.path, answering[door.answered_by], methods=[door.method]) for door in DOORS),
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

    return guarded(routes, guards(config), tell, refused, came=metrics.came, lifespan=alive)


def guarded(
    routes: Sequence[Route],
    guards: Sequence[Middleware],
    log: Callable[[Account], None],
    refused: Callable[[Account], None],
    *,
    came: Callable[[], None] = lambda: None,
    problem: Callable[[Request, Exception], Awaitable[Response]] = told,
    nowhere: Callable[[Request, Exception], Awaitable[Response]] = no_route,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """An application of routes behind guards. `came` is called when a request comes, and `log` is
    told of it when it is answered; `refused`, of those that do not come so far, is in its state.
    `problem` answers where one of our errors is raised, and `nowhere` where no route fits."""
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Accounts, routes=routes, came=came, told=log), *guards],
        exception_handlers={TellapartError: problem, HTTPException: nowhere},
        lifespan=lifespan,
    )
    app.state.refused = refused
    app.router.redirect_slashes = False  # it would send clients where their Host header says
    return app
