"""Which part of a data set each picture is in: learning, validation or testing.

    keys, labels, what the source says, what was placed before -> parts

Pictures of one key are never parted. The parts are those of `dataset/split.py`, so more pictures
move an old one only as `kept_back` documents. Nothing is read here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..dataset import split

TRAIN, VALIDATION, TEST = "train", "val", "test"
PARTS = (TRAIN, VALIDATION, TEST)  # the names of the folders too
_SAID: Mapping[str | None, str] = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


@dataclass(frozen=True)
class Parted:
    """The part of each of N pictures, and the places of those that what is tied to them has moved
    out of the part that the source names."""

    parts: tuple[str, ...]
    moved: tuple[int, ...]


def parted(
    keys: Sequence[str],
    labels: Sequence[str],
    said: Sequence[str | None],
    test: float,
    validation: float,
    before: Mapping[str, str] = {},
) -> Parted:
    """The part of each of N pictures.

    What the source says is for testing or for validation stays so; a key of which it says several
    things is for testing before it is for validation, and for that before learning. Where it says
    of nothing that it is for testing, a share `test` of each label is, chosen by content as `train`
    chooses it. Where it says of nothing that it is for validation, so much of the rest is that it
    is a share `validation` of all. `before` has the parts of keys that an earlier run has placed:
    they stay.
    """
    named = [_SAID.get(one) for one in said]
    fixed = {
        key: part
        for part in (VALIDATION, TEST)  # the last one counts
        for key, one in zip(keys, named, strict=True)
        if one == part
    }
    part_of = dict(fixed)
    for part, share, salt in (
        (TEST, test, ""),
        (VALIDATION, min(1.0, validation / (1 - test)), "validation/"),
    ):
        if part not in named:
            rest = [row for row, key in enumerate(keys) if key not in part_of]
            of_rest = [keys[row] for row in rest], [labels[row] for row in rest]
            chosen = split.kept_back(*of_rest, share, salt)
            part_of |= {keys[row]: part for row, one in zip(rest, chosen, strict=True) if one}
    parts = tuple(before.get(key) or part_of.get(key, TRAIN) for key in keys)
    named_parts = {*named}
    return Parted(
        parts,
        tuple(
            row
            for row, (one, part) in enumerate(zip(named, parts, strict=True))
            if one and one != part and (one != TRAIN or part in named_parts)
        ),
    )
