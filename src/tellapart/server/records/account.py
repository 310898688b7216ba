"""What each request asked for and cost: noted by those who serve it, told when it is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import PictureError
from ...model.prediction import Prediction

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"  # for what a client made up: no figure has a label that a client chose


class PictureOutcome(NamedTuple):
    """A picture that was looked at: the seconds that it `waited` for its turn, whether it could not
    be read, and whether it is none of the model's labels."""

    waited: float
    unreadable: bool
    unknown: bool


@dataclass
class Account:
    """One request.

    Attributes:
        method: of HTTP; `other` where it is none.
        route: the template of the route, such as `/v1/models/{name}`; `other` where there is none.
        path: as the client wrote it, without the query, which may hold what is not for a log.
        client: its address.
        began: when it came, in seconds since 1970.
        status: of the answer; 499 where the client hung up before there was one.
        read: bytes of its body, as far as they were read.
        sent: bytes of the answer's body.
        seconds: until the answer, or its last part, was there to be sent.
        model: the name of the model that was asked; empty where none was.
        outcomes: its pictures that were looked at.
        shed: whether it was refused because there is too much to do.
    """

    method: str = OTHER
    route: str = OTHER
    path: str = ""
    client: str = ""
    began: float = field(default_factory=time.time)
    status: int = 499
    read: int = 0
    sent: int = 0
    seconds: float = 0.0
    model: str = ""
    outcomes: list[PictureOutcome] = field(default_factory=list)
    shed: bool = False

    @property
    def waited(self) -> float:
        """Seconds until the last of its pictures had its turn."""
        return max((one.waited for one in self.outcomes), default=0.0)

    def saw(self, waited: float, outcome: Prediction | PictureError) -> None:
        """A picture was looked at, after it `waited` so many seconds for its turn. Any thread may
        say so."""
        if isinstance(outcome, PictureError):
            self.outcomes.append(PictureOutcome(waited, unreadable=True, unknown=False))
        else:
            self.outcomes.append(PictureOutcome(waited, unreadable=False, unknown=outcome.unknown))


_current: ContextVar[Account] = ContextVar("account")


def account() -> Account:
    """That of the request which is being answered; elsewhere one that nobody reads."""
    return _current.get(None) or Account()


class Accounts:
    """Around the whole application: keeps an account of each request and tells of it at its end."""

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[BaseRoute],
        came: Callable[[], None],
        told: Callable[[Account], None],
    ) -> None:
        self.app = app
        self.routes = [route for route in routes if isinstance(route, Route)]
        self.came = came
        self.told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        mine = Account(
            method=scope["method"] if scope["method"] in METHODS else OTHER,
            route=self._template(scope),
            path=scope.get("raw_path", scope["path"].encode()).decode("ascii", "backslashreplace"),
            client=(scope.get("client") or ("",))[0],
        )

        ended = False

        def end() -> None:
            nonlocal ended
            if not ended:
                ended = True
                mine.seconds = time.perf_counter() - began
                self.told(mine)

        async def read() -> Message:
            message = await receive()
            mine.read += len(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                mine.status = message["status"]
            else:
                mine.sent += len(message.get("body", b""))
                if not message.get("more_body", False):
                    end()  # so whoever has the answer finds it in the figures
            await send(message)

        before = _current.set(mine)
        self.came()
        try:
            await self.app(scope, read, sent)
        except Exception:  # raised again; only noted here
            if mine.status == 499:
                mine.status = 500  # which is answered outside of this
            raise
        finally:
            _current.reset(before)
            end()

    def _template(self, scope: Scope) -> str:
        return next(
            (one.path for one in self.routes if one.matches(scope)[0] is not Match.NONE), OTHER
        )
