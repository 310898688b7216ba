"""Pages in a browser: which may write, and which may read an answer (CORS)."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..problems import HttpError, problem

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "authorization, content-type",
    "Access-Control-Max-Age": "600",
}


class Origins:
    """Refuses what a page of another site sends, unless its origin is one of those allowed.

    A browser says whose page asks, in `Origin` and `Sec-Fetch-Site`, and no page can change that.
    Programs send neither, and pass. No answer may be read by a page of another origin (there is no
    CORS) but by those allowed, and never with a browser's cookies.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str]) -> None:
        self.app = app
        self.allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        origins = headers.getlist("origin")
        welcome = len(origins) == 1 and origins[0] in self.allowed
        if scope["method"] not in _READS and not welcome:
            _check_same_site(headers, origins)

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.add_vary_header("Origin")
                if welcome:
                    answer["Access-Control-Allow-Origin"] = origins[0]
                    answer["Access-Control-Expose-Headers"] = "Retry-After"
            await send(message)

        sending = answering if self.allowed else send
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return await _preflight(headers, welcome)(scope, receive, sending)
        try:
            await self.app(scope, receive, sending)
        except HttpError as error:  # so that an allowed page can read why
            await problem(error)(scope, receive, sending)


def _check_same_site(headers: Headers, origins: list[str]) -> None:
    sites = headers.getlist("sec-fetch-site")
    own = {f"{scheme}://{headers['host'].lower()}" for scheme in ("http", "https")}
    if any(origin not in own for origin in origins) or any(
        site not in ("same-origin", "none") for site in sites
    ):
        raise HttpError(
            403,
            "A page of another site may not ask this server.",
            hint="Whoever runs it can allow it: tellapart serve MODEL --allow-origin ORIGIN",
        )


def _preflight(headers: Headers, welcome: bool) -> Response:
    """The answer where a browser asks whether a page may ask."""
    if not welcome:
        raise HttpError(
            403,
            "Pages of this origin may not ask this server.",
            hint="Whoever runs it can allow them: tellapart serve MODEL --allow-origin ORIGIN",
        )
    private = "access-control-request-private-network" in headers
    more = {"Access-Control-Allow-Private-Network": "true"} if private else {}
    return Response(status_code=204, headers={**_PREFLIGHT, **more})
