"""What went wrong, in words for the page: it is the user's own, so it may name their files."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import DatasetError, DestinationError, ModelError, TellapartError
from ..server.problems import HttpError, no_route, problem

OPEN = "Open the page at /."

_log = logging.getLogger(__name__)
_TOLD = (DatasetError, DestinationError, ModelError)  # which a server keeps to its log
_CALLED = {"replace=True": "“Replace it”"}  # what settings are in the page


async def told(request: Request, error: Exception) -> JSONResponse:
    """The answer where a route raises one of ours: 409 where something of the folder or the model
    is in the way, and as a server tells it otherwise."""
    assert isinstance(error, TellapartError)
    if isinstance(error, _TOLD):
        spelt = error.spelt(lambda setting: _CALLED.get(setting, ""))
        error = HttpError(409, spelt.message, hint=spelt.hint)
    return problem(error, hints={})  # a server's own are about programs that ask it


async def nowhere(request: Request, error: Exception) -> JSONResponse:
    """The answer where no route fits: the page is what there is to open."""
    return await no_route(request, error, hint=OPEN)


def trouble(error: Exception, what: str) -> tuple[str, str]:
    """What a thread that has failed lets the page say, as a sentence and a hint: ours as it is, and
    of what nobody foresaw that `what` has failed; the log has the rest."""
    if isinstance(error, TellapartError):
        return error.message, error.hint
    _log.error(what, exc_info=error)
    return what, "The terminal says why."
