"""What is sorted into a destination: counted, and each picture found again by its line in the
journal, in eight bytes of memory."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ..files.journal.journal import Journal
from ..files.journal.record import Entry

_RUN = 20_000  # pictures put in order at a time

#: Where a picture was, where it is, and all that its line says.
Line = tuple[str, str, dict[str, Any]]


class Placed:
    """The pictures in a destination, in the order in which they came there."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.counts: Counter[str] = Counter()
        self._offsets = array("Q")

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, entry: Entry) -> None:
        self.counts[entry.group] += 1
        self._offsets.append(entry.offset)

    def in_order(self) -> Iterator[Line]:
        """The pictures by name. They are put in order run by run, of which only the order is kept;
        each line is read twice."""
        runs = []
        for start in range(0, len(self._offsets), _RUN):
            keys = sorted(
                (source, target, offset)
                for offset in self._offsets[start : start + _RUN]
                for source, target in [self.journal.names_at(offset)]
            )
            runs.append(array("Q", (offset for _, _, offset in keys)))
        return heapq.merge(*map(self._lines, runs), key=lambda line: line[:2])

    def _lines(self, offsets: Iterable[int]) -> Iterator[Line]:
        return map(self._line, offsets)

    def _line(self, offset: int) -> Line:
        values = self.journal.values_at(offset)
        return values["source"], values["target"], values
