"""The latest few of what was kept or asked for; older ones are let go."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Kept = TypeVar("Kept")


class Latest(Generic[Key, Kept]):
    """At most `most` things by their keys, which together are at most `most_bytes` large, but for
    the newest, which stays. `size` tells how large one is. Any thread may use it."""

    def __init__(
        self, most: int, most_bytes: int = 0, size: Callable[[Kept], int] = lambda _: 0
    ) -> None:
        self._most, self._most_bytes, self._size = most, most_bytes, size
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    def keep(self, key: Key, one: Kept) -> None:
        with self._lock:
            self._kept[key] = one
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and (
                len(self._kept) > self._most
                or sum(map(self._size, self._kept.values())) > self._most_bytes
            ):
                self._kept.popitem(last=False)

    def get(self, key: Key) -> Kept | None:
        """One by its key, which is the latest then; None if it is not kept any more."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)
