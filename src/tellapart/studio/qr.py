"""A text as a QR code, drawn by one path: squares of size 1 on a white field."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

_QUIET = 4  # squares that have to stay white around it (ISO/IEC 18004)


@dataclass(frozen=True)
class Code:
    """A square of `side` by `side`, and the `d` of the path that is black in it."""

    side: int
    path: str


def code(text: str) -> Code:
    """The QR code of a text, which can still be read where 15 % of it cannot be seen."""
    import segno  # only whoever shares with a phone needs it

    rows = [bytes(row) for row in segno.make(text, error="m", micro=False).matrix]
    path = "".join(
        f"M{_QUIET + start} {_QUIET + y}h{length}v1h-{length}z"
        for y, row in enumerate(rows)
        for start, length in _runs(row)
    )
    return Code(len(rows) + 2 * _QUIET, path)


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Where dark squares begin in a row, and how many there are in one piece."""
    found = []
    at = 0
    for dark, squares in groupby(row):
        length = len(list(squares))
        if dark:
            found.append((at, length))
        at += length
    return found
