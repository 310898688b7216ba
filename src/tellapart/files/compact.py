"""Names of a million files in a few bytes each: numbers found by a name's hash, and names packed.

A hash has 64 bits, and two names may share one: who must not take the one for the other looks the
name up where it is written, by the number.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator
from typing import Literal

_ALL = 2**64 - 1
_FREE, _GIVEN_UP = 0, 1  # in the place of a hash
_SMALLEST = 64  # places; a power of two, as all sizes are
_PACKED = 1000  # texts compressed together


class HashTable:
    """Numbers by hash, several where need be, in 12 to 48 bytes each (linear probing)."""

    def __init__(self, kind: Literal["I", "Q"] = "Q") -> None:
        """`kind`: numbers below 2**32 or below 2**64."""
        self._hashes = array("Q", bytes(8 * _SMALLEST))
        self._numbers = array(kind, [0]) * _SMALLEST
        self._taken = 0  # places that are not free
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def all(self, of: int) -> Iterator[int]:
        """The numbers under a hash."""
        of = _usable(of)
        hashes, numbers = self._hashes, self._numbers
        mask = len(hashes) - 1
        at = of & mask
        while hashes[at] != _FREE:
            if hashes[at] == of:
                yield numbers[at]
            at = (at + 1) & mask

    def first(self, of: int) -> int | None:
        """The only number under a hash, where `put` alone was used."""
        return next(self.all(of), None)

    def add(self, of: int, number: int) -> None:
        """One more number under a hash."""
        if 3 * self._taken >= 2 * len(self._hashes):
            self._grow()
        self._insert(_usable(of), number)
        self._count += 1

    def put(self, of: int, number: int) -> None:
        """The number under a hash, in the place of the one before."""
        place = self._place(_usable(of), None)
        if place is None:
            self.add(of, number)
        else:
            self._numbers[place] = number

    def remove(self, of: int, number: int) -> None:
        """Take one number out, if it is there."""
        place = self._place(_usable(of), number)
        if place is not None:
            self._hashes[place] = _GIVEN_UP
            self._count -= 1

    def _place(self, of: int, number: int | None) -> int | None:
        hashes, numbers = self._hashes, self._numbers
        mask = len(hashes) - 1
        at = of & mask
        while hashes[at] != _FREE:
            if hashes[at] == of and number in (None, numbers[at]):
                return at
            at = (at + 1) & mask
        return None

    def _insert(self, of: int, number: int) -> None:
        hashes = self._hashes
        mask = len(hashes) - 1
        at = of & mask
        while hashes[at] > _GIVEN_UP:
            at = (at + 1) & mask
        self._taken += hashes[at] == _FREE
        hashes[at] = of
        self._numbers[at] = number

    def _grow(self) -> None:
        """Twice the size, unless giving places free is enough."""
        hashes, numbers = self._hashes, self._numbers
        size = len(hashes) * (2 if 3 * self._count >= len(hashes) else 1)
        self._hashes = array("Q", [_FREE]) * size
        self._numbers = array(numbers.typecode, [0]) * size
        self._taken = 0
        for of, number in zip(hashes, numbers, strict=True):
            if of > _GIVEN_UP:
                self._insert(of, number)


def _usable(of: int) -> int:
    """A hash as it is kept; Python's own may be below 0."""
    of &= _ALL
    return of if of > _GIVEN_UP else of + 2


class Packed:
    """Texts in the order in which they were added, compressed; none holds a NUL."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._last: list[str] = []

    def __len__(self) -> int:
        return _PACKED * len(self._blocks) + len(self._last)

    def append(self, text: str) -> None:
        self._last.append(text)
        if len(self._last) == _PACKED:
            together = "\0".join(self._last).encode("utf-8", "surrogatepass")
            self._blocks.append(zlib.compress(together, 1))
            self._last = []

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            yield from zlib.decompress(block).decode("utf-8", "surrogatepass").split("\0")
        yield from self._last
