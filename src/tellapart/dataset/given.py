"""Paths as they are given on a command line -> the pictures that are meant, one by one: there may
be more of them than memory holds names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import GO_ON, DatasetError, TellapartError, UsageError, option
from ..files.on_disk import address_meant
from ..files.stored import Stored
from ..images.kinds import SUFFIXES
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from .lists import STDIN as STDIN
from .lists import called, read_list
from .sources import SkippedFile
from .stored.containers import check_are_files
from .stored.members import holds_members, members
from .stored.patterns import matching
from .walk import LINK, SHUT, Walk

_FEW = 5  # errors that are told where there is nothing else


def expand(
    given: Sequence[str],
    *,
    follow_links: bool,
    lists: Sequence[str] = (),
    files_only: bool = False,
    shut: list[SkippedFile] | None = None,
    whole: bool = False,
) -> Iterator[str | Stored]:
    """All pictures meant by files, folders, patterns and `-`, and then by each line of `lists`,
    where a name is no pattern: each a path, or where it is stored in a tar, a Parquet file or at an
    address, which is refused with `files_only`. A folder's are in order of their names.

    What holds none, and folders below these that cannot be opened, are added to `shut` on the way.
    Where the place of each among all matters, `whole`, it ends at what cannot be read for now.

    Raises:
        DatasetError: a server or a disk does not give the whole, which is wanted.
        UsageError: none of them holds any, or a list cannot be read.
    """
    bare: list[SkippedFile] = [] if shut is None else shut
    errors: list[TellapartError] = []
    empty = True
    for found in _each(given, lists, _Looking(follow_links, files_only, whole, bare)):
        if isinstance(found, TellapartError):
            errors += [found] * (len(errors) < _FEW)
        else:
            empty = False
            yield found
    if empty and not errors:
        errors.append(UsageError(f"{called(lists[0])} names no pictures."))
    if len(errors) == 1 and empty:
        raise errors[0]
    if empty:
        raise UsageError(" ".join(e.said[0] for e in errors), hint=errors[0].said[1])


Found = str | Stored | TellapartError


@dataclass(frozen=True)
class _Looking:
    """How it is looked for pictures, and where what holds none or stays shut is added, in short."""

    follow_links: bool
    files_only: bool
    whole: bool
    bare: list[SkippedFile]


def _each(given: Sequence[str], lists: Sequence[str], how: _Looking) -> Iterator[Found]:
    """The pictures, and what to say of a path that means none."""
    for text in given:
        if text == STDIN:
            yield text
        elif meant := address_meant(text):
            reason = f"no such file: did you mean {shown(meant)}?"
            how.bare.append(SkippedFile(text, reason))
            yield UsageError(f"{shown(text)}: {reason}")
        elif (inside := _inside(text, how)) is not None:
            yield from inside
        elif glob.has_magic(text) and not os.path.exists(text):
            yield from _matching(text, how)
        else:
            yield text
    for one in lists:
        for name in read_list(one):
            if (inside := _inside(name, how)) is not None:
                yield from inside
            else:
                yield os.path.join(os.curdir, name) if name == STDIN else name


def _inside(text: str, how: _Looking) -> Iterator[Found] | None:
    """The pictures in a folder, or stored in something; None where a text is neither."""
    try:  # unlike Path's, os.path's never raise
        is_folder = answered(lambda call: os.path.isdir(text), text)
    except NoAnswerError:
        return None  # reading it will say so
    if _is_holder(text):
        return _stored(text, how)
    return _below(text, how) if is_folder else None


def _is_holder(text: str) -> bool:
    """Whether pictures are stored in it, or would be if it could be used."""
    try:
        return holds_members(text)
    except (DatasetError, UsageError):
        return True


def _stored(text: str, how: _Looking) -> Iterator[Found]:
    """The pictures in a tar, a Parquet file, or at an address, unless only files are meant."""
    try:
        if how.files_only:
            check_are_files(text)
        yield from members(text, how.bare, whole=how.whole)
    except (DatasetError, UsageError) as error:
        if how.whole and error.may_pass and not _is_on_the_web(text):
            raise DatasetError(error.message, hint=GO_ON, may_pass=True) from error
        how.bare.append(SkippedFile(text, error.message))
        yield error


def _is_on_the_web(text: str) -> bool:
    """Whether a text is the address of one picture on the web: of many, some servers are gone."""
    is_web = text.lower().startswith(("https://", "http://"))
    return is_web and PurePosixPath(text).suffix.lower() in SUFFIXES


def _below(folder: str, how: _Looking) -> Iterator[Found]:
    walk = _Noting(folder, how)
    empty = True
    for path, _ in walk.pictures(walk.root):
        empty = False
        yield str(path)
    if walk.is_shut:
        yield UsageError(f"{shown(folder)} is {how.bare[-1].reason}.")
    elif empty:
        follow = option("follow_links=True")
        hint = f"It has a link to a folder: add {follow} to go there." if walk.has_link else ""
        but = ", but a link to a folder" if walk.has_link else ""
        how.bare.append(SkippedFile(folder, f"a folder that holds no pictures{but}"))
        yield UsageError(f"{shown(folder)} has no pictures in it.", hint=hint)


class _Noting(Walk):
    """A walk that keeps in mind only what stays shut: of other files there may be a million."""

    def __init__(self, folder: str, how: _Looking) -> None:
        super().__init__(Path(folder), how.follow_links)
        self._folder = folder
        self._bare = how.bare
        self.has_link = False
        self.is_shut = False  # the folder itself
        self._whole = how.whole

    def stays_shut(self, folder: Path, error: OSError) -> None:
        if self._whole and isinstance(error, NoAnswerError):
            raise DatasetError(f"{shown(folder)} {error.reason}.", hint=GO_ON, may_pass=True)
        super().stays_shut(folder, error)

    def pass_over(self, path: Path, reason: str) -> None:
        self.has_link |= reason == LINK
        if reason.startswith(SHUT):
            self.is_shut |= path == self.root
            name = self._folder if path == self.root else str(path)
            self._bare.append(SkippedFile(name, reason))


def _matching(pattern: str, how: _Looking) -> Iterator[Found]:
    empty = True
    for match in matching(pattern):
        if not os.path.isdir(match):
            empty = False
            yield match
    if empty:
        how.bare.append(SkippedFile(pattern, "a pattern that no file matches"))
        yield UsageError(f"No file matches {shown(pattern)}.")
