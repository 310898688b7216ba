"""Taking things out of the studio, and sharing its model with a phone."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ...server.problems import HttpError
from ..phone import Phone
from ..sharing import Sharing
from .requests import body, in_thread, text

# A report is a page of its own that may show, and nothing else: no script, no form, nothing loaded
# from anywhere, and by `sandbox` it is of no site, so it could not ask the studio either.
_SHOWN_ONLY = (
    "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes(sharing: Sharing, phone: Phone) -> list[Route]:
    async def now(status: int = 200) -> Response:
        found = {**await in_thread(sharing.state), "phone": await in_thread(phone.state)}
        return JSONResponse(found, status)

    async def state(request: Request) -> Response:
        return await now()

    async def targets(request: Request) -> Response:
        return JSONResponse(await in_thread(sharing.targets))

    async def commands(request: Request) -> Response:
        name = request.query_params.get("name", "")
        private = _private(request)
        return JSONResponse(await in_thread(lambda: sharing.commands(name, private=private)))

    async def save(request: Request) -> Response:
        asked = await body(request)
        name, private, replace = text(asked, "name"), asked.get("private"), asked.get("replace")
        return JSONResponse(
            await in_thread(
                lambda: sharing.save(name, private=private is True, replace=replace is True)
            )
        )

    async def model(request: Request) -> Response:
        private = _private(request)
        return _download(*await in_thread(lambda: sharing.zipped(private=private)))

    async def report(request: Request) -> Response:
        private = _private(request)
        page = await in_thread(lambda: sharing.report(private=private))
        return HTMLResponse(page, headers={"Content-Security-Policy": _SHOWN_ONLY})

    async def export(request: Request) -> Response:
        await in_thread(sharing.begin, text(await body(request), "to"))
        return await now(202)

    async def exported(request: Request) -> Response:
        return _download(*await in_thread(sharing.exported, request.path_params["name"]))

    async def share(request: Request) -> Response:
        await phone.share(text(await body(request), "address"))
        return await now()

    async def stop(request: Request) -> Response:
        await phone.stop()
        return await now()

    return [
        Route("/api/share", state),
        Route("/api/share/targets", targets),
        Route("/api/share/commands", commands),
        Route("/api/share/save", save, methods=["POST"]),
        Route("/api/share/model.zip", model),
        Route("/api/share/report", report),
        Route("/api/share/exports", export, methods=["POST"]),
        Route("/api/share/exports/{name}.zip", exported),
        Route("/api/share/phone", share, methods=["POST"]),
        Route("/api/share/phone/stop", stop, methods=["POST"]),
    ]


def _private(request: Request) -> bool:
    asked = request.query_params.get("private", "")
    if asked not in ("", "1"):
        raise HttpError(400, "?private=1 leaves pictures out; anything else it cannot be.")
    return asked == "1"


def _download(name: str, pieces: Iterator[bytes]) -> Response:
    """A zip that a browser keeps as a file, and never shows."""
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)
