"""Units of work for workers elsewhere, which import them from here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tellapart.workers.parts import Counts, Part


@dataclass
class Squares:
    """Squares numbers. Raises at `broken`, dies at `deadly` as often as `lives` says, and leaves a
    file for each of its starts and ends in `folder`."""

    folder: Path
    broken: int | None = None
    deadly: int | None = None
    lives: int = 1
    pause: float = 0.0

    def start(self) -> None:
        self.place = self.folder / str(os.getpid())
        self._note("started")

    def finish(self) -> None:
        self._note("finished")

    def process(self, batch: Sequence[int]) -> list[int]:
        time.sleep(self.pause)
        if self.broken in batch:
            raise ZeroDivisionError(f"at {self.broken}")
        if self.deadly in batch and len(list(self.folder.glob("death-*"))) < self.lives:
            (self.folder / f"death-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return [number * number for number in batch]

    def _note(self, what: str) -> None:
        (self.folder / f"{what}-{os.getpid()}").touch()


@dataclass
class Attempts:
    """Says at which attempt each part was done; the first few of part 3 are deadly."""

    deaths: int

    def start(self) -> None:
        """Nothing to prepare."""

    def finish(self) -> None:
        """Nothing to keep."""

    def process(self, batch: Sequence[Part[str]]) -> list[Counts]:
        (part,) = batch
        if part.number == 3 and part.attempt < self.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        return [Counts(len(part.pictures), 0, 0, 0.0, f"{part.number}/{part.attempt}")]


@dataclass
class Stillborn:
    """Dies, or raises, before it begins."""

    dies: bool

    def start(self) -> None:
        if self.dies:
            os._exit(7)
        raise ZeroDivisionError("at the start")

    def finish(self) -> None:
        """Nothing to keep."""

    def process(self, batch: Sequence[int]) -> list[int]:
        raise NotImplementedError


class UnspeakableError(Exception):
    """An error that cannot travel."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("it cannot travel")


class Raising:
    """Raises what cannot travel, or returns it."""

    def start(self) -> None:
        """Nothing to prepare."""

    def finish(self) -> None:
        """Nothing to keep."""

    def process(self, batch: Sequence[int]) -> list[object]:
        if 1 in batch:
            raise UnspeakableError(1, 2)
        return [lambda: None]
