"""Where work runs, as one word: `threads`, `processes`, `processes:4`, `ray`, `ray://head:10001`.

    with working_on("processes"):
        ...            # what embeds pictures in here has that done there

A place is held for as long as it is in use, since a cluster has to be reached, or made.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..errors import UsageError, option
from ..text import shown
from .local import Map, local_map

SETTING = "on"
THREADS = "threads"
_PROCESSES = re.compile(r"processes(?::([1-9][0-9]{0,3}))?")
_NOTHING = "''"
_RAY = re.compile(r"ray(?:://\S+)?")


@dataclass(frozen=True)
class Place:
    """Where work runs.

    Attributes:
        name: the word for it.
        map: runs a unit of work there.
        is_far: whether the unit is copied: it must write what it makes, and return no more than
            counts.
    """

    name: str = THREADS
    map: Map[Any, Any] = field(default=local_map)
    is_far: bool = False


HERE = Place()
_own = threading.local()  # .place: where the work of a thread runs


def check_place_word(word: str | None) -> None:
    """Refuse a word for no place, before any work is done; None is where the work runs anyway.

    Raises:
        UsageError: it is none.
    """
    if word in (None, THREADS):
        return
    if not (_PROCESSES.fullmatch(word) or _RAY.fullmatch(word)):
        raise UsageError(
            f"{option(SETTING)} {shown(word) or _NOTHING} is no place where work can run.",
            hint="Give threads (all cores of this machine), processes, processes:4, ray, or the "
            "address of a cluster such as ray://head:10001.",
        )


@contextmanager
def place_of(word: str, say: Callable[[str], None] = lambda sentence: None) -> Iterator[Place]:
    """The place that a word is for, ready; `say` gets a sentence on each worker that died, on
    a cluster that is being reached, and on waiting long for the first worker.

    `ray` alone is the cluster at `$RAY_ADDRESS`, or that this machine is of, or else one that is
    made of this machine's cores for as long as it is in use.

    Raises:
        UsageError: there is no such place.
        MissingExtraError: it needs Ray, which is not installed.
        WorkersError: there is no cluster at that address, or none can be made here.
    """
    check_place_word(word)
    if word == THREADS:
        yield HERE
    elif found := _PROCESSES.fullmatch(word):
        from .processes import processes_map

        yield Place(word, partial(processes_map, most=int(found[1] or 0), say=say), is_far=True)
    else:
        from .ray_actors import ray_map

        with ray_map(word if "://" in word else "", say) as spread:
            yield Place(word, spread, is_far=True)


@contextmanager
def working_on(
    word: str | None, say: Callable[[str], None] = lambda sentence: None
) -> Iterator[None]:
    """Have what this thread does in here run at the place that a word is for, or, of None, where it
    runs anyway. `say` gets sentences as in `place_of`.

    Raises:
        UsageError, MissingExtraError, WorkersError: as `place_of`.
    """
    if word is None:
        yield
        return
    with place_of(word, say) as at, working_at(at):
        yield


@contextmanager
def working_at(place: Place) -> Iterator[None]:
    """Have what this thread does in here run at a place."""
    before, _own.place = current_place(), place
    try:
        yield
    finally:
        _own.place = before


def current_place() -> Place:
    """Where the work of this thread runs."""
    found: Place = getattr(_own, "place", HERE)
    return found
