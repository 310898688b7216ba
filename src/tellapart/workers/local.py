"""Running one unit of work over many batches, in order and in flat memory.

A unit has `start()`, called once where the work is done, `process(batch)`, and `finish()`, called
there when there is no more. `local_map` runs it on this machine's cores; anything with the same
signature (processes, a cluster's) can take its place, and may copy the unit: what a unit has to
keep, it keeps itself in `finish`.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from .deadlines import Stop
from .pausing import carried, pause

AHEAD = 8  # batches a thread that are under way or wait to be taken
_STEADY = 1.0  # seconds for which the number of cores is not looked up again: it is in files

In = TypeVar("In")
Out = TypeVar("Out")
Taken = TypeVar("Taken", contravariant=True)
Given = TypeVar("Given", covariant=True)


class Unit(Protocol[Taken, Given]):
    """Work that is set up once, done batch by batch, and ended; `process` keeps the order."""

    def start(self) -> None: ...

    def process(self, batch: Sequence[Taken]) -> Sequence[Given]: ...

    def finish(self) -> None: ...


@dataclass(frozen=True)
class Each(Generic[In, Out]):
    """Work that needs no setting up: a function of one item."""

    function: Callable[[In], Out]

    def start(self) -> None:
        """Nothing to prepare."""

    def process(self, batch: Sequence[In]) -> list[Out]:
        return [self.function(item) for item in batch]

    def finish(self) -> None:
        """Nothing to keep."""


Map = Callable[["Unit[In, Out]", Iterable[Sequence[In]]], Generator[Out, None, None]]


class _Pool:
    """The threads of this process: as many as it has cores, whoever asks and however often.

    They are made when they are first needed. A forked child has none of them, and makes its own.
    """

    def __init__(self, *, behind: bool = False) -> None:
        self._behind = behind
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._made = 0  # how many of them
        self._size = 0
        self._looked_up = -math.inf  # when, in seconds
        self._most = 2**16
        self._under_way: set[Future[Any]] = set()
        self._mine = threading.local()

    def size(self) -> int:
        """How many threads there are, or are to be."""
        now = time.monotonic()
        if now - self._looked_up > _STEADY:
            self._size, self._looked_up = min(cores(), self._most), now
        return self._size

    def limit(self, most: int) -> None:
        """Be at most so many."""
        self._most, self._looked_up = most, -math.inf

    def submit(self, function: Callable[..., Out], *arguments: Any) -> Future[Out]:
        """Have a function called: by a thread, or at once where one of the threads asks."""
        if getattr(self._mine, "working", False):
            return _done(function, *arguments)
        with self._lock:
            size = self.size()
            if self._threads is None or self._made != size:
                if self._threads:
                    self._threads.shutdown(wait=False)
                self._made = size
                self._threads = ThreadPoolExecutor(
                    size, thread_name_prefix="tellapart", initializer=self._mark
                )
            future = self._threads.submit(function, *arguments)
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)
        return future

    def is_working(self) -> bool:
        """Whether a thread is at work, or has work that waits."""
        return bool(self._under_way)

    def _mark(self) -> None:
        self._mine.working = True
        _asking.behind = self._behind


def _done(function: Callable[..., Out], *arguments: Any) -> Future[Out]:
    future: Future[Out] = Future()
    try:
        future.set_result(function(*arguments))
    except BaseException as error:
        future.set_exception(error)
    return future


_asking = threading.local()  # `behind`: whether what this thread asks for may take its time
_pool = _Pool()
_behind = _Pool(behind=True)


def _forget() -> None:
    global _pool, _behind
    _pool, _behind = _Pool(), _Pool(behind=True)


def _own_pool() -> _Pool:
    """The threads that work for the calling one."""
    return _behind if getattr(_asking, "behind", False) else _pool


@contextmanager
def behind_others() -> Iterator[None]:
    """What this thread asks for is done by other threads than what all others ask for, so that
    nothing they want has to wait until long work is done."""
    before, _asking.behind = getattr(_asking, "behind", False), True
    try:
        yield
    finally:
        _asking.behind = before


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def submit(function: Callable[..., Out], *arguments: Any) -> Future[Out]:
    """Have a function called by one of the threads of this process; or at once, where one of them
    asks."""
    return _own_pool().submit(function, *arguments)


def threads() -> int:
    """How many threads this process has for such work."""
    return _pool.size()


def is_working() -> bool:
    """Whether a thread of this process is at such work; Python does not end before it has done."""
    return _pool.is_working() or _behind.is_working()


def limit_threads(most: int) -> None:
    """Have at most so many threads in this process; others share its machine's cores."""
    _pool.limit(most)
    _behind.limit(most)


