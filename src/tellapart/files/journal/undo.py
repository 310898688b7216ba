"""Taking back what a piece of work did with files, from its journal, and nothing else."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ...errors import PictureError, TellapartError, UsageError
from ...text import shown
from ..folders import make_folders
from ..on_disk import check_written_here
from ..purpose import Purpose
from ..skipped import SkippedFile
from ..system import WINDOWS
from ..transfer import Content, carry, content_of, drop_reservation, holds, reason_of
from .entries import Index
from .journal import Journal
from .record import Entry
from .state import finish_leftovers, locked, remove_state


@dataclass(frozen=True)
class UndoResult:
    """What was taken back, and what was left where it is and why.

    Attributes:
        destination: the folder that the files were put in.
        taken_back: how many files were.
        left: those that were left, each with the reason.
        unfinished: whether some were left for a reason that can pass; then the journal was kept,
            and undo can be asked for again.
        not_kept: what another disk does not keep of files that were moved back, such as "owner".
        elsewhere: how many are not in the folder any more: moved away or deleted.
    """

    destination: Path
    taken_back: int = 0
    left: tuple[SkippedFile, ...] = ()
    unfinished: bool = False
    not_kept: tuple[str, ...] = ()
    elsewhere: int = 0


def undo(destination: str | os.PathLike[str], purpose: Purpose) -> UndoResult:
    """Take back what a folder's journal says was done for a purpose, and nothing else.

    Copies and links are deleted, moved files put back, in the opposite order. A file that is no
    longer what was put there stays; so does a copy that has become the only one, a moved file whose
    old place is taken, and what was renamed or moved since. It needs no room, so it works on a full
    disk, and can be interrupted and repeated.

    Raises:
        UsageError: nothing was done there.
        DestinationError: the journal is damaged, or another run is at work.
    """
    check_written_here(destination)
    folder = Path(os.path.realpath(destination))
    finish_leftovers(folder, purpose)
    if not (folder / purpose.hidden).is_dir():
        raise UsageError(
            f"Nothing was {purpose.done} {purpose.joint} {shown(destination)}.",
            hint=purpose.if_nothing,
        )
    with locked(folder, purpose):
        journal = Journal.load(folder, purpose)
        if journal is None:  # killed before its first line, or after its last
            remove_state(folder, purpose, ())
            return UndoResult(folder)
        with closing(journal):
            result = _Undoing(journal).run()
        if not result.unfinished:
            remove_state(folder, purpose, journal.made)
    if WINDOWS and not result.unfinished:  # an open lock cannot be deleted there
        remove_state(folder, purpose, journal.made)
    return result


class _Undoing:
    """An undo under way."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.count = self.elsewhere = 0
        self.left: list[SkippedFile] = []
        self.missing = array("Q")  # offsets of what is not where it was put any more
        self.lost: set[str] = set()
        self.unfinished = False

    def run(self) -> UndoResult:
        journal = self.journal
        journal.errand.part_beside(journal.folder / journal.purpose.hidden).unlink(missing_ok=True)
        moved_on = {entry.offset for entry in journal.moved_on}
        for step in journal.backwards():
            if isinstance(step, Entry):
                self._entry(step, moved_on=step.offset in moved_on)
            else:
                with suppress(OSError):  # not empty: it has become the user's
                    if not journal.link_above(step):
                        (journal.folder / step).rmdir()
        self._name_moved()
        for name in [] if self.unfinished and not self.count else journal.results:
            self._table(journal.folder / name)
        return UndoResult(
            journal.folder,
            self.count,
            tuple(self.left),
            self.unfinished,
            tuple(sorted(self.lost)),
            self.elsewhere,
        )

    def _entry(self, entry: Entry, *, moved_on: bool) -> None:
        journal, target = self.journal, self.journal.target(entry)
        try:
            if link := journal.link_near(entry):
                self.left.append(SkippedFile(entry.target, f"{shown(link)} is a link now"))
                self.unfinished = True
                return
            if moved_on and not journal.is_placed(entry):
                return  # what was left is told where the file is now
            done = journal.entries.is_done(entry)
            if not moved_on and not done:
                journal.errand.drop_parts_beside(target)
                if not journal.is_placed(entry):
                    drop_reservation(target, journal.errand.token, begun=True)
            if not os.path.lexists(target):
                journal.strike(entry)  # what an earlier step put there may come back
                self.elsewhere += not moved_on and done
                if journal.root and done:
                    self.missing.append(entry.offset)
                return
            if reason := self._why_kept(entry):
                self.left.append(SkippedFile(entry.target, reason))
            else:
                self.lost |= self._take_back(entry)
                journal.strike(entry)
                self.count += 1
        except (OSError, TellapartError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else error.message
            if isinstance(error, FileExistsError):
                reason = f"something else is at its old place, {shown(journal.source(entry))}"
            self.left.append(SkippedFile(entry.target, reason))
            self.unfinished = True

    def _name_moved(self) -> None:
        """Name what has another name below the folder by now. If that is all there is, the journal
        is kept, so that it can be moved back and taken back then."""
        moved = list(_moved(self.journal, self.missing))
        self.elsewhere -= len(moved)
        if moved and not self.count:
            self.unfinished = True
        back = "; move it back there to have it taken back" if not self.count else ""
        self.left += [
            SkippedFile(name, f"renamed or moved since it was put at {shown(target)}{back}")
            for name, target in moved
        ]

    def _table(self, path: Path) -> None:
        try:
            drop_reservation(path, self.journal.errand.token)
            if self.journal.is_own_table(path):
                path.unlink()
            elif os.path.lexists(path):
                self.left.append(SkippedFile(path.name, "changed since it was written"))
        except OSError as error:
            self.left.append(SkippedFile(path.name, reason_of(error)))
            self.unfinished = True

    def _why_kept(self, entry: Entry) -> str:
        """Why a file is the user's now; empty if it can be taken back without losing anything."""
        journal, source = self.journal, self.journal.source(entry)
        gone = entry.how == "link" and not source.exists()
        if not journal.is_placed(entry) and not gone:
            return f"changed since it was {journal.purpose.done}; it came from {shown(source)}"
        if entry.how != "move" and not _is_safe(source, journal.target(entry), entry.content):
            return f"its original, {shown(source)}, is gone or changed: this may be the only copy"
        return ""

    def _take_back(self, entry: Entry) -> frozenset[str]:
        """Returns what another disk does not keep of a file that is moved back."""
        journal, errand = self.journal, self.journal.errand
        source, target = journal.source(entry), journal.target(entry)
        if entry.how != "move":
            target.unlink()
            return frozenset()
        errand.part_beside(source).unlink(missing_ok=True)
        drop_reservation(source, errand.token)
        if not os.path.lexists(source):
            make_folders(source.parent)
            return carry(target, source, entry.content, errand, keep=False)
        if not holds(source, entry.content):
            raise FileExistsError
        target.unlink()  # interrupted between placing and letting go
        return frozenset()


def _moved(journal: Journal, missing: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Which of the files that are missing lie elsewhere below the folder: their names there, and
    those that they were given. Of the missing ones the offsets are told, of their lines."""
    if not missing:
        return
    sources = Index(journal.entry_at, lambda entry: os.path.normpath(journal.source(entry)))
    sizes = set()
    for entry in map(journal.entry_at, missing):
        sizes.add(entry.content.size)
        sources.put(entry)
    found: dict[object, list[str]] = {}  # names by their file, which links share, or its content
    for above, folders, files in os.walk(journal.folder):
        folders[:] = [name for name in folders if name != journal.purpose.hidden]
        for path in (Path(above, name) for name in files):
            name = path.relative_to(journal.folder).as_posix()
            if name in journal.entries or sources.get(str(path)):
                continue
            with suppress(OSError, PictureError):
                state = path.stat()
                if journal.how == "link":
                    found.setdefault((state.st_dev, state.st_ino), []).append(name)
                elif state.st_size in sizes:
                    found.setdefault(content_of(path).sha256, []).append(name)
    for entry in map(journal.entry_at, missing):
        key: object = entry.content.sha256
        with suppress(OSError):
            if journal.how == "link":
                state = journal.source(entry).stat()
                key = (state.st_dev, state.st_ino)
        if names := found.get(key):
            yield names.pop(), entry.target


def _is_safe(source: Path, target: Path, content: Content) -> bool:
    """Whether the original still stands on its own, so that the copy can go."""
    if target.is_symlink() and os.readlink(target) == os.path.realpath(source):
        return True  # a link that holds nothing itself
    try:
        if os.path.realpath(source) == os.path.realpath(target):
            return False  # a link to this very copy
        if os.path.samefile(source, target):
            return True
        found = source.stat()
        same = (found.st_size, found.st_mtime_ns) == (content.size, content.mtime_ns)
        return same or content_of(source).sha256 == content.sha256
    except (OSError, PictureError):
        return False
