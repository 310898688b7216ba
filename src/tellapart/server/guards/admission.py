"""What stands before the routes: each guard is one small piece of ASGI, and one idea.

A guard that refuses raises an `HttpError`, which the outermost, `Answers`, puts into words. What is
asked of a request is read from its raw headers, never from an address put together of them
(CVE-2026-48710 was that `request.url` believed the Host header).
"""

from __future__ import annotations

import ipaddress
import logging
import re
import secrets
import socket
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...text import shown
from ..config import Config
from ..doors import OPEN
from ..problems import HttpError, failed, problem
from .limits import BodyLimits
from .origins import Origins

_log = logging.getLogger(__name__)


def guards(config: Config, *admission: Middleware) -> list[Middleware]:
    """All that a request passes on its way to a route, the outermost first; `admission` takes the
    place of the configuration's token."""
    return [
        Middleware(Answers),
        Middleware(Hosts, config),
        Middleware(Origins, config.origins),
        *(admission or [Middleware(Tokens, config.token)]),
        Middleware(BodyLimits, config.together, config.patience),
    ]


@dataclass(frozen=True)
class Answers:
    """Says what a guard refused, or that something went wrong which nobody foresaw, and gives every
    answer the headers that make a browser careful: it is what it says it is, is not kept, and as a
    page may do nothing.

    An answer that comes before the whole of its request was read is the last of its connection: the
    rest of a body is not taken for the next request.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        unread = bool(_all(scope, b"transfer-encoding")) or _all(scope, b"content-length") not in (
            [],
            [b"0"],
        )

        begun = False

        async def reading() -> Message:
            nonlocal unread
            message = await receive()
            unread = unread and message.get("more_body", False)
            return message

        async def answering(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Content-Security-Policy", "default-src 'none'")
                if unread:
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self.app(scope, reading, answering)
        except HttpError as error:
            await problem(error)(scope, reading, answering)
        except ClientDisconnect:
            pass  # there is nobody to answer
        except Exception:  # whatever it was: words for who asked, and the cause for the log
            if begun:
                raise
            _log.exception("A request was not answered.")
            await failed()(scope, reading, answering)


_HOST = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?")


class Hosts:
    """Answers to its own names alone: a page whose name was made to lead here (DNS rebinding) says
    its own name in Host.

    On loopback these are localhost and the loopback addresses, with the port that is bound. Beyond,
    they are any address in figures, which no page can take for its own, localhost, the computer's
    name and the one that was bound, with any port, as what stands before it (a container, a router)
    has its own.
    """

    def __init__(self, app: ASGIApp, config: Config) -> None:
        self.app = app
        self.local = config.local
        self.named = frozenset(name.lower() for name in config.names)
        self.own = {"localhost", "127.0.0.1", "[::1]", config.host.lower(), f"[{config.host}]"}
        if not config.local:
            self.own |= _computer()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._check(scope)
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        hosts = _all(scope, b"host")
        found = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if not found:
            raise HttpError(400, "A request has one Host header, with a name and perhaps a port.")
        name = found[1].decode()
        port = int(found[2] or 80)
        called = found[0].decode()
        if self.named & {name, f"{name}:{port}"}:
            return
        if self.local:
            bound = scope["server"][1] if scope.get("server") else None
            if name in self.own and port == bound:
                return
        elif name in self.own or _in_figures(name):
            return
        raise HttpError(
            421,
            f"This server does not answer to the name {shown(called[:100])} in the Host header.",
            hint="Ask it by its address in figures, with its own port; or whoever runs it adds the "
            f"name: tellapart serve MODEL --allow-host {shown(name[:100])}",
        )


def _computer() -> set[str]:
    """Its name, and what it is called where names are told from neighbour to neighbour (mDNS)."""
    name = socket.gethostname().lower()
    return {name, f"{name}.local"}


def _in_figures(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Tokens:
    """Asks for the token, where there is one: `Authorization: Bearer TOKEN`; not for reading the
    paths that are open."""

    def __init__(self, app: ASGIApp, token: str, open_paths: Collection[str] = OPEN) -> None:
        self.app = app
        self.token = token.encode()
        self.open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.token and scope["type"] == "http" and not self._is_open(scope):
            self._check(_all(scope, b"authorization"))
        await self.app(scope, receive, send)

    def _check(self, sent: list[bytes]) -> None:
        kind, _, token = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        if kind.lower() != b"bearer":
            raise HttpError(
                401,
                "This server asks for a token.",
                hint="Send it as a header, Authorization: Bearer TOKEN.",
                headers={"WWW-Authenticate": 'Bearer realm="tellapart"'},
            )
        if not secrets.compare_digest(token.strip(), self.token):
            raise HttpError(
                401,
                "The token is not the one that this server asks for.",
                headers={"WWW-Authenticate": 'Bearer realm="tellapart", error="invalid_token"'},
            )

    def _is_open(self, scope: Scope) -> bool:
        return scope["path"] in self.open_paths and scope["method"] in ("GET", "HEAD")


def _all(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header; the names come in small letters."""
    return [value for key, value in scope["headers"] if key == name]
