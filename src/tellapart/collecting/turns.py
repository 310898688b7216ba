"""Whose turn it is: many requests at once, but few to one host, and none to one that wants a rest.

Every thread that asks servers takes its next request here and gives it back with what came of it.
A request that has to wait keeps no thread; neither does one whose host has all it may have.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Wanted = TypeVar("Wanted")
_UNREACHABLE = 8  # requests in a row that do not reach a host, until it is given up


@dataclass
class Turn(Generic[Wanted]):
    """A request: for what, and where it has got to."""

    wanted: Wanted
    url: str
    host: str  # with its port
    tries: int = 0  # that came to nothing
    been: set[str] = field(default_factory=set)  # where redirects have led


@dataclass
class _Host(Generic[Wanted]):
    waiting: deque[Turn[Wanted]] = field(default_factory=deque)
    busy: int = 0
    rests_until: float = 0.0
    silent: int = 0  # requests in a row that did not reach it


class Turns(Generic[Wanted]):
    """Requests that are left, by host. All methods may be called from any thread."""

    def __init__(self, turns: Iterable[Turn[Wanted]], per_host: int) -> None:
        self._per_host = per_host
        self._hosts: dict[str, _Host[Wanted]] = {}
        self._later: list[tuple[float, int, Turn[Wanted]]] = []
        self._number = itertools.count()
        self._change = threading.Condition()
        self._stopped = False
        self._busy = 0
        for turn in turns:
            self._hosts.setdefault(turn.host, _Host()).waiting.append(turn)

    def next(self) -> Turn[Wanted] | None:
        """Wait for a request whose turn it is; None where there will be no more."""
        with self._change:
            while not self._stopped:
                now = time.monotonic()
                while self._later and self._later[0][0] <= now:
                    turn = heapq.heappop(self._later)[2]
                    self._hosts.setdefault(turn.host, _Host()).waiting.append(turn)
                wakes = [self._later[0][0]] if self._later else []
                for name, host in self._hosts.items():
                    if not host.waiting or host.busy >= self._per_host:
                        continue
                    if host.rests_until > now:
                        wakes.append(host.rests_until)
                        continue
                    host.busy += 1
                    self._busy += 1
                    self._hosts[name] = self._hosts.pop(name)  # the others first, the next time
                    return host.waiting.popleft()
                if not wakes and not self._busy:
                    break
                self._change.wait(max(0.0, min(wakes) - now) if wakes else None)
            return None

    def is_silent(self, turn: Turn[Wanted]) -> bool:
        """Whether so many requests did not reach its host that another makes no sense."""
        with self._change:
            return self._hosts[turn.host].silent >= _UNREACHABLE

    def done(self, turn: Turn[Wanted], *, answered: bool = True) -> None:
        """A request has come to its end; `answered`: its host was reached."""
        with self._change:
            self._give_back(turn, answered)
            self._change.notify_all()

    def moved(self, turn: Turn[Wanted], url: str, host: str) -> None:
        """The same request, first in the line of another host."""
        with self._change:
            self._give_back(turn, True)
            turn.url, turn.host = url, host
            self._hosts.setdefault(host, _Host()).waiting.appendleft(turn)
            self._change.notify_all()

    def later(
        self, turn: Turn[Wanted], seconds: float, *, busy: bool, answered: bool = True
    ) -> None:
        """The same request after so many seconds; `busy`: nothing of its host before that."""
        with self._change:
            self._give_back(turn, answered)
            until = time.monotonic() + seconds
            if busy:
                host = self._hosts[turn.host]
                host.rests_until = max(host.rests_until, until)
            heapq.heappush(self._later, (until, next(self._number), turn))
            self._change.notify_all()

    def stop(self) -> None:
        """There will be no more requests."""
        with self._change:
            self._stopped = True
            self._change.notify_all()

    def _give_back(self, turn: Turn[Wanted], answered: bool) -> None:
        host = self._hosts[turn.host]
        host.busy -= 1
        self._busy -= 1
        host.silent = 0 if answered else host.silent + 1
