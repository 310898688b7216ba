"""From a list of addresses, a video, a folder or an archive to pictures in labelled folders.

Everything that comes is decoded, compared with what is there, and placed by the journal that also
serves sorting and mending (`files/journal/`): killed at any moment it leaves whole pictures
alone, the same call goes on, and `undo` takes back what was collected. `collected.csv` beside the
pictures says where each comes from, and what did not come and why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path, PurePosixPath

from ..dataset.sources import SkippedFile, pictures_below
from ..errors import PictureError, UsageError, option
from ..files.journal.journal import Journal, writing
from ..files.journal.record import Entry, Placement
from ..files.journal.state import opened, remove_state
from ..files.journal.undo import UndoResult
from ..files.journal.undo import undo as undo_
from ..files.reading import read_content
from ..images.kinds import SUFFIXES
from ..text import several, shown
from ..workers.local import Each, local_map
from .arguments import beside, check_folders, check_numbers
from .arrivals import Absent, Arrival, Batch, Source, source_of
from .copies import Seen
from .downloading import Manner
from .fetching import Limits
from .naming import Names, why_never_read
from .provenance import COLLECTING, Origin, Outcome, journaled, noted, read_origins, write_origins
from .ready import Ready, ready
from .staging import Staging

DIFFER = 0.12  # of a video's frames: see `video.frames`
EVERY = 0.5  # seconds


@dataclass(frozen=True)
class Collected:
    """What was collected, by this run and those before it.

    Attributes:
        into: the folder that the pictures are in.
        pictures: those that came now.
        duplicates: those that were left out, because the picture was there.
        failed: those that did not come, each with its reason; the next run tries them again.
        already_done: how many of the source were there from an earlier run.
        unread: lines and files of the source that were passed over.
        notes: sentences on what could be meant otherwise.
        table: the path of `collected.csv`.
    """

    into: Path
    pictures: tuple[Origin, ...]
    duplicates: tuple[Origin, ...]
    failed: tuple[Origin, ...]
    already_done: int
    unread: tuple[SkippedFile, ...]
    notes: tuple[str, ...]
    table: Path

    @property
    def not_come(self) -> tuple[SkippedFile, ...]:
        """What failed, as files that cannot be read are told of."""
        return tuple(SkippedFile(one.source, one.reason) for one in self.failed)


def collect(
    source: str | os.PathLike[str],
    into: str | os.PathLike[str],
    *,
    label: str | None = None,
    max_side: int | None = None,
    max_bytes: int = 20_000_000,
    per_host: int = 2,
    retries: int = 3,
    timeout: float = 60.0,
    pause: float = 1.0,
    allow_private: bool = False,
    every: float = EVERY,
    differ: float = DIFFER,
    progress: Callable[[int, int | None], None] | None = None,
) -> Collected:
    """Collect pictures into `into/<label>/`, and leave out what is there already.

    Calling again goes on where a run was interrupted, and tries again what has failed.

    Args:
        source: a list of addresses (text, CSV or JSONL with the columns label, url and perhaps
            licence), a video, or a folder, table or archive of pictures.
        into: the folder of labelled pictures to add to; it is made if need be.
        label: of all pictures of a video or folder, and of lines of a list that name none.
        max_side: in pixels; a picture with a longer side is saved anew, as JPEG, to fit.
        max_bytes: of a picture that is fetched; a larger one is not kept.
        per_host: requests to one host at a time.
        retries: how often an address is asked again that may answer later.
        timeout: seconds in which a request has to be done.
        pause: seconds before an address is asked again, and twice that each further time, where
            its server does not say.
        allow_private: also ask this machine and private networks.
        every: seconds of a video between the frames that are looked at.
        differ: how far a frame of a video has to be from all others, 0 to 1: see `video.frames`.
        progress: called with how many are dealt with, and of how many.

    Raises:
        UsageError: an argument cannot be used, or `into` has parts such as train and test.
        DatasetError: the source cannot be read.
        DestinationError: `into` cannot be written to, or another run is at work in it.
        MissingExtraError: PyAV, for videos, is not installed.
    """
    check_numbers(max_side, max_bytes, per_host, retries, timeout, pause, every, differ)
    if label is not None and not label.strip():
        raise UsageError("A label has at least one letter.", hint=f"Give {option('label=rose')}.")
    check_folders(Path(source), Path(into))
    limits = Limits(timeout, max_bytes, allow_private)
    manner = Manner(limits, per_host, retries, pause, max_side)
    folder = Path(os.path.realpath(into))

    @cache
    def why_never(label: str) -> str:
        return why_never_read(label, folder)

    if label is not None and (why := why_never(label)):
        raise UsageError(
            f"Nothing was collected: {why}.", hint=f"Give another with {option('label=LABEL')}."
        )
    found = source_of(Path(source), label, manner, every, differ, why_never)
    with opened(folder, COLLECTING, request={}) as journal:
        return _Collecting(found, folder, journal, progress or (lambda done, total: None)).run()


def undo(into: str | os.PathLike[str]) -> UndoResult:
    """Take back all that was collected into a folder, and nothing else: see `files/journal/`.

    Pictures that were fetched or taken from a video are removed; a copy goes only as long as its
    original is there; what has been changed since stays.

    Raises:
        UsageError: nothing was collected there.
        DestinationError: the journal is damaged, or another run is at work.
    """
    folder = Path(os.path.realpath(into))
    journal = Journal.load(folder, COLLECTING)
    result = undo_(folder, COLLECTING)
    if not result.unfinished:
        Staging(folder).clear()
        remove_state(folder, COLLECTING, journal.made if journal else ())
    return replace(
        result, left=tuple(SkippedFile(one.name, _plain(one.reason)) for one in result.left)
    )


def _plain(reason: str) -> str:
    """Without the hidden place where a fetched picture has waited."""
    return reason.partition("; it came from ")[0] if COLLECTING.hidden in reason else reason


class _Collecting:
    """A collecting under way."""

    def __init__(
        self,
        source: Source,
        folder: Path,
        journal: Journal,
        progress: Callable[[int, int | None], None],
    ) -> None:
        self.source, self.folder, self.journal, self.progress = source, folder, journal, progress
        self.staging = Staging(folder)
        self.seen = Seen()
        self.names = Names(folder)
        self.now: list[Origin] = []

    def run(self) -> Collected:
        with writing(self.folder, COLLECTING):
            there = self._look()
        before = self._before(there)
        known = frozenset(key for key, one in before.items() if one.outcome != "failed")
        already = sum(name in known for name in self.source.labels)
        try:
            with closing(self.source.open(known)) as batches:
                for batch in batches:
                    with writing(self.folder, COLLECTING):
                        self._take(batch)
                    self.progress(already + len(self.now), self.source.count)
        finally:
            with writing(self.folder, COLLECTING):
                self.staging.clear()  # first: the disk may be full
                table = write_origins(self.journal, self._origins(before))
        return Collected(
            into=self.folder,
            pictures=self._now("collected"),
            duplicates=self._now("duplicate"),
            failed=self._now("failed"),
            already_done=already,
            unread=self.source.unread,
            notes=(*self.source.notes, *self._relabelled(before)),
            table=table,
        )

    def _relabelled(self, before: Mapping[str, Origin]) -> Iterator[str]:
        """A sentence on what an earlier run has put under another label than is asked for now."""
        found = [
            (before[name], label)
            for name, label in self.source.labels.items()
            if name in before and before[name].outcome == "collected"
            if before[name].collected_as != label
        ]
        if found:
            one, label = found[0]
            yield (
                f"{several(len(found), 'picture')} came in an earlier run under another label, and "
                f"stayed there: {shown(one.picture)} is now listed as {shown(label)}."
            )

    def _now(self, outcome: str) -> tuple[Origin, ...]:
        return tuple(one for one in self.now if one.outcome == outcome)

    def _look(self) -> dict[str, str]:
        """Take in the pictures that are there; sha256 -> name of each."""
        pictures, _, _ = pictures_below(self.folder)
        for part in beside(self.folder):
            below, _, _ = pictures_below(part)
            pictures += [(path, f"../{part.name}/{name}") for path, name in below]
        there: dict[str, str] = {}

        def look(one: tuple[Path, str]) -> tuple[str, Ready | None]:
            try:
                content = read_content(one[0])
                return one[1], replace(ready(content, suffix=one[0].suffix), content=b"")
            except PictureError:
                return one[1], None

        for name, picture in local_map(Each(look), ([one] for one in pictures)):
            if picture is not None:
                self.seen.add(name, picture.sha256, picture.look)
                there.setdefault(picture.sha256, name)
        return there

    def _before(self, there: dict[str, str]) -> dict[str, Origin]:
        """By source, what came of it in earlier runs, as far as that still holds."""
        tables = read_origins(self.folder, self.journal.results)
        found: dict[str, Origin] = {}
        for one in (*tables, *journaled(self.journal)):
            if one.outcome == "collected":
                if name := there.get(one.sha256):  # perhaps moved to another label since
                    at = self.folder / one.picture
                    kept = one.picture if os.path.lexists(at) else name
                    found[one.source] = replace(one, picture=kept)
            elif one.outcome == "failed" or os.path.lexists(self.folder / one.picture):
                found.setdefault(one.source, one)
        return found

    def _origins(self, before: dict[str, Origin]) -> Iterator[Origin]:
        found = dict(before)
        for one in self.now:
            if one.outcome != "failed" or found.get(one.source, one).outcome == "failed":
                found[one.source] = one  # what is listed twice fails beside what was collected
        yield from found.values()

    def _take(self, batch: Batch) -> None:
        """Place what is new of what came, and note what became of each."""
        coming: dict[str, tuple[Arrival, Origin]] = {}
        placements = []
        for one in batch:
            if isinstance(one, Absent):
                self.now.append(_origin(one, "failed", reason=one.reason))
            elif there := self._there(one):
                reason = f"the same picture as {there}"
                self.now.append(_origin(one, "duplicate", there, one.picture.sha256, reason))
            else:
                placement = self._placement(one)
                origin = _origin(one, "collected", placement.target, one.picture.sha256)
                self.seen.add(placement.target, one.picture.sha256, one.picture.look)
                coming[placement.source] = (one, origin)
                placements.append(replace(placement, extra=noted(origin)))
        for done in self.journal.carry_out(placements, self._renamed):
            if isinstance(done, Entry):
                _, origin = coming.pop(done.source)
                sha256 = done.content.sha256
                self.now.append(replace(origin, picture=done.target, sha256=sha256))
            else:
                arrival, _ = coming.pop(done.name)
                self.now.append(_origin(arrival, "failed", reason=done.reason))

    def _there(self, one: Arrival) -> str:
        picture = one.picture
        return self.seen.of_bytes(picture.sha256) or self.seen.of_look(picture.look)

    def _placement(self, one: Arrival) -> Placement:
        target = self.names.free(one.label, one.stem, one.picture.suffix)
        if one.file is not None:
            return Placement(one.file.as_posix(), target, how="copy")
        return Placement(self.staging.put(one.picture.content), target, how="move")

    def _renamed(self, taken: Placement) -> Placement:
        """Where something has appeared at the place that was chosen."""
        name = PurePosixPath(taken.target).name
        ending = PurePosixPath(name).suffix
        suffix = ending if ending.lower() in SUFFIXES else ""
        label = str(taken.extra["label"])
        return replace(taken, target=self.names.free(label, name.removesuffix(suffix), suffix))


def _origin(
    one: Arrival | Absent, outcome: Outcome, picture: str = "", sha256: str = "", reason: str = ""
) -> Origin:
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Origin(picture, sha256, one.source, one.label, one.licence, when, outcome, reason)
