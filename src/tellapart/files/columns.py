"""Columns of a million rows in a few bytes each. A row is made when it is asked for, so nothing of
it is kept; to the one who asks a column is a sequence like any other.
"""

from __future__ import annotations

import operator
import reprlib
from abc import abstractmethod
from array import array
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Generic, SupportsIndex, TypeVar, overload

import numpy as np

_Row = TypeVar("_Row")
_Kind = TypeVar("_Kind", bound=Hashable)
_DIGEST = 32  # bytes of a sha256


class Column(Sequence[_Row]):
    """Rows that `_row` makes by their numbers, from 0."""

    @abstractmethod
    def _row(self, at: int) -> _Row: ...

    @overload
    def __getitem__(self, at: SupportsIndex) -> _Row: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[_Row]: ...

    def __getitem__(self, at: SupportsIndex | slice) -> _Row | Sequence[_Row]:
        if isinstance(at, slice):
            return Taken(self, np.arange(len(self))[at])
        at = operator.index(at)
        count = len(self)
        if not -count <= at < count:
            raise IndexError(f"there is no row {at} of {count}")
        return self._row(at % count)

    def __iter__(self) -> Iterator[_Row]:
        return map(self._row, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({reprlib.repr([*self[:7]])} of {len(self):,})"


class Taken(Column[_Row]):
    """Some rows of a sequence, by their numbers, int `[N]`."""

    def __init__(self, of: Sequence[_Row], rows: np.ndarray) -> None:
        self._of: Sequence[_Row] = of._of if isinstance(of, Taken) else of
        self._rows: np.ndarray = of._rows[rows] if isinstance(of, Taken) else np.asarray(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def _row(self, at: int) -> _Row:
        return self._of[int(self._rows[at])]

    def __iter__(self) -> Iterator[_Row]:
        return map(self._of.__getitem__, array("q", self._rows.astype(np.int64).tobytes()))


def taken(of: Sequence[_Row], rows: Sequence[int] | np.ndarray) -> Sequence[_Row]:
    """Some rows of a sequence; all of them in their order are that sequence."""
    rows = np.asarray(rows, np.int64)
    if len(rows) == len(of) and bool((rows == np.arange(len(of))).all()):
        return of
    if isinstance(of, Digests):
        return Digests(of.rows[rows])  # type: ignore[return-value]  # a row is a str
    return Taken(of, rows)


class Texts(Column[str]):
    """Texts, each in the bytes of its UTF-8 and 8 more."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._content = bytearray()
        self._ends = array("Q")
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        self._content += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._content))

    def __len__(self) -> int:
        return len(self._ends)

    def _row(self, at: int) -> str:
        begin = self._ends[at - 1] if at else 0
        return self._content[begin : self._ends[at]].decode("utf-8", "surrogatepass")


class Few(Column[_Kind], Generic[_Kind]):
    """Rows of which few are different: each in 4 bytes, and each different one once."""

    def __init__(self, rows: Iterable[_Kind] = ()) -> None:
        self.kinds: list[_Kind] = []
        self._places: dict[_Kind, int] = {}
        self._numbers = array("I")
        for row in rows:
            self.append(row)

    def append(self, row: _Kind) -> None:
        number = self._places.get(row)
        if number is None:
            number = self._places[row] = len(self.kinds)
            self.kinds.append(row)
        self._numbers.append(number)

    def __len__(self) -> int:
        return len(self._numbers)

    def _row(self, at: int) -> _Kind:
        return self.kinds[self._numbers[at]]

    def __iter__(self) -> Iterator[_Kind]:
        return map(self.kinds.__getitem__, self._numbers)


class Digests(Column[str]):
    """Each sha256 in hex, kept as its 32 bytes: `rows` is uint8 `[N,32]`."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows

    @classmethod
    def of(cls, digests: Iterable[str]) -> Digests:
        content = bytearray()
        for digest in digests:
            content += bytes.fromhex(digest)
        return cls(np.frombuffer(content, np.uint8).reshape(-1, _DIGEST))

    @classmethod
    def room(cls, count: int) -> Digests:
        """For so many, to be filled."""
        return cls(np.zeros((count, _DIGEST), np.uint8))

    def __len__(self) -> int:
        return len(self.rows)

    def _row(self, at: int) -> str:
        row: bytes = self.rows[at].tobytes()
        return row.hex()


class Numbered(Column[str]):
    """Texts by the numbers, int32 `[N]`, that they have among `names`: different ones, in order."""

    def __init__(self, names: Sequence[str], numbers: np.ndarray) -> None:
        self.names = names
        self.numbers = np.asarray(numbers, np.int32)

    def __len__(self) -> int:
        return len(self.numbers)

    def _row(self, at: int) -> str:
        return self.names[int(self.numbers[at])]

    def among(self, rows: Sequence[int] | np.ndarray) -> Numbered:
        """Those in `rows`, in this order."""
        return Numbered(self.names, self.numbers[np.asarray(rows, np.int64)])

    def used(self) -> tuple[np.ndarray, np.ndarray]:
        """The numbers that are there, in order, and where each row's is among them."""
        found, places = np.unique(self.numbers, return_inverse=True)
        return found, places


def numbered(texts: Sequence[str]) -> Numbered:
    """The same texts by numbers."""
    if isinstance(texts, Numbered):
        return texts
    if isinstance(texts, Digests):
        whole = texts.rows.view(f"S{_DIGEST}").ravel()
        _, first, numbers = np.unique(whole, return_index=True, return_inverse=True)
        return Numbered(Taken(texts, first), numbers)
    names = sorted(set(texts))
    place = {name: at for at, name in enumerate(names)}
    return Numbered(names, np.fromiter(map(place.__getitem__, texts), np.int32, len(texts)))
