"""Labelling: who has which label, and taking it back."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import labelling
from ..folder import LEARN, TEST
from ..studio import Studio
from .asked import aside, body, numbers, text


def routes(studio: Studio) -> list[Route]:
    async def done(plan: Callable[..., labelling.Plan], *arguments: object) -> Response:
        await aside(studio.change, lambda folder: plan(folder, *arguments))
        return JSONResponse({"undo": studio.changes.undoable})

    async def label(request: Request) -> Response:
        asked = await body(request)
        pictures = studio.folder.of(numbers(asked))
        if not (name := text(asked, "label")):
            return await done(labelling.to_heap, pictures)
        part = TEST if asked.get("part") == TEST else LEARN
        return await done(labelling.label, pictures, name, part)

    async def set_aside(request: Request) -> Response:
        return await done(labelling.set_aside, studio.folder.of(numbers(await body(request))))

    async def add(request: Request) -> Response:
        return await done(labelling.add_label, text(await body(request), "name"))

    async def rename(request: Request) -> Response:
        asked = await body(request)
        return await done(labelling.rename_label, text(asked, "from"), text(asked, "to"))

    async def undo(request: Request) -> Response:
        await aside(studio.undo)
        return JSONResponse({"redo": studio.changes.redoable})

    async def redo(request: Request) -> Response:
        await aside(studio.redo)
        return JSONResponse({"undo": studio.changes.undoable})

    return [
        Route("/api/label", label, methods=["POST"]),
        Route("/api/aside", set_aside, methods=["POST"]),
        Route("/api/labels", add, methods=["POST"]),
        Route("/api/labels/rename", rename, methods=["POST"]),
        Route("/api/undo", undo, methods=["POST"]),
        Route("/api/redo", redo, methods=["POST"]),
    ]
