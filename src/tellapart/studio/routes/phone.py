"""The page that a phone gets: these few files, under a policy that lets them load nothing else."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .page import page_file

_FILES = {
    "/": "phone.html",
    **{
        f"/page/{name}": name
        for name in (
            "phone.js",
            "kept.js",
            "words.js",
            "words/en.js",
            "words/de.js",
            "css/base.css",
            "css/phone.css",
            "icon.svg",
        )
    },
}
OPEN = frozenset(_FILES)


async def _answer(request: Request) -> Response:
    answer = page_file(_FILES[request.scope["path"]])
    del answer.headers["Cross-Origin-Opener-Policy"]  # which browsers complain of without TLS
    return answer


def routes() -> list[Route]:
    return [Route(path, _answer) for path in _FILES]
