"""What a sort has to do: which pictures are left, and the name that each of them gets."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

from ..dataset.filenames import folded, kept_stem, longest_name, named, safe_name, suffix_of
from ..dataset.stored.containers import check_are_files
from ..dataset.walk import Walk
from ..errors import DestinationError, PictureError, UsageError, option
from ..files.compact import HashTable, Packed
from ..files.journal.record import Entry
from ..files.on_disk import check_pictures_here, check_written_here
from ..files.skipped import SkippedFile
from ..files.transfer import NO_FILE, Stamp, content_of, stamp_of
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from .journal import STATE, Request

UNSURE = "unsure"
NONE_OF_THESE = "none-of-these"
NOT_MOVED = "a link; only files themselves are moved"


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
    keep_names: bool = False  # a picture's own name stays part of its new one
    unsure_below: float = 0.0
    follow_links: bool = False  # into linked folders of the inbox

    def __post_init__(self) -> None:
        if self.how not in ("copy", "link", "move"):
            raise UsageError(f"Pictures are sorted by copy, link or move, not {self.how!r}.")
        if not 0 <= self.unsure_below <= 1:
            raise UsageError(
                f"A score is between 0 and 1, and {self.unsure_below:g} is not.",
                hint=f"Give a number such as {option('unsure_below=0.8')}.",
            )


@dataclass(frozen=True)
class SortStep:
    """One picture: where it is, where it goes below the destination, and why."""

    source: Path  # the picture, in the inbox
    target: str  # below the destination, with `/` on every system
    label: str  # the one with the highest score
    score: float  # of that label
    scores: Mapping[str, float]  # of all labels
    unknown: bool  # none of the labels; `label` is only the closest
    group: str  # what it is counted under: its label as written in names, or its folder
    seen: Stamp | None = field(default=None, repr=False, compare=False)  # the file, beforehand


class Work:
    """One call's arguments, checked and looked up."""

    def __init__(
        self,
        classifier: Judge,
        inbox: str | os.PathLike[str],
        destination: str | os.PathLike[str],
        options: SortOptions,
    ) -> None:
        check_written_here(destination)
        check_pictures_here(inbox)
        given = Path(inbox)
        if not os.path.isdir(given):  # pictures may come yet into a folder of nothing but tars
            check_are_files(inbox)
        if not os.path.exists(given):
            raise UsageError(
                f"{shown(given)} does not exist.", hint="Give a folder of pictures, or one picture."
            )
        self.options = options
        self.destination = Path(os.path.realpath(destination))
        self.only = "" if os.path.isdir(given) else given.name
        self.root = Path(os.path.realpath(given.parent if self.only else given))
        if self.destination == self.root and not self.only:
            raise UsageError(
                f"{shown(given)} cannot be sorted into itself.",
                hint="Give a new folder; it may be one inside.",
            )
        if os.path.exists(self.destination) and not os.path.isdir(self.destination):
            raise DestinationError(
                f"{shown(destination)} is a file, and pictures are sorted into a folder.",
                hint="Choose another name.",
            )
        self.ask(classifier)
        self.hidden = 0
        self.waiting = 0  # files to deal with, known once the inbox was looked through

    def ask(self, classifier: Judge) -> None:
        """Have a classifier say what is in the pictures, from now on."""
        self.classifier = classifier
        self.request = Request(
            inbox=str(self.root),
            only=self.only,
            options={**asdict(self.options), "admit": classifier.admit},
            labels=tuple(classifier.labels),
            model=classifier.digest,
        )

    def steps(
        self, settled: Callable[[str], Entry | None], names: Names
    ) -> Iterator[SortStep | SkippedFile]:
        """All that is left to do, in the order of names; `settled` gives what was sorted before by
        its name in the inbox."""
        waiting, skipped = self._left(settled)
        self.waiting = len(skipped) + len(waiting)
        yield from skipped
        seen = deque[Stamp]()  # of those that are asked for and not answered yet
        paths = self._noted(waiting, seen)  # a path takes far more room than its name
        answers = self.classifier.predict_many(paths, errors="return")
        for name, answer in zip(waiting, answers, strict=True):
            before = seen.popleft()
            if isinstance(answer, PictureError):
                yield SkippedFile(name, answer.message)
            else:
                yield names.step(self.root / name, answer, before)

    def _noted(self, names: Iterable[str], seen: deque[Stamp]) -> Iterator[Path]:
        """The pictures, each with what its file is like before it is read."""
        for name in names:
            path = self.root / name
            try:
                seen.append(stamp_of(path))
            except NoAnswerError:  # whoever reads it says so
                seen.append(NO_FILE)
            yield path

    def _left(self, settled: Callable[[str], Entry | None]) -> tuple[Packed, list[SkippedFile]]:
        """The names of the pictures that are left to do, and what cannot be sorted, without what
        this or another sort has put into the inbox."""
        waiting, links = Packed(), list[SkippedFile]()
        walk = Walk(self.root, self.options.follow_links)
        inside = [(self.root / self.only, self.only)] if self.only else walk.pictures(self.root)
        is_output = self.output_test()
        for path, name in inside:
            if is_output(path):
                continue
            if self.options.how == "move" and os.path.islink(path):
                links.append(SkippedFile(name, NOT_MOVED))
            elif not self.is_done(path, settled(name)):
                waiting.append(name)
        self.hidden = walk.hidden
        skipped = [one for one in walk.skipped if not is_output(self.root / one.name)]
        return waiting, skipped + links

    def output_test(self) -> Callable[[Path], bool]:
        """Whether a path below the inbox is the output of a sort."""
        root, destination = self.root, self.destination
        inside = root.is_relative_to(destination)  # then no output goes below the inbox: `Names`

        def is_ours(real: Path) -> bool:
            return real.is_relative_to(destination) and not (inside and real.is_relative_to(root))

        real = {root: root}  # where the folders looked at really are
        sorted_into = {root: False}

        def is_sorted(folder: Path) -> bool:
            lineage = []  # no recursion: folders may lie deep in each other
            while folder not in real:
                lineage.append(folder)
                folder = folder.parent
            for inner in reversed(lineage):
                above = real[inner.parent]
                is_link = self.options.follow_links and os.path.islink(inner)
                real[inner] = self._real(inner) if is_link else above / inner.name
                sorted_into[inner] = (
                    sorted_into[inner.parent]
                    or is_ours(real[inner])
                    or os.path.isdir(inner / STATE)
                )
            return sorted_into[lineage[0] if lineage else folder]

        def is_output(path: Path) -> bool:
            if os.path.islink(path):
                return is_ours(self._real(path)) or is_sorted(path.parent)
            return is_sorted(path if os.path.isdir(path) else path.parent)

        return is_output

    def _real(self, path: Path) -> Path:
        """Where a link leads; where its drive does not answer, as if it led nowhere."""
        try:
            return Path(answered(lambda call: os.path.realpath(path), self.root))
        except NoAnswerError:
            return path

    def is_done(self, path: Path, entry: Entry | None, *, by_content: bool = False) -> bool:
        """Whether a picture is the one that was sorted before, and not another of its name. One of
        the same size and time is, unless it is looked at `by_content`."""
        if entry is None:
            return False
        try:
            found = path.stat()
            if found.st_size != entry.content.size:
                return False
            same_time = not by_content and found.st_mtime_ns == entry.content.mtime_ns
            return same_time or content_of(path).sha256 == entry.content.sha256
        except (OSError, PictureError):
            return False


