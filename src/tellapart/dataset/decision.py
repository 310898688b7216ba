"""What a person decided of one picture, and where the decisions about a source are kept."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..files.addresses import is_address
from ..text import shown

FILE = "tellapart.csv"
KINDS = ("relabel", "drop", "keep", "group")
BETWEEN = " // "  # between two paths, of which none has an empty part
MANY = "//"  # for more copies than are noted
_UNDO = "tellapart fix {} --undo last (or all)"
_MAGIC = re.compile(r"\{[^{}]*\}|\[[^]]*\]|[*?]+")  # what in a pattern stands for several names
_ENDINGS = (".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")


def place_of_decisions(source: Path) -> Path:
    """Where the decisions about a source's pictures are: in a folder; beside a table or an archive,
    under its name: `photos.tellapart.csv` for `photos.zip`, `photos-_.tellapart.csv` for
    `photos-{000..099}.tar`."""
    if os.path.isdir(source):
        return source / FILE
    stem = source.name if os.path.exists(source) else _MAGIC.sub("_", source.name)
    for suffix in (*_ENDINGS, source.suffix):
        if suffix and stem.lower().endswith(suffix.lower()):
            stem = stem[: -len(suffix)]
            break
    return source.with_name(f"{stem}.{FILE}")


def undo_words(source: str) -> str:
    """The command that takes decisions about a source back."""
    return _UNDO.format(shlex.quote(source))


def check_has_place(source: str | os.PathLike[str]) -> None:
    """Raises UsageError where nothing can be written beside a source."""
    if is_address(os.fspath(source)):
        raise UsageError(
            f"Decisions are kept beside the pictures, and {shown(source)} is an address.",
            hint="Download the pictures into a folder, and give that.",
        )


def is_table_of_decisions(name: str) -> bool:
    """Whether a file is one by its name, and so neither a picture nor a table of pictures."""
    return name == FILE or name.endswith(f".{FILE}")


@dataclass(frozen=True)
class Decision:
    """What a person decided of one picture.

    Attributes:
        path: its name below the source.
        digest: the sha256 of its content, in hex, by which it is known after it was moved.
        decision: "relabel", "drop", "keep" or "group".
        old_label: the label that the source gives it.
        new_label: the label that it is to have; of "group", the group's name; else empty.
        when: when that was decided, in ISO 8601, UTC; equal for what was decided in one go.
        why: why, as far as that was said.
        superseded: when another decision took its place; empty while it is in force.
        carried_out: when the file itself was moved; empty before.
        copies: where else its content lay when that was decided, paths with " // " between; "//"
            for very many. The decision never passes to one of these.
    """

    path: str
    digest: str
    decision: str
    old_label: str = ""
    new_label: str = ""
    when: str = ""
    why: str = ""
    superseded: str = ""
    carried_out: str = ""
    copies: str = ""

    @property
    def copies_at(self) -> tuple[str, ...]:
        """The paths of the copies that are noted."""
        noted = self.copies and not self.copies.startswith(MANY)
        return tuple(self.copies.split(BETWEEN)) if noted else ()

    @property
    def in_force(self) -> bool:
        """Whether it is to be applied when the source is read."""
        return not self.superseded and not self.carried_out

    @property
    def matter(self) -> str:
        """What it is about: of a picture and a matter there is one decision in force."""
        return "group" if self.decision == "group" else "label"
