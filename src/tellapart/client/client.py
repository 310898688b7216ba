"""Asking a server from code that does not await: the same client, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Any, Literal, TypeVar, overload

from ..errors import PictureError
from ..images.decode import Picture, each_of
from ..model.prediction import Prediction
from ..to_json.shapes import Served
from .asking import AT_ONCE, RETRIES, TIMEOUT, Asked, Asking

Out = TypeVar("Out")
Own = TypeVar("Own", bound="Client")


class Client:
    """A server that `tellapart serve` runs; all as in `AsyncClient`, without awaiting.

    Threads may share it. A forked process opens connections of its own.

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
        self._lock = threading.Lock()
        self._loop: _Loop | None = None

    def __repr__(self) -> str:
        return f"<Client of {self.url}>"

    @property
    def url(self) -> str:
        return self._asking.url

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are open; a later call opens its own."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None and loop.process == os.getpid():
            loop.end(self._asking)

    def predict(
        self,
        picture: Picture,
        *,
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> Prediction:
        """As `AsyncClient.predict`."""
        return self._result(self._asking.predict(picture, Asked(evidence, admit, model)))

    @overload
    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["raise"] = "raise",
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> Iterator[Prediction]: ...

    @overload
    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["return"],
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> Iterator[Prediction | PictureError]: ...

    def predict_many(
        self,
        pictures: Iterable[Picture],
        *,
        errors: Literal["raise", "return"] = "raise",
        evidence: bool = False,
        admit: float | None = None,
        model: str = "",
    ) -> Iterator[Prediction | PictureError]:
        """As `AsyncClient.predict_many`."""
        asked = Asked(evidence, admit, model)
        asking = partial(self._asking.tried, errors=errors, asked=asked)
        return self._each(map(asking, each_of(pictures)))

    def _each(self, asked: Iterator[Coroutine[Any, Any, Out]]) -> Iterator[Out]:
        under_way: deque[Future[Out]] = deque()
        try:
            for one in asked:
                under_way.append(self._running().start(one))
                if len(under_way) == AT_ONCE:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()

    def models(self) -> list[Served]:
        """As `AsyncClient.models`."""
        return self._result(self._asking.models())

    def model(self, name: str) -> Served:
        """As `AsyncClient.model`."""
        return self._result(self._asking.model(name))

    def ready(self) -> bool:
        """As `AsyncClient.ready`."""
        return self._result(self._asking.ready())

    def _result(self, asked: Coroutine[Any, Any, Out]) -> Out:
        future = self._running().start(asked)
        try:
            return future.result()
        except BaseException:  # Ctrl-C as well: nothing goes on that nobody waits for
            future.cancel()
            raise

    def _running(self) -> _Loop:
        with self._lock:
            if self._loop is not None and self._loop.process != os.getpid():
                self._asking.forget(self._loop)
                self._loop = None
            if self._loop is None:
                self._loop = _Loop()
                weakref.finalize(self, self._loop.end, self._asking)
            return self._loop

    def __getstate__(self) -> dict[str, object]:
        """For a pickle: a copy opens connections of its own."""
        return {"_asking": self._asking}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _loop=None)


class _Loop:
    """An event loop in a thread, which ends with the process."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._begun = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name="tellapart-client", daemon=True
        )
        self._thread.start()
        self._begun.wait()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._begun.set()
        await self._over.wait()

    def start(self, asked: Coroutine[Any, Any, Out]) -> Future[Out]:
        return asyncio.run_coroutine_threadsafe(asked, self._loop)

    def end(self, asking: Asking) -> None:
        """Close the connections and end the thread. In a forked process there is none; and once is
        enough."""
        if self.process != os.getpid() or not self._thread.is_alive():
            return
        self.start(self._ending(asking))
        if threading.current_thread() is not self._thread:
            self._thread.join()

    async def _ending(self, asking: Asking) -> None:
        try:
            await asking.close()
        finally:
            self._over.set()