def local_map(unit: Unit[In, Out], batches: Iterable[Sequence[In]]) -> Generator[Out, None, None]:
    """The results of all batches in order, worked on by the threads of this process.

    Each thread takes a batch from its files to its results by itself: decoding and the network
    release Python's lock, and two single-threaded runs of the network are faster than one run on
    two threads. At most `AHEAD` batches a thread are under way, so memory does not grow; that many,
    so that no thread waits while the caller is busy with what it got. Closing the iterator cancels
    what has not begun, and waits for what has.
    """
    unit.start()
    stop = Stop()
    pool = _own_pool()
    most = AHEAD * pool.size()
    under_way: deque[Future[Sequence[Out]]] = deque()
    try:
        for batch in batches:
            under_way.append(pool.submit(carried(stop.over), unit.process, batch))
            if len(under_way) == most:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    except BaseException:  # Ctrl-C, or whoever asked wants no more: no thread waits for a file
        stop.set()
        raise
    finally:
        wait([future for future in under_way if not future.cancel()])
        unit.finish()


def side_by_side(
    function: Callable[[In], Out], items: Sequence[In], *, heavy: bool = True
) -> list[Out]:
    """What a function gives for each item, in order, on as many threads as there are cores.

    For work in memory that mostly lets go of Python's lock, such as numpy's linear algebra. Where
    it is not `heavy`, a thread would wait for the lock longer than it works: one does it all.
    """

    def paused(item: In) -> Out:
        pause()
        return function(item)

    if not heavy or len(items) < 2:
        return [paused(item) for item in items]
    futures = [submit(carried(paused), item) for item in items]
    try:
        return [future.result() for future in futures]
    finally:
        wait([future for future in futures if not future.cancel()])


class _OneThreadEach:
    """Counts who asks for numpy on one thread: the first sets the limit, the last lifts it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._limits: Any = None

    def enter(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            if self._count == 0:
                self._limits = threadpool_limits(limits=1, user_api="blas")
            self._count += 1

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                self._limits.restore_original_limits()


_one_thread_each = _OneThreadEach()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep numpy's linear algebra to the calling thread: sums are then the same however many cores
    there are, and work done `side_by_side` does not compete with itself. The limit is numpy's own
    and holds for the whole process, so it is set around arithmetic alone."""
    _one_thread_each.enter()
    try:
        yield
    finally:
        _one_thread_each.leave()


def batches_of(items: Iterable[In], size: int) -> Iterator[list[In]]:
    """The items in lists of `size`, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def cores() -> int:
    """How many cores this process may use: its affinity, or its container's quota if smaller."""
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(allowed, _quota()))


def _quota() -> int:
    """The control group's limit in whole cores, rounded up (version 2, then version 1)."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()[:2]
    except (OSError, ValueError):
        try:
            folder = Path("/sys/fs/cgroup/cpu")
            quota = (folder / "cpu.cfs_quota_us").read_text("ascii")
            period = (folder / "cpu.cfs_period_us").read_text("ascii")
        except OSError:
            return 2**16
    try:
        return max(1, math.ceil(int(quota) / int(period))) if int(quota) > 0 else 2**16
    except (ValueError, ZeroDivisionError):
        return 2**16
