"""The routes, put together."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from ..errors import TellapartError
from .config import Config
from .guards import guards
from .guessing import Guessing
from .models import Models
from .problems import no_route, told, went_wrong
from .queue import Queue


def application(models: Models, config: Config) -> Starlette:
    """The server as an ASGI application."""
    queue = Queue(config.waiting, config.deadline)
    guessing = Guessing(models, queue, config)
    server = Starlette(
        routes=[
            Route("/v1/guess", guessing.answer, methods=["POST"]),
            Route("/v1/models/{name}/guess", guessing.answer, methods=["POST"]),
        ],
        middleware=guards(config),
        exception_handlers={
            TellapartError: told,
            HTTPException: no_route,
            Exception: went_wrong,
        },
    )
    server.router.redirect_slashes = False  # it would send clients where their Host header says
    return server
