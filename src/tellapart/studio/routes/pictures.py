"""Pictures that are brought in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...server.problems import too_large
from ..folder import LEARN, TEST
from ..studio import Studio
from ..uploads import brought_in
from .asked import aside

LARGEST = 2**28  # bytes of one picture


def routes(studio: Studio) -> list[Route]:
    async def add(request: Request) -> Response:
        query = request.query_params
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > LARGEST:
                raise too_large(LARGEST)
        name, label = query.get("name", "picture"), query.get("label", "")
        part = TEST if query.get("part") == TEST else LEARN
        await aside(
            studio.change, lambda folder: brought_in(folder, bytes(content), name, label, part)
        )
        return JSONResponse({"undo": studio.changes.undoable}, 201)

    return [Route("/api/pictures", add, methods=["POST"])]
