"""Running one unit of work over many batches, in order and in flat memory.

A unit has `start()`, called once where the work is done, and `process(batch)`. `local_map` runs it
on this machine's cores; anything with the same signature (a cluster's, say) can take its place.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from .deadlines import Stop

AHEAD = 8  # batches a thread that are under way or wait to be taken

In = TypeVar("In")
Out = TypeVar("Out")
Taken = TypeVar("Taken", contravariant=True)
Given = TypeVar("Given", covariant=True)


class Unit(Protocol[Taken, Given]):
    """Work that is set up once and then done batch by batch; `process` keeps the order."""

    def start(self) -> None: ...

    def process(self, batch: Sequence[Taken]) -> Sequence[Given]: ...


@dataclass(frozen=True)
class Each(Generic[In, Out]):
    """Work that needs no setting up: a function of one item."""

    function: Callable[[In], Out]

    def start(self) -> None:
        """Nothing to prepare."""

    def process(self, batch: Sequence[In]) -> list[Out]:
        return [self.function(item) for item in batch]


Map = Callable[["Unit[In, Out]", Iterable[Sequence[In]]], Iterator[Out]]


def local_map(unit: Unit[In, Out], batches: Iterable[Sequence[In]]) -> Iterator[Out]:
    """The results of all batches in order, worked on by as many threads as there are cores.

    Each thread takes a batch from its files to its results by itself: decoding and the network
    release Python's lock, and two single-threaded runs of the network are faster than one run on
    two threads. At most `AHEAD` batches a thread are under way, so memory does not grow; that many,
    so that no thread waits while the caller is busy with what it got.
    """
    unit.start()
    workers = cores()
    stop = Stop()
    pool = ThreadPoolExecutor(workers, "tellapart", initializer=stop.adopt)
    under_way: deque[Future[Sequence[Out]]] = deque()
    try:
        for batch in batches:
            under_way.append(pool.submit(unit.process, batch))
            if len(under_way) == AHEAD * workers:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    except BaseException:  # Ctrl-C, or whoever asked wants no more: no thread waits for a file
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def side_by_side(
    function: Callable[[In], Out], items: Sequence[In], *, heavy: bool = True
) -> list[Out]:
    """What a function gives for each item, in order, on as many threads as there are cores.

    For work in memory that mostly lets go of Python's lock, such as numpy's linear algebra. Where
    it is not `heavy`, a thread would wait for the lock longer than it works: one does it all.
    """
    if not heavy:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(cores(), max(len(items), 1))) as pool:
        return list(pool.map(function, items))


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep numpy's linear algebra to the calling thread: sums are then the same however many cores
    there are, and work done `side_by_side` does not compete with itself."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


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
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
    except (OSError, ValueError):
        try:
            folder = Path("/sys/fs/cgroup/cpu")
            quota = (folder / "cpu.cfs_quota_us").read_text()
            period = (folder / "cpu.cfs_period_us").read_text()
        except OSError:
            return 2**16
    try:
        return max(1, math.ceil(int(quota) / int(period))) if int(quota) > 0 else 2**16
    except (ValueError, ZeroDivisionError):
        return 2**16
