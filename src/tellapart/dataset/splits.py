"""Which names say what pictures are for: learning, testing, or validation.

One table for folders and for the rows of tables. Folders' names may have more to them, as
`training_set` or `images_test` have; they count only where all folders beside them say so too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

SPLITS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "holdout": "test",
    "heldout": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "validate": "validation",
    "dev": "validation",
    "development": "validation",
    "eval": "validation",
    "evaluation": "validation",
}
"""What is for validation is tested on where nothing is for testing, and else learnt from."""

_WORDS: Mapping[str, str] = {**SPLITS, "trn": "train", "tst": "test"}
_KINDS = r"sets?|data(?:sets?)?|images?|imgs?|photos?|pictures?|pics?|folders?|dirs?|splits?|files?"
_GENERIC = re.compile(rf"(?:{_KINDS}|\d+)$")
_GLUED = re.compile(rf"(train|training|test|testing|val|valid|validation|eval|dev)(?:{_KINDS})$")


def split_of(name: str) -> str | None:
    """The split that a folder or a row's cell names exactly."""
    return SPLITS.get(re.sub(r"[\s_-]+", "", name.casefold()))


def split_within(name: str) -> tuple[str | None, str]:
    """The split that one word of a folder's name says, and what other words there are.

    >>> split_within("training_set"), split_within("seg_test"), split_within("cats-val")
    (('train', ''), ('test', 'seg'), ('validation', 'cats'))
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)", " ", name.strip())
    words = re.sub(r"[\W_]+", " ", apart).casefold()
    words = re.sub(r"\b(held|hold) out\b", r"\1out", words)
    found, rest = [], []
    for word in words.split():
        glued = _GLUED.match(word)
        split = _WORDS.get(glued[1] if glued else word)
        if split:
            found.append(split)
        elif not _GENERIC.match(word):
            rest.append(word)
    return (found[0] if len(found) == 1 else None), " ".join(rest)


def named_as_splits(names: Sequence[str]) -> dict[str, str]:
    """The split of each name if all of them name one, at least two kinds, and say else the same."""
    read = {name: split_within(name) for name in names}
    kinds, rests = {split for split, _ in read.values()}, {rest for _, rest in read.values()}
    if None in kinds or len(kinds) < 2 or len(rests) > 1:
        return {}
    return {name: split for name, (split, _) in read.items() if split}


def labels_torn(names: Iterable[str]) -> bool:
    """Whether all names are a label and a split, as in `cats_train`, `cats_test`, `dogs_train`."""
    splits_of: dict[str, set[str | None]] = {}
    for name in names:
        split, rest = split_within(name)
        splits_of.setdefault(rest, set()).add(split)
    return bool(splits_of) and all(
        len(found) > 1 and "train" in found and None not in found for found in splits_of.values()
    )
