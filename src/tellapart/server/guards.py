"""What stands before the routes: each guard is one small piece of ASGI, and one idea."""

from __future__ import annotations

from starlette.middleware import Middleware

from .config import Config


def guards(config: Config) -> list[Middleware]:
    """All that a request passes on its way to a route, the outermost first."""
    return []
