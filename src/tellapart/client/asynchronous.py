"""Asking a server from code that awaits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

from ..errors import PictureError
from ..images.decode import Picture, each_of
from ..model.prediction import Prediction
from ..to_json.shapes import Served
from .asking import AT_ONCE, RETRIES, TIMEOUT, Asked, Asking

Out = TypeVar("Out")
Own = TypeVar("Own", bound="AsyncClient")


class AsyncClient:
    """A server that `tellapart serve` runs, asked from code that awaits.

    `url` is its address, as it prints it; behind a proxy with the proxy's path. No proxy of the
    environment is used, and no redirect is followed, so the token goes to that server alone. White
    space around the token, such as the end of its file's line, is left out.

    `timeout` are the seconds in which a call has its answer, or fails. A server that is full says
    when to come back, and is asked again then, at most `retries` times; so is one that is not
    reached. Nothing that it refused for another reason is sent again.

    Use it in `async with`, or close it.

    Raises:
        UsageError: an address, token or number that cannot be.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        retries: int = RETRIES,
    ) -> None:
        self._asking = Asking(url, token, timeout=timeout, retries=retries)

    def __repr__(self) -> str:
        return f"<AsyncClient of {self.url}>"

    @property
    def url(self) -> str:
        return self._asking.url

    async def __aenter__(self: Own) -> Own:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections that are open; a later call opens its own."""
        await self._asking.close()

    async def predict(
        self,
        picture: Picture,
        *,
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> Prediction:
        """The answer for one picture, by the server's first model or the one that is named; it is
        that of `Classifier.predict` to the last bit.

        A path, bytes and an open file are sent as they are; an array and a Pillow image as a PNG.
        `admit` is as in `Classifier.admitting`. Maps of `evidence` are rounded to six digits.

        Raises:
            PictureError: it cannot be read, here or there; `path` says which it is.
            UsageError: it is no picture, or the server has no such model.
            ServerError: the server cannot be reached, lets us not in, or fails.
        """
        return await self._asking.predict(picture, Asked(evidence, admit, model))

    @overload
    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["raise"] = "raise",
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> AsyncIterator[Prediction]: ...

    @overload
    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["return"],
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> AsyncIterator[Prediction | PictureError]: ...

    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["raise", "return"] = "raise",
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> AsyncIterator[Prediction | PictureError]:
        """The answers for many pictures, in order, as they come; several are asked for at once, and
        memory does not grow.

        With `errors="return"` an unreadable picture's `PictureError` stands in its place.

        Raises:
            UsageError: one picture instead of several; or as `predict`.
            PictureError, ServerError: as `predict`.
        """
        asked = Asked(evidence, admit, model)
        asking = partial(self._asking.tried, errors=errors, asked=asked)
        return _in_order(map(asking, each_of(pictures)))

    async def models(self) -> list[Served]:
        """What the server says of each of its models, the first being the one that is asked where
        none is named: its `name`, `labels`, `digest`, and how good it is (docs/serving.md).

        Raises:
            ServerError: as `predict`.
        """
        return await self._asking.models()

    async def model(self, name: str) -> Served:
        """The same of one model.

        Raises:
            UsageError: there is none of that name.
            ServerError: as `predict`.
        """
        return await self._asking.model(name)

    async def ready(self) -> bool:
        """Whether the server is there and answers; asked once.

        Raises:
            ServerError: something else is there.
        """
        return await self._asking.ready()


async def _in_order(asked: Iterator[Coroutine[Any, Any, Out]]) -> AsyncIterator[Out]:
    """What each gives, in order; `AT_ONCE` are under way."""
    under_way: deque[asyncio.Task[Out]] = deque()
    try:
        for one in asked:
            under_way.append(asyncio.create_task(one))
            if len(under_way) == AT_ONCE:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
