"""What a piece of work does with files, written down before it is done, so that it can be resumed
and taken back.

The work keeps a hidden folder where it places files, with an append-only journal: one line of JSON
for what was asked, then one for each folder and file *before* it is made or placed, synced to the
disk (see `record.py`). A line cut short by a kill is dropped; a file whose line stands there
is recognised as placed, or not, by its content. Nothing is ever overwritten, and an original is let
go only after its new file is whole. What the work is about is opaque here, and the caller's:

    MENDING = Purpose(hidden=".tellapart-mend", done="mended")

    with opened(folder, MENDING, request={"dataset": "flowers"}) as journal:   # state.py
        steps = [Placement("rose/1.jpg", "tulip/1.jpg", extra={"why": "a tulip"})]
        for done in journal.carry_out(steps):
            ...                                          # an Entry, or a SkippedFile
    undo(folder, MENDING)                                # undo.py
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TextIO

from ...errors import DestinationError, PictureError
from ...text import shown
from ..atomic import sync, sync_all
from ..purpose import AT_ONCE, Purpose
from ..skipped import SkippedFile
from ..transfer import (
    Content,
    KeptError,
    carry,
    changed,
    content_of,
    copies,
    drop_reservation,
    holds,
    is_as_it_was,
    link,
    reason_of,
    take_place,
)
from .record import Entry, Placement, Record

_BATCH = 32  # files between two syncs of the journal, unless `at_once` says more
_BATCH_SECONDS = 0.5  # for which more than those are waited for


class Journal(Record):
    """The journal of one folder, and what is done by it. `opened` gives one to write to."""

    def carry_out(
        self,
        placements: Iterable[Placement],
        renamed: Callable[[Placement], Placement] | None = None,
        *,
        patient: bool = False,
        at_once: int = _BATCH,
    ) -> Iterator[Entry | SkippedFile]:
        """Place files one after another, each written down before; they are asked for as they are
        needed, a few at a time: `_BATCH`, or `at_once` where they come fast.

        Yields the entry of each file that was placed; one that cannot be read, has changed or gone,
        or whose target is taken comes back with the reason, under its source's name, and is left.
        `renamed` may give another target where one is taken. What is not yet yielded when the
        caller stops is done or forgotten by the next run. A file that cannot be taken away from
        where it is ends it; where it is `patient`, that one comes back too, and the others go on.

        Raises:
            DestinationError: the folder is full or cannot be written to. No file is lost.
        """
        for batch in self._batches(placements, at_once):
            ready: list[tuple[Placement, Content]] = []
            for one in batch:
                try:
                    ready.append((one, self._looked_at(one)))
                except PictureError as error:
                    yield SkippedFile(one.source, error.message, error.may_pass)
            placed: list[Entry] = []
            with writing(self.folder, self.purpose):
                free: list[tuple[Placement, Content]] = []
                for one, content in ready:
                    found = self._free(one, renamed)
                    if isinstance(found, SkippedFile):
                        yield found
                    else:
                        free.append((found, content))
                self.intend(free)
                for start in range(0, len(free), AT_ONCE):
                    some = free[start : start + AT_ONCE]
                    made = self._copies(some)
                    try:
                        for one, content in some:
                            done = self._placed(one, content, renamed, patient, made)
                            if isinstance(done, Entry):
                                placed.append(done)
                            yield done
                    finally:
                        for part in made.values():
                            part.unlink(missing_ok=True)
                self.finish(placed)

    def _copies(self, some: Sequence[tuple[Placement, Content]]) -> dict[Path, Path]:
        """Of files that are to be copied, if there are several: see `transfer.copies`."""
        copied = [
            (self.source(one), self.target(one), content)
            for one, content in some
            if (one.how or self.how) == "copy"
        ]
        return copies(copied, self.errand) if len(copied) > 1 else {}

    def _batches(self, placements: Iterable[Placement], at_once: int) -> Iterator[list[Placement]]:
        """Steps that touch no place twice, so that a kill among them leaves no doubt of any."""
        begun = time.monotonic()
        batch: list[Placement] = []
        touched: set[str] = set()
        above_of: dict[str, set[str]] = {}  # by folder: most targets are in a few
        for one in placements:
            source, target = map(os.path.normpath, (self.source(one), self.target(one)))
            folder = one.target.rpartition("/")[0]
            if folder not in above_of:
                parents = PurePosixPath(one.target).parents
                above_of[folder] = {os.path.normpath(self.folder / up) for up in parents}
            above = above_of[folder]
            is_slow = time.monotonic() - begun > _BATCH_SECONDS
            is_full = len(batch) >= (_BATCH if is_slow else at_once)
            if is_full or not touched.isdisjoint({source, target, *above}):
                yield batch
                batch, touched, begun = [], set(), time.monotonic()
            batch.append(one)
            touched |= {source, target}
        if batch:
            yield batch

    def _looked_at(self, one: Placement) -> Content:
        source = self.source(one)
        if (one.how or self.how) == "move" and os.path.islink(source):
            raise PictureError("a link; only files themselves are moved", path=source)
        content = content_of(source)
        self._check_seen(one)
        return content

    def _check_seen(self, one: Placement) -> None:
        """Refuse a file that has changed since the caller looked into it: what was found there is
        not said of what is there now.

        Raises:
            PictureError: it has.
        """
        source = self.source(one)
        if one.seen is not None and not is_as_it_was(source, one.seen):
            raise changed(source, self.purpose)

    def _free(
        self, one: Placement, renamed: Callable[[Placement], Placement] | None
    ) -> Placement | SkippedFile:
        while True:
            try:
                taken = self._is_there(self.target(one))
            except OSError as error:  # such as a name that is too long
                return SkippedFile(
                    one.source, f"{shown(one.target)} cannot be made: {reason_of(error)}"
                )
            blocked = self._blocked(one)
            if not blocked and not taken:
                return one
            if renamed is None:
                return self._taken(one, blocked)
            other = renamed(one)
            if blocked and PurePosixPath(other.target).parent == PurePosixPath(one.target).parent:
                return self._taken(one, blocked)
            one = other

    @staticmethod
    def _is_there(path: Path) -> bool:
        """As `os.path.lexists`, which takes a name that is too long for one that is free."""
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def _blocked(self, one: Placement) -> Path | None:
        """What stands where the target's folder is to be, and is none of this folder's."""
        for up in PurePosixPath(one.target).parents:
            path = self.folder / up
            if os.path.lexists(path) and not path.is_dir():
                return path
        return self.link_above(one.target)

    def _placed(
        self,
        one: Placement,
        content: Content,
        renamed: Callable[[Placement], Placement] | None,
        patient: bool,
        made: dict[Path, Path],
    ) -> Entry | SkippedFile:
        while True:
            entry = self.entries.open[one.target]
            try:
                self._check_seen(one)
                part = made.pop(self.target(entry), None)
                self.place(entry, part)
            except FileExistsError:  # it has appeared since the name was chosen
                self._forget(entry)
                if renamed is None:
                    return self._taken(one)
                one = renamed(one)
                self.intend([(one, content)])
            except PictureError as error:
                self._forget(entry)
                return SkippedFile(one.source, error.message, error.may_pass)
            except KeptError as error:
                if not patient:
                    raise
                self._forget(entry)
                return SkippedFile(one.source, error.reason, may_pass=True)
            else:
                return entry

    def _taken(self, one: Placement, blocked: Path | None = None) -> SkippedFile:
        if blocked and blocked.is_symlink():
            return SkippedFile(
                one.source, f"{shown(blocked)} is a link, and nothing is moved through it"
            )
        return SkippedFile(one.source, f"something else is at {shown(blocked or self.target(one))}")

    def intend(self, placements: Iterable[tuple[Placement, Content]]) -> None:
        """Write down files that will be placed, and make the folders they need."""
        lines = [self.line(one, content) for one, content in placements]
        folders = {str(line["target"]).rpartition("/")[0] for line in lines}
        above = {up.as_posix() for name in folders for up in PurePosixPath(name, "file").parents}
        missing = sorted(name for name in above if not (self.folder / name).is_dir())
        self.append([*({"folder": name} for name in missing), *lines], synced=True)
        for name in missing:
            (self.folder / name).mkdir(exist_ok=True)

    def place(self, entry: Entry, part: Path | None = None) -> None:
        """Copy, link or move one file to its target; `part` is a copy that is made already.

        Raises:
            FileExistsError: something has appeared there.
            PictureError: the file cannot be read, or is not what it was.
            OSError, DestinationError: it cannot be written.
        """
        source, target = self.source(entry), self.target(entry)
        if entry.how == "link":
            link(source, target, self.purpose)
        else:
            keep = entry.how == "copy"
            self._lost |= carry(source, target, entry.content, self.errand, keep=keep, part=part)

    def finish(self, placed: Iterable[Entry]) -> None:
        """Note what was placed, once the folders themselves are on the disk."""
        targets = [entry.target for entry in placed]
        sync_all({self.folder / target.rpartition("/")[0] for target in targets})
        if targets:
            self.append([{"done": targets, "lost": sorted(self._lost)}], synced=False)

    def write_table(self, name: str, write: Callable[[TextIO], None]) -> Path:
        """A table of what was done, in the folder itself; it replaces the one that this work wrote
        before. A file of that name that is the user's is left: the table's name gets a number."""
        part = self.errand.part_beside(self.folder / name)
        stem, suffix = os.path.splitext(name)
        try:
            with part.open("w", encoding="utf-8", newline="") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            digest = content_of(part).sha256
            for number in itertools.count(1):
                path = self.folder / (f"{stem}-{number}{suffix}" if number > 1 else name)
                if os.path.lexists(path) and not self.is_own_table(path):
                    continue
                if os.path.lexists(path) and content_of(path).sha256 == digest:
                    return path
                self.append([{"results": path.name, "sha256": digest}], synced=True)
                with suppress(FileExistsError):
                    if os.path.lexists(path):
                        os.replace(part, path)
                    else:
                        take_place(part, path, self.errand)
                    sync(self.folder)
                    return path
        finally:
            part.unlink(missing_ok=True)
        raise AssertionError("there is always another number")

    def _forget(self, entry: Entry) -> None:
        if not self.root:
            self.strike(entry)
            self.entries.drop(entry.target)

    def go_on(self) -> None:
        """Drop a torn last line, and finish or forget what a kill interrupted."""
        os.truncate(self.path, self._length)
        self._stream = self.path.open("ab")
        placed = []
        for entry in [*self.entries.open.values()]:
            source, target = self.source(entry), self.target(entry)
            if self.link_near(entry):
                continue  # undo says so
            self.errand.drop_parts_beside(target)
            if self.is_placed(entry) and not self._is_reserved(entry):
                if entry.how == "move" and holds(source, entry.content):
                    source.unlink()
                placed.append(entry)
            else:
                drop_reservation(target, self.errand.token, begun=True)
                self.strike(entry)
                self.entries.drop(entry.target)
        for name in self.results:
            drop_reservation(self.folder / name, self.errand.token)
        self.finish(placed)

    def _is_reserved(self, entry: Entry) -> bool:
        """Whether a place is held for an empty file, which looks as one that was moved there."""
        source, target = self.source(entry), self.target(entry)
        empty = entry.how == "move" and not entry.content.size and holds(source, entry.content)
        return empty and not os.path.samefile(source, target)

    def is_own_table(self, path: Path) -> bool:
        """Whether a table is one that this work wrote, and has not been edited."""
        try:
            return not path.is_symlink() and content_of(path).sha256 in self.results[path.name]
        except (KeyError, PictureError):
            return False


@contextmanager
def writing(folder: Path, purpose: Purpose, *, begun: bool = True) -> Iterator[None]:
    """Put what the system says of a full disk or a closed folder into a sentence; `begun` says
    that something may have been done already."""
    try:
        yield
    except OSError as error:
        raise DestinationError(
            f"{shown(folder)} cannot be written: {reason_of(error)}.",
            hint=purpose.if_stopped if begun else purpose.if_refused,
        ) from error
