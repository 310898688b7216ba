"""Errors -> `application/problem+json` (RFC 9457), from the one error tree."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import ModelError, PictureError, TellapartError, UsageError
from ..to_json.shapes import Problem
from .names import UnknownModelError
from .records.account import account
from .routes.query import PARAMETERS

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_IN_QUERY = frozenset(one.name for one in PARAMETERS)


class HttpError(TellapartError):
    """What only a server says: its `status`, and headers that go with it."""

    def __init__(
        self, status: int, message: str, *, hint: str = "", headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.headers = dict(headers)

    def __reduce__(self) -> tuple[Any, ...]:  # as it is copied
        return type(self), (self.status, *self.args), self.__dict__


class BusyError(HttpError):
    """There is too much to do: it is worth asking again after so many `seconds`."""

    def __init__(self, message: str, seconds: int = 1) -> None:
        super().__init__(
            503, message, hint="Ask again later.", headers={"Retry-After": str(seconds)}
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self.args,), self.__dict__


def too_many(most: int) -> HttpError:
    """A request has more than so many pictures."""
    return HttpError(
        413, f"More than {most} pictures were sent at once.", hint="Send them in several requests."
    )


def too_large(largest: int, body: str = "body") -> HttpError:
    """A body has more than so many bytes."""
    return HttpError(
        413, f"The {body} is larger than {largest / 2**20:g} MB.", hint="Send a smaller picture."
    )


# The first kind that fits; and whether a client is told in the error's own words, which in others
# may name a path of this computer.
_STATUS: tuple[tuple[type[TellapartError], int, bool], ...] = (
    (PictureError, 422, True),
    (UnknownModelError, 404, True),
    (UsageError, 400, True),
    (ModelError, 503, False),
    (TellapartError, 500, False),
)


# What to do, where an error does not say it itself.
_HINTS: Mapping[int, str] = {
    400: "GET /openapi.json says what can be asked, and how.",
    401: "Its clients send the line of the file that it takes its token from.",
    403: "Whoever runs the server says who may ask.",
    408: "Send it again, without a pause; a smaller picture comes sooner.",
    413: "Send less in one request.",
    414: "The picture belongs in the body.",
    415: "Send the bytes of a picture's file: curl --data-binary @picture.jpg",
    422: "Send a picture's file as it is (curl --data-binary); if this was one, it is broken.",
    431: "Few headers are needed; the picture belongs in the body.",
    503: "Ask again later.",
}


def in_query(setting: str) -> str:
    """How a request calls a setting: `?top=3` of `top=3`; one that it cannot set has no name."""
    name, _, value = setting.partition("=")
    return f"?{name}={value}" if name in _IN_QUERY else ""


def problem(error: TellapartError, hints: Mapping[int, str] = _HINTS) -> JSONResponse:
    """`{"type", "title", "status", "detail", "hint", "error"}`; the last is what clients of the
    Open Inference Protocol read. `hints` are for errors that have none, by their status."""
    if isinstance(error, BusyError):
        account().shed = True
    if isinstance(error, HttpError):
        return _answer(error.status, error.spelt(in_query), error.headers, hints)
    status, open_ = next((code, told) for kind, code, told in _STATUS if isinstance(error, kind))
    if open_:
        return _answer(status, error.spelt(in_query), hints=hints)
    _log.error("%s", error)
    return failed(status)


def failed(status: int = 500) -> JSONResponse:
    """The answer where something went wrong that is not the client's to know."""
    return _answer(
        status,
        TellapartError("This went wrong in the server.", hint="Its log says what it was."),
    )


def _answer(
    status: int,
    error: TellapartError,
    headers: Mapping[str, str] | None = None,
    hints: Mapping[int, str] = _HINTS,
) -> JSONResponse:
    hint = error.hint or hints.get(status, "")
    body: Problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "hint": hint,
        "error": f"{error.message.removesuffix('.')}. {hint}".rstrip(),
    }
    return _Line(body, status, headers=headers, media_type=MEDIA_TYPE)


class _Line(JSONResponse):
    """JSON that ends its line, as the answer for a picture does: a log of both has a line each."""

    def render(self, content: Any) -> bytes:
        return super().render(content) + b"\n"


async def told(request: Request, error: Exception) -> JSONResponse:
    """The answer where a route raises one of ours."""
    assert isinstance(error, TellapartError)
    return problem(error)


async def no_route(
    request: Request, error: Exception, *, hint: str = "POST a picture to /v1/guess."
) -> JSONResponse:
    """The answer where no route fits: 404, with a hint at what is there, or 405 where another
    method would."""
    assert isinstance(error, HTTPException)
    said = {
        404: HttpError(404, "There is nothing at this address.", hint=hint),
        405: HttpError(405, f"{request.method} is not answered at this address."),
    }.get(error.status_code, HttpError(error.status_code, HTTPStatus(error.status_code).phrase))
    allowed = (error.headers or {}).get("Allow", "")
    if not allowed:
        return problem(said)
    return problem(
        HttpError(
            said.status, said.message, hint=f"Ask with {allowed}.", headers={"Allow": allowed}
        )
    )
