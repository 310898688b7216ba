"""Putting one file in a place that is free: by copying, linking or moving, never over anything.

A copy is written under a hidden name beside its place, synced, and then takes the place; a
source is let go only after that. What a kill leaves in between can be told by the errand's token.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import DestinationError, PictureError
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from .atomic import sync, sync_all
from .attributes import take_along
from .purpose import Errand, Purpose
from .reading import read_chunks
from .renames import rename_new
from .system import WINDOWS

_FULL = frozenset({errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG, errno.EIO})
_NO_HARD_LINKS = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK}
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a file held when it was looked at."""

    size: int
    mtime_ns: int
    sha256: str


class KeptError(DestinationError):
    """A file cannot be taken away from where it is; `reason` says why, without its name."""

    def __init__(self, path: Path, error: OSError, purpose: Purpose) -> None:
        self.reason = f"cannot be moved away: {reason_of(error)}"
        super().__init__(f"{shown(path)} {self.reason}.", hint=purpose.if_kept)


class Stamp(NamedTuple):
    """What tells, without reading a file, that it has changed."""

    size: int
    mtime_ns: int
    ctime_ns: int  # also of a new name, owner or permission

    @classmethod
    def of(cls, state: os.stat_result) -> Stamp:
        return cls(state.st_size, state.st_mtime_ns, state.st_ctime_ns)


NO_FILE = Stamp(-1, 0, 0)  # what no file is like


def stamp_of(path: Path) -> Stamp:
    """What a file, or the one that a link leads to, is like now; `NO_FILE` if there is none.

    Raises:
        NoAnswerError: the drive does not answer.
    """
    try:
        return Stamp.of(answered(lambda call: path.stat(), path.parent))
    except NoAnswerError:
        raise
    except (OSError, ValueError):
        return NO_FILE


def is_as_it_was(path: Path, before: Stamp) -> bool:
    """Whether a file is the one that was looked at before. Where it has several names, one more or
    less of those says nothing of what is in it.

    Raises:
        PictureError: the drive does not answer.
    """
    try:
        state = answered(lambda call: path.stat(), path.parent)
    except NoAnswerError as error:
        raise PictureError(error.reason, path=path) from error
    except OSError:
        return False
    now = Stamp.of(state)
    return now == before or (state.st_nlink > 1 and now[:2] == before[:2])


def content_of(path: Path) -> Content:
    """Size, time and hash of a file.

    Raises:
        PictureError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    try:
        mtime_ns = answered(lambda call: path.stat(), path.parent).st_mtime_ns
    except NoAnswerError as error:
        raise PictureError(error.reason, path=path, may_pass=True) from error
    except OSError as error:
        raise PictureError(
            f"cannot be opened: {reason_of(error)}", path=path, may_pass=True
        ) from error
    for chunk in read_chunks(path):
        digest.update(chunk)
        size += len(chunk)
    return Content(size, mtime_ns, digest.hexdigest())


def holds(path: Path, content: Content) -> bool:
    """Whether a path is a file of its own, no link, with just this content."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != content.size:
            return False
        return content_of(path).sha256 == content.sha256
    except (OSError, PictureError):
        return False


def carry(
    source: Path,
    target: Path,
    content: Content,
    errand: Errand,
    *,
    keep: bool,
    part: Path | None = None,
) -> frozenset[str]:
    """Copy (`keep`) or move a file to a free place, on this disk or another.

    Returns what another disk does not keep of a file that is moved. A copy has the time of its
    original, and is else a new file; `part` is one that is made already (`copies`).

    Raises:
        FileExistsError: the place is taken.
        PictureError: the source cannot be read, or does not hold `content` any more.
        OSError, DestinationError: it cannot be written.
        KeptError: it cannot be taken away.
    """
    copy = part or errand.part_beside(target)
    try:
        if not os.path.lexists(source):
            raise PictureError("gone before it could be placed", path=source, may_pass=True)
        if not keep:
            try:
                take_place(source, target, errand)
                return frozenset()
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
        if part is None:
            _copy(source, copy, content, errand.purpose)
            _to_disk(copy)
        lost = frozenset[str]() if keep else take_along(source, copy)
        take_place(copy, target, errand)
    except BaseException:
        with suppress(OSError):
            copy.unlink()
        raise
    if not keep:
        sync(target.parent)
        if os.path.lexists(source) and not holds(source, content):
            target.unlink()
            raise changed(source, errand.purpose)
        _let_go(source, target, errand.purpose)
    return lost


