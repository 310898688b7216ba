"""The files that a journal tells of, found by their names, while what is told stays on the disk.

A file that is placed costs 24 to 48 bytes of memory: a hash of its name and the offset of its line,
which is read again when it is asked for. Those that are written down and not placed yet are kept as
they are; they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from ..compact import HashTable
from ..transfer import Content

How = Literal["copy", "link", "move"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in the journal: from where below the root, to where below the folder."""

    #: Below the journal's root.
    source: str
    #: Below the journal's folder.
    target: str
    #: How it is placed.
    how: How
    #: As `Placement.group`.
    group: str
    #: What it held when it was placed, by which undo knows it again.
    content: Content
    #: Of its line in the journal.
    offset: int


#: The entry at an offset of the journal, read again.
Read = Callable[[int], Entry]


class Index:
    """The offset of the latest entry of each name. Two names of one hash are told apart by what
    stands at the offset."""

    def __init__(self, read: Read, name_of: Callable[[Entry], str]) -> None:
        self._read = read
        self._name_of = name_of
        self._offsets = HashTable()

    def __len__(self) -> int:
        return len(self._offsets)

    def get(self, name: str) -> Entry | None:
        for offset in self._offsets.all(hash(name)):
            entry = self._read(offset)
            if self._name_of(entry) == name:
                return entry
        return None

    def put(self, entry: Entry) -> None:
        """Take in an entry, in the place of an earlier one of its name."""
        name = self._name_of(entry)
        self.drop(name)
        self._offsets.add(hash(name), entry.offset)

    def drop(self, name: str) -> None:
        if before := self.get(name):
            self._offsets.remove(hash(name), before.offset)

    def holds(self, entry: Entry) -> bool:
        """Whether just this entry is the latest of its name."""
        return entry.offset in self._offsets.all(hash(self._name_of(entry)))


class Entries:
    """By target, what was placed or is being placed; a later line replaces an earlier one.

    Attributes:
        open: by target, those that are not known to be placed.
    """

    def __init__(self, read: Read, each: Callable[[], Iterator[Entry]]) -> None:
        """`each` gives the entries of all lines, in the order of these."""
        self.open: dict[str, Entry] = {}
        self._each = each
        self._done = Index(read, lambda entry: entry.target)

    def __len__(self) -> int:
        return len(self.open) + len(self._done)

    def __iter__(self) -> Iterator[Entry]:
        """In the order of their lines, which are read once more."""
        return (entry for entry in self._each() if self.is_latest(entry))

    def __contains__(self, target: object) -> bool:
        return isinstance(target, str) and self.get(target) is not None

    def get(self, target: str) -> Entry | None:
        return self.open.get(target) or self._done.get(target)

    def take(self, entry: Entry) -> None:
        """Take in a line."""
        self.drop(entry.target)
        self.open[entry.target] = entry

    def settle(self, target: str) -> None:
        """One is known to be placed.

        Raises:
            KeyError: it was not written down.
        """
        if entry := self.open.pop(target, None):
            self._done.put(entry)
        elif not self._done.get(target):
            raise KeyError(target)

    def drop(self, target: str) -> None:
        if not self.open.pop(target, None):
            self._done.drop(target)

    def is_done(self, entry: Entry) -> bool:
        """Whether an entry is known to be placed, and none of its target was written since."""
        return self._done.holds(entry)

    def is_latest(self, entry: Entry) -> bool:
        found = self.open.get(entry.target)
        return found.offset == entry.offset if found else self._done.holds(entry)
