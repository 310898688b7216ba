"""Workers that are actors of a Ray cluster: a crew for `crew_map`.

Only Ray's core is used: the unit goes through its object store once, then parts go to the actors
and counts come back. The loop replaces an actor that dies, and not Ray. Each actor has one core.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from ..errors import WorkersError
from ..text import shown
from ..version import __version__
from .copies import Copy
from .crew import Batch, Died, Done, News, crew_map
from .local import Map, Unit
from .ray_cluster import cluster_at, ray

_STEADY = 5.0  # seconds for which the size of a cluster is not looked up again

In = TypeVar("In")
Out = TypeVar("Out")


@contextmanager
def ray_map(address: str, say: Callable[[str], None]) -> Iterator[Map[Any, Any]]:
    """What runs a unit on a cluster, which is reached or made as `cluster_at` says.

    Raises:
        MissingExtraError, WorkersError: as `cluster_at`.
    """
    with cluster_at(address, say):
        yield partial(_actors_map, say=say)


def _actors_map(
    unit: Unit[In, Out], batches: Iterable[Sequence[In]], *, say: Callable[[str], None]
) -> Generator[Out, None, None]:
    return crew_map(Actors(unit), batches, say=say)


class _Actor(Copy):
    """What an actor is."""

    def begin(self, version: str, folder: str) -> News:
        """Start the unit, where this is the same release as the caller's; relative paths are then
        of the caller's `folder`."""
        if version != __version__:
            return Done(
                error=WorkersError(
                    f"The cluster has tellapart {__version__}, and this is {version}.",
                    hint="Install the same release on all of its machines.",
                )
            )
        with suppress(OSError):
            os.chdir(folder)
        return self.start()


class _Hired:
    """One actor, seen from the caller. What it was asked is done in order."""

    def __init__(self, crew: Actors, actor: Any) -> None:
        self._crew, self.actor = crew, actor

    def give(self, batch: Batch) -> None:
        self._crew.ask(self, self.actor.process.remote(pickle.dumps(batch)))

    def release(self) -> None:
        self._crew.ask(self, self.actor.finish.remote())


class Actors:
    """A crew of actors, as many as the cluster has cores, each with its own copy of a unit."""

    def __init__(self, unit: Unit[Any, Any]) -> None:
        self._ray = ray()
        self._content = self._ray.put(pickle.dumps(unit))
        self._made = self._ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Actor)
        self._hired: list[_Hired] = []
        self._asked: dict[Any, _Hired] = {}  # in order
        self._size, self._looked_up = 1, -_STEADY

    def size(self) -> int:
        """It may change, as machines come and go."""
        now = time.monotonic()
        if now - self._looked_up > _STEADY:
            self._size = max(1, int(self._ray.cluster_resources().get("CPU", 0)))
            self._looked_up = now
        return self._size

    def hire(self) -> _Hired:
        one = _Hired(self, self._made.remote(self._content))
        self._hired.append(one)
        self.ask(one, one.actor.begin.remote(__version__, os.getcwd()))
        return one

    def ask(self, one: _Hired, answer: Any) -> None:
        self._asked[answer] = one

    def news(self, seconds: float) -> Iterable[tuple[_Hired, News]]:
        asked = list(self._asked)
        self._ray.wait(asked, timeout=seconds)
        ready, _ = self._ray.wait(asked, num_returns=len(asked), timeout=0)
        for answer in ready:
            one = self._asked.pop(answer, None)
            if one is None:  # it has died
                continue
            news = self._told(answer)
            if isinstance(news, Died):
                self._forget(one)
            yield one, news

    def end(self) -> None:
        for one in [*self._hired]:
            self._forget(one)

    def _told(self, answer: Any) -> News:
        errors = self._ray.exceptions
        try:
            news: News = self._ray.get(answer)
        except errors.RayTaskError as error:
            return Done(error=WorkersError(f"A worker fails: {shown(str(error.cause))}"))
        except errors.RayError as error:
            return Died(_why(str(error)))
        return news

    def _forget(self, one: _Hired) -> None:
        """End an actor, also one that can only not be reached."""
        self._hired.remove(one)
        self._asked = {answer: who for answer, who in self._asked.items() if who is not one}
        with suppress(Exception):
            self._ray.kill(one.actor)


def _why(said: str) -> str:
    """Ray's many lines on a death, as the end of "A worker ..."."""
    if "No module named 'tellapart'" in said or "failed to import" in said:
        return "has no tellapart: install it on all machines of the cluster"
    if "node has died" in said or "node was terminated" in said or "NodeDied" in said:
        return "was on a machine that has left the cluster"
    if "low on memory" in said or "OutOfMemory" in said:  # Ray names lack of it as likely in any
        return "was ended, as its machine had too little memory left"
    return "was ended by the system, perhaps for lack of memory"
