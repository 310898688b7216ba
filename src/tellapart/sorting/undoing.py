"""Taking back what a sort did, from its journal, and nothing else."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..dataset.sources import Skipped
from ..errors import PictureError, TellapartError, UsageError
from ..files.atomic import make_folders
from ..files.system import WINDOWS
from ..files.transfer import (
    STATE,
    Content,
    carry,
    content_of,
    drop_reservation,
    holds,
    part_beside,
    reason_of,
)
from ..text import shown
from .journal import Entry, Journal, finish_leftovers, locked, remove_state


@dataclass(frozen=True)
class UndoResult:
    """What was taken back, and what was left where it is and why.

    With `unfinished`, some were left for a reason that can pass, and the journal was kept: undo
    can be asked for again.
    """

    destination: Path
    taken_back: int = 0
    left: tuple[Skipped, ...] = ()
    unfinished: bool = False
    not_kept: tuple[str, ...] = ()  # of pictures moved back to another disk, such as "owner"


def undo(destination: str | os.PathLike[str]) -> UndoResult:
    """Take back what `sort` did in a folder, and nothing else.

    Copies and links are deleted, moved pictures put back. A file that is no longer what was put
    there stays; so does a copy that has become the only one, and a moved picture whose old place
    is taken. It writes nothing, so it works on a full disk, and can be interrupted and repeated.

    Raises:
        UsageError: nothing was sorted there.
        DestinationError: the journal is damaged, or another run is at work.
    """
    folder = Path(os.path.realpath(destination))
    finish_leftovers(folder)
    if not (folder / STATE).is_dir():
        raise UsageError(
            f"Nothing was sorted into {shown(destination)}.",
            hint="Give the folder that the pictures were sorted into.",
        )
    with locked(folder):
        journal = Journal.load(folder)
        if journal is None:  # killed before its first line, or after its last
            remove_state(folder, ())
            return UndoResult(folder)
        result = _taken_back(journal)
        for name in reversed(journal.folders):
            with suppress(OSError):  # not empty: it has become the user's
                (folder / name).rmdir()
        if not result.unfinished:
            remove_state(folder, journal.made)
    if WINDOWS and not result.unfinished:  # an open lock cannot be deleted there
        remove_state(folder, journal.made)
    return result


def _taken_back(journal: Journal) -> UndoResult:
    count = 0
    left: list[Skipped] = []
    lost: set[str] = set()
    unfinished = False
    part_beside(journal.destination / STATE, journal.token).unlink(missing_ok=True)
    for entry in reversed(journal.entries.values()):
        try:
            if entry.target not in journal.done:
                part_beside(journal.target(entry), journal.token).unlink(missing_ok=True)
                if not journal.is_placed(entry):
                    drop_reservation(journal.target(entry), journal.token, begun=True)
                    continue
            if not os.path.lexists(journal.target(entry)):
                continue
            if reason := _why_kept(journal, entry):
                left.append(Skipped(entry.target, reason))
            else:
                lost |= _take_back(journal, entry)
                count += 1
        except (OSError, TellapartError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else error.message
            if isinstance(error, FileExistsError):
                reason = f"something else is at its old place, {shown(journal.source(entry))}"
            left.append(Skipped(entry.target, reason))
            unfinished = True
    for path in (journal.destination / name for name in journal.results):
        try:
            drop_reservation(path, journal.token)
            if journal.is_own_table(path):
                path.unlink()
            elif os.path.lexists(path):
                left.append(Skipped(path.name, "changed since it was written"))
        except OSError as error:
            left.append(Skipped(path.name, reason_of(error)))
            unfinished = True
    return UndoResult(journal.destination, count, tuple(left), unfinished, tuple(sorted(lost)))


def _why_kept(journal: Journal, entry: Entry) -> str:
    """Why a file is the user's now; empty if it can be taken back without losing anything."""
    source = journal.source(entry)
    if not journal.is_placed(entry) and not (journal.how == "link" and not source.exists()):
        return f"changed since it was sorted; it came from {shown(source)}"
    if journal.how != "move" and not _is_safe(source, journal.target(entry), entry.content):
        return f"its original, {shown(source)}, is gone or changed: this may be the only copy"
    return ""


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


def _take_back(journal: Journal, entry: Entry) -> frozenset[str]:
    """Returns what another disk does not keep of a picture that is moved back."""
    source, target = journal.source(entry), journal.target(entry)
    if journal.how != "move":
        target.unlink()
        return frozenset()
    part_beside(source, journal.token).unlink(missing_ok=True)
    drop_reservation(source, journal.token)
    if not os.path.lexists(source):
        make_folders(source.parent)
        return carry(target, source, entry.content, journal.token, keep=False)
    if not holds(source, entry.content):
        raise FileExistsError
    target.unlink()  # interrupted between placing and letting go
    return frozenset()
