"""How large a picture may be, and how much memory all pictures being read may take together.

Threads that unpack large pictures take turns: each first takes its share of one budget for the
process, and waits until that much is free. One picture may always go on, however large it is.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from ..errors import PictureError

MAX_SIDE = 30_000  # pixels
MAX_PIXELS = 178_956_970  # once unpacked; a JPEG is unpacked at the scale that is needed
SMALL = 32 * 2**20  # bytes: what takes no more is not counted
SHARE = 0.25  # of the memory that is free

_most_pixels: ContextVar[int] = ContextVar("most_pixels", default=MAX_PIXELS)


@contextmanager
def at_most(pixels: int) -> Iterator[None]:
    """Refuse pictures of more pixels than that, in what this thread does here; of more than
    `MAX_PIXELS` they are refused anyway."""
    before = _most_pixels.set(min(pixels, MAX_PIXELS))
    try:
        yield
    finally:
        _most_pixels.reset(before)


def check_size(width: int, height: int, *, unpacked: int = 1) -> None:
    """Refuse what is too large to be unpacked, at one `unpacked`-th of each side.

    Raises:
        PictureError: it is, or it has no pixels.
    """
    if min(width, height) < 1:
        raise PictureError("damaged: it has no pixels")
    most = _most_pixels.get()
    if max(width, height) > MAX_SIDE or width * height > most * unpacked**2:
        raise PictureError(
            f"too large: {width} x {height} pixels; the limits are {MAX_SIDE} a side and "
            f"{most / 1e6:.0f} million in all"
        )


class Budget:
    """Bytes that may be in use at once; by default a quarter of what is free at the first asking.

    Whoever holds a part already gets what else it asks for, so that no thread waits for itself.
    """

    def __init__(self, size: int | None = None) -> None:
        self._size = size
        self._change = threading.Condition()
        self._held: dict[int, int] = {}  # by thread

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are free, or nobody else holds any; give them back afterwards."""
        if size <= SMALL:
            yield
            return
        me = threading.get_ident()
        with self._change:
            if self._size is None:
                self._size = int(SHARE * free_memory())
            limit = self._size
            self._change.wait_for(
                lambda: (
                    not self._held.keys() - {me}
                    or me in self._held
                    or sum(self._held.values()) + size <= limit
                )
            )
            self._held[me] = self._held.get(me, 0) + size
        try:
            yield
        finally:
            with self._change:
                self._held[me] -= size
                if not self._held[me]:
                    del self._held[me]
                    give_back()
                self._change.notify_all()

    def forget(self) -> None:
        """Begin anew: in a process just forked, which has none of its parent's threads."""
        self._change = threading.Condition()
        self._held = {}


def free_memory() -> int:
    """Bytes that this process may still take: the machine's, or its control group's if fewer."""
    found = [2 * 2**30]
    if sys.platform == "linux":
        with suppress(OSError, KeyError, ValueError):
            lines = Path("/proc/meminfo").read_text("ascii").splitlines()
            fields = dict(line.split(":", 1) for line in lines)
            found = [int(fields["MemAvailable"].split()[0]) * 1024]
        for limit, used in _GROUP_FILES:
            try:
                found.append(
                    int(Path(limit).read_text("ascii")) - int(Path(used).read_text("ascii"))
                )
            except (OSError, ValueError):  # "max": no limit
                continue
    elif hasattr(os, "sysconf"):
        with suppress(OSError, ValueError):
            found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    return max(min(found), 0)


_GROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def give_back() -> None:
    """Let the system have what was freed: the C library keeps what it got in large pieces."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)


BUDGET = Budget()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=BUDGET.forget)
