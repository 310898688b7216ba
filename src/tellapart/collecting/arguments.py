"""What speaks against collecting as it is asked, before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

from ..dataset.layout import layout_of
from ..dataset.splits import split_of
from ..dataset.walk import Walk
from ..errors import DatasetError, DestinationError, UsageError, option
from ..files.on_disk import check_written_here
from ..text import first_few, shown


def check_numbers(
    max_side: int | None,
    max_bytes: int,
    per_host: int,
    retries: int,
    timeout: float,
    pause: float,
    every: float,
    differ: float,
) -> None:
    """Look at the numbers of `collect`.

    Raises:
        UsageError: one is out of its range.
    """
    least = {"max_bytes": (max_bytes, 1), "per_host": (per_host, 1), "retries": (retries, 0)}
    if max_side is not None:
        least["max_side"] = (max_side, 16)
    for name, (value, limit) in least.items():
        if value < limit:
            raise UsageError(f"{option(name)} {value} is too small: it is at least {limit}.")
    for name, number in (("timeout", timeout), ("every", every), ("pause", pause)):
        if not 0 < number < 1e6:
            raise UsageError(f"{option(name)} {number:g} is not a number of seconds above 0.")
    if not 0 <= differ < 1:
        raise UsageError(
            f"{option('differ')} {differ:g} is not between 0 and 1.",
            hint="At 0 all frames are kept, and from 0.5 hardly any.",
        )


def check_folders(source: Path, into: Path) -> None:
    """Look at where from, and where to.

    Raises:
        UsageError: the source is in the folder, or the folder is a data set with parts.
        DestinationError: the folder is a file.
    """
    check_written_here(into)
    folder, given = Path(os.path.realpath(into)), Path(os.path.realpath(source))
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise DestinationError(
            f"{shown(into)} is a file, and pictures are collected into a folder.",
            hint="Choose another name.",
        )
    if given == folder and os.path.exists(given):
        raise UsageError(f"{shown(source)} cannot be collected into itself.")
    if given.is_dir() and given.is_relative_to(folder):
        raise UsageError(
            f"{shown(source)} is inside {shown(into)}, so its pictures are there already.",
            hint="Move it out of there first.",
        )
    _check_whole(folder)


def _check_whole(folder: Path) -> None:
    """Refuse a data set that has parts: a picture has to go into one of them."""
    try:
        parts = layout_of(Walk(folder, False)).parts if folder.is_dir() else ()
    except DatasetError:  # which says what is wrong where the data set is read
        return
    if parts:
        names = first_few([name for _, name in parts])
        raise UsageError(
            f"{shown(folder)} has parts ({names}), and a picture belongs into one of them.",
            hint=f"Give one, such as {shown(folder / parts[0][1].rstrip('/'))}.",
        )


def beside(folder: Path) -> list[Path]:
    """The other parts of the data set that a folder is a part of: a picture that is to be tested on
    must not be learnt from."""
    if not split_of(folder.name):
        return []
    return [
        path
        for path in sorted(folder.parent.iterdir())
        if path != folder and split_of(path.name) and path.is_dir()
    ]
