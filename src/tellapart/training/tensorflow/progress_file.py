"""How far a fine-tuning is, and how long it will take: as a file that other programs can follow."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path

from ...files.atomic import cannot_write

PROGRESS = "progress.jsonl"
_EVERY = 10.0  # seconds between two lines of an epoch
_NEWEST = 0.1  # what the newest step counts in the mean of their times


class ProgressFile:
    """JSON lines in a folder, each of which is appended whole; without a folder, nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.path = folder / PROGRESS if folder else None
        self._next = 0.0

    def due(self) -> bool:
        """Whether the last line is old enough for another one."""
        return self.path is not None and time.monotonic() >= self._next

    def write(self, **row: float | int | str) -> None:
        """Append a line with the time; what is not a number becomes null."""
        if self.path is None:
            return
        self._next = time.monotonic() + _EVERY
        found = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        line = json.dumps({"time": round(time.time(), 3), **found}) + "\n"
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, line.encode())  # in one piece: a reader sees all of it or nothing
            finally:
                os.close(handle)
        except OSError as error:
            raise cannot_write(self.path, error, "progress") from error


class Pace:
    """How long steps take, of those in which only the upper layers learn and of all others."""

    def __init__(self) -> None:
        self._seconds: dict[bool, float] = {}

    def took(self, upper: bool, seconds: float) -> None:
        """A step took so long; the last ones count most."""
        before = self._seconds.get(upper, seconds)
        self._seconds[upper] = before + _NEWEST * (seconds - before)

    def left(self, upper: int, others: int) -> float:
        """Seconds that so many steps of either kind take; nan before any was timed."""
        other = self._seconds.get(False, math.nan)
        return upper * self._seconds.get(True, other) + others * other
