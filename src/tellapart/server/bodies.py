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
    content = await whole(request, config.largest)
    _check_is_picture(content)
    return Pictures((Sent(STDIN, content),), listed=False)


async def whole(request: Request, largest: int) -> bytes:
    """A request's body, counted as it comes: what is larger is refused before it is read, where the
    client says how large it is, and otherwise as soon as that shows.

    Raises:
        HttpError: 413 where it is larger than `largest` bytes, 415 where it is compressed.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise HttpError(
            415,
            "The body is compressed, which is not read here.",
            hint="Send it without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
    told = request.headers.get("content-length", "0")
    parts: list[bytes] = []
    size = int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0
    if size <= largest:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > largest:
                break
            parts.append(part)
    if size > largest:
        raise HttpError(
            413, f"The body is larger than {largest / 2**20:g} MB.", hint="Send a smaller picture."
        )
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_is_picture(content: bytes) -> None:
    if not content:
        raise HttpError(415, f"The body is {EMPTY}.", hint="Send a picture's bytes as the body.")
    kind = sniff(content)
    if kind not in FORMATS:
        raise HttpError(415, f"The body is {misnamed(kind, '')}.")
