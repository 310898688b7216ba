"""Pictures: brought in, and shown."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ...images.kinds import sniff
from ...server.problems import too_large
from ..folder import LEARN, TEST
from ..studio import Studio
from ..thumbnails import thumbnail
from ..uploads import brought_in
from .asked import aside, picture

LARGEST = 2**28  # bytes of one picture
_SHOWN = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}
_KEPT = {"Cache-Control": "private, max-age=31536000, immutable"}
_LARGE = 2048  # the longer side of a picture that browsers cannot show themselves


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

    async def small(request: Request) -> Response:
        kept = picture(studio, request)
        side = 320 if request.query_params.get("side") == "320" else 160
        content = await aside(thumbnail, studio.folder.path(kept), side)
        return Response(content, media_type="image/webp", headers=_KEPT)

    async def whole(request: Request) -> Response:
        path = studio.folder.path(picture(studio, request))
        with path.open("rb") as file:
            kind = sniff(file.read(64))
        if kind in _SHOWN:
            return FileResponse(path, media_type=_SHOWN[kind], headers=_KEPT)
        content = await aside(thumbnail, path, _LARGE)
        return Response(content, media_type="image/webp", headers=_KEPT)

    return [
        Route("/api/pictures", add, methods=["POST"]),
        Route("/api/pictures/{id:int}/thumbnail", small),
        Route("/api/pictures/{id:int}/file", whole),
    ]
