"""What a request of the page holds, and the threads that answer it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request

from ...server.problems import HttpError
from ...workers.pausing import pausing
from ..folder import Kept
from ..studio import Studio

Out = TypeVar("Out")

MOST = 2**22  # bytes of a request that is JSON


class NumberConvertor(Convertor[int]):
    """A number in an address, such as `{id:number}`; what has more digits than any of ours is at no
    address at all, and Python would refuse to read it."""

    regex = "[0-9]{1,15}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", NumberConvertor())


async def body(request: Request) -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
        HttpError: it is none.
    """
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST:
            raise HttpError(413, "More was sent than the page ever sends.")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HttpError(400, "A JSON object was expected.")
    return found


def text(values: dict[str, Any], key: str) -> str:
    """A text in it.

    Raises:
        HttpError: there is none.
    """
    found = values.get(key)
    if not isinstance(found, str):
        raise HttpError(400, f"A text was expected as {key!r}.")
    return found


def number(values: dict[str, Any], key: str) -> int:
    """A whole number in it.

    Raises:
        HttpError: there is none.
    """
    found = values.get(key)
    if type(found) is not int:
        raise HttpError(400, f"A whole number was expected as {key!r}.")
    return found


def numbers(values: dict[str, Any], key: str = "ids") -> list[int]:
    """Whole numbers in it.

    Raises:
        HttpError: there are none.
    """
    found = values.get(key)
    if not isinstance(found, list) or not all(type(one) is int for one in found):
        raise HttpError(400, f"A list of whole numbers was expected as {key!r}.")
    return found


def picture(studio: Studio, request: Request) -> Kept:
    """The picture of the `id` in the address.

    Raises:
        HttpError: it is not there.
    """
    kept = studio.folder.get(request.path_params["id"])
    if not kept:
        raise HttpError(404, "This picture is not in the folder any more.")
    return kept


async def in_thread(function: Callable[..., Out], *arguments: Any) -> Out:
    """What a function gives that takes a while, called in a thread."""
    return await run_in_threadpool(function, *arguments)


async def until_hung_up(request: Request, function: Callable[[], Out]) -> Out:
    """The same, of a request whose body was read; once the page has hung up, the work ends at its
    next pause.

    Raises:
        ClientDisconnect: nobody waits for the answer any more.
    """
    over = threading.Event()

    def check() -> None:
        if over.is_set():
            raise ClientDisconnect

    def work() -> Out:
        with pausing(check):
            return function()

    answer = asyncio.ensure_future(in_thread(work))
    gone = asyncio.ensure_future(hung_up(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)
        over.set()
        return await answer
    finally:
        over.set()
        gone.cancel()


async def hung_up(request: Request) -> None:
    """Until the page waits no more."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
