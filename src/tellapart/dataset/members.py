"""What is given on a command line -> the pictures that lie in it, one by one, where it is a tar, a
Parquet file, a pattern of these, or an address. Labels are not asked for.

They come in a stable order, and memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import UsageError
from ..files.skipped import SkippedFile
from ..files.stored import Stored
from ..text import shown
from .containers import contents_of, holds_pictures


def holds_members(text: str) -> bool:
    """Whether a text means pictures that lie in something else, so that `members` gives them.

    Raises:
        DatasetError, UsageError: it does, and cannot be used; see `members`.
    """
    return holds_pictures(text, unpacked=True)


def members(text: str, skipped: list[SkippedFile] | None = None) -> Iterator[Stored]:
    """The pictures in a tar, in a Parquet file, or in all that a pattern or an address means. What
    is no picture is added to `skipped`.

    Raises:
        DatasetError: it cannot be read, or is no tar or Parquet file.
        UsageError: it holds none.
    """
    passed = [] if skipped is None else skipped
    empty = True
    for one, _ in contents_of(text, passed, unpacked=True):
        empty = False
        yield one.stored
    if empty:
        why = f" The first thing passed over: {passed[0].name} ({passed[0].reason})."
        raise UsageError(f"{shown(text)} has no pictures in it.{why if passed else ''}")
