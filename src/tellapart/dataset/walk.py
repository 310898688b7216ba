"""Walking down a folder of pictures: what may be one, and what is passed over and why."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import PictureError
from ..files.leftovers import TEMPORARY
from ..files.reading import read_head
from ..files.skipped import SkippedFile as SkippedFile
from ..images.kinds import FORMATS, SUFFIXES, sniff
from ..text import shown
from ..workers.deadlines import NoAnswerError, answered
from .decision import is_table_of_decisions
from .listing import Identity, InFolder, in_order
from .listing import identity as identity

_SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})
LINK = "a link to a folder, not followed"
SET_ASIDE = "set-aside"  # a folder that is no label: dropped pictures are moved there
UNLABELLED = "in no label's folder"  # why a picture beside the folders of labels is passed over
SHUT = "a folder that "  # how the reasons begin why a folder was passed over with all in it


def pictures_below(
    root: Path, *, follow_links: bool = False
) -> tuple[list[tuple[Path, str]], list[SkippedFile], int]:
    """All files below `root` that may be pictures, as (path, name), in order of their names.

    Also what was passed over and why, and how many hidden or system files there were.
    """
    walk = Walk(root, follow_links)
    return list(walk.pictures(root)), walk.skipped, walk.hidden


class Walk:
    """One walk down a folder tree, counting what it passes over.

    A folder that cannot be opened, or whose drive does not answer, is passed over like a file.
    """

    def __init__(self, root: Path, follow_links: bool) -> None:
        self.root = root
        self.follow_links = follow_links
        self.skipped: list[SkippedFile] = []
        self.hidden = 0

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def entries(self, folder: Path) -> list[InFolder]:
        """The visible entries of a folder in order of their names; none where it stays shut."""
        return [*self._entries(folder, frozenset())[1]]

    def folders(self, folder: Path) -> list[Path]:
        """The folders directly inside, links only when they are to be followed."""
        found = []
        for entry in self.entries(folder):
            path = Path(entry.path)
            is_folder, reason = self._subgroup(entry)
            if is_folder:
                if entry.name != SET_ASIDE:
                    found.append(path)
            elif reason:
                self.pass_over(path, reason)
            elif not no_picture(path):
                self.pass_over(path, UNLABELLED)
        return found

    def names_of_folders(self, folder: Path) -> list[str]:
        """The names of the folders directly inside. Counts nothing."""
        entries = Walk(self.root, self.follow_links).entries(folder)
        names = [entry.name for entry in entries if self._subgroup(entry)[0]]
        return [name for name in names if name != SET_ASIDE]

    def names_of_only_folders(self, folder: Path) -> list[str]:
        """The names of the folders directly inside; none where a picture is beside them. Counts
        nothing."""
        entries = Walk(self.root, self.follow_links).entries(folder)
        inner = {entry.name: None for entry in entries if self._subgroup(entry)[0]}
        loose = (Path(entry.path) for entry in entries if entry.name not in inner)
        found = [name for name in inner if name != SET_ASIDE]
        return found if all(map(no_picture, loose)) else []

    def pictures(
        self, folder: Path, above: frozenset[Identity] = frozenset()
    ) -> Iterator[tuple[Path, str]]:
        """Every file below `folder` that may be a picture; `above` are the folders it is in.

        Folders lie in each other deeper than Python's calls can, so this keeps its own stack.
        """
        here, entries = self._entries(folder, above)
        stack = [(above | {here}, entries)]
        while stack:
            above, rest = stack[-1]
            for entry in rest:
                path = Path(entry.path)
                is_folder, reason = self._subgroup(entry)
                if is_folder:
                    here, entries = self._entries(path, above)
                    stack.append((above | {here}, entries))
                    break
                elif reason:
                    self.pass_over(path, reason)
                elif error := no_picture(path):
                    self.pass_over(path, error.message)
                else:
                    yield path, self.name(path)
            else:
                stack.pop()

    def _entries(
        self, folder: Path, above: frozenset[Identity]
    ) -> tuple[Identity, Iterator[InFolder]]:
        """A folder's identity and its visible entries, unless it is one of those `above` it."""
        hidden = 0

        def counted(name: str) -> bool:
            nonlocal hidden
            is_passed = is_hidden(name) and not _is_ours(name)
            hidden += is_passed
            return not is_passed and not _is_ours(name)

        try:
            here, entries = answered(lambda call: in_order(folder, counted, call), folder)
        except OSError as error:
            self.stays_shut(folder, error)
            return (0, 0), iter(())
        if here in above:
            self.pass_over(folder, "a link back to a folder above it")
            return here, iter(())
        self.hidden += hidden
        return here, entries

    def _subgroup(self, entry: InFolder) -> tuple[bool, str]:
        """Whether an entry is a folder to look into; if not, why it needs no further look."""
        if not entry.is_symlink():
            return entry.is_dir(follow_symlinks=False), ""
        try:  # DirEntry.is_dir raises on a loop
            leads_to_folder = answered(lambda call: os.path.isdir(entry.path), self.root)
        except NoAnswerError as error:
            return False, error.reason
        if leads_to_folder and not self.follow_links:
            return False, LINK
        return leads_to_folder, ""

    def pass_over(self, path: Path, reason: str) -> None:
        self.skipped.append(SkippedFile(self.name(path), sys.intern(reason)))

    def stays_shut(self, folder: Path, error: OSError) -> None:
        self.pass_over(folder, _unopened(error))

    def shut(self, folder: Path) -> str:
        """That a folder, or one in it, stayed shut, and why; empty if none did."""
        name = self.name(folder)
        for file in self.skipped:
            if file.reason.startswith(SHUT) and f"{file.name}/".startswith(f"{name}/"):
                what, _, why = file.reason.removeprefix(SHUT).partition(": ")
                return f"{shown(file.name)} {what}" + (f" ({why})" if why else "")
        return ""


def _unopened(error: OSError) -> str:
    if isinstance(error, NoAnswerError):
        return f"{SHUT}{error.reason}"
    if error.errno == errno.ENAMETOOLONG:
        return f"{SHUT}lies too deep: the system takes no path that long"
    return f"{SHUT}cannot be opened: {(error.strerror or '').lower()}"


def is_hidden(name: str) -> bool:
    """Whether a name is one that systems and tools leave behind."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def _is_ours(name: str) -> bool:
    """Whether tellapart itself keeps it beside pictures: what was decided and done with them."""
    return is_table_of_decisions(name) or name.startswith(TEMPORARY)


def no_picture(path: Path) -> PictureError | None:
    """Why a file is not taken for a picture; None if it may be one, which decoding will tell."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return None
    try:
        kind = sniff(read_head(path))
    except PictureError as error:
        return error
    except NoAnswerError as error:
        return PictureError(error.reason, may_pass=True)
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ELOOP) and os.path.islink(path)
        return PictureError("a broken link") if gone else None
    if kind in FORMATS:
        return None
    return PictureError(f"not a picture ({suffix or 'no extension'})")
