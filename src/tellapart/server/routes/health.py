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
ENDING = "This server is ending."
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Health:
    """The two routes, and what those of other protocols ask too; `draining` says whether the server
    is ending."""

    models: Models
    draining: Callable[[], bool]

    def check_not_draining(self) -> None:
        """
        Raises:
            HttpError: 503 where the server is ending.
        """
        if self.draining():
            raise HttpError(503, ENDING, hint="Ask another.", headers={"Retry-After": "1"})

    async def alive(self, request: Request) -> Response:
        return JSONResponse(ALIVE, headers=_FRESH)

    async def ready(self, request: Request) -> Response:
        self.check_not_draining()
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
