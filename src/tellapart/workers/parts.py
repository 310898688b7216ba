"""What far work is cut into, and what it tells: numbered parts in, counts out.

Pictures and what is made of them never travel between a caller and its workers. A unit for far work
takes a part, writes what it makes where the caller can read it, and returns how much that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Generic, TypeVar

from .local import batches_of

SIZE = 256  # pictures a part, where its source does not say otherwise
_FIRST = ((64, 16), (48, 64))  # how many parts before these, and of how many pictures

In = TypeVar("In")


@dataclass(frozen=True)
class Part(Generic[In]):
    """A numbered run of pictures. `attempt` says how many workers have died at it."""

    number: int
    pictures: tuple[In, ...]
    attempt: int = 0

    def again(self) -> Part[In]:
        """The same, after a worker has died at it."""
        return replace(self, attempt=self.attempt + 1)


@dataclass(frozen=True)
class Counts:
    """What became of a part.

    Attributes:
        read: pictures that could be read.
        unreadable: pictures that could not.
        known: those of all these that an earlier run had done.
        seconds: how long it took.
        key: under which name what was made of it is found.
    """

    read: int
    unreadable: int
    known: int
    seconds: float
    key: str


def growing_batches(pictures: Iterable[In], size: int = SIZE) -> Iterator[list[In]]:
    """The pictures in batches of `size`, but the first of them in smaller ones, so that several
    workers have some of few pictures. Where a batch ends depends on nothing else: not on how many
    work, so that each goes on with what others have done, nor on how many come."""
    rest = iter(pictures)
    for count, least in _FIRST if size > _FIRST[0][1] else ():
        for _ in range(count):
            if not (batch := list(islice(rest, min(least, size)))):
                return
            yield batch
    yield from batches_of(rest, size)


def parts_of(pictures: Iterable[In], size: int = SIZE) -> Iterator[Part[In]]:
    """The pictures in parts of `size`, the last one smaller."""
    for number, batch in enumerate(batches_of(pictures, size)):
        yield Part(number, tuple(batch))