class Names:
    """Gives each picture a name that is safe on every system, and free."""

    def __init__(self, work: Work, before: Iterable[Entry] = ()) -> None:
        """`before`: what is in the destination."""
        self.work = work
        # By a hash of each name that is taken, the number that was given last for its sake. Two
        # names of one hash would be a number too much, the same in each run.
        self.taken = HashTable("I")
        for entry in before:
            self.take(entry)
        self.used: set[str] = set()
        self.longest = longest_name(work.destination)
        self.unsure = self._unique(UNSURE, is_folder=True)
        self.strangers = self._unique(NONE_OF_THESE, is_folder=True)
        self.of_label: dict[str, str] = {}
        for label in work.request.labels:
            self._name(label)

    def step(self, source: Path, answer: Verdict, seen: Stamp | None = None) -> SortStep:
        label, score = answer.label, answer.score
        name = self._name(label)
        unsure = score < self.work.options.unsure_below or math.isnan(score)
        apart = self.strangers if answer.unknown else self.unsure if unsure else ""
        into_folders, keep = self.work.options.into_folders, self.work.options.keep_names
        folder = apart or (name if into_folders else "")
        suffix = suffix_of(source)
        stem = f"{name}-{score:.5f}"
        if keep:
            own = kept_stem(source, suffix)
            stem = own if into_folders and not apart else f"{stem}-{own}"
        target = self._free(folder, stem, suffix)
        return SortStep(
            source, target, label, score, answer.scores, answer.unknown, apart or name, seen
        )

    def take(self, entry: Entry) -> None:
        """Give nobody the name of something that is in the destination."""
        self._take(_hashed(folded(entry.target)))

    def _take(self, key: int) -> None:
        if self.taken.first(key) is None:
            self.taken.add(key, 1)

    def _free(self, folder: str, stem: str, suffix: str) -> str:
        """`stem.suffix` in a folder, or the next number of it, that neither stands nor is spoken
        for."""

        def numbered(number: int) -> tuple[str, int]:
            ending = f"-{number}{suffix}" if number > 1 else suffix
            target = str(PurePosixPath(folder, named(stem, ending, self.longest)))
            return target, _hashed(folded(target))

        target, key = numbered(1)
        number = self.taken.first(key) or 0
        if number > 1 and self.taken.first(numbered(number)[1]) is None:  # another name's hash
            number = 0
        while True:
            number += 1
            target, own = numbered(number) if number > 1 else (target, key)
            if self.taken.first(own) is None and not os.path.lexists(
                self.work.destination / target
            ):
                self._take(own)
                self.taken.put(key, number)
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
        return os.path.islink(path) or not os.path.isdir(path) or path.samefile(self.work.root)


def _hashed(name: str) -> int:
    """64 bits of a name, the same in each process."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
