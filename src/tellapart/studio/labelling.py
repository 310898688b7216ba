"""What a person does with pictures -> the steps of a change. Pure but for looking whether a name is
free."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from ..dataset.filenames import folded
from ..dataset.labels import check_not_ours
from ..dataset.walk import SET_ASIDE
from ..errors import UsageError
from ..text import several, shown
from .changes import Change, MakeFolder, Move, Step
from .folder import ASIDE, HEAP, LEARN, TEST, Folder, Kept

Plan = tuple[str, list[Step]]
"""What a change is called, and its steps."""

__all__ = ["Change", "add_label", "label", "label_all", "rename_label", "set_aside", "to_heap"]


def label(folder: Folder, pictures: Sequence[Kept], name: str, part: str = LEARN) -> Plan:
    """Give pictures a label, to learn from or for testing."""
    check_label(folder, name)
    steps: list[Step] = []
    place = PurePosixPath(TEST, name) if part == TEST else PurePosixPath(name)
    if not (folder.root / place).is_dir():
        steps.append(MakeFolder(place.as_posix()))
    what = f"{several(len(pictures), 'picture')} to {name}"
    return what, steps + _moves(folder, pictures, place)


def label_all(
    folder: Folder, labelled: Sequence[tuple[str, Sequence[Kept]]], aside: Sequence[Kept] = ()
) -> Plan:
    """Give several labels, each to pictures of its own, and lay others aside, as one change."""
    plans = [label(folder, pictures, name) for name, pictures in labelled if pictures]
    plans += [set_aside(folder, aside)] if aside else []
    if len(plans) == 1:
        return plans[0]
    count = len(aside) + sum(len(pictures) for _, pictures in labelled)
    return f"{several(count, 'picture')} labelled", [step for _, steps in plans for step in steps]


def to_heap(folder: Folder, pictures: Sequence[Kept]) -> Plan:
    """Take the label away from pictures."""
    what = f"No label for {several(len(pictures), 'picture')}"
    return what, _moves(folder, pictures, PurePosixPath())


def set_aside(folder: Folder, pictures: Sequence[Kept]) -> Plan:
    """Lay pictures where no command reads them."""
    what = f"{several(len(pictures), 'picture')} set aside"
    return what, _moves(folder, pictures, PurePosixPath(SET_ASIDE))


def add_label(folder: Folder, name: str) -> Plan:
    """Make a label without pictures."""
    check_label(folder, name)
    if name in folder.labels or os.path.lexists(folder.root / name):
        raise UsageError(f"There is a label {shown(name)} already.")
    return f"Label {name}", [MakeFolder(name)]


def rename_label(folder: Folder, old: str, new: str) -> Plan:
    """Give a label another name; that of another label joins the two."""
    check_label(folder, new)
    if old not in folder.labels:
        raise UsageError(f"There is no label {shown(old)}.")
    what = f"{old} renamed {new}"
    if new not in folder.labels and (folder.root / old).is_dir():
        there = [place for place in (old, f"{TEST}/{old}") if (folder.root / place).is_dir()]
        return what, [Move(place, place[: -len(old)] + new) for place in there]
    own = [one for one in folder.pictures if one.label == old]
    steps: list[Step] = []
    for part, place in ((LEARN, PurePosixPath(new)), (TEST, PurePosixPath(TEST, new))):
        steps += _moves(folder, [one for one in own if one.part == part], place)
    return what, steps


def check_label(folder: Folder, name: str) -> None:
    """Whether a label may be called so, as a folder and for every command.

    Raises:
        UsageError: it may not.
    """
    if not name.strip() or name != name.strip():
        raise UsageError("A label needs a name.", hint="Write a word, such as rose.")
    if "/" in name or "\\" in name or name.startswith(".") or folded(name) in _TAKEN:
        raise UsageError(
            f"A label cannot be called {shown(name)}.", hint="Choose a name without / or \\."
        )
    check_not_ours([name])


_TAKEN = {TEST, "train", SET_ASIDE, HEAP, ASIDE}


def _moves(folder: Folder, pictures: Iterable[Kept], place: PurePosixPath) -> list[Step]:
    """Into a folder, each under its own name or the next free number of it."""
    taken: set[str] = set()
    steps: list[Step] = []
    for one in pictures:
        own = PurePosixPath(one.name)
        if own.parent == place:
            continue
        steps.append(Move(one.name, free_name(folder.root, place, own.name, taken)))
    return steps


def free_name(root: Path, place: PurePosixPath, name: str, taken: set[str]) -> str:
    """A name in a folder that nothing has, nor another of `taken`, to which it is added."""
    stem, suffix = os.path.splitext(name)
    number = 1
    while True:
        found = (place / (f"{stem}-{number}{suffix}" if number > 1 else name)).as_posix()
        if folded(found) not in taken and not os.path.lexists(root / found):
            taken.add(folded(found))
            return found
        number += 1
