"""Pictures as the page shows them: small, or as large as they are."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...errors import PictureError
from ...files.reading import read_content
from ...server.problems import HttpError
from ...workers.newest import Newest
from ..folder import Kept
from ..studio import Studio
from ..thumbnails import JPEG, SIDES, shown_by_browsers, thumbnail
from .requests import hung_up, picture

Out = TypeVar("Out")

_FOR_EVER = "private, max-age=31536000, immutable"  # another version has another address
# A picture that is opened alone is a page of its own, in which nothing may run.
_ALONE = {"Content-Security-Policy": "default-src 'none'; img-src 'self'; sandbox"}


def routes(studio: Studio) -> list[Route]:
    newest = Newest()

    async def small(request: Request) -> Response:
        kept, side = picture(studio, request), request.query_params.get("side", "160")
        if side not in map(str, SIDES):
            raise HttpError(400, f"The side of a thumbnail is {' or '.join(map(str, SIDES))}.")

        def made() -> bytes:
            return thumbnail(*_read(studio, kept), int(side))

        try:
            return _answer(request, kept, await _wanted(request, newest.submit(made)), JPEG)
        except PictureError as error:
            return _none(error)

    async def whole(request: Request) -> Response:
        kept = picture(studio, request)

        def made() -> tuple[bytes, str]:
            return shown_by_browsers(*_read(studio, kept))

        try:
            return _answer(request, kept, *await _wanted(request, newest.submit(made)))
        except PictureError as error:
            return _none(error)

    return [
        Route("/api/pictures/{id:number}/thumbnail", small),
        Route("/api/pictures/{id:number}/file", whole),
    ]


def _read(studio: Studio, kept: Kept) -> tuple[bytes, str]:
    """The content of a picture's file and its suffix, also where it was moved a moment ago.

    Raises:
        PictureError: it cannot be read.
    """
    path = studio.folder.path(kept)
    try:
        return read_content(path), path.suffix
    except PictureError:
        with studio.changes.lock:  # until a change that is under way is done
            now = studio.folder.get(kept.id)
        if now is None or now.name == kept.name:
            raise
        path = studio.folder.path(now)
        return read_content(path), path.suffix


async def _wanted(request: Request, made: Future[Out]) -> Out:
    """What is made, unless the page waits for it no more: then it is not begun."""
    await request.body()  # after which all that can still come is that it hangs up
    answer = asyncio.wrap_future(made)
    gone = asyncio.ensure_future(hung_up(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientDisconnect
        return answer.result()
    finally:
        gone.cancel()
        answer.cancel()


def _none(error: PictureError) -> Response:
    """Why a picture cannot be shown. That is an answer like another, in place of the picture: pages
    come upon unreadable files, and a browser reports any other status in its console."""
    return JSONResponse({"unreadable": error.message}, headers={"Cache-Control": "no-store"})


def _answer(request: Request, kept: Kept, content: bytes, media_type: str) -> Response:
    is_this = request.query_params.get("v") == kept.version
    headers = {"Cache-Control": _FOR_EVER if is_this else "no-store", **_ALONE}
    return Response(content, media_type=media_type, headers=headers)
