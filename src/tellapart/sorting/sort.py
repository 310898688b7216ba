"""An inbox of pictures -> one named file a picture in a destination, by what a classifier says.

`plan` tells what would be done; `sort` does it, in batches: each is written into the journal
(`files/journal/`), then placed. Killed at any moment it loses nothing, and the same call goes on
to the very names that an undisturbed run gives. `undo` takes back what was done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dataset.sources import SkippedFile
from ..dataset.stored.containers import check_are_files
from ..files.journal.journal import Journal, writing
from ..files.journal.record import Placement
from ..files.journal.undo import UndoResult
from ..files.journal.undo import undo as undo_
from .journal import (
    SORTING,
    Answer,
    check_same,
    is_settled,
    opened,
    request_of,
    settled_index,
)
from .placed import Placed
from .plan import Judge, Names, SortOptions, SortStep, Work
from .results import write_results

__all__ = [
    "SortOptions",
    "SortResult",
    "SortStep",
    "UndoResult",
    "inbox_of",
    "plan",
    "sort",
    "undo",
]


_AT_ONCE = 256  # pictures between two syncs of the journal
_SCORES_AT_ONCE = 100_000  # and scores, which are in memory then


@dataclass(frozen=True)
class SortResult:
    """What is sorted now, by this run and those before it."""

    destination: Path  # the folder that the pictures are in now
    counts: Mapping[str, int]  # the pictures of each label and of "unsure"
    unreadable: tuple[
        SkippedFile, ...
    ]  # pictures and other files that were passed over, not touched
    already_done: int  # how many of the counted pictures were there before this run
    hidden: int  # hidden and system files in the inbox, not looked at
    results: Path  # the table of all scores
    not_kept: tuple[str, ...] = ()  # of pictures moved to another disk, such as "owner"
    waiting: tuple[str, ...] = ()  # files that came too late for a watch that was ended

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
) -> Iterator[SortStep | SkippedFile]:
    """What `sort` would still do, picture by picture; nothing is written.

    Raises:
        UsageError, DestinationError: as `sort`, as far as that can be known beforehand.
    """
    work = Work(classifier, inbox, destination, options or SortOptions())
    journal = Journal.load(work.destination, SORTING)
    if journal is None:
        check_are_files(inbox)
    elif _is_empty(journal):
        journal = None
    else:
        check_same(journal, work.request)
    return _planned(work, journal)


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
        UsageError: there is no such inbox, it is the destination, or it holds nothing but tars or
            Parquet files.
        DestinationError: the destination is full, cannot be written to, is in use, or holds a
            sort that was asked for something else. No picture is lost.
    """
    work = Work(classifier, inbox, destination, options or SortOptions())
    begun = os.path.isdir(work.destination)
    journal = Journal.load(work.destination, SORTING) if begun else None
    if journal is None:  # what was sorted by moving may leave nothing but tars
        check_are_files(inbox)
    elif _is_empty(journal):
        undo(work.destination)
    with opened(work.destination, work.request) as journal:
        return _Sorting(work, journal, progress or (lambda done, total: None)).run()


def _is_empty(journal: Journal) -> bool:
    """Whether a sort placed nothing: then another may take its place."""
    with closing(journal):
        return next(iter(journal.entries), None) is None


def inbox_of(destination: str | os.PathLike[str]) -> Path | None:
    """Where the pictures that were sorted into a folder came from; None if none were.

    Raises:
        DestinationError: its journal is damaged, or from another release.
    """
    journal = Journal.load(Path(os.path.realpath(destination)), SORTING)
    return Path(request_of(journal).inbox) if journal else None


def undo(destination: str | os.PathLike[str]) -> UndoResult:
    """Take back what `sort` did in a folder, and nothing else: see `files/journal/`.

    Raises:
        UsageError: nothing was sorted there.
        DestinationError: the journal is damaged, or another run is at work.
    """
    return undo_(destination, SORTING)


def _planned(work: Work, journal: Journal | None) -> Iterator[SortStep | SkippedFile]:
    names = Names(work)
    if journal is None:
        yield from work.steps(lambda name: None, names)
        return
    settled = settled_index(journal)
    with closing(journal):
        for entry in journal.living():
            names.take(entry)
            if is_settled(journal, entry):
                settled.put(entry)
        yield from work.steps(settled.get, names)


class _Sorting:
    """A sort under way."""

    def __init__(self, work: Work, journal: Journal, progress: Callable[[int, int], None]) -> None:
        self.work = work
        self.journal = journal
        self.progress = progress
        self.unreadable: list[SkippedFile] = []
        self.names = Names(work)
        self.settled = settled_index(journal)
        self.placed = Placed(journal)
        for entry in journal.living():
            self.placed.add(entry)
            self.names.take(entry)
            if is_settled(journal, entry):
                self.settled.put(entry)
        self.already = len(self.placed)
        self._at_once = max(1, min(_AT_ONCE, _SCORES_AT_ONCE // len(work.request.labels)))

    def run(self) -> SortResult:
        for one in self.journal.carry_out(self._placements(), self._renamed, at_once=self._at_once):
            if isinstance(one, SkippedFile):
                self._pass_over(one)
            else:
                self.placed.add(one)
                self._tell()
        return concluded(self.work, self.placed, self.unreadable, self.already)

    def _pass_over(self, one: SkippedFile) -> None:
        self.unreadable.append(one)
        self._tell()

    def _tell(self) -> None:
        done = len(self.placed) + len(self.unreadable)
        self.progress(done, self.already + self.work.waiting)

    def _placements(self) -> Iterator[Placement]:
        for step in self.work.steps(self.settled.get, self.names):
            if isinstance(step, SkippedFile):
                self._pass_over(step)
            else:
                yield placement(self.work, step)

    def _renamed(self, taken: Placement) -> Placement:
        """Where the name of a picture is taken by something that has appeared."""
        said: Any = taken.extra
        source = self.work.root / taken.source
        return placement(self.work, self.names.step(source, Answer(**said), taken.seen))


def placement(work: Work, step: SortStep) -> Placement:
    """A step as the journal takes it."""
    return Placement(
        source=step.source.relative_to(work.root).as_posix(),
        target=step.target,
        group=step.group,
        extra={
            "label": step.label,
            "score": step.score,
            "scores": dict(step.scores),
            "unknown": step.unknown,
        },
        seen=step.seen,
    )


def concluded(
    work: Work, placed: Placed, unreadable: Sequence[SkippedFile], already: int
) -> SortResult:
    """What is sorted now; the table of it is written. `already`: how many were so before.

    Raises:
        DestinationError: the table cannot be written.
    """
    with writing(work.destination, SORTING):
        results = write_results(placed, unreadable)
    return SortResult(
        destination=work.destination,
        counts={group: placed.counts[group] for group in sorted(placed.counts)},
        unreadable=tuple(unreadable),
        already_done=already,
        hidden=work.hidden,
        results=results,
        not_kept=tuple(sorted(placed.journal.lost)),
    )
