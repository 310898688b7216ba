"""Folders that are only in names: of a tar's members, of the objects in a bucket. They are walked
as folders on a disk are (`walk.py`), so that `layout.py` finds out what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...files.skipped import SkippedFile
from ..walk import SET_ASIDE, UNLABELLED
from .listed import Listed


@dataclass
class _Folder:
    folders: dict[str, _Folder] = field(default_factory=dict)
    pictures: dict[str, list[Listed]] = field(default_factory=dict)  # several shards may have one


class Tree:
    """Pictures by the folders in their names, below a root that is the source itself."""

    def __init__(self, root: Path, every: Iterable[Listed]) -> None:
        self.root = root
        self.skipped: list[SkippedFile] = []
        self._top = _Folder()
        for one in every:
            *above, base = one.name.split("/")
            folder = self._top
            for part in above:
                folder = folder.folders.setdefault(part, _Folder())
            folder.pictures.setdefault(base, []).append(one)

    def go_down(self) -> None:
        """To where more than one folder is, if folders lie in each other alone, as packing leaves
        them: `photos/cat/1.jpg`. Names are from there on."""
        for _ in range(3):
            inner = list(self._top.folders.values())
            if len(inner) != 1 or self._top.pictures or not inner[0].folders:
                return
            self._top = inner[0]

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def folders(self, folder: Path) -> list[Path]:
        found = self._at(folder)
        for name in sorted(found.pictures):
            self.pass_over(folder / name, UNLABELLED)
        return [folder / name for name in self.names_of_folders(folder)]

    def names_of_folders(self, folder: Path) -> list[str]:
        return [name for name in sorted(self._at(folder).folders) if name != SET_ASIDE]

    def names_of_only_folders(self, folder: Path) -> list[str]:
        return [] if self._at(folder).pictures else self.names_of_folders(folder)

    def pictures(self, folder: Path) -> Iterator[tuple[Listed, str]]:
        """Every picture below a folder with its name below the root, in the order of a walk."""
        stack = [(self.name(folder), self._at(folder), iter(_names(self._at(folder))))]
        while stack:
            above, here, rest = stack[-1]
            for name in rest:
                path = f"{above}/{name}" if above != "." else name
                for one in here.pictures.get(name, ()):
                    yield one, path
                if name in here.folders:
                    inner = here.folders[name]
                    stack.append((path, inner, iter(_names(inner))))
                    break
            else:
                stack.pop()

    def pass_over(self, path: Path, reason: str) -> None:
        self.skipped.append(SkippedFile(self.name(path), reason))

    def _at(self, folder: Path) -> _Folder:
        found = self._top
        for part in folder.relative_to(self.root).parts:
            found = found.folders.get(part, _Folder())
        return found


def _names(folder: _Folder) -> list[str]:
    return sorted(folder.pictures.keys() | folder.folders.keys())
