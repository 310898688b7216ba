"""Who may use the studio: whoever opens the link with its token, and from then on has a cookie.

    http://127.0.0.1:8321/?token=...   ->   Set-Cookie, and on to /
    Authorization: Bearer ...               for programs

The token is new each time that a studio is started. The cookie holds another secret, which is kept
for the folder, so that a page which is open goes on when its studio was started again. It is kept
in the user's cache and not in the folder, which may be given away or come from somebody else.

The page's own files are open: they say nothing of the folder. So a page that was opened without
the link can say what to do, and a browser that comes from the link's redirect, which to it is from
another site and so without the cookie (SameSite=Strict), finds the page.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..cache.stores import STUDIO_KEYS
from ..server.problems import HttpError

OPEN = frozenset({"/healthz", "/"})
OPEN_BELOW = "/page/"
_KEPT_FOR = 30 * 86400  # seconds, after which a page that was left open needs the link again
_KEY = re.compile(rb"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    return secrets.token_urlsafe(32)


def kept_key(root: Path) -> str:
    """What the cookie of a folder's studio holds: the same each time, for a month. It is kept in a
    file that only the user can read; where there is none to be had, it is new."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:32]
    path = STUDIO_KEYS.folder() / f"{name}.key"
    with suppress(OSError):
        if key := _read_own(path):
            return key
    key = secrets.token_urlsafe(32)
    part = path.with_name(f"{name}-{secrets.token_hex(8)}.key")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(made, "wb") as file:
            file.write(key.encode())
        os.replace(part, path)
    return key


def _read_own(path: Path) -> str:
    """The key in a file; empty where anybody but the user may have put it there, or read it, or
    where it is old."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if hasattr(os, "geteuid"):
            private = not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            if not (stat.S_ISREG(found.st_mode) and private and found.st_uid == os.geteuid()):
                return ""
        content = file.read(64)
    is_young = 0 <= time.time() - found.st_mtime < _KEPT_FOR
    return content.decode() if is_young and _KEY.fullmatch(content) else ""


class Sessions:
    """Lets in who has the token, in the link or in a header, or the key, in the cookie."""

    def __init__(self, app: ASGIApp, token: str, key: str) -> None:
        self.app = app
        self.token = token.encode()
        self.key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        port = scope["server"][1] if scope.get("server") else 0
        name = f"tellapart-{port}"  # cookies are shared by all ports of a host
        path, reads = scope["path"], scope["method"] in ("GET", "HEAD")
        if path == "/" and reads and b"token=" in scope["query_string"]:
            answer = RedirectResponse("/", 303)  # whatever it was, it leaves the address
            given = parse_qs(scope["query_string"].decode("ascii", "replace")).get("token", [""])[0]
            if secrets.compare_digest(given.encode(), self.token):
                value = self.key.decode()
                answer.set_cookie(name, value, httponly=True, samesite="strict", path="/")
            return await answer(scope, receive, send)
        is_open = reads and (path in OPEN or path.startswith(OPEN_BELOW))
        if not is_open and not self._is_known(scope, name):
            raise HttpError(
                401,
                "This page is only for who has its link.",
                hint="Open the link that tellapart studio has printed in its terminal.",
            )
        await self.app(scope, receive, send)

    def _is_known(self, scope: Scope, name: str) -> bool:
        for header, value in scope["headers"]:
            if header == b"authorization" and value[:7].lower() == b"bearer ":
                if secrets.compare_digest(value[7:].strip(), self.token):
                    return True
            elif header == b"cookie":
                # Not by http.cookies: it gives up at a cookie of another server of this host that
                # is not as it should be, and forgets ours.
                for cookie in value.split(b";"):
                    called, _, sent = cookie.strip().partition(b"=")
                    if called == name.encode() and secrets.compare_digest(sent, self.key):
                        return True
        return False
