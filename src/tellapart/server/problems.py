"""Errors -> `application/problem+json` (RFC 9457), from the one error tree."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import ModelError, PictureError, TellapartError, UsageError

MEDIA_TYPE = "application/problem+json"


class HttpError(TellapartError):
    """What only a server says: its `status`, and headers that go with it."""

    def __init__(
        self, status: int, message: str, *, hint: str = "", headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.headers = dict(headers)


# The first kind that fits.
_STATUS: tuple[tuple[type[TellapartError], int], ...] = (
    (PictureError, 422),
    (UsageError, 400),
    (ModelError, 503),
    (TellapartError, 500),
)


def problem(error: TellapartError) -> JSONResponse:
    """`{"type", "title", "status", "detail", "hint"}`."""
    from http import HTTPStatus

    status = (
        error.status
        if isinstance(error, HttpError)
        else next(code for kind, code in _STATUS if isinstance(error, kind))
    )
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "hint": error.hint,
    }
    headers = error.headers if isinstance(error, HttpError) else {}
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


async def told(request: Request, error: Exception) -> JSONResponse:
    """The answer where a route raises one of ours."""
    assert isinstance(error, TellapartError)
    return problem(error)
