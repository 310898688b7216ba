"""Listed pictures -> pictures ready to keep, fetched by several threads; failures are tried again
later, and every one that stays is given with its reason."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import PictureError
from .fetching import Fetched, Fetcher, Later, Limits, Moved, Outcome, normal
from .lists import Listed
from .ready import Ready, ready
from .turns import Turn, Turns

_THREADS = 16  # requests under way at once, to all hosts together
_REDIRECTS = 10
_LONGEST_PAUSE = 60.0  # seconds between two tries, where a server does not say
_LONGEST_REST = 300.0  # seconds that a server may ask for; longer, and it is for the next run


@dataclass(frozen=True)
class Manner:
    """How servers are asked: see `tellapart.collect`."""

    limits: Limits
    per_host: int
    retries: int
    pause: float  # seconds before the second try; twice that before the third
    max_side: int | None


@dataclass(frozen=True)
class Missed:
    """A listed picture that did not come, and why."""

    listed: Listed
    reason: str


Came: TypeAlias = "tuple[Listed, Ready] | Missed"


def download(wanted: Sequence[Listed], manner: Manner) -> Generator[list[Came], None, None]:
    """Each listed picture as it comes, or why it does not: all that came since the last time.

    Closing the generator ends the threads: at once, but for requests under way, which end within
    their time and are let go.
    """
    came: queue.Queue[Came | BaseException] = queue.Queue(2 * _THREADS)  # pictures that are held
    turns, refused = _turns(wanted, manner.per_host)
    stopped = threading.Event()

    def give(one: Came | BaseException) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                came.put(one, timeout=0.5)
                return

    work = _Work(manner, turns, give, stopped)
    left = len(wanted) - len(refused)
    if refused:
        yield list(refused)
    threads = [
        threading.Thread(target=work.run, name="tellapart-collect", daemon=True)
        for _ in range(min(_THREADS, left))
    ]
    try:
        for thread in threads:
            thread.start()
        while left:
            batch = [came.get()]
            while not came.empty():
                batch.append(came.get())
            left -= len(batch)
            for one in batch:
                if isinstance(one, BaseException):
                    raise one
            yield [one for one in batch if not isinstance(one, BaseException)]
    finally:
        stopped.set()
        turns.stop()
        until = time.monotonic() + 1
        for thread in threads:
            if thread.is_alive():
                thread.join(timeout=max(0.0, until - time.monotonic()))


def _turns(wanted: Sequence[Listed], per_host: int) -> tuple[Turns[Listed], list[Missed]]:
    turns, refused = [], []
    for listed in wanted:
        try:
            url = normal(listed.url)
        except ValueError as error:
            refused.append(Missed(listed, str(error)))
        else:
            turns.append(Turn(listed, str(url), _host(str(url))))
    return Turns(turns, per_host), refused


def _host(url: str) -> str:
    return normal(url).netloc.decode("ascii")


class _Work:
    """What each thread does until nothing is left."""

    def __init__(
        self,
        manner: Manner,
        turns: Turns[Listed],
        give: Callable[[Came | BaseException], None],
        stopped: threading.Event,
    ) -> None:
        import httpx

        self.manner, self.turns, self.give, self.stopped = manner, turns, give, stopped
        self.context = httpx.create_ssl_context()

    def run(self) -> None:
        fetcher = Fetcher(self.manner.limits, self.context, self.stopped)
        try:
            while turn := self.turns.next():
                if self.turns.is_silent(turn):
                    self.turns.done(turn, answered=False)
                    self.give(
                        Missed(turn.wanted, "its server cannot be reached, like many times before")
                    )
                else:
                    self._take(turn, fetcher.fetch(turn.url))
        except BaseException as error:  # which the main thread raises
            self.give(error)
        finally:
            fetcher.close()

    def _take(self, turn: Turn[Listed], outcome: Outcome) -> None:
        if isinstance(outcome, Moved):
            turn.been.add(turn.url)
            if outcome.url in turn.been:
                self._miss(turn, "its redirects go round in a circle")
            elif len(turn.been) > _REDIRECTS:
                self._miss(turn, f"more than {_REDIRECTS} redirects")
            else:
                self.turns.moved(turn, outcome.url, _host(outcome.url))
        elif isinstance(outcome, Later):
            self._later(turn, outcome)
        elif isinstance(outcome, Fetched):
            self.turns.done(turn)  # its host may be asked for the next while this is decoded
            try:
                picture = ready(outcome.content, max_side=self.manner.max_side)
            except PictureError as error:
                self.give(Missed(turn.wanted, error.message))
            else:
                self.give((turn.wanted, picture))
        else:
            self._miss(turn, outcome.reason)

    def _later(self, turn: Turn[Listed], outcome: Later) -> None:
        turn.tries += 1
        answered = outcome.answered
        pause = min(self.manner.pause * 2 ** (turn.tries - 1), _LONGEST_PAUSE)
        pause *= 1 + random.random() / 4  # or many would come back in the same moment
        seconds = pause if outcome.seconds is None else outcome.seconds
        if seconds > _LONGEST_REST:
            reason = f"{outcome.reason}, and asks to come back in {seconds / 60:,.0f} minutes"
            self._miss(turn, reason)
        elif turn.tries > self.manner.retries:
            tried = f", {turn.tries} times" if turn.tries > 1 else ""
            self._miss(turn, f"{outcome.reason}{tried}", answered=answered)
        else:
            self.turns.later(turn, seconds, busy=outcome.busy, answered=answered)

    def _miss(self, turn: Turn[Listed], reason: str, *, answered: bool = True) -> None:
        self.turns.done(turn, answered=answered)
        self.give(Missed(turn.wanted, reason))
