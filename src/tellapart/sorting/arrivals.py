"""A folder looked at again and again -> the files in it that are whole by now, each of them once.

Network drives report no changes that other machines make, so the folder is read. To read the names
is cheap; to ask every file for its size and time costs five times that. So what was dealt with is
asked only now and then, and both are done the more seldom the longer they take: `_SHARE`.

A file is whole once its size and times have been the same for a quiet time, or as soon as it has
come by a rename from a name that says it is being written. Time is that of a clock which nobody
sets; what clocks the files' drives have is not compared with anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path

from ..files.transfer import Stamp, stamp_of
from ..workers.deadlines import NoAnswerError, answered
from .looking import DealtWith, Found, Looking

POLL = 1.0  # seconds between two looks, unless they take long
LONGEST = 60.0  # and at most
_SHORTEST = 0.05  # where a file is about to be whole
_SHARE = 0.01  # of the time: what looking may take, and as much again asking every file
_PATIENCE = 5  # quiet times more until a file is given up that cannot be read
_AGAIN = 30.0  # seconds until a file is tried again that the system would not open or read


@dataclass(slots=True)
class _Waiting:
    """A file that is not dealt with yet."""

    stamp: Stamp
    since: float  # when it was first seen like this
    due: float  # when it is whole, or tried once more
    is_last: bool = False  # whether it is told of if it cannot be read then


@dataclass(slots=True)
class _Refused:
    """A file that could not be read, and was told of."""

    stamp: Stamp
    reason: str
    again: float  # when to try it once more, though it has not changed; never: infinity


class Arrivals:
    """What comes into a folder.

    Attributes:
        dealt_with: names below the folder, and what the files of these names are like that were
            sorted.
        refused: name -> why it could not be read; told of, and tried again when it changes.
        shut: name of a folder -> why it could not be looked into.
        hidden: hidden and system files at the last look.
        pause: seconds until it is worth looking again.
        has_more: whether more files have come than are waited for at once.
    """

    def __init__(
        self,
        root: Path,
        destination: Path,
        *,
        quiet_time: float,
        follow_links: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = root
        self.quiet_time = quiet_time
        self.clock = clock
        self.dealt_with = DealtWith()
        self.shut: dict[str, str] = {}
        self.hidden = 0
        self.pause = 0.0
        self.has_more = False
        self._waiting: dict[str, _Waiting] = {}
        self._refused: dict[str, _Refused] = {}
        self._unfinished: set[int] = set()
        self._ask_all_at = -1.0
        self._looking = Looking(
            root, destination, follow_links, self.dealt_with, self._waiting, self._refused
        )

    @property
    def refused(self) -> dict[str, str]:
        return {name: one.reason for name, one in self._refused.items()}

    @property
    def waiting(self) -> list[str]:
        """The files that are there and not dealt with yet, those first that came first."""
        return sorted(self._waiting, key=lambda name: self._waiting[name].since)

    def look(self) -> list[str]:
        """The names of the files that are to be read now, those first that came first.

        Raises:
            OSError: the folder is not there, or does not answer.
        """
        began = self.clock()
        every = began >= self._ask_all_at
        known: Container[str] = () if every else _Either(self.dealt_with, self._refused)
        found = answered(lambda call: self._looking.find(known, call), self.root)
        now = self.clock()
        self.hidden, self.shut = found.hidden, found.shut
        self._take(found, now, every)
        rest = min((self.clock() - began) / _SHARE, LONGEST)
        if every:
            self._ask_all_at = now + rest
        next_due = min((one.due for one in self._waiting.values()), default=now + POLL) - now
        self.has_more = found.has_more
        due = [(one.since, name) for name, one in self._waiting.items() if one.due <= now]
        again = [(now, name) for name, one in self._refused.items() if one.again <= now]
        at_once = every or (self.has_more and not due)
        self.pause = max(0.0 if at_once else rest, min(max(next_due, _SHORTEST), POLL))
        return [name for _, name in sorted(due) + sorted(again)]

    def stamp(self, name: str) -> Stamp | None:
        """What a file was like when it was last looked at."""
        one = self._waiting.get(name) or self._refused.get(name)
        return one.stamp if one else None

    def has_changed(self, name: str) -> bool:
        """Whether a file is by now another one than when it was last looked at, or gone."""
        try:
            return stamp_of(self.root / name) != self.stamp(name)
        except NoAnswerError:  # nobody knows
            return False

    def is_same(self, name: str) -> bool:
        """Whether a file that failed is still there, and the one that was looked at. To have tried
        to move it has changed its ctime."""
        one = self._waiting.get(name) or self._refused.get(name)
        try:
            now = stamp_of(self.root / name)
        except NoAnswerError:
            return True
        if one is None or now[:2] != one.stamp[:2]:
            return False
        one.stamp = now
        return True

    def done_with(self, name: str, stamp: Stamp, *, is_gone: bool = False) -> None:
        """A file is dealt with; where it `is_gone`, the next of its name is a new one. A ctime of 0
        is not known: then it is that of the next look."""
        self._waiting.pop(name, None)
        self._refused.pop(name, None)
        if is_gone:
            self.dealt_with.remove(name)
        else:
            self.dealt_with.add(name, stamp)

    def put_off(self, name: str) -> None:
        """A file has changed since it was looked at: it becomes quiet once more."""
        self._refused.pop(name, None)
        if one := self._waiting.get(name):
            one.since = self.clock()
            one.due = one.since + max(self.quiet_time, _SHORTEST)

    def failed(self, name: str, reason: str, *, may_pass: bool) -> bool:
        """A file cannot be read, and `may_pass` says whether it is to be tried again though it has
        not changed: whether that is to be told of, which it is once. Before that it has more time:
        an upload may only have paused."""
        again = self.clock() + _AGAIN if may_pass else float("inf")
        if before := self._refused.get(name):
            is_new = before.reason != reason
            before.reason, before.again = reason, again
            return is_new
        one = self._waiting.get(name)
        if one is None:
            return False
        if not one.is_last:
            one.is_last, one.due = True, self.clock() + _PATIENCE * self.quiet_time
            if self.clock() < one.due:
                return False
        self._refused[name] = _Refused(one.stamp, reason, again)
        del self._waiting[name]
        return True

    def lost(self) -> None:
        """The folder has gone: whatever was coming comes anew when it is back."""
        self._waiting.clear()
        self._unfinished.clear()
        self._ask_all_at = -1.0
        self.pause = POLL

    def _take(self, found: Found, now: float, every: bool) -> None:
        for name in [name for name in self._waiting if name not in found.stamps]:
            del self._waiting[name]
        if every:
            for name in [name for name in self._refused if name not in found.stamps]:
                if not any(name.startswith(f"{folder}/") for folder in found.shut):
                    del self._refused[name]
        self.dealt_with.renew(found.found_again)
        for name, stamp in found.stamps.items():
            if (refused := self._refused.get(name)) and refused.stamp == stamp:
                continue
            before = self._waiting.get(name)
            if before is None or before.stamp != stamp:
                is_renamed = before is None and found.numbers[name] in self._unfinished
                due = now if is_renamed else now + self.quiet_time
                self._waiting[name] = _Waiting(stamp, now, due)
                self._refused.pop(name, None)
        self._unfinished = found.unfinished


class _Either:
    """The names in either of two tables, without a third."""

    def __init__(self, one: Container[str], other: Container[str]) -> None:
        self.one, self.other = one, other

    def __contains__(self, name: object) -> bool:
        return name in self.one or name in self.other
