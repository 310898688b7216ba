"""How many pictures are meant by what was given, counted beside the work that has begun on them, so
that it can say how long it will take."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import PurePath

from ..errors import TellapartError
from ..files.addresses import is_address
from ..images.kinds import SUFFIXES
from .given import STDIN, expand
from .lists import read_list

_AFTER = 1.0  # seconds until it begins: short work is over by then


class Counting:
    """Counts in a thread of its own while it is entered. `total` is None until all are counted, and
    stays so where that needs a list that can be read once only, or something at an address."""

    def __init__(
        self,
        given: Sequence[str],
        lists: Sequence[str],
        *,
        follow_links: bool,
        after: float = _AFTER,
    ) -> None:
        self.total: int | None = None
        self.told: Callable[[], None] = lambda: None  # called once it is known
        self._given, self._lists, self._follow_links = tuple(given), tuple(lists), follow_links
        self._after = after
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tellapart-count", daemon=True)

    def __enter__(self) -> Counting:
        again = all(one != STDIN and os.path.isfile(one) for one in self._lists)
        if again and not any(map(is_address, self._given)):
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()  # it sees that at the next picture; nobody waits for a slow disk

    def of(self, done: int) -> int | None:
        """The total, once it is known; None if it was not, since more are done already."""
        total = self.total
        return None if total is None or total < done else total

    def _run(self) -> None:
        if self._over.wait(self._after):
            return
        count = 0
        with suppress(TellapartError, OSError, ValueError):  # whoever reads them says it
            for more in self._each():
                if self._over.is_set():
                    return
                count += more
            self.total = count
        self.told()

    def _each(self) -> Iterator[int]:
        if self._given:
            yield from self._meant(self._given)
        for one in self._lists:
            for name in read_list(one):
                if PurePath(name).suffix.lower() in SUFFIXES:  # not looked at: it is quicker so
                    yield 1
                elif is_address(name):
                    raise ValueError("what is at an address is not looked at twice")
                else:
                    yield from self._meant((name,))

    def _meant(self, given: Sequence[str]) -> Iterator[int]:
        with suppress(TellapartError):  # some that hold none leave the others as they are
            for _ in expand(given, follow_links=self._follow_links):
                yield 1
