"""The one loop that has a unit of work done by workers elsewhere, whatever they are.

It gives batches to whichever worker is free, yields the results in order, and has a died worker
replaced and its batches done by others. A `Crew` says how workers are hired and heard: processes of
this machine (`processes`), or the actors of a cluster.

Each worker has at most `_IN_HAND` batches, so that it has work while the caller is busy with what
it got. No more than `AHEAD` batches a worker are taken before their results are: memory is flat.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import WorkersError
from ..text import several
from .local import AHEAD
from .parts import Part
from .pausing import pause

_IN_HAND = 2  # batches that one worker has: the one at work, and the next
_ATTEMPTS = 3  # workers that may die at a batch; at a part, one more for each of its pictures
_STILLBORN = 3  # workers in a row that die before they are ready, after which no more are hired
_LISTEN = 0.5  # seconds after which whoever asked for the work may end it
_LATE = 20.0  # seconds without any worker that is ready, after which that is said

Batch = Sequence[Any]


@dataclass(frozen=True)
class Ready:
    """A worker has its copy of the unit, and has started it."""


@dataclass(frozen=True)
class Done:
    """A worker has done the oldest batch that it has: its results, or what was raised. Before it is
    ready it is what `start` raised, and once it is released what `finish` did."""

    results: Batch = ()
    error: BaseException | None = None


@dataclass(frozen=True)
class Died:
    """A worker is no more; `reason` says why, as the end of "A worker ..."."""

    reason: str


News = Ready | Done | Died


class Worker(Protocol):
    """One copy of the unit, at work elsewhere."""

    def give(self, batch: Batch) -> None:
        """Have a batch done, after those that it has."""

    def release(self) -> None:
        """Have it finish its copy of the unit, tell so, and end."""


class Crew(Protocol):
    """How workers are hired and heard. They all have copies of the unit that it was made with."""

    def size(self) -> int:
        """How many workers there may be now."""

    def hire(self) -> Worker:
        """A new worker, which is `Ready` some time later."""

    def news(self, seconds: float) -> Iterable[tuple[Worker, News]]:
        """What happened to the workers; waits for it at most so long."""

    def end(self) -> None:
        """End all workers that are left, at once."""


def crew_map(
    crew: Crew,
    batches: Iterable[Batch],
    *,
    say: Callable[[str], None] = lambda sentence: None,
) -> Generator[Any, None, None]:
    """The results of all batches in order, worked on by a crew; `say` gets a sentence on each
    worker that died, and on waiting long for the first.

    Whatever `process` raises is raised here, after the results before it. Closing the iterator ends
    the workers at once.

    Raises:
        WorkersError: they die before they begin, or again and again at the same batch.
    """
    loop = _Loop(crew, enumerate(batches), say)
    try:
        yield from loop.results()
        loop.finish()
    finally:
        crew.end()


@dataclass
class _Hand:
    """What one worker has: the numbers of its batches, the one at work first."""

    is_ready: bool = False
    numbers: deque[int] = field(default_factory=deque)


class _Loop:
    """One run of it. A batch is `waiting`, in one hand, or `done` until its results are yielded."""

    def __init__(
        self, crew: Crew, rest: Iterator[tuple[int, Batch]], say: Callable[[str], None]
    ) -> None:
        self._crew, self._rest, self._say = crew, rest, say
        self._late_at = time.monotonic() + _LATE
        self._hands: dict[Worker, _Hand] = {}
        self._batches: dict[int, Batch] = {}  # those that are waiting or in a hand
        self._waiting: deque[int] = deque()
        self._done: dict[int, Done] = {}
        self._deaths: dict[int, int] = {}  # by the number of the batch
        self._stillborn = 0
        self._is_all = False  # that there is no more to take

    def results(self) -> Iterator[Any]:
        number = 0
        while True:
            pause()
            self._give()
            if number in self._done:
                done = self._done.pop(number)
                if done.error is not None:
                    raise done.error
                yield from done.results
                number += 1
            elif self._is_all and not self._batches:
                return
            else:
                self._say_if_late()
                for worker, news in self._crew.news(_LISTEN):
                    self._hear(worker, news)

    def finish(self) -> None:
        """Let all finish their copies of the unit, and wait until they have."""
        left = {worker for worker, hand in self._hands.items() if hand.is_ready}
        for worker in left:
            worker.release()
        while left:
            pause()
            for worker, news in self._crew.news(_LISTEN):
                if isinstance(news, Died) and worker in left:  # the others have told that they end
                    self._say(f"A worker {news.reason}. Its work was done.")
                if isinstance(news, Done) and news.error is not None:
                    raise news.error
                if not isinstance(news, Ready):
                    left.discard(worker)

    def _give(self) -> None:
        """Give out batches: to who has none, or else to a new worker, or else to who has but one.
        One is kept for each that is about to be ready."""
        size = self._crew.size()
        while True:
            starting = sum(not hand.is_ready for hand in self._hands.values())
            idle = self._with(0)
            if not self._have(1 if idle else starting + 1, AHEAD * size):
                return
            if idle is None and len(self._hands) < size and self._may_hire():
                self._hands[self._crew.hire()] = _Hand()
                continue
            worker = idle or self._with(_IN_HAND - 1)
            if worker is None:
                return
            number = self._waiting.popleft()
            self._hands[worker].numbers.append(number)
            worker.give(self._batches[number])

    def _may_hire(self) -> bool:
        """Whether another worker is of use: a machine may have none that can begin, or no room."""
        return self._stillborn < _STILLBORN or not self._hands

    def _with(self, count: int) -> Worker | None:
        """A worker that is ready and has so many batches."""
        for worker, hand in self._hands.items():
            if hand.is_ready and len(hand.numbers) == count:
                return worker
        return None

    def _have(self, count: int, most: int) -> bool:
        """Whether so many batches wait, once those are taken that may be."""
        while len(self._waiting) < count:
            if self._is_all or len(self._batches) + len(self._done) >= most:
                return False
            taken = next(self._rest, None)
            if taken is None:
                self._is_all = True
            else:
                self._batches[taken[0]] = taken[1]
                self._waiting.append(taken[0])
        return True

    def _hear(self, worker: Worker, news: News) -> None:
        hand = self._hands[worker]
        if isinstance(news, Ready):
            hand.is_ready, self._stillborn = True, 0
        elif isinstance(news, Died):
            del self._hands[worker]
            self._bury(hand, news.reason)
        elif hand.numbers:
            number = hand.numbers.popleft()
            del self._batches[number]
            self._done[number] = news
        elif news.error is not None:
            raise news.error  # of `start`

    def _say_if_late(self) -> None:
        if time.monotonic() > self._late_at:
            self._late_at = math.inf
            if not any(hand.is_ready for hand in self._hands.values()):
                self._say("No worker could begin yet: all cores are in use. Waiting for one.")

    def _bury(self, hand: _Hand, reason: str) -> None:
        """Have what a dead worker had done by others."""
        if hand.is_ready:
            self._say(f"A worker {reason}. Another one does its work.")
        else:
            self._stillborn += 1
            if not self._may_hire():
                self._say(f"A worker {reason}, before it could begin. The others go on alone.")
            elif self._stillborn < _STILLBORN:
                self._say(f"A worker {reason}, before it could begin.")
            else:
                times = several(self._stillborn, "worker")
                raise WorkersError(f"No worker can begin: each of {times} {reason}.")
        self._waiting = deque(sorted([*self._waiting, *hand.numbers]))
        if not hand.numbers:
            return
        number = hand.numbers[0]
        batch = self._batches[number]
        self._deaths[number] = self._deaths.get(number, 0) + 1
        parts = [item for item in batch if isinstance(item, Part)]
        if self._deaths[number] < _ATTEMPTS + sum(len(part.pictures) for part in parts):
            self._batches[number] = [
                item.again() if isinstance(item, Part) else item for item in batch
            ]
            return
        self._waiting.remove(number)
        del self._batches[number]
        times = several(self._deaths[number], "worker")
        self._done[number] = Done(
            error=WorkersError(f"{times} died at the same work. The last one {reason}.")
        )
