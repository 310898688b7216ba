"""What happens in a studio -> every page that is open, each by one stream (server-sent events).

Any thread may `tell`. A page that falls behind loses the oldest: each event says how things are,
not what to do, so the newest is enough.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

_BEHIND = 256  # events that may wait for one page
_BREATH = 15.0  # seconds after which a stream says that it lives


class Events:
    """The open streams; `begin` binds them to the loop that serves them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._over = False

    def begin(self) -> None:
        """From here on events are delivered, by the loop that runs now."""
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """All streams end; to be called from the loop."""
        self._over = True
        for page in self._pages:
            _put(page, None)

    def tell(self, kind: str, data: Mapping[str, object]) -> None:
        """Tell every page, from any thread."""
        text = f"event: {kind}\ndata: {json.dumps(data)}\n\n"
        if self._loop:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._deliver, text)

    def _deliver(self, text: str) -> None:
        for page in self._pages:
            _put(page, text)

    @property
    def pages(self) -> int:
        """How many pages listen."""
        return len(self._pages)

    async def stream(self) -> AsyncIterator[str]:
        """The events from now on, as their text."""
        page: asyncio.Queue[str | None] = asyncio.Queue(_BEHIND)
        self._pages.add(page)
        try:
            yield "retry: 1000\n\n"
            while not self._over:
                try:
                    text = await asyncio.wait_for(page.get(), _BREATH)
                except asyncio.TimeoutError:
                    text = ": alive\n\n"
                if text is None:
                    return
                yield text
        finally:
            self._pages.discard(page)


def _put(page: asyncio.Queue[str | None], text: str | None) -> None:
    if page.full():
        page.get_nowait()
    page.put_nowait(text)
