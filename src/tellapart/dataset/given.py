"""Paths as they are given on a command line -> the pictures that are meant."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError, option
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from .sources import Skipped, pictures_below
from .walk import LINK, SHUT

STDIN = "-"


def expand(
    given: Sequence[str], *, follow_links: bool, shut: list[Skipped] | None = None
) -> list[str]:
    """Paths of all pictures meant by files, folders, patterns and `-`.

    Folders below these that cannot be opened are added to `shut`.

    Raises:
        UsageError: a pattern or a folder that holds none.
    """
    paths: list[str] = []
    for text in given:
        if text != STDIN and _is_folder(text):
            below, skipped, _ = pictures_below(Path(text), follow_links=follow_links)
            found = [str(file) for file, _ in below]
            closed = [one for one in skipped if one.reason.startswith(SHUT)]
            if any(one.name == "." for one in closed):
                raise UsageError(f"{shown(text)} is {closed[0].reason}.")
            if shut is not None:
                shut += (Skipped(str(Path(text, one.name)), one.reason) for one in closed)
            if not found:
                linked = any(file.reason == LINK for file in skipped)
                follow = option("follow_links=True")
                hint = f"It holds a link to a folder: {follow} goes there." if linked else ""
                raise UsageError(f"{shown(text)} holds no pictures.", hint=hint)
        elif text != STDIN and glob.has_magic(text) and not os.path.exists(text):
            matches = sorted(glob.glob(text, recursive=True))
            found = [match for match in matches if not os.path.isdir(match)]
            if not found:
                raise UsageError(f"Nothing matches {shown(text)}.")
        else:
            found = [text]
        paths += found
    return paths


def _is_folder(text: str) -> bool:
    try:  # unlike Path's, os.path's never raise
        return answered(lambda call: os.path.isdir(text), text)
    except NoAnswerError:
        return False  # reading it will say so
