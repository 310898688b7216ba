"""Embeddings that are too many for memory, a block of rows at a time.

A matrix `[N,D]` may lie in a file, as numpy maps it. Whoever works on it takes blocks of a fixed
number of rows, in order, so that what is added up does not depend on who adds it; and where some
rows are meant, `Rows` names them instead of copying them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from ..files import room

ROWS = 2048  # in a block: what it takes is small enough to be taken again and again


class Vectors(Protocol):
    """What blocks are taken of: an array `[N,D]`, one that lies in a file, or `Rows` of either."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, wanted: Any, /) -> Any: ...


class Rows:
    """Some rows of a matrix, or all of them in another order, which are read when they are asked
    for: with a slice or an int array, which count among these rows.

    A copy for another process opens the file that the matrix lies in again.
    """

    def __init__(self, vectors: Vectors, rows: np.ndarray) -> None:
        """Of `vectors` `[M,D]` those numbered in `rows`, int `[N]`, or marked there, bool `[M]`."""
        if rows.dtype == bool:
            if len(rows) != len(vectors):
                raise ValueError(f"{len(rows)} marks do not fit {len(vectors)} rows.")
            rows = np.flatnonzero(rows)
        self.vectors: Vectors = vectors.vectors if isinstance(vectors, Rows) else vectors
        self.rows: np.ndarray = vectors.rows[rows] if isinstance(vectors, Rows) else rows

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), self.vectors.shape[1]

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.vectors.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, wanted: slice | np.ndarray) -> np.ndarray:
        rows = self.rows[wanted]
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
            return np.array(self.vectors[int(rows[0]) : int(rows[-1]) + 1])  # read at one go
        return np.asarray(self.vectors[rows])

    def __reduce__(self) -> tuple[Callable[..., Rows], tuple[object, ...]]:
        file, begins = self.vectors, _begins_in_file(self.vectors)
        if begins is None:
            return Rows, (file, self.rows)
        name = file.filename  # type: ignore[attr-defined]
        return _reopened, (name, file.dtype, begins, file.shape, self.rows)


def _begins_in_file(vectors: Vectors) -> int | None:
    """The byte of its file at which a matrix begins; None where it does not lie in one, row by
    row."""
    whole = vectors
    while isinstance(whole, np.memmap) and isinstance(whole.base, np.memmap):
        whole = whole.base  # the attributes of a part are those of the whole
    if not (isinstance(vectors, np.memmap) and isinstance(whole, np.memmap)):
        return None
    if whole.filename is None or not vectors.flags.c_contiguous:
        return None
    return int(whole.offset + vectors.ctypes.data - whole.ctypes.data)


def _reopened(
    file: str, kind: np.dtype[Any], offset: int, shape: tuple[int, ...], rows: np.ndarray
) -> Rows:
    return Rows(np.memmap(file, kind, "r", offset, shape), rows)


def are_large(vectors: Vectors) -> bool:
    """Whether embeddings `[N,D]`, or other rows, are so many that they are worked on in blocks:
    as many as would lie in a file."""
    return math.prod(vectors.shape) > room.LARGE


def scores_are_large(pictures: int, count: int) -> bool:
    """Whether the scores of so many pictures for so many labels would lie in a file, however short
    the embeddings are."""
    return pictures * count > room.LARGE


def whole_of(vectors: Vectors) -> np.ndarray:
    """All of them, in memory."""
    return vectors if isinstance(vectors, np.ndarray) else np.asarray(vectors[:])


def slices(count: int, size: int | None = None) -> list[slice]:
    """So many rows, in blocks of `ROWS`, or of `size`, the last one shorter."""
    size = size or ROWS
    return [slice(at, min(at + size, count)) for at in range(0, count, size)]


def blocks(vectors: Vectors) -> Iterator[tuple[slice, np.ndarray]]:
    """All blocks of embeddings `[N,D]` in order: which rows, and what they hold `[B,D]`."""
    for some in slices(len(vectors)):
        yield some, block(vectors, some)


def block(vectors: Vectors, rows: slice | np.ndarray) -> np.ndarray:
    """Some rows, in memory: float32 `[B,D]`."""
    return np.asarray(vectors[rows], dtype=np.float32)


def evenly(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` rows, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).astype(int))
