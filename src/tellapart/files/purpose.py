"""What files are carried about for: the words of the sentences, and the names of hidden files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AT_ONCE = 8  # files that are written before they get their names
_AGAIN = "No file was lost. Do the same again to go on, or take back what was done."


def _as_it_is(header: dict[str, Any]) -> dict[str, Any]:
    return header


@dataclass(frozen=True)
class Purpose:
    """One kind of work that carries files about; a row of what differs between the kinds.

    The first two are enough: `Purpose(hidden=".tellapart-mend", done="mended")`.
    """

    #: The folder that holds the journal, and how the names of files begin that are not yet whole.
    #: It begins with a dot, so that walks pass over both.
    hidden: str
    #: What happens to a file, as a participle: "changed while it was being mended".
    done: str
    #: What stands between that and a folder: "Nothing was sorted into photos".
    joint: str = "in"
    #: A hint: what to do where the journal is damaged.
    if_damaged: str = "Nothing was changed. Move that file away to begin anew."
    #: A hint: what to do where the disk is full, and something may have been done already.
    if_stopped: str = _AGAIN
    #: The same, where nothing was done yet.
    if_refused: str = "Nothing was done. Choose another folder."
    #: A hint: what to do where there is nothing to take back.
    if_nothing: str = "Give the folder in which that was done."
    #: A hint: what happened to a file that cannot be taken from its old place.
    if_kept: str = "It was left where it is."
    #: A hint: what to do where a folder cannot hold links.
    if_no_links: str = "Copy the files instead."
    #: Gives the first line of a journal of an earlier release today's fields. It may raise
    #: ValueError, KeyError or TypeError where that line makes no sense.
    upgraded: Callable[[dict[str, Any]], dict[str, Any]] = _as_it_is


@dataclass(frozen=True)
class Errand:
    """One piece of such work; its token tells its unfinished files from those of all others."""

    purpose: Purpose
    token: str

    def part_beside(self, target: Path, number: int = 0) -> Path:
        """Where a file is written before it gets its name; `number` of those that are at once."""
        which = f"-{number}" if number else ""
        return target.with_name(f"{self.purpose.hidden}-{self.token}{which}.part")

    def drop_parts_beside(self, target: Path) -> None:
        """Delete what a kill left there."""
        for number in range(AT_ONCE):
            self.part_beside(target, number).unlink(missing_ok=True)
