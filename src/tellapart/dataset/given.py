"""Paths as they are given on a command line -> the pictures that are meant."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError, option
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from .sources import SkippedFile, pictures_below
from .walk import LINK, SHUT

STDIN = "-"


def expand(
    given: Sequence[str], *, follow_links: bool, shut: list[SkippedFile] | None = None
) -> list[str]:
    """Paths of all pictures meant by files, folders, patterns and `-`.

    What holds none, and folders below these that cannot be opened, are added to `shut`.

    Raises:
        UsageError: none of them holds any.
    """
    paths: list[str] = []
    bare: list[SkippedFile] = []
    errors: list[UsageError] = []
    for text in given:
        found = _found(text, follow_links, bare)
        if isinstance(found, UsageError):
            errors.append(found)
        else:
            paths += found
    if errors and not paths:
        first = errors[:5]
        raise UsageError(" ".join(e.said[0] for e in first), hint=first[0].said[1])
    if shut is not None:
        shut += bare
    return paths


def _found(text: str, follow_links: bool, bare: list[SkippedFile]) -> list[str] | UsageError:
    """The pictures that one path means, or what to say where there are none; the same in short, and
    what stays shut below a folder, is added to `bare`."""
    if text == STDIN:
        return [text]
    if _is_folder(text):
        below, skipped, _ = pictures_below(Path(text), follow_links=follow_links)
        closed = [one for one in skipped if one.reason.startswith(SHUT)]
        if any(one.name == "." for one in closed):
            bare.append(SkippedFile(text, closed[0].reason))
            return UsageError(f"{shown(text)} is {closed[0].reason}.")
        bare += (SkippedFile(str(Path(text, one.name)), one.reason) for one in closed)
        if not below:
            linked = any(file.reason == LINK for file in skipped)
            follow = option("follow_links=True")
            hint = f"It has a link to a folder: add {follow} to go there." if linked else ""
            but = ", but a link to a folder" if linked else ""
            bare.append(SkippedFile(text, f"a folder that holds no pictures{but}"))
            return UsageError(f"{shown(text)} has no pictures in it.", hint=hint)
        return [str(file) for file, _ in below]
    if glob.has_magic(text) and not os.path.exists(text):
        matches = sorted(glob.glob(text, recursive=True))
        found = [match for match in matches if not os.path.isdir(match)]
        if not found:
            bare.append(SkippedFile(text, "a pattern that no file matches"))
            return UsageError(f"No file matches {shown(text)}.")
        return found
    return [text]


def _is_folder(text: str) -> bool:
    try:  # unlike Path's, os.path's never raise
        return answered(lambda call: os.path.isdir(text), text)
    except NoAnswerError:
        return False  # reading it will say so
