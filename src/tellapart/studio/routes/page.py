"""The page itself: files that lie in `page/`, under a policy that lets it load nothing else."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ...server.problems import HttpError
from ..problems import OPEN

PAGE = Path(__file__).parents[1] / "page"
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_FILES = {path.relative_to(PAGE).as_posix(): path for path in sorted(PAGE.rglob("*.*"))}


@cache
def packed(path: Path) -> bytes:
    """A file of the page as it is sent: every browser unpacks gzip."""
    return gzip.compress(path.read_bytes(), mtime=0)


def page_file(name: str) -> Response:
    """A file of the page.

    Raises:
        HttpError: there is none of that name.
    """
    path = _FILES.get(name)
    if not path:
        raise HttpError(404, "There is nothing at this address.", hint=OPEN)
    answer = Response(packed(path), media_type=_TYPES[path.suffix])
    answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-cache"
    answer.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return answer


async def _answer(request: Request) -> Response:
    return page_file(request.path_params.get("name") or "index.html")


def routes() -> list[Route]:
    return [Route("/", _answer), Route("/page/{name:path}", _answer)]
