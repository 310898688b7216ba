"""Names of collected pictures: safe on every system, and free."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from ..dataset.decision import is_table_of_decisions
from ..dataset.filenames import folded, longest_name, named, safe_name
from ..dataset.labels import check_not_ours
from ..dataset.splits import split_within
from ..dataset.walk import LINK, SET_ASIDE
from ..errors import DatasetError
from ..text import shown

_TABLE = re.compile(r"collected(-\d+)?\.csv")  # where provenance is written


def why_never_read(label: str, folder: Path) -> str:
    """Why pictures of a label that are put below a folder would not be read as of that label;
    empty if they would."""
    name = safe_name(label)
    place = folder / name
    if why := _not_a_label(name, new=not os.path.isdir(place)):
        return f"no label can be called {shown(label)}: {why}"
    if os.path.islink(place):
        return f"{shown(name)} is {LINK}" if place.is_dir() else f"{shown(name)} is a broken link"
    if os.path.lexists(place) and not place.is_dir():
        return f"{shown(name)} is a file, and has to be a folder"
    return ""


def _not_a_label(name: str, *, new: bool) -> str:
    try:
        check_not_ours([name])
    except DatasetError as error:
        return error.message.partition(": ")[2].rstrip(".")
    if folded(name) == SET_ASIDE:
        return "dropped pictures are there"
    if is_table_of_decisions(folded(name)):
        return "decisions are written there"
    if _TABLE.fullmatch(folded(name)):
        return "where pictures come from is written there"
    split, rest = split_within(name)
    if split and not rest and new:
        return "it is read as a part of a data set"
    return ""


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
