"""What a listing gives of each picture that is stored in something: where it is, what it is called,
and what is said of it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeAlias

from ...files.skipped import SkippedFile
from ...files.stored import Stored
from ..tables import TABLE_SUFFIXES

PassOver: TypeAlias = "Callable[[SkippedFile], None]"
"""Is told each file that is no picture, and why."""


def why_no_picture(name: str) -> str:
    """Why what has this name, and is no picture, is passed over."""
    suffix = PurePosixPath(name).suffix
    if suffix.lower() in TABLE_SUFFIXES:
        return "a table, which is read only as a file on a disk"
    return f"not a picture ({suffix or 'no extension'})"


@dataclass(frozen=True)
class Listed:
    """One picture, as its container lists it.

    Attributes:
        stored: where it is.
        name: what it is called within its container, parts with `/` between.
        label: what is said to be in it, beside it; None where nothing is said.
        split: "train", "test" or "validation"; None where nothing is said.
        group: what it is tied to, or None.
        part: how the split is written.
        reason: why it cannot be taken for a labelled picture, such as "has no label"; empty if it
            can.
    """

    stored: Stored
    name: str
    label: str | None = None
    split: str | None = None
    group: str | None = None
    part: str = ""
    reason: str = ""
