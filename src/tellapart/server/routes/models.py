"""`GET /v1/models`: what is served, and how good it is; and `/`, which names the doors."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...to_json.shapes import AllServed, Doors, Served
from ...version import __version__
from ..doors import DOORS
from ..models import Model, Models
from ..queue import Queue


@dataclass(frozen=True)
class Describing:
    """The routes, with what they need."""

    models: Models
    queue: Queue

    async def all(self, request: Request) -> Response:
        every = [self.models.model(name) for name in self.models.names]
        answer: AllServed = {"models": [await self._described(one) for one in every]}
        return JSONResponse(answer)

    async def one(self, request: Request) -> Response:
        """A client that has this very model already, by `If-None-Match`, is told so with 304."""
        model = self.models.model(request.path_params["name"])
        tag = f'"{model.classifier.digest}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        known = [
            one.strip().removeprefix("W/")
            for one in request.headers.get("if-none-match", "").split(",")
        ]
        if tag in known or known == ["*"]:
            return Response(status_code=304, headers=headers)
        return JSONResponse(await self._described(model), headers=headers)

    async def _described(self, model: Model) -> Served:
        """The first time it reads a file; then nobody waits behind pictures for it."""
        return model.described() if model.is_described else await self.queue.aside(model.described)

    async def doors(self, request: Request) -> Response:
        answer: Doors = {
            "tellapart": __version__,
            "doors": [
                {"method": door.method, "path": door.path, "summary": door.summary}
                for door in DOORS
            ],
        }
        return JSONResponse(answer)
