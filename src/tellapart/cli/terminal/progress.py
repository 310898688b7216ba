"""The progress of a long command on stderr: a live bar on a terminal, a plain line from time to
time in a file or a pipe. Computes only the time that is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console

from ...text import duration, shown

FIRST = 10.0  # seconds until the first line, and between the first lines
LATER = 30.0  # between those after the first minute
_BAR = 32  # columns
_BESIDE = 46  # columns of what stands beside the bar


class Progress(Protocol):
    """How many of how many are done, or what is being done now."""

    def __call__(self, done: int, total: int | None) -> None: ...

    def doing(self, what: str) -> None: ...


class Silence:
    """Progress that prints nothing."""

    def __call__(self, done: int, total: int | None) -> None:
        """Print nothing."""

    def doing(self, what: str) -> None:
        """Print nothing."""


class Lines:
    """Progress as a line from time to time, by a thread of its own: no work is silent for long."""

    def __init__(
        self,
        what: str,
        say: Callable[[str], None],
        *,
        first: float = FIRST,
        later: float = LATER,
    ) -> None:
        self._what, self._say, self._first, self._later = what, say, first, later
        self._done, self._total = 0, None  # type: int, int | None
        self._began = self._since = time.monotonic()
        self._before = 0  # how many were done when a line last had something new to say
        self._last = (0, 0.0)  # how many that line had to say, after how many seconds
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="tellapart-progress", daemon=True)

    def __call__(self, done: int, total: int | None) -> None:
        with self._lock:
            self._done, self._total = done, total

    def doing(self, what: str) -> None:
        with self._lock:
            self._what, self._total = what, None
            self._done = self._before = 0
            self._last = (0, 0.0)
            self._since = time.monotonic()

    def line(self, now: float) -> str:
        """The line to print at a time of `time.monotonic`."""
        with self._lock:
            words, done, total = self._what, self._done, self._total
            passed, came = now - self._since, done - self._before
            if total is None and not done:
                return f"{words}: {duration(now - self._since)} so far"
            if came > 0:
                self._since, self._before, self._last = now, done, (came, passed)
            else:  # what came last has to do for all this time
                came, passed = self._last[0], self._last[1] + passed
        if total is None:  # nobody knows how many there are
            rate = f", {_rate(came / passed)}" if came > 0 and passed > 0 else ""
            return f"{words}: {done:,} so far{rate}"
        said = f"{words}: {done:,} of {total:,}"
        if not done:
            return f"{said} after {duration(passed)}"
        if came <= 0 or passed <= 0 or done >= total:
            return said
        left = duration((total - done) * passed / came)
        return f"{said}, {_rate(came / passed)}, about {left} left"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._pause()):
            self._say(self.line(time.monotonic()))

    def _pause(self) -> float:
        return self._first if time.monotonic() - self._began < 2 * self._later else self._later


def _rate(speed: float) -> str:
    return f"{speed:,.0f} a second" if speed >= 10 else f"{speed:.1f} a second"


class _Bar:
    """Progress as a live bar with rate and time left; without a total it only moves."""

    def __init__(self, what: str, console: Console) -> None:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Live

        room = console.width - _BESIDE
        columns = [
            TextColumn("{task.description}", markup=False),
            *([BarColumn(bar_width=min(_BAR, room))] if room >= 8 else []),
            TextColumn("{task.fields[count]}"),
            *([TextColumn("{task.fields[rate]}")] if room >= 8 else []),
            TimeRemainingColumn(compact=True),
        ]
        self.live = Live(*columns, console=console, transient=True)
        self._task = self.live.add_task(shown(what), total=None, count="", rate="")

    def __call__(self, done: int, total: int | None) -> None:
        speed = self.live.tasks[0].speed
        rate = _rate(speed) if speed else ""
        of_all = "" if total is None else f"/{total:,}"
        count = f"{done:,}{of_all}" if done or of_all else ""
        self.live.update(self._task, completed=done, total=total, count=count, rate=rate)

    def doing(self, what: str) -> None:
        self.live.refresh()  # show how the work before it ended
        self.live.reset(self._task, description=what, total=None, count="", rate="")


@contextmanager
def shown_on(console: Console, what: str) -> Iterator[Progress]:
    """Progress of the work inside: a bar on a terminal's `console`, lines in a file or a pipe."""
    if console.is_terminal:
        bar = _Bar(what, console)
        with bar.live:
            yield bar
        return
    lines = Lines(
        what, lambda words: console.print(words, soft_wrap=True), first=FIRST, later=LATER
    )
    lines.start()
    try:
        yield lines
    finally:
        lines.stop()
