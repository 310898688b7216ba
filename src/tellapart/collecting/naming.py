"""Names of collected pictures: safe on every system, and free."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from ..dataset.filenames import folded, longest_name, named, safe_name


class Names:
    """Names below a folder that every system takes, and that are free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.longest = longest_name(folder)
        self.taken: set[str] = set()
        self.last: dict[str, int] = {}
        there = sorted(path.name for path in folder.iterdir() if path.is_dir())
        self.of_label = {unicodedata.normalize("NFC", name): name for name in there}

    def free(self, label: str, stem: str, suffix: str) -> str:
        below = safe_name(label)
        below = self.of_label.get(unicodedata.normalize("NFC", below), below)
        key = folded(f"{below}/{stem}{suffix}")
        while True:
            number = self.last[key] = self.last.get(key, 0) + 1
            ending = f"-{number}{suffix}" if number > 1 else suffix
            target = f"{below}/{named(stem, ending, self.longest)}"
            if folded(target) in self.taken or os.path.lexists(self.folder / target):
                continue
            self.taken.add(folded(target))
            return target
