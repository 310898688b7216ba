"""Pictures that are brought in, one file or one archive a request."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...server.bodies.pictures import counted
from ...text import csv_text
from ..folder import LEARN, TEST
from ..incoming import LARGEST, LARGEST_ARCHIVE, Incoming, Wanted
from ..studio import Studio
from ..uploads import Brought
from .requests import in_thread

_AT_ONCE = 2**20  # bytes that are written at a time


def routes(studio: Studio) -> list[Route]:
    async def add(request: Request) -> Response:
        query = request.query_params
        part = TEST if query.get("part") == TEST else LEARN
        name, label = query.get("name", ""), query.get("label", "")
        wanted = Wanted(name, label, part, query.get("batch", ""))
        largest = LARGEST_ARCHIVE if wanted.is_archive else LARGEST
        coming = await in_thread(Incoming, studio.root, wanted)
        try:
            waiting = bytearray()
            async for chunk in counted(request, largest):
                waiting += chunk
                if len(waiting) >= _AT_ONCE:
                    await in_thread(coming.write, bytes(waiting))
                    waiting.clear()
            await in_thread(coming.write, bytes(waiting))
            await in_thread(coming.end)
            brought = await in_thread(studio.bring_in, coming, wanted)
        finally:
            await in_thread(coming.drop)  # of an archive there may be thousands of files
        return JSONResponse(_told(brought, studio), 201 if brought.added else 200)

    return [Route("/api/pictures", add, methods=["POST"])]


def _told(brought: Brought, studio: Studio) -> dict[str, object]:
    """What became of what came."""
    return {
        "added": len(brought.added),
        "ids": [one.id for one in map(studio.folder.named, brought.added) if one],
        "copies": [[csv_text(own), csv_text(there)] for own, there in brought.copies.items()],
        "refused": [[csv_text(one.name), one.reason] for one in brought.refused],
        "notes": list(brought.notes),
        "left": brought.done.words if brought.done else "",
        "undo": studio.changes.undoable,
    }
