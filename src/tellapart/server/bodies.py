"""A request's body -> the pictures in it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from ..dataset.given import STDIN
from ..images.kinds import EMPTY, FORMATS, misnamed, sniff
from .config import Config
from .problems import HttpError


@dataclass(frozen=True)
class Sent:
    """A picture as it was sent: its name, if it has one, and a file's content."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Pictures:
    """All pictures of a request, and whether the answer is a list of answers."""

    sent: tuple[Sent, ...]
    listed: bool


async def pictures_of(request: Request, config: Config) -> Pictures:
    """The pictures in a request: one as the raw body.

    Raises:
        HttpError: 413 where the body is too large, 415 where it is no picture.
    """
    content = await _whole(request, config.largest)
    _check_is_picture(content)
    return Pictures((Sent(STDIN, content),), listed=False)


async def _whole(request: Request, largest: int) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest:
            raise HttpError(413, f"The body is larger than {largest / 2**20:.0f} MB.")
    return bytes(body)


def _check_is_picture(content: bytes) -> None:
    if not content:
        raise HttpError(415, f"The body is {EMPTY}.", hint="Send a picture's bytes as the body.")
    kind = sniff(content)
    if kind not in FORMATS:
        raise HttpError(415, f"The body is {misnamed(kind, '')}.")
