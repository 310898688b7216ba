"""An inbox of pictures -> one named file a picture in a destination, by what a classifier says.

`plan` tells what would be done; `sort` does it, in batches: each is written into the journal
(`journal.py`), then placed. Killed at any moment it loses nothing, and the same call goes on to the
very names that an undisturbed run gives. `undo` (see there) takes back what was done.
"""

from __future__ import annotations

import csv
import functools
import itertools
import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

from ..dataset import Skipped, pictures_below
from ..errors import DestinationError, PictureError, UsageError
from ..files import sync
from ..naming import folded, safe_name, suffix_of
from ..placing import STATE, Content, content_of, part_beside, take_place
from ..wording import csv_cell, shown
from .journal import Entry, Journal, Request, check_same, opened, writing
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

RESULTS = "results.csv"
UNSURE = "unsure"
NONE_OF_THESE = "none-of-these"
_BATCH = 32  # pictures between two syncs of the journal; a kill repeats at most so many
_COLUMNS = ("path", "sorted_as", "label", "score", "unknown", "error")


class Verdict(Protocol):
    """What a classifier says of one picture."""

    @property
    def label(self) -> str: ...

    @property
    def score(self) -> float: ...

    @property
    def scores(self) -> Mapping[str, float]: ...

    @property
    def unknown(self) -> bool: ...


class Judge(Protocol):
    """What `sort` asks of a classifier: `tellapart.Classifier` has it."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def digest(self) -> str: ...

    @property
    def admit(self) -> float: ...

    def predict_many(
        self, pictures: Iterable[Path], *, errors: Literal["return"]
    ) -> Iterable[Verdict | PictureError]: ...


@dataclass(frozen=True)
class SortOptions:
    """How to sort. `unsure_below`: pictures with a lower score go to a folder of their own."""

    how: Literal["copy", "link", "move"] = "copy"
    into_folders: bool = False  # one folder a label
    unsure_below: float = 0.0
    follow_links: bool = False  # into linked folders of the inbox

    def __post_init__(self) -> None:
        if self.how not in ("copy", "link", "move"):
            raise UsageError(f"Pictures are sorted by copy, link or move, not {self.how!r}.")
        if not 0 <= self.unsure_below <= 1:
            raise UsageError(
                f"A score is between 0 and 1, and {self.unsure_below:g} is not.",
                hint="Give --unsure-below a number such as 0.8.",
            )


@dataclass(frozen=True)
class Step:
    """One picture: where it is, where it goes below the destination, and why."""

    source: Path
    target: str  # with `/` on every system
    label: str
    score: float
    scores: Mapping[str, float]
    unknown: bool  # none of the labels; `label` is only the closest
    group: str  # what it is counted under: its label as written in names, or its folder


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
    work = _Work(classifier, inbox, destination, options or SortOptions())
    journal = Journal.load(work.destination)
    if journal is not None:
        check_same(journal, work.request)
    live = journal.live() if journal else []
    return work.steps(journal.settled(live) if journal else {}, _Names(work, live))


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
    none of a picture gets that of its content. Nothing is overwritten: the next of a name is
    `<name>-2`. All scores are in `results.csv`. Calling again goes on where a run was interrupted,
    or adds what is new in the inbox. `progress` is called with the files dealt with so far and
    with those there are.

    Raises:
        UsageError: there is no such inbox, or it is the destination.
        DestinationError: the destination is full, cannot be written to, is in use, or holds a
            sort that was asked for something else. No picture is lost.
    """
    work = _Work(classifier, inbox, destination, options or SortOptions())
    with opened(work.destination, work.request) as journal:
        return _Sorting(work, journal, progress or (lambda done, total: None)).run()


def inbox_of(destination: str | os.PathLike[str]) -> Path | None:
    """Where the pictures that were sorted into a folder came from; None if none were.

    Raises:
        DestinationError: its journal is damaged, or from another release.
    """
    journal = Journal.load(Path(os.path.realpath(destination)))
    return Path(journal.request.inbox) if journal else None


