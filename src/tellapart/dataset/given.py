"""Paths as they are given on a command line -> the pictures that are meant, one by one: there may
be more of them than memory holds names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import UsageError, option
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from .lists import STDIN as STDIN
from .lists import read_list
from .sources import SkippedFile
from .walk import LINK, SHUT, Walk

_FEW = 5  # errors that are told where there is nothing else


def expand(
    given: Sequence[str],
    *,
    follow_links: bool,
    lists: Sequence[str] = (),
    shut: list[SkippedFile] | None = None,
) -> Iterator[str]:
    """Paths of all pictures meant by files, folders, patterns and `-`, and then by each line of
    `lists`, where a name is no pattern. A folder's are in order of their names.

    What holds none, and folders below these that cannot be opened, are added to `shut` on the way.

    Raises:
        UsageError: none of them holds any, or a list cannot be read.
    """
    bare: list[SkippedFile] = [] if shut is None else shut
    errors: list[UsageError] = []
    empty = True
    for found in _each(given, lists, follow_links, bare):
        if isinstance(found, UsageError):
            errors += [found] * (len(errors) < _FEW)
        else:
            empty = False
            yield found
    if empty and not errors:
        errors.append(UsageError(f"{shown(lists[0])} names no pictures."))
    if empty:
        raise UsageError(" ".join(e.said[0] for e in errors), hint=errors[0].said[1])


def _each(
    given: Sequence[str], lists: Sequence[str], follow_links: bool, bare: list[SkippedFile]
) -> Iterator[str | UsageError]:
    """The pictures, and what to say of a path that means none; the same in short, and what stays
    shut below a folder, is added to `bare`."""
    for text in given:
        if text == STDIN:
            yield text
        elif _is_folder(text):
            yield from _below(text, follow_links, bare)
        elif glob.has_magic(text) and not os.path.exists(text):
            yield from _matching(text, bare)
        else:
            yield text
    for one in lists:
        for name in read_list(one):
            if _is_folder(name):
                yield from _below(name, follow_links, bare)
            else:
                yield os.path.join(os.curdir, name) if name == STDIN else name


def _below(folder: str, follow_links: bool, bare: list[SkippedFile]) -> Iterator[str | UsageError]:
    walk = _Noting(folder, follow_links, bare)
    empty = True
    for path, _ in walk.pictures(walk.root):
        empty = False
        yield str(path)
    if walk.is_shut:
        yield UsageError(f"{shown(folder)} is {bare[-1].reason}.")
    elif empty:
        follow = option("follow_links=True")
        hint = f"It has a link to a folder: add {follow} to go there." if walk.has_link else ""
        but = ", but a link to a folder" if walk.has_link else ""
        bare.append(SkippedFile(folder, f"a folder that holds no pictures{but}"))
        yield UsageError(f"{shown(folder)} has no pictures in it.", hint=hint)


class _Noting(Walk):
    """A walk that keeps in mind only what stays shut: of other files there may be a million."""

    def __init__(self, folder: str, follow_links: bool, bare: list[SkippedFile]) -> None:
        super().__init__(Path(folder), follow_links)
        self._folder = folder
        self._bare = bare
        self.has_link = False
        self.is_shut = False  # the folder itself

    def pass_over(self, path: Path, reason: str) -> None:
        self.has_link |= reason == LINK
        if reason.startswith(SHUT):
            self.is_shut |= path == self.root
            name = self._folder if path == self.root else str(path)
            self._bare.append(SkippedFile(name, reason))


def _matching(pattern: str, bare: list[SkippedFile]) -> Iterator[str | UsageError]:
    empty = True
    for match in sorted(glob.iglob(pattern, recursive=True)):
        if not os.path.isdir(match):
            empty = False
            yield match
    if empty:
        bare.append(SkippedFile(pattern, "a pattern that no file matches"))
        yield UsageError(f"No file matches {shown(pattern)}.")


def _is_folder(text: str) -> bool:
    try:  # unlike Path's, os.path's never raise
        return answered(lambda call: os.path.isdir(text), text)
    except NoAnswerError:
        return False  # reading it will say so
