"""A request's body -> the pictures in it: one as the body itself, or several as a form or JSON."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from ...dataset.given import STDIN
from ...images.kinds import EMPTY, FORMATS, misnamed, sniff
from ..config import Config
from ..problems import HttpError, too_large
from ..queue import Queue
from .form import parts_of
from .in_json import spelt

LARGE = 2**18  # bytes of JSON that are read beside the event loop, not in it


@dataclass(frozen=True)
class Sent:
    """A picture as it was sent: its name, if it has one, a file's content, and what to do if that
    cannot be read, as far as the way it was sent tells."""

    name: str
    content: bytes
    hint: str = ""


@dataclass(frozen=True)
class Pictures:
    """All pictures of a request, whether the answer is a list of answers, and when the last of the
    request `came`, by `time.monotonic()`."""

    sent: tuple[Sent, ...]
    listed: bool
    came: float


async def pictures_of(request: Request, config: Config, queue: Queue) -> Pictures:
    """The pictures in a request: those in a form or in JSON where its Content-Type says that it is
    one, and otherwise one, which is the body, whatever its Content-Type. A large JSON takes its
    turn in the `queue` to be taken apart.

    Raises:
        HttpError: 413 where the body is too large or holds too many, 415 where the only one is no
            picture, 400 where form or JSON are none, 503 where there is no turn for it.
        ClientDisconnect: the client hung up.
    """
    said = request.headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        streamed = counted(request, config.largest)
        parts = await parts_of(streamed, said, config.most)
        sent = tuple(Sent(name, content) for name, content in parts)
        return Pictures(sent, listed=True, came=time.monotonic())
    content = await whole(request, config.largest)
    came = time.monotonic()
    if kind == "application/json":
        if len(content) < LARGE:
            found, listed = spelt(content, config.most)
        else:
            queue.check_room()
            found, listed = await queue.aside(
                spelt, content, config.most, receive=request.receive, came=came
            )
        pictures = Pictures(tuple(Sent(name or STDIN, one) for name, one in found), listed, came)
    else:
        pictures = Pictures((Sent(STDIN, content, _stripped(kind, content)),), False, came)
    if not pictures.listed:
        _check_is_picture(pictures.sent[0])
    return pictures


async def whole(request: Request, largest: int, *, packed: bool = False) -> bytes:
    """A request's body, counted as it comes; where it may be `packed`, as it came.

    Raises:
        HttpError: 413 where it is larger than `largest` bytes, 415 where it is compressed and may
            not be.
    """
    parts = [part async for part in counted(request, largest, packed=packed)]
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def counted(request: Request, largest: int, *, packed: bool = False) -> AsyncIterator[bytes]:
    """A request's body in pieces as they come: one that is too large is refused before it is read,
    where the client says how large it is, and otherwise as soon as that shows.

    Raises:
        HttpError: 413 where it is larger than `largest` bytes, 415 where it is compressed and may
            not be `packed`.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("", "identity") and not packed:
        raise HttpError(
            415,
            "The body is compressed, which is not read here.",
            hint="Send it without Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )
    size = 0
    said = request.headers.get("content-length", "0")
    if said.isdecimal() and int(said[:20]) > largest:
        raise too_large(largest)
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise too_large(largest)
        if part:
            yield part


def _stripped(kind: str, content: bytes) -> str:
    """What to do if this is what `curl -d` made of a picture: it leaves out the ends of lines, and
    hardly a picture has no byte that is one."""
    if kind == "application/x-www-form-urlencoded" and not {*b"\r\n"} & {*content}:
        return "curl -d leaves bytes out: send it with --data-binary @picture.jpg"
    return ""


def _check_is_picture(sent: Sent) -> None:
    content = sent.content
    if not content:
        raise HttpError(415, f"The body is {EMPTY}.", hint="Send a picture's bytes as the body.")
    kind = sniff(content)
    if kind not in FORMATS:
        raise HttpError(415, f"The body is {misnamed(kind, '')}.", hint=sent.hint)