class _Work:
    """One call's arguments, checked and looked up."""

    def __init__(
        self,
        classifier: Judge,
        inbox: str | os.PathLike[str],
        destination: str | os.PathLike[str],
        options: SortOptions,
    ) -> None:
        given = Path(inbox)
        if not os.path.exists(given):
            raise UsageError(
                f"There is no {shown(given)}.", hint="Give a folder of pictures, or one picture."
            )
        self.classifier = classifier
        self.options = options
        self.destination = Path(os.path.realpath(destination))
        self.only = "" if given.is_dir() else given.name
        self.root = Path(os.path.realpath(given.parent if self.only else given))
        if self.destination == self.root and not self.only:
            raise UsageError(
                f"{shown(given)} cannot be sorted into itself.",
                hint="Give a new folder; it may be one inside.",
            )
        if self.destination.exists() and not self.destination.is_dir():
            raise DestinationError(
                f"{shown(destination)} is a file, and pictures are sorted into a folder.",
                hint="Choose another name.",
            )
        self.request = Request(
            inbox=str(self.root),
            only=self.only,
            options={**asdict(options), "admit": classifier.admit},
            labels=tuple(classifier.labels),
            model=classifier.digest,
        )
        self.hidden = 0
        self.waiting = 0  # files to deal with, known once the inbox was looked through

    def steps(self, settled: Mapping[str, Entry], names: _Names) -> Iterator[Step | Skipped]:
        """All that is left to do, in the order of names."""
        pictures, skipped = self._look()
        waiting = [(p, name) for p, name in pictures if not self._is_done(p, settled.get(name))]
        self.waiting = len(skipped) + len(waiting)
        yield from skipped
        answers = self.classifier.predict_many((path for path, _ in waiting), errors="return")
        for (path, name), answer in zip(waiting, answers, strict=True):
            if isinstance(answer, PictureError):
                yield Skipped(name, answer.message)
            else:
                yield names.step(path, answer)

    def _look(self) -> tuple[list[tuple[Path, str]], list[Skipped]]:
        """What is in the inbox, without what this or another sort has put there."""
        if self.only:
            pictures, found = [(self.root / self.only, self.only)], list[Skipped]()
        else:
            pictures, found, self.hidden = pictures_below(
                self.root, follow_links=self.options.follow_links
            )
        is_output = self._output_test()
        skipped = [one for one in found if not is_output(self.root / one.name)]
        pictures = [one for one in pictures if not is_output(one[0])]
        if self.options.how == "move":
            reason = "a link; only files themselves are moved"
            skipped += [Skipped(name, reason) for path, name in pictures if path.is_symlink()]
            pictures = [one for one in pictures if not one[0].is_symlink()]
        return pictures, skipped

    def _output_test(self) -> Callable[[Path], bool]:
        """Whether a path below the inbox is the output of a sort."""
        root, destination = self.root, self.destination
        inside = root.is_relative_to(destination)  # then no output goes below the inbox: `_Names`

        def is_ours(real: Path) -> bool:
            return real.is_relative_to(destination) and not (inside and real.is_relative_to(root))

        @functools.cache
        def is_sorted(folder: Path) -> bool:
            if folder == root:
                return False
            return (
                is_ours(Path(os.path.realpath(folder)))
                or (folder / STATE).is_dir()
                or is_sorted(folder.parent)
            )

        def is_output(path: Path) -> bool:
            if path.is_symlink() and is_ours(Path(os.path.realpath(path))):
                return True
            return is_sorted(path if path.is_dir() else path.parent)

        return is_output

    def _is_done(self, path: Path, entry: Entry | None) -> bool:
        """Whether a picture is the one that was sorted before, and not another of its name."""
        if entry is None:
            return False
        try:
            found = path.stat()
            if found.st_size != entry.content.size:
                return False
            same_time = found.st_mtime_ns == entry.content.mtime_ns
            return same_time or content_of(path).sha256 == entry.content.sha256
        except (OSError, PictureError):
            return False


