"""Who may use the page: whoever opens the link with its token, and from then on has a cookie.

http://127.0.0.1:8123/?token=...   ->   Set-Cookie, and on to /
Authorization: Bearer ...               for programs
"""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..server.problems import HttpError

OPEN = frozenset({"/healthz"})


def new_token() -> str:
    return secrets.token_urlsafe(32)


class Sessions:
    """Lets in who has the token, in the link, the cookie, or a header."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            return await self.app(scope, receive, send)
        port = scope["server"][1] if scope.get("server") else 0
        name = f"tellapart-{port}"  # cookies are shared by all ports of a host
        if scope["path"] == "/" and scope["method"] == "GET":
            given = parse_qs(scope["query_string"].decode("ascii", "replace")).get("token", [""])[0]
            if given and secrets.compare_digest(given.encode(), self.token.encode()):
                answer = RedirectResponse("/", 303)
                answer.set_cookie(name, self.token, httponly=True, samesite="strict", path="/")
                return await answer(scope, receive, send)
        if not self._is_known(scope, name):
            raise HttpError(
                401,
                "This page is only for who has its link.",
                hint="Open the link that tellapart studio has printed in its terminal.",
            )
        await self.app(scope, receive, send)

    def _is_known(self, scope: Scope, name: str) -> bool:
        sent = []
        for key, value in scope["headers"]:
            if key == b"authorization" and value[:7].lower() == b"bearer ":
                sent.append(value[7:].strip())
            elif key == b"cookie":
                try:
                    cookies = SimpleCookie(value.decode("latin-1"))
                except CookieError:
                    continue
                if name in cookies:
                    sent.append(cookies[name].value.encode())
        return any(secrets.compare_digest(one, self.token.encode()) for one in sent)
