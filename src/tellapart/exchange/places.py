"""A place for each picture of a split: its folder, and a free name that every system takes."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from ..dataset.filenames import folded, kept_stem, longest_name, named, safe_name, suffix_of
from ..files.journal.journal import Journal
from ..files.journal.record import Placement


class Places:
    """Gives each picture a place in the folder of its part and label that is free."""

    def __init__(self, journal: Journal) -> None:
        self.folder = journal.folder
        self.longest = longest_name(journal.folder)
        self.taken = {folded(entry.target) for entry in journal.entries}
        self.of_label: dict[str, str] = {}
        self.asked: dict[str, tuple[str, str, Path]] = {}
        for entry in journal.entries:  # labels keep the folders they have
            name = PurePosixPath(entry.target).parts[1]
            self.of_label.setdefault(journal.extra(entry)["label"], name)

    def free(self, part: str, label: str, path: Path) -> str:
        suffix = suffix_of(path)
        stem = kept_stem(path, suffix)
        number = 1
        while True:
            ending = f"-{number}{suffix}" if number > 1 else suffix
            target = f"{part}/{self._folder(label)}/{named(stem, ending, self.longest)}"
            number += 1
            if folded(target) in self.taken or os.path.lexists(self.folder / target):
                continue
            self.taken.add(folded(target))
            self.asked[target] = (part, label, path)
            return target

    def another(self, taken: Placement) -> Placement:
        """Where the name of a picture is taken by something that has appeared."""
        target = self.free(*self.asked[taken.target])
        return Placement(taken.source, target, taken.how, taken.group, taken.extra)

    def _folder(self, label: str) -> str:
        if label not in self.of_label:
            used = {folded(name) for name in self.of_label.values()}
            name, number = safe_name(label), 1
            while folded(name) in used:
                number += 1
                name = f"{safe_name(label)}-{number}"
            self.of_label[label] = name
        return self.of_label[label]
