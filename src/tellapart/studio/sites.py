"""What a browser is told to keep from other sites, and what is refused where it says that another
site's page asks."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..server.problems import HttpError

_OWN = ("same-origin", "none")  # the page itself, and who types an address


@dataclass(frozen=True)
class Sites:
    """Refuses all that a page of another site asks for, reading included, but to be led to the
    page; a page of another port of this computer is of another site, too. No answer can be put into
    another site's page, and none tells another site where it was asked from.

    Programs say nothing of sites, and pass.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        foreign = [one for one in headers.getlist("sec-fetch-site") if one not in _OWN]
        led_here = scope["path"] == "/" and headers.get("sec-fetch-dest") == "document"
        if foreign and not led_here:
            raise HttpError(403, "A page of another site may not ask the studio.")

        async def answering(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.setdefault("Referrer-Policy", "no-referrer")
                answer.setdefault("Cross-Origin-Resource-Policy", "same-origin")
                answer.setdefault("Cross-Origin-Opener-Policy", "same-origin")
                answer.setdefault("X-Frame-Options", "DENY")
            await send(message)

        await self.app(scope, receive, answering)