def copies(files: Sequence[tuple[Path, Path, Content]], errand: Errand) -> dict[Path, Path]:
    """Copies of at most `AT_ONCE` files (source, target, content) under hidden names beside their
    targets, by target, all of them on the disk. Where one cannot be made, that one and those after
    it are not: `carry` makes or refuses them."""
    made: dict[Path, Path] = {}
    try:
        with suppress(OSError, PictureError):
            for number, (source, target, content) in enumerate(files):
                made[target] = part = errand.part_beside(target, number)
                try:
                    _copy(source, part, content, errand.purpose)
                except BaseException:
                    del made[target]
                    part.unlink(missing_ok=True)
                    raise
        sync_all(made.values(), _to_disk)
    except BaseException:
        for part in made.values():
            part.unlink(missing_ok=True)
        raise
    return made


def take_place(path: Path, target: Path, errand: Errand) -> None:
    """Rename, but never over anything: in one step where the system and the disk know that; else a
    kill may leave the file under both names."""
    if WINDOWS:
        os.rename(path, target)  # which refuses there
        return
    if rename_new(path, target):
        return
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
    else:
        if not is_link(path, target) and os.path.lexists(path):  # saved anew in this moment
            target.unlink()
            raise changed(path, errand.purpose)
        _let_go(path, target, errand.purpose)
        return
    stream = target.open("xb")  # reserve the name, then rename over our own file
    try:
        with stream:
            stream.write(errand.token.encode())
        os.replace(path, target)
    except OSError as error:
        target.unlink()
        if error.errno in (errno.EACCES, errno.EPERM):  # the target's folder lets us write
            raise KeptError(path, error, errand.purpose) from error
        raise


def _let_go(source: Path, target: Path, purpose: Purpose) -> None:
    """Delete a source that is whole at its target; if that is refused, the target goes again."""
    try:
        source.unlink(missing_ok=True)
    except OSError as error:
        if os.path.lexists(source):
            target.unlink()
        raise KeptError(source, error, purpose) from error


def drop_reservation(path: Path, token: str, *, begun: bool = False) -> None:
    """Delete what a kill left between the two steps of `take_place`; `begun`: also if empty."""
    words = [token.encode(), b""] if begun else [token.encode()]
    for word in words:
        if holds(path, Content(len(word), 0, hashlib.sha256(word).hexdigest())):
            path.unlink()


def changed(path: Path, purpose: Purpose) -> PictureError:
    return PictureError(f"changed while it was being {purpose.done}", path=path, may_pass=True)


def _copy(source: Path, part: Path, content: Content, purpose: Purpose) -> None:
    part.unlink(missing_ok=True)
    digest = hashlib.sha256()
    with part.open("xb") as out:
        for chunk in read_chunks(source):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != content.sha256:
        raise changed(source, purpose)
    with suppress(OSError):
        os.utime(part, ns=(content.mtime_ns, content.mtime_ns))


def _to_disk(part: Path) -> None:
    with part.open("r+b") as out:
        os.fsync(out.fileno())


def link(source: Path, target: Path, purpose: Purpose) -> None:
    """A hard link, which outlives its original; across disks a symbolic one."""
    real = os.path.realpath(source)
    if not os.path.exists(real):
        raise PictureError("gone before it could be placed", path=source, may_pass=True)
    try:
        os.link(real, target)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise
        try:
            os.symlink(real, target)
        except FileExistsError:
            raise
        except OSError as failure:
            raise DestinationError(
                f"{shown(target.parent)} cannot hold links: {reason_of(failure)}.",
                hint=purpose.if_no_links,
            ) from failure


def can_link(source: Path, folder: Path, purpose: Purpose) -> bool:
    """Whether links to a file can be made in a folder that need not be there yet: one is made and
    taken away again."""
    there = next(up for up in (folder, *folder.parents) if os.path.isdir(up))
    trial = there / f"{purpose.hidden}-{secrets.token_hex(8)}.part"
    try:
        link(source, trial, purpose)
    except (OSError, PictureError, DestinationError):
        return False
    trial.unlink()
    return True


def is_link(target: Path, source: Path) -> bool:
    try:
        return os.path.samefile(target, source)
    except OSError:
        return target.is_symlink() and os.readlink(target) == os.path.realpath(source)


def reason_of(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
