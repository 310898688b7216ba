"""How things are, and what happens."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ...server.problems import BusyError
from ..studio import Studio
from .requests import in_thread

MOST_PAGES = 64  # each has a stream of its own, which lasts as long as the page


def routes(studio: Studio) -> list[Route]:
    async def state(request: Request) -> Response:
        query = request.query_params
        since = query.get("since", "")
        revision = int(since) if re.fullmatch("[0-9]{1,15}", since) else 0
        return JSONResponse(await in_thread(studio.state, revision, query.get("epoch", "")))

    async def events(request: Request) -> Response:
        if studio.events.pages >= MOST_PAGES:
            raise BusyError("Too many pages of this studio are open.", 10)
        return StreamingResponse(studio.events.stream(), media_type="text/event-stream")

    return [Route("/api/state", state), Route("/api/events", events)]
