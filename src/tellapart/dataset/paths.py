"""Paths as people write them into tables -> files that are there.

A path is taken as it is, then with `\\` for `/`, then without the spaces around it, then from the
table's folder on where it begins with `\\`; a name that is
not there is looked for in every way Unicode has of writing it, because macOS writes `é` as two
characters and others as one. Upper and lower case are never taken for one another.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

# What editors and spreadsheets leave: a space of no width, marks of direction, a mark of the order
# of bytes. Joiners are not among them: they belong to the letter beside them.
_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"


class Finder:
    """Finds files below a folder; it lists each folder at most once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, written: str) -> Path | None:
        """The file or folder that is meant, if there is one."""
        for way in _ways(written):
            path = self._folder / way
            if os.path.exists(path):  # unlike Path.exists, never raises
                return path
            if not way.isascii() and (found := self._by_form(path)):
                return found
        return None

    def name(self, written: str, found: Path) -> str:
        """What a file is called: as it is written where that leads to it, else by its own name."""
        if written and self._folder / written == found:
            return written
        below = found.is_relative_to(self._folder)
        return (found.relative_to(self._folder) if below else found).as_posix()

    def _by_form(self, path: Path) -> Path | None:
        """The path with each name that is not there in another form of Unicode."""
        found = Path(path.anchor)
        for part in path.parts[1:] if path.anchor else path.parts:
            step = found / part
            if not os.path.lexists(step):
                real = self._listed(found).get(unicodedata.normalize("NFC", part))
                if real is None:
                    return None
                step = found / real
            found = step
        return found if os.path.exists(found) else None

    def _listed(self, folder: Path) -> dict[str, str]:
        """The names in a folder by their form NFC."""
        if folder not in self._names:
            try:
                names = sorted(os.listdir(folder))
            except (OSError, ValueError):
                names = []
            self._names[folder] = {unicodedata.normalize("NFC", name): name for name in names}
        return self._names[folder]


def trimmed(text: str) -> str:
    """A cell's text without spaces around it, and without what prints as nothing there."""
    while text != (text := text.strip().strip(_UNSEEN)):
        pass
    return text


def _ways(written: str) -> Iterator[str]:
    yield written
    bare = trimmed(written)
    ways = [bare, written.replace("\\", "/"), bare.replace("\\", "/")]
    if bare.startswith("\\") and not PureWindowsPath(bare).drive:
        ways.append(ways[-1].lstrip("/"))
    for way in ways:
        if way != written:
            yield way


def missing(written: str) -> str:
    """Why no file of a path was found."""
    if os.name != "nt" and PureWindowsPath(written.strip()).drive:
        return "a path on a Windows disk: write it from the table's folder on"
    return "no such file"
