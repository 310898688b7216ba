"""Walking down a folder of pictures: what may be one, and what is passed over and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..images.kinds import FORMATS, SUFFIXES, sniff

_SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})


@dataclass(frozen=True)
class Skipped:
    """A file that was passed over, and the reason in plain words."""

    name: str
    reason: str


def pictures_below(
    root: Path, *, follow_links: bool = False
) -> tuple[list[tuple[Path, str]], list[Skipped], int]:
    """All files below `root` that may be pictures, as (path, name), in order of their names.

    Also what was passed over and why, and how many hidden or system files there were.
    """
    walk = Walk(root, follow_links)
    return list(walk.pictures(root)), walk.skipped, walk.hidden


class Walk:
    """One walk down a folder tree, counting what it passes over."""

    def __init__(self, root: Path, follow_links: bool) -> None:
        self.root = root
        self.follow_links = follow_links
        self.skipped: list[Skipped] = []
        self.hidden = 0

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """The visible entries of a folder in order of their names; none where it stays shut."""
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.pass_over(folder, _unopened(error))
            return []
        visible = [e for e in entries if not is_hidden(e.name)]
        self.hidden += len(entries) - len(visible)
        return visible

    def folders(self, folder: Path) -> list[Path]:
        """The folders directly inside, links only when they are to be followed."""
        found = []
        for entry in self.entries(folder):
            path = Path(entry.path)
            if self.is_folder(entry):
                found.append(path)
            elif _is_link_to_folder(entry):
                self.pass_over(path, "a link to a folder, not followed")
            elif not _no_picture(path):
                self.pass_over(path, "in no label's folder")
        return found

    def holds_only_folders(self, folder: Path) -> bool:
        """Whether there are folders directly inside and no picture beside them; counts nothing."""
        entries = Walk(self.root, self.follow_links).entries(folder)
        loose = [entry for entry in entries if not self.is_folder(entry)]
        return len(loose) < len(entries) and all(_no_picture(Path(e.path)) for e in loose)

    def pictures(
        self, folder: Path, above: frozenset[tuple[int, int]] = frozenset()
    ) -> Iterator[tuple[Path, str]]:
        """Every file below `folder` that may be a picture; `above` are the folders it is in."""
        try:
            here = identity(folder)
        except OSError as error:
            self.pass_over(folder, _unopened(error))
            return
        if here in above:
            self.pass_over(folder, "a link back to a folder above it")
            return
        for entry in self.entries(folder):
            path = Path(entry.path)
            if self.is_folder(entry):
                yield from self.pictures(path, above | {here})
            elif _is_link_to_folder(entry):
                self.pass_over(path, "a link to a folder, not followed")
            elif reason := _no_picture(path):
                self.pass_over(path, reason)
            else:
                yield path, self.name(path)

    def is_folder(self, entry: os.DirEntry[str]) -> bool:
        followed = self.follow_links and _is_link_to_folder(entry)
        return followed or entry.is_dir(follow_symlinks=False)

    def pass_over(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(self.name(path), reason))


def _is_link_to_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and os.path.isdir(entry.path)  # DirEntry.is_dir raises on a loop


def identity(folder: Path) -> tuple[int, int]:
    """What tells a folder from all others, by whatever links it is reached."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def _unopened(error: OSError) -> str:
    return f"a folder that cannot be opened: {(error.strerror or '').lower()}"


def is_hidden(name: str) -> bool:
    """Whether a name is one that systems and tools leave behind."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def _no_picture(path: Path) -> str:
    """Why a file is not taken for a picture; empty if it may be one, which decoding will tell."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return ""
    if not os.path.isfile(path):
        return "a broken link" if os.path.islink(path) else "not a regular file"
    try:
        with path.open("rb") as stream:
            kind = sniff(stream.read(512))
    except OSError:
        return ""
    return "" if kind in FORMATS else f"not a picture ({suffix or 'no extension'})"
