"""What the folders of a data set are: labels, splits with labels in them, or labels with splits.

Only names, and what is directly in a folder, decide. If they cannot, an error or a note says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import DatasetError
from ..text import first_few, shown
from .labels import Labels
from .splits import labels_torn, named_as_splits, split_of, split_within


class Folders(Protocol):
    """Folders that can be walked: on a disk (`walk.py`), or in the names of what is stored in
    something (`tree.py`)."""

    root: Path

    def name(self, path: Path) -> str: ...

    def folders(self, folder: Path) -> list[Path]: ...

    def names_of_folders(self, folder: Path) -> list[str]: ...

    def names_of_only_folders(self, folder: Path) -> list[str]: ...

    def pass_over(self, path: Path, reason: str) -> None: ...


@dataclass(frozen=True)
class LabelFolder:
    """A folder of pictures of one label, and the split that a folder above or below it says."""

    label: str
    folder: Path
    split: str | None = None


@dataclass(frozen=True)
class Layout:
    """The folders of labels; `parts` are (split, name) of the folders that say splits, and `notes`
    sentences about what else the folders could mean."""

    labels: tuple[LabelFolder, ...]
    parts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def layout_of(walk: Folders) -> Layout:
    """What the folders directly below the walk's root are.

    Splits, if all are named so (`train/`, `test/`; or `training_set/`, `test_set/`), or if
    `train/` holds nothing but folders and another split is beside it: then others are passed over.
    Labels to learn, and beside them a split to test on, which holds folders of those labels.
    Labels, each holding nothing but folders that are named as splits. Or just labels.

    Raises:
        DatasetError: the names say both a label and a split.
    """
    folders = walk.folders(walk.root)
    splits = _splits(walk, folders)
    if splits:
        learnt = next((f.name for f, split in splits.items() if split == "train"), "")
        for folder in folders:
            if folder not in splits:
                walk.pass_over(folder, f"a folder beside {learnt}/, and none of a split")
        found, parts = [], [(split, folder.name) for folder, split in splits.items()]
        for folder, split in splits.items():
            inner = walk.folders(_doubled(walk, folder))
            within = _splits_beside_labels(walk, folder, inner)
            found += _parted(walk, inner, within, split)
            parts += [(held, f"{folder.name}/{f.name}") for f, held in within.items()]
        return Layout(tuple(found), _learnt_first(parts))
    names = [folder.name for folder in folders]
    if labels_torn(names):
        raise DatasetError(
            f"Some folders of {shown(walk.root)} are named after labels, and some after splits: "
            f"{first_few(names)}.",
            hint="Make folders train and test, with one folder per label in each.",
        )
    if held := _splits_beside_labels(walk, walk.root, folders):
        labels = [("train", folder.name) for folder in folders if folder not in held]
        parts = [*labels, *((split, folder.name) for folder, split in held.items())]
        return Layout(tuple(_parted(walk, folders, held, "train")), _learnt_first(parts))
    below = {folder: walk.names_of_only_folders(folder) for folder in folders}
    if folders and all(below.values()):
        if turned := _splits_below_labels(walk, folders, below):
            return turned
        if len(folders) > 1 and len({frozenset(inner) for inner in below.values()}) == 1:
            return _labels(folders, _on_equal_folders(walk.root, names, below[folders[0]]))
    return _labels(folders)


def _labels(folders: Sequence[Path], *notes: str) -> Layout:
    return Layout(tuple(LabelFolder(folder.name, folder) for folder in folders), notes=notes)


def _splits(walk: Folders, folders: Sequence[Path]) -> dict[Path, str]:
    """The split of each folder that is for one; none where all are labels."""
    exact = {folder: split for folder in folders if (split := split_of(folder.name))}
    kinds = set(exact.values())
    learnt = [folder for folder, split in exact.items() if split == "train"]
    only_folders = all(walk.names_of_only_folders(folder) for folder in learnt or exact)
    if len(exact) == len(folders):
        meant = bool(learnt) or len(kinds) > 1 or only_folders
    else:
        meant = bool(learnt) and len(kinds) > 1 and only_folders
    if not meant:
        loosely = named_as_splits([folder.name for folder in folders])
        return {folder: loosely[folder.name] for folder in folders if loosely}
    return exact


def _doubled(walk: Folders, folder: Path) -> Path:
    """Where a split's folder holds nothing but one of the same split, as unpacking often leaves
    it (`seg_train/seg_train/`), that one."""
    inner = walk.names_of_only_folders(folder)
    again = len(inner) == 1 and split_within(inner[0])[0] == split_within(folder.name)[0]
    return folder / inner[0] if again and walk.names_of_only_folders(folder / inner[0]) else folder


def _splits_beside_labels(walk: Folders, above: Path, folders: Sequence[Path]) -> dict[Path, str]:
    """The splits among the labels directly in `above`: what is named as one, and holds folders that
    are named as those beside it. It may hold labels that are not beside it, and are tested without
    being learnt, if it holds all that are.

    Raises:
        DatasetError: it is to learn from as those beside it are, holds some of their labels and
            some others, or is beside folders that hold the labels.
    """
    found = {}
    for folder in folders:
        split, rest = split_within(folder.name)
        inside = walk.names_of_folders(_doubled(walk, folder)) if split else []
        if not split or not inside:
            continue
        others = [other for other in folders if other != folder]
        beside = Labels(other.name for other in others)
        shared = [name for name in inside if beside.near(name) is not None]
        if len(shared) > bool(rest):
            if split == "train" or not (len(shared) == len(inside) or _holds_all(inside, others)):
                raise _torn(walk, above, folder, inside, others)
            found[folder] = split
        elif not rest and not shared:
            for other in others:
                same = Labels(walk.names_of_folders(other))
                if sum(same.near(name) is not None for name in inside) > 1:
                    raise _torn(walk, above, folder, inside, others)
    return found


def _holds_all(inside: Sequence[str], others: Sequence[Path]) -> bool:
    """Whether all labels beside a split are in it too, several at least; other splits are none."""
    labels = [other.name for other in others if not split_within(other.name)[0]]
    within = Labels(inside)
    return len(labels) > 1 and all(within.near(label) is not None for label in labels)


def _torn(
    walk: Folders, above: Path, folder: Path, inside: Sequence[str], others: Sequence[Path]
) -> DatasetError:
    names = [other.name for other in others]
    return DatasetError(
        f"{shown(walk.name(folder))}/ is named after a part of a data set and holds folders "
        f"({first_few(inside)}), but what is beside it in {shown(above)} is not: "
        f"{first_few(names)}.",
        hint="Make folders train and test, with one folder a label in each; "
        f"if {shown(folder.name)} is a label, rename its folder.",
    )


def _parted(
    walk: Folders, folders: Sequence[Path], held: dict[Path, str], split: str
) -> list[LabelFolder]:
    """Folders of labels of one split, and those in the splits that are `held` beside them."""
    return [
        LabelFolder(inner.name, inner, held.get(folder, split))
        for folder in folders
        for inner in (walk.folders(_doubled(walk, folder)) if folder in held else [folder])
    ]


def _splits_below_labels(
    walk: Folders, folders: Sequence[Path], below: dict[Path, list[str]]
) -> Layout | None:
    """Labels whose pictures are in folders named as splits: `cats/train/`, `cats/test/`."""
    parts = {name: split_of(name) for inner in below.values() for name in inner}
    kinds = set(parts.values())
    if None in kinds or "train" not in kinds or len(kinds) < 2:
        return None
    found = [
        LabelFolder(folder.name, inner, split_of(inner.name))
        for folder in folders
        for inner in walk.folders(folder)
    ]
    return Layout(tuple(found), _learnt_first((s, name) for name, s in parts.items() if s))


def _learnt_first(parts: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    named = sorted(parts, key=lambda part: (part[0] != "train", part[1]))
    return tuple((split, f"{name}/") for split, name in named)


def _on_equal_folders(root: Path, names: Sequence[str], inner: Sequence[str]) -> str:
    return (
        f"All folders of {shown(root)} ({first_few(names)}) contain folders with the same names "
        f"({first_few(inner)}). The labels are {first_few(names)}. If {first_few(inner)} are the "
        f"labels and the folders above them are parts of one data set, name those train and test."
    )
