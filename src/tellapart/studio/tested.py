"""Pictures that were tested and are not in the folder: kept in memory for a while, so that a page
can ask why, and let go when newer ones need the room."""

from __future__ import annotations

import itertools

from ..errors import PictureError
from .latest import Latest

MOST = 64  # pictures
MOST_BYTES = 2**28  # of all


class LastTested:
    """The latest pictures that were tested, each under a number of its own."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._numbers = itertools.count(1)
        self._held: Latest[int, bytes] = Latest(most, most_bytes, len)

    def keep(self, content: bytes) -> int:
        """Keep a picture's file; the number that `content` gives it back by."""
        number = next(self._numbers)
        self._held.keep(number, content)
        return number

    def content(self, number: int) -> bytes:
        """A picture's file.

        Raises:
            PictureError: it is not kept any more.
        """
        found = self._held.get(number)
        if found is None:
            raise PictureError(
                "This tested picture is not kept any more.", hint="Test the picture again."
            )
        return found
