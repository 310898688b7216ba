"""Doing steps with the files of a folder: nothing is overwritten, nothing is moved through a link.

Each file is placed by the library's `take_place`, in one step where the disk can; a folder is
synced once all of its files are placed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ..dataset.decision import FILE, Decision, place_of_decisions
from ..dataset.decision_table import changing
from ..errors import DestinationError, TellapartError
from ..files.atomic import CLUTTER, sync
from ..files.purpose import Errand
from ..files.skipped import SkippedFile
from ..files.transfer import (
    Content,
    carry,
    content_of,
    drop_reservation,
    holds,
    reason_of,
    take_place,
)
from ..text import several, shown
from .steps import MakeFolder, Move, Rewrite, Step

GONE = "not there any more: moved or deleted since"
LINK = "a link; only files themselves are moved"


def check_there(folder: Path) -> None:
    """See that a folder is where it was: nothing is begun anew in its place.

    Raises:
        DestinationError: it is not, because it was moved or its drive was taken out.
    """
    if not folder.is_dir():
        raise DestinationError(
            f"{shown(folder)} does not exist.",
            hint="Nothing was changed. Put it back where it was, and go on.",
        )


@dataclass
class Disk:
    """The files of a folder.

    Attributes:
        folder: a real path.
        errand: by whose token that is known which a kill leaves half-way.
    """

    folder: Path
    errand: Errand
    _links: dict[str, str] = field(default_factory=dict)
    _again: bool = False
    #: What was left of steps that were done else, by the last call of `do`.
    said: list[SkippedFile] = field(default_factory=list)

    def known(self, move: Move) -> Move | str:
        """A move with what its file is known by, or why there is nothing to move. The content is
        read only where the file goes to another disk.

        Raises:
            PictureError: that cannot be read.
        """
        try:
            found = os.lstat(self.folder / move.source)
        except OSError:
            return GONE
        if stat.S_ISDIR(found.st_mode):
            return move
        if stat.S_ISLNK(found.st_mode):
            return LINK
        if not stat.S_ISREG(found.st_mode):
            return "no file"
        there = (self.folder / move.target).parent
        while not os.path.lexists(there):
            there = there.parent
        if os.stat(there).st_dev == found.st_dev:
            return replace(move, file=Content(found.st_size, found.st_mtime_ns, ""))
        return replace(move, file=content_of(self.folder / move.source))

    def missing_above(self, targets: Iterable[str]) -> Iterator[MakeFolder]:
        """The folders that are not there of those that targets are in, the upper ones first."""
        of = {target.rpartition("/")[0] for target in targets}
        above = {up for name in of if name for up in PurePosixPath(name, "x").parents if up.parts}
        for one in sorted(above, key=lambda folder: (len(folder.parts), folder)):
            if not os.path.lexists(self.folder / one):
                yield MakeFolder(one.as_posix())

    def do(self, steps: Sequence[Step], *, again: bool = False) -> dict[int, str]:
        """Do steps one after another; by the number of each that was left, the reason. They are
        done `again` after a kill, which can leave an empty file in a place that was taken.

        Decisions are rewritten last, and only those about pictures that have moved.
        """
        left: dict[int, str] = {}
        touched: set[str] = set()
        self._links.clear()
        self._again = again
        self.said.clear()
        for number, step in sorted(enumerate(steps), key=lambda o: isinstance(o[1], Rewrite)):
            if isinstance(step, Rewrite):
                step = _of_moved(step, [steps[at] for at in left])
            try:
                reason = self._do(step, touched)
            except (OSError, TellapartError) as error:
                reason = reason_of(error) if isinstance(error, OSError) else error.message
            if reason:
                left[number] = reason
        for name in sorted(touched):
            sync(self.folder / name)
        return left

    def _do(self, step: Step, touched: set[str]) -> str:
        if isinstance(step, Rewrite):
            return self._rewrite(step)
        ends = [step.name] if isinstance(step, MakeFolder) else [step.source, step.target]
        for end in ends:
            above = end.rpartition("/")[0]
            touched.add(above)
            if link := self._link_above(above):
                return link
        if isinstance(step, Move) and step.file:
            return self._move(step, step.file)
        self._links.clear()
        return self._move_folder(step) if isinstance(step, Move) else self._make(step)

    def _link_above(self, name: str) -> str:
        """Why nothing is moved into or out of a folder: it, or one above it, is a link, and what is
        behind that may be anybody's."""
        if name not in self._links:
            self._links[name] = next(
                (
                    f"{shown(up.as_posix())} is a link, and nothing is moved through it"
                    for up in PurePosixPath(name, "x").parents
                    if up.parts and (self.folder / up).is_symlink()
                ),
                "",
            )
        return self._links[name]

    def _move(self, step: Move, known: Content) -> str:
        """Move a file, or find that it was moved; the reason where it was left."""
        source, target = self.folder / step.source, self.folder / step.target
        here, there = _state(source), _state(target)
        if there:
            begun = self._again and here is not None and here.st_size > 0
            drop_reservation(target, self.errand.token, begun=begun)
            there = _state(target)
        if here and there and os.path.samestat(here, there):
            return _one_of_two(source, target)
        if there:
            is_here = here is not None and _is(source, here, known)
            if not _is(target, there, known):
                return f"something else is at {shown(step.target)}"
            if is_here and not known.sha256:
                return f"something else is at {shown(step.target)}"
            if is_here:  # copied to another disk, and killed before it was let go
                source.unlink()
            return ""
        if here is None:
            return GONE
        if stat.S_ISLNK(here.st_mode):
            return LINK
        if not _is(source, here, known):
            return "changed since"
        try:
            take_place(source, target, self.errand)
        except FileExistsError:
            return f"something else is at {shown(step.target)}"
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self.errand.part_beside(target).unlink(missing_ok=True)
            carry(source, target, content_of(source), self.errand, keep=False)
        return ""

    def _move_folder(self, step: Move) -> str:
        source, target = self.folder / step.source, self.folder / step.target
        here, there = _state(source), _state(target)
        if here is None:
            return "" if there and stat.S_ISDIR(there.st_mode) else GONE
        if not stat.S_ISDIR(here.st_mode):
            return "no folder any more"
        if there and not os.path.samestat(here, there):
            return f"something else is at {shown(step.target)}"
        if step.bare and (held := _holds(source)):
            return f"still holds {held}"
        os.rename(source, target)
        return ""

    def _make(self, step: MakeFolder) -> str:
        folder = self.folder / step.name
        if step.gone:
            with suppress(OSError):  # not empty, or not there: it has become the user's
                folder.rmdir()
            return ""
        found = _state(folder)
        if found and not stat.S_ISDIR(found.st_mode):
            return f"something else is at {shown(step.name)}"
        folder.mkdir(exist_ok=True)
        return ""

    def _rewrite(self, step: Rewrite) -> str:
        if not step.pairs:
            return ""
        lost = 0
        with changing(place_of_decisions(self.folder)) as table:
            there = set(table.decisions)
            new: dict[Decision, Decision] = {}
            added: list[Decision] = []
            gone: set[Decision] = set()
            for before, after in step.pairs:
                if before is None or before not in there:
                    if after is not None and after not in there:
                        if before is None:
                            added.append(after)
                        else:
                            lost += 1
                elif after is None:
                    gone.add(before)
                else:
                    new[before] = after
            table.lines = [line for line in table.lines if line.decision not in gone]
            table.change(lambda old: new.get(old, old))
            for one in added:
                table.add(one)
        if lost:
            self.said.append(SkippedFile(FILE, f"{several(lost, 'decision')} changed since"))
        return ""


def _of_moved(step: Rewrite, left: Sequence[Step]) -> Rewrite:
    """What of decisions is to be rewritten where steps were left."""
    moves = [one for one in left if isinstance(one, Move) and not one.bare]
    if any(not one.file for one in moves):  # a whole folder stays what it was
        return Rewrite(())
    return step.but_about(name for one in moves for name in (one.source, one.target))


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is(path: Path, found: os.stat_result, known: Content) -> bool:
    if known.sha256:
        return holds(path, known)
    return (found.st_size, found.st_mtime_ns) == (known.size, known.mtime_ns)


def _one_of_two(source: Path, target: Path) -> str:
    """Of one file under two names keep the new one: a kill came between the two, or the disk takes
    both for one name."""
    together = os.path.samefile(source.parent, target.parent)
    names = {source.name, target.name}
    if not together or (len(names) == 2 and names <= set(os.listdir(source.parent))):
        source.unlink()
    else:
        os.rename(source, target)
    return ""


def _holds(folder: Path) -> str:
    """What a folder holds besides folders and what file managers leave; empty for nothing."""
    for above, _, files in os.walk(folder):
        for name in files:
            if name not in CLUTTER:
                return shown(Path(above, name).relative_to(folder).as_posix())
    return ""
