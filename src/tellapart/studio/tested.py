"""Pictures that were tested and are not in the folder: kept in memory for a while, so that a page
can ask why, and let go when newer ones need the room."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ..errors import PictureError

MOST = 64  # pictures
MOST_BYTES = 2**28  # of all


class LastTested:
    """The latest pictures that were tested, each under a number of its own."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._last = 0
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0

    def keep(self, content: bytes) -> int:
        """Keep a picture's file; the number that `content` gives it back by."""
        with self._lock:
            self._last += 1
            self._held[self._last] = content
            self._bytes += len(content)
            while len(self._held) > 1 and (
                len(self._held) > self._most or self._bytes > self._most_bytes
            ):
                _, oldest = self._held.popitem(last=False)
                self._bytes -= len(oldest)
            return self._last

    def content(self, number: int) -> bytes:
        """A picture's file.

        Raises:
            PictureError: it is not kept any more.
        """
        with self._lock:
            found = self._held.get(number)
        if found is None:
            raise PictureError(
                "This tested picture is not kept any more.", hint="Test the picture again."
            )
        return found
