"""Things that pairs join into sets, by union and find (Tarjan 1975)."""

from __future__ import annotations

from typing import Generic, TypeVar

One = TypeVar("One", str, int)


class Joining(Generic[One]):
    """Names or numbers, each alone until it is joined to others; a set goes by its smallest."""

    def __init__(self) -> None:
        self._towards: dict[One, One] = {}

    def first(self, one: One) -> One:
        """The smallest that is joined to this one, by however many pairs."""
        towards = self._towards
        while (after := towards.get(one, one)) != one:
            towards[one] = one = towards.get(after, after)
        return one

    def join(self, one: One, other: One) -> tuple[One, One]:
        """Make one set of those of two; the smallest of each until now, the smaller first: equal
        where they were one set already."""
        one, other = self.first(one), self.first(other)
        if other < one:
            one, other = other, one
        if one != other:
            self._towards[other] = one
        return one, other
