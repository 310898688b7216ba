"""The heap: piles and suggestions, and taking them."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...server.problems import HttpError
from .. import labelling
from ..folder import Folder
from ..studio import Studio
from .requests import body, in_thread, number, numbers, text


def routes(studio: Studio) -> list[Route]:
    heap = studio.heap

    async def state(request: Request) -> Response:
        await in_thread(heap.begin)
        return JSONResponse(await in_thread(heap.state))

    async def accept(request: Request) -> Response:
        """Pictures get labels, or are set in_thread, as one change."""
        asked = await body(request)
        groups = [(text(one, "label"), numbers(one)) for one in _objects(asked, "labelled")]
        out = numbers(asked, "aside")
        ids = [one for _, of in groups for one in of] + out
        if len(ids) != len(set(ids)):
            raise HttpError(400, "A picture was sent twice, and it can have one label.")

        def plan(folder: Folder) -> labelling.Plan:
            found = [(label, folder.of(ids)) for label, ids in groups]
            return labelling.label_all(folder, found, folder.of(out))

        await in_thread(studio.change, plan)
        return JSONResponse({"undo": studio.changes.undoable})

    async def split(request: Request) -> Response:
        asked = await body(request)
        await in_thread(heap.split, number(asked, "pile"), number(asked, "into"))
        return JSONResponse(await in_thread(heap.state))

    async def merge(request: Request) -> Response:
        asked = await body(request)
        await in_thread(heap.merge, number(asked, "pile"), number(asked, "with"))
        return JSONResponse(await in_thread(heap.state))

    async def undo(request: Request) -> Response:
        await in_thread(heap.undo)
        return JSONResponse(await in_thread(heap.state))

    return [
        Route("/api/heap", state),
        Route("/api/heap/accept", accept, methods=["POST"]),
        Route("/api/heap/split", split, methods=["POST"]),
        Route("/api/heap/merge", merge, methods=["POST"]),
        Route("/api/heap/undo", undo, methods=["POST"]),
    ]


def _objects(values: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = values.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise HttpError(400, f"A list of objects was expected as {key!r}.")
    return found
