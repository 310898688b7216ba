"""An inbox of pictures -> one named file a picture in a destination, by what a classifier says.

`plan` tells what would be done; `sort` does it, in batches: each is written into the journal
(`journal.py`), then placed. Killed at any moment it loses nothing, and the same call goes on to the
very names that an undisturbed run gives. `undo` (see there) takes back what was done.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ..dataset.sources import Skipped
from ..errors import PictureError
from ..files.transfer import Content, content_of
from .journal import Entry, Journal, check_same, opened, writing
from .plan import Judge, Names, SortOptions, Step, Work
from .results import write_results
from .undoing import UndoResult, undo

__all__ = [
    "SortOptions",
    "SortResult",
    "Step",
    "UndoResult",
    "inbox_of",
    "plan",
    "sort",
    "undo",
]

_BATCH = 32  # pictures between two syncs of the journal; a kill repeats at most so many


@dataclass(frozen=True)
class SortResult:
    """What is sorted now, by this run and those before it.

    `counts` has the pictures of each label and of "unsure", `already_done` how many of these were
    there before this run. `unreadable` pictures, and other files that were passed over, were not
    touched.
    """

    destination: Path
    counts: Mapping[str, int]
    unreadable: tuple[Skipped, ...]
    already_done: int
    hidden: int  # hidden and system files in the inbox, not looked at
    results: Path  # the table of all scores
    not_kept: tuple[str, ...] = ()  # of pictures moved to another disk, such as "owner"

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def sorted_now(self) -> int:
        return self.total - self.already_done


def plan(
    classifier: Judge,
    inbox: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    options: SortOptions | None = None,
) -> Iterator[Step | Skipped]:
    """What `sort` would still do, picture by picture; nothing is written.

    Raises:
        UsageError, DestinationError: as `sort`, as far as that can be known beforehand.
    """
    work = Work(classifier, inbox, destination, options or SortOptions())
    journal = Journal.load(work.destination)
    if journal is not None:
        check_same(journal, work.request)
    live = journal.live() if journal else []
    return work.steps(journal.settled(live) if journal else {}, Names(work, live))


def sort(
    classifier: Judge,
    inbox: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    options: SortOptions | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> SortResult:
    """Sort the pictures of a folder, or one picture, into `destination`.

    A picture is named `<label>-<score>` with its own suffix as written; a file whose suffix is
    none of a picture gets that of its content. With `keep_names` its own name follows the score,
    or is all of its name in a label's folder. Nothing is overwritten: the next of a name is
    `<name>-2`. All scores are in `results.csv`. Calling again goes on where a run was interrupted,
    or adds what is new in the inbox. `progress` is called with the files dealt with so far and
    with those there are.

    Raises:
        UsageError: there is no such inbox, or it is the destination.
        DestinationError: the destination is full, cannot be written to, is in use, or holds a
            sort that was asked for something else. No picture is lost.
    """
    work = Work(classifier, inbox, destination, options or SortOptions())
    with opened(work.destination, work.request) as journal:
        return _Sorting(work, journal, progress or (lambda done, total: None)).run()


def inbox_of(destination: str | os.PathLike[str]) -> Path | None:
    """Where the pictures that were sorted into a folder came from; None if none were.

    Raises:
        DestinationError: its journal is damaged, or from another release.
    """
    journal = Journal.load(Path(os.path.realpath(destination)))
    return Path(journal.request.inbox) if journal else None


class _Sorting:
    """A sort under way."""

    def __init__(self, work: Work, journal: Journal, progress: Callable[[int, int], None]) -> None:
        self.work = work
        self.journal = journal
        self.progress = progress
        self.placed = journal.live()
        self.already = len(self.placed)
        self.unreadable: list[Skipped] = []
        self.names = Names(work, self.placed)

    def run(self) -> SortResult:
        batch: list[Step] = []
        settled = self.journal.settled(self.placed)
        for step in self.work.steps(settled, self.names):
            if isinstance(step, Skipped):
                self._pass_over(step)
                continue
            batch.append(step)
            if len(batch) >= _BATCH:
                self._carry_out(batch)
                batch = []
        self._carry_out(batch)
        with writing(self.work.destination):
            results = write_results(self.journal, self.placed, self.unreadable)
        counts = Counter(entry.group for entry in self.placed)
        return SortResult(
            destination=self.work.destination,
            counts={group: counts[group] for group in sorted(counts)},
            unreadable=tuple(self.unreadable),
            already_done=self.already,
            hidden=self.work.hidden,
            results=results,
            not_kept=tuple(sorted(self.journal.lost)),
        )

    def _pass_over(self, one: Skipped) -> None:
        self.unreadable.append(one)
        self._tell()

    def _tell(self) -> None:
        done = len(self.placed) + len(self.unreadable)
        self.progress(done, self.already + self.work.waiting)

    def _carry_out(self, batch: Sequence[Step]) -> None:
        ready: list[tuple[Step, Content]] = []
        for step in batch:
            try:
                ready.append((step, content_of(step.source)))
            except PictureError as error:
                self._pass_over(Skipped(self._name(step), error.message))
        placed: list[Entry] = []
        with writing(self.work.destination):
            self.journal.intend(self._line(step, content) for step, content in ready)
            for step, content in ready:
                try:
                    placed.append(self._place(step, content))
                except PictureError as error:
                    self._pass_over(Skipped(self._name(step), error.message))
                    continue
                self.placed.append(placed[-1])
                self._tell()
            self.journal.finish(placed)

    def _place(self, step: Step, content: Content) -> Entry:
        while True:
            entry = self.journal.entries[step.target]
            try:
                self.journal.place(entry)
            except FileExistsError:  # it has appeared since the name was chosen
                step = self.names.step(step.source, step)
                self.journal.intend([self._line(step, content)])
            else:
                return entry

    def _name(self, step: Step) -> str:
        return step.source.relative_to(self.work.root).as_posix()

    def _line(self, step: Step, content: Content) -> dict[str, object]:
        return {
            "source": self._name(step),
            "target": step.target,
            "group": step.group,
            "content": asdict(content),
            "label": step.label,
            "score": step.score,
            "scores": dict(step.scores),
            "unknown": step.unknown,
        }
