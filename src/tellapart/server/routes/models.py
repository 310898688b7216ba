"""`GET /v1/models`: what is served, and how good it is; and `/`, which names the doors."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...to_json.shapes import AllServed, Doors
from ...version import __version__
from ..models import Models
from .openapi import DOORS


@dataclass(frozen=True)
class Describing:
    """The routes, with what they need."""

    models: Models

    async def all(self, request: Request) -> Response:
        every = [self.models.model(name) for name in self.models.names]
        answer: AllServed = {"models": [await run_in_threadpool(one.described) for one in every]}
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
        return JSONResponse(await run_in_threadpool(model.described), headers=headers)

    async def doors(self, request: Request) -> Response:
        answer: Doors = {
            "tellapart": __version__,
            "doors": [
                {"method": door.method, "path": door.path, "summary": door.summary}
                for door in DOORS
            ],
        }
        return JSONResponse(answer)
