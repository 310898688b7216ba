"""The lines of a file from its last to its first, without all of it in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_BLOCK = 2**16  # bytes read at a time


def lines_backwards(path: Path, length: int) -> Iterator[tuple[int, bytes]]:
    """The lines in the first bytes of a file, the last first, each with its offset."""
    begun = b""  # of a line, whose beginning lies before
    with path.open("rb") as stream:
        while length:
            start = max(0, length - _BLOCK)
            stream.seek(start)
            lines = (stream.read(length - start) + begun).splitlines(keepends=True)
            length = start
            begun = lines.pop(0) if start else b""
            end = start + len(begun) + sum(map(len, lines))
            for line in reversed(lines):
                end -= len(line)
                yield end, line