class _Names:
    """Gives each picture a name that is safe on every system, and free."""

    def __init__(self, work: _Work, live: Sequence[Entry]) -> None:
        self.work = work
        self.taken = {folded(entry.target) for entry in live}
        self.last: dict[str, int] = {}  # the number given last to each name
        self.used: set[str] = set()
        self.unsure = self._unique(UNSURE, is_folder=True)
        self.strangers = self._unique(NONE_OF_THESE, is_folder=True)
        self.of_label: dict[str, str] = {}
        for label in work.request.labels:
            self._name(label)

    def step(self, source: Path, answer: Verdict) -> Step:
        label, score = answer.label, answer.score
        name = self._name(label)
        unsure = score < self.work.options.unsure_below or math.isnan(score)
        apart = self.strangers if answer.unknown else self.unsure if unsure else ""
        folder = apart or (name if self.work.options.into_folders else "")
        target = self._free(str(PurePosixPath(folder, f"{name}-{score:.5f}")), suffix_of(source))
        return Step(source, target, label, score, answer.scores, answer.unknown, apart or name)

    def _free(self, stem: str, suffix: str) -> str:
        """`stem.suffix`, or the next number of it, that neither stands nor is spoken for."""
        key = folded(stem + suffix)
        while True:
            number = self.last[key] = self.last.get(key, 0) + 1
            target = f"{stem}-{number}{suffix}" if number > 1 else stem + suffix
            known_as = folded(target) if number > 1 else key
            if known_as in self.taken or os.path.lexists(self.work.destination / target):
                continue
            self.taken.add(known_as)
            return target

    def _name(self, label: str) -> str:
        if label not in self.of_label:
            folders = self.work.options.into_folders
            self.of_label[label] = self._unique(safe_name(label), is_folder=folders)
        return self.of_label[label]

    def _unique(self, name: str, *, is_folder: bool) -> str:
        number, candidate = 1, name
        while folded(candidate) in self.used or (is_folder and self._is_taken(candidate)):
            number += 1
            candidate = f"{name}-{number}"
        self.used.add(folded(candidate))
        return candidate

    def _is_taken(self, name: str) -> bool:
        """Whether a folder cannot have a name: a file has it, a link, or the inbox itself."""
        path = self.work.destination / name
        if not os.path.lexists(path):
            return False
        return path.is_symlink() or not path.is_dir() or path.samefile(self.work.root)


class _Sorting:
    """A sort under way."""

    def __init__(self, work: _Work, journal: Journal, progress: Callable[[int, int], None]) -> None:
        self.work = work
        self.journal = journal
        self.progress = progress
        self.placed = journal.live()
        self.already = len(self.placed)
        self.unreadable: list[Skipped] = []
        self.names = _Names(work, self.placed)

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
            results = self._write_results()
        counts = Counter(entry.group for entry in self.placed)
        return SortResult(
            destination=self.work.destination,
            counts={group: counts[group] for group in sorted(counts)},
            unreadable=tuple(self.unreadable),
            already_done=self.already,
            hidden=self.work.hidden,
            results=results,
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

    def _write_results(self) -> Path:
        """The table of all that is sorted; a file of that name that is the user's is left."""
        folder, journal = self.work.destination, self.journal
        part = part_beside(folder / RESULTS, journal.token)
        try:
            self._write_rows(part)
            digest = content_of(part).sha256
            for number in itertools.count(1):
                path = folder / (f"results-{number}.csv" if number > 1 else RESULTS)
                if os.path.lexists(path) and not journal.is_own_table(path):
                    continue
                if os.path.lexists(path) and content_of(path).sha256 == digest:
                    return path
                journal.append([{"results": path.name, "sha256": digest}], synced=True)
                with suppress(FileExistsError):
                    if os.path.lexists(path):
                        os.replace(part, path)
                    else:
                        take_place(part, path, journal.token)
                    sync(folder)
                    return path
        finally:
            part.unlink(missing_ok=True)
        raise AssertionError("there is always another number")

    def _write_rows(self, path: Path) -> None:
        """One row a picture or unreadable file, by path; the scores come from the journal."""
        labels = self.work.request.labels
        rows: list[tuple[str, str, Entry | Skipped]] = [
            *((entry.source, entry.target, entry) for entry in self.placed),
            *((one.name, "", one) for one in self.unreadable),
        ]
        rows.sort(key=lambda row: row[:2])
        heads = [f"score of {label}" if label in _COLUMNS else label for label in labels]
        with path.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
            table.writerow([*_COLUMNS[:4], *map(_cell, heads), *_COLUMNS[4:]])
            for source, target, what in rows:
                if isinstance(what, Skipped):
                    table.writerow([_cell(source), *[""] * (4 + len(labels)), _cell(what.reason)])
                    continue
                given = self.journal.answer(what)
                scores = [given.scores.get(label) for label in labels]
                table.writerow(
                    [
                        _cell(source),
                        _cell(target),
                        _cell(given.label),
                        f"{given.score:.5f}",
                        *("" if score is None else f"{score:.5f}" for score in scores),
                        "yes" if given.unknown else "no",
                        "",
                    ]
                )
            stream.flush()
            os.fsync(stream.fileno())


def _cell(text: str) -> str:
    """Text as one line that no spreadsheet takes for a formula."""
    return csv_cell(shown(text))
