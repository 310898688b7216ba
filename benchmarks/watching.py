"""What watching a folder costs: while nothing happens, and as pictures arrive one at a time.

In one process, with a classifier that answers at once, so that only the watching is measured: the
looks at the folder, the journal, the copies and the table. First pictures are moved out of an inbox
one after the other: the first tenth is held against the last, by processor seconds and by memory.
Then watches with nothing to do look at inboxes of files that were sorted, each as long as it is
asked to. An event of the system (inotify and its like) could save at most that share of a core, and
tells nothing of what other machines do on a network drive.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from measure import arguments, machine, print_table

from tellapart import SortOptions, SortStep
from tellapart.sorting.watching import watch

ARRIVING = 10_000  # pictures
IDLE = (100, 10_000)  # files that lie in an inbox
SECONDS = 20.0  # for which it has nothing to do


@dataclass(frozen=True)
class Answer:
    label: str = "a"
    score: float = 0.75
    scores: dict[str, float] = field(default_factory=lambda: {"a": 0.75, "b": 0.25})
    unknown: bool = False


class AtOnce:
    """A classifier that looks at nothing."""

    labels, digest, admit = ("a", "b"), "0" * 64, 0.99

    def predict_many(self, pictures: Iterable[Path], *, errors: str) -> Iterator[Answer]:
        return (Answer() for _ in pictures)


class OneByOne:
    """Lets the next picture arrive whenever the watch waits, and ends it after the last."""

    def __init__(self, inbox: Path, count: int) -> None:
        self.inbox, self.count, self.number = inbox, count, 0

    def is_set(self) -> bool:
        return self.number > self.count

    def wait(self, timeout: float | None = None) -> bool:
        if self.number < self.count:
            (self.inbox / f"{self.number:06}.jpg").write_bytes(b"%d" % self.number)
        self.number += 1
        return self.is_set()


class After:
    """Ends a watch some seconds after it first waits; it waits as long as it is asked to."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.looks, self.used = seconds, 0, 0.0
        self.begun = 0.0

    def is_set(self) -> bool:
        return self.begun > 0 and time.monotonic() - self.begun > self.seconds

    def wait(self, timeout: float | None = None) -> bool:
        if not self.begun:
            self.begun, self.used = time.monotonic(), time.process_time()
        self.looks += 1
        time.sleep(timeout or 0)
        return self.is_set()


def resident() -> float:
    """Megabytes of memory in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def arriving(work: Path) -> list[list[str]]:
    inbox = work / "inbox"
    inbox.mkdir()
    count, tenth, marks = 0, ARRIVING // 10, [(time.process_time(), resident())]
    stop = OneByOne(inbox, ARRIVING)
    for told in watch(
        AtOnce(), inbox, work / "out", SortOptions(how="move"), quiet_time=0, stop=stop
    ):
        count += isinstance(told, SortStep)
        if isinstance(told, SortStep) and count % tenth == 0:
            marks.append((time.process_time(), resident()))
    ending = time.process_time() - marks[-1][0]
    each = [(b[0] - a[0]) / tenth * 1e3 for a, b in pairwise(marks)]
    grown = (marks[-1][1] - marks[1][1]) * 1e3 / (ARRIVING - tenth)
    return [
        [f"processor ms a picture, of the first {tenth:,}", f"{each[0]:.2f}"],
        [f"of the last {tenth:,} of {ARRIVING:,}", f"{each[-1]:.2f}"],
        ["the same as a ratio", f"{each[-1] / each[0]:.2f}"],
        ["memory after the first tenth, MB", f"{marks[1][1]:.0f}"],
        ["memory after all, MB", f"{marks[-1][1]:.0f}"],
        ["memory a picture, kB", f"{grown:.1f}"],
        ["ending: the table of all, processor ms", f"{ending * 1e3:.0f}"],
    ]


def idle(work: Path, count: int) -> list[list[str]]:
    inbox = work / "inbox"
    inbox.mkdir(parents=True)
    for number in range(count):
        (inbox / f"{number:06}.jpg").write_bytes(b"%d" % number)
    for told in watch(AtOnce(), inbox, work / "out", SortOptions(how="link"), quiet_time=0):
        if isinstance(told, SortStep) and told.source.name == f"{count - 1:06}.jpg":
            break
    stop = After(SECONDS)
    for _ in watch(AtOnce(), inbox, work / "out", SortOptions(how="link"), stop=stop):
        used = time.process_time() - stop.used if stop.begun else 0.0
    share = used / SECONDS
    return [[f"{count:,} files, {stop.looks} looks in {SECONDS:.0f} s, of a core", f"{share:.2%}"]]


def main() -> None:
    arguments(__doc__, runs=1).parse_args()
    with machine(), tempfile.TemporaryDirectory() as folder:
        rows = arriving(Path(folder))
        for count in IDLE:
            rows += idle(Path(folder, f"{count}"), count)
        print_table(["watching", "figure"], rows)


if __name__ == "__main__":
    main()
