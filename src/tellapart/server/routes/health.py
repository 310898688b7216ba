"""`/healthz` and `/readyz`: what a load balancer or an orchestrator asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...to_json.shapes import Alive, Ready
from ..models import Models
from ..problems import HttpError

ALIVE: Alive = {"status": "ok"}
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Health:
    """The two routes; `draining` says whether the server is ending."""

    models: Models
    draining: Callable[[], bool] = lambda: False

    async def alive(self, request: Request) -> Response:
        return JSONResponse(ALIVE, headers=_FRESH)

    async def ready(self, request: Request) -> Response:
        if self.draining():
            raise HttpError(
                503, "This server is ending.", hint="Ask another.", headers={"Retry-After": "1"}
            )
        stale = self.models.stale
        ready: Ready = {
            "status": "ready",
            "models": {
                name: {
                    "digest": self.models.model(name).classifier.digest,
                    "stale": name in stale,
                }
                for name in self.models.names
            },
        }
        return JSONResponse(ready, headers=_FRESH)
