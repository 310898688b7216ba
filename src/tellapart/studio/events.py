"""What happens in a studio -> every page that is open, each by one stream (server-sent events).

Any thread may `tell`. Each event says how things are, not what to do. So a page that falls behind
is told the newest of each kind, and what waits for it stays small.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

_BREATH = 15.0  # seconds after which a stream says that it lives


class _Page:
    """A page that listens: what it was not told yet, by kinds, and that there is something."""

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}
        self.come = asyncio.Event()


class Events:
    """The open streams; `begin` binds them to the loop that serves them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages: set[_Page] = set()
        self._over = False

    def begin(self) -> None:
        """From here on events are delivered, by the loop that runs now."""
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """All streams end; to be called from the loop."""
        self._over = True
        for page in self._pages:
            page.come.set()

    def tell(self, kind: str, data: Mapping[str, object]) -> None:
        """Tell every page, from any thread."""
        text = f"event: {kind}\ndata: {json.dumps(data)}\n\n"
        if self._loop:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._deliver, kind, text)

    def _deliver(self, kind: str, text: str) -> None:
        for page in self._pages:
            page.waiting[kind] = text
            page.come.set()

    @property
    def pages(self) -> int:
        """How many pages listen."""
        return len(self._pages)

    async def stream(self) -> AsyncIterator[str]:
        """The events from now on, as their text."""
        page = _Page()
        self._pages.add(page)
        try:
            yield "retry: 1000\n\n"
            while not self._over:
                try:
                    await asyncio.wait_for(page.come.wait(), _BREATH)
                except asyncio.TimeoutError:
                    yield ": alive\n\n"
                page.come.clear()
                while page.waiting and not self._over:
                    yield page.waiting.pop(next(iter(page.waiting)))
        finally:
            self._pages.discard(page)
