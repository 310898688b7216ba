"""Labelling: who has which label, and taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...server.problems import HttpError
from .. import labelling
from ..changes import Done
from ..folder import LEARN, TEST, Folder
from ..studio import Studio
from .requests import body, in_thread, numbers, text


def routes(studio: Studio) -> list[Route]:
    async def done(plan: Callable[..., labelling.Plan], *arguments: object) -> Response:
        return _told(
            await in_thread(studio.change, lambda folder: plan(folder, *arguments)), studio
        )

    async def label(request: Request) -> Response:
        asked = await body(request)
        ids, name = numbers(asked), text(asked, "label")

        def plan(folder: Folder) -> labelling.Plan:
            pictures = folder.of(ids)
            if not name:
                return labelling.to_heap(folder, pictures)
            return labelling.label(folder, pictures, name, _part(asked))

        return await done(plan)

    async def set_aside(request: Request) -> Response:
        ids = numbers(await body(request))
        return await done(lambda folder: labelling.set_aside(folder, folder.of(ids)))

    async def keep_for(request: Request) -> Response:
        asked = await body(request)
        ids, part = numbers(asked), _part(asked)
        if part is None:
            raise HttpError(400, "Either learn or test was expected as 'part'.")
        return await done(lambda folder: labelling.keep_for(folder, folder.of(ids), part))

    async def add(request: Request) -> Response:
        return await done(labelling.add_label, text(await body(request), "name"))

    async def rename(request: Request) -> Response:
        asked = await body(request)
        return await done(labelling.rename_label, text(asked, "from"), text(asked, "to"))

    async def remove(request: Request) -> Response:
        return await done(labelling.remove_label, text(await body(request), "name"))

    async def undo(request: Request) -> Response:
        asked = await body(request)
        if "batch" in asked:  # which this page is sending
            return _told(await in_thread(studio.undo_coming, text(asked, "batch")), studio)
        return _told(await in_thread(studio.undo), studio)

    async def redo(request: Request) -> Response:
        return _told(await in_thread(studio.redo), studio)

    return [
        Route("/api/label", label, methods=["POST"]),
        Route("/api/aside", set_aside, methods=["POST"]),
        Route("/api/part", keep_for, methods=["POST"]),
        Route("/api/labels", add, methods=["POST"]),
        Route("/api/labels/rename", rename, methods=["POST"]),
        Route("/api/labels/remove", remove, methods=["POST"]),
        Route("/api/undo", undo, methods=["POST"]),
        Route("/api/redo", redo, methods=["POST"]),
    ]


def _part(asked: dict[str, Any]) -> str | None:
    """What pictures are to be for, where that is said."""
    return asked["part"] if asked.get("part") in (LEARN, TEST) else None


def _told(done: Done | None, studio: Studio) -> Response:
    """What would be undone and redone now, and a sentence on what was left as it is."""
    changes = studio.changes
    return JSONResponse(
        {
            "undo": changes.undoable,
            "redo": changes.redoable,
            "left": done.words if done else "",
            "revision": studio.folder.revision,
        }
    )
