"""How things are, and what happens."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..studio import Studio
from .asked import aside


def routes(studio: Studio) -> list[Route]:
    async def state(request: Request) -> Response:
        query = request.query_params
        since = query.get("since", "")
        revision = int(since) if since.isdecimal() else 0
        return JSONResponse(await aside(studio.state, revision, query.get("epoch", "")))

    async def events(request: Request) -> Response:
        return StreamingResponse(studio.events.stream(), media_type="text/event-stream")

    return [Route("/api/state", state), Route("/api/events", events)]
