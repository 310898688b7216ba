"""Which pictures of a data set are kept together: what was asked for, or what is known.

items, embeddings, Groups -> Grouping

`auto` takes the first of these that is known of half of the pictures and joins some: the groups
that the source itself has, times, folders below a label, and names that follow one another where
the pictures are alike too. It never makes one group of a label, since a label that was
photographed in one place has to be testable all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..dataset.groups import (
    ALIKE,
    AUTO,
    FOLDER,
    NAME,
    NONE,
    TIME,
    Groups,
    by_folder,
    by_own_folder,
    by_pattern,
    by_time,
    successive,
)
from ..dataset.sources import Items
from ..files.columns import numbered, taken
from ..head.blocks import Rows, Vectors, are_large
from ..health.likeness import join, linked
from ..health.occasions import alike_in_turn, by_chance, closeness
from ..images.properties import PROPERTIES
from ..text import first_few, label_words, several

SOURCE = "source"  # the groups that the data set itself says
_KNOWN = 0.5  # of the pictures: of fewer, a measure does not say enough
_JOINED = 0.1  # of the pictures in a group of two or more: with fewer there is nothing to keep
_IN_TURN = 0.3  # of the pictures whose names follow one another have to be alike,
_THAN_CHANCE = 3  # times as often as any two of a label;
_MANY = 50_000  # pictures, of more of which
_COMPARED = 512  # others of a label say what is usual in it, evenly spread
_IN_A_ROW = 0.6  # of the usual distance: then those closer than this are of one group


@dataclass(frozen=True)
class Grouping:
    """What N pictures are kept together by.

    Attributes:
        groups: the name of the group of each, or None where it stands alone.
        by: the measure, as `--groups` takes it; "source" where the data set says it, empty where
            nothing is kept together.
        alone: labels whose pictures would all be of one group, and so are left apart.
        words: what was done and why, as a sentence; empty where there is nothing to say.
    """

    groups: Sequence[str | None]
    by: str = ""
    alone: tuple[str, ...] = ()
    words: str = ""


def grouping_of(
    items: Items,
    vectors: np.ndarray,
    digests: Sequence[str],
    properties: np.ndarray,
    asked: Groups,
) -> Grouping:
    """The groups of N pictures with embeddings `[N,D]` and properties `[N,P]`, beside those that
    the source says; pictures that are marked for testing have none."""
    to_learn = (split != "test" for split in items.splits)
    rows = np.flatnonzero(np.fromiter(to_learn, bool, len(items)))
    nothing = Grouping((None,) * len(items))
    if asked.by == NONE or len(rows) < 2:
        return nothing
    own: Vectors = Rows(vectors, rows) if are_large(vectors) else vectors[rows]
    part = _Part(items.among(rows), own, taken(digests, rows), rows)
    if asked.by != AUTO:
        return _told(part, part.found(asked, properties[rows]), asked, len(items), chosen=True)
    named = list(part.items.groups)
    said = _said(part, named)
    if _share(name is not None for name in named) >= _KNOWN:
        return replace(said, groups=nothing.groups, by=SOURCE)
    for tried in (Groups(TIME), Groups(FOLDER), Groups(NAME)):
        found = part.found(tried, properties[rows], auto=True)
        if found and part.joins(found):
            told = _told(part, found, tried, len(items), chosen=False)
            return replace(told, words=f"{said.words} {told.words}".strip())
    return replace(said, groups=nothing.groups)


def _said(part: _Part, named: Sequence[str | None]) -> Grouping:
    """What to say of the groups that the source names; `by` is empty where they join few."""
    sizes = Counter(name for name in named if name is not None)
    joined = [name is not None and sizes[name] > 1 for name in named]
    if not any(joined):
        return Grouping(())
    _, alone = part.testable(named)
    words = (
        f"Kept together, in split and folds, are the {several(len(sizes), 'group')} that the "
        f"source names, of {sum(sizes.values()):,} of {several(len(named), 'picture')}."
    )
    if alone:
        one = len(alone) == 1
        names = first_few([label_words(label) for label in alone])
        words += (
            f" Of one group alone {'is' if one else 'are'} {names}: how "
            f"{'it does' if one else 'they do'} on another occasion cannot be tested, and when the "
            f"group is left out, all of its pictures count as wrong."
        )
    by = SOURCE if _share(joined) >= _JOINED else ""
    return Grouping((), by, alone, words)


class _Part:
    """The pictures that are grouped, and how each measure groups them."""

    def __init__(
        self, items: Items, vectors: Vectors, digests: Sequence[str], rows: np.ndarray
    ) -> None:
        self.items, self.vectors, self.digests, self.rows = items, vectors, digests, rows
        self.names, self.labels = items.names, items.labels
        self.truth = numbered(items.labels).used()[1]

    def found(
        self, asked: Groups, properties: np.ndarray, *, auto: bool = False
    ) -> list[str | None]:
        """The name of each picture's group; empty where `auto` knows too little to go by."""
        if asked.by == TIME:
            days, seconds = (properties[:, PROPERTIES.index(name)] for name in ("day", "second"))
            if auto and _share(np.isfinite(days)) < _KNOWN:
                return []
            return self.named(*by_time(days, seconds, self.truth, asked.seconds))
        if asked.by == FOLDER and auto:
            folders = by_folder(self.names, self.labels)
            return folders if _share(one is not None for one in folders) >= _KNOWN else []
        if asked.by == FOLDER:
            return by_own_folder(self.names, self.labels)
        if asked.by == NAME and auto:
            return self.named(*self.in_turn())
        if asked.by == NAME:
            return by_pattern(self.names, asked.pattern)
        assert asked.by == ALIKE
        group = linked(self.vectors, self.truth, asked.cosine)
        return self.named(group, np.arange(len(group)))

    def in_turn(self) -> tuple[np.ndarray, np.ndarray]:
        """Pairs whose names follow one another and which are alike, if that is no chance."""
        first, second = successive(self.names, self.labels)
        none = np.empty(0, np.int64)
        if len(first) < _JOINED * len(self.items):
            return none, none
        most = _COMPARED if len(self.items) > _MANY else None
        found = closeness(self.vectors, self.truth, np.arange(len(self.items)), most)
        alike = alike_in_turn(self.vectors, found, first, second)
        share = float(alike.mean())
        if share < _IN_TURN or share < _THAN_CHANCE * by_chance(
            self.vectors, self.truth, found, most
        ):
            return none, none
        # names in a row speak for a burst too, and one picture of it may differ from the others
        beyond = successive(self.names, self.labels, 2)
        ones, others = (np.concatenate(pair) for pair in zip((first, second), beyond, strict=True))
        joined = alike_in_turn(self.vectors, found, ones, others, _IN_A_ROW)
        return ones[joined], others[joined]

    def named(self, ones: np.ndarray, others: np.ndarray) -> list[str | None]:
        """Groups of pairs of rows, each named by its smallest content: pictures that are added
        rarely change that."""
        group = np.arange(len(self.items))
        join(group, ones, others)
        joined = np.flatnonzero(np.bincount(group, minlength=len(group))[group] > 1)
        name: dict[int, str] = {}
        for root, row in zip(group[joined].tolist(), joined.tolist(), strict=True):
            digest = self.digests[row]
            name[root] = min(digest, name.get(root, digest))
        return [name.get(root) for root in group.tolist()]

    def joins(self, found: Sequence[str | None]) -> bool:
        """Whether enough pictures are of one group with others, in labels of several groups."""
        kept, _ = self.testable(found)
        sizes = Counter(name for name in kept if name)
        return _share(name is not None and sizes[name] > 1 for name in kept) >= _JOINED

    def testable(self, found: Sequence[str | None]) -> tuple[list[str | None], tuple[str, ...]]:
        """The groups without those of labels which have one alone, and these labels."""
        first: dict[str, str | None] = {}  # the group of the first picture of each label
        parted = {label for label, count in Counter(self.labels).items() if count < 2}
        for label, name in zip(self.labels, found, strict=True):
            if not name or name != first.setdefault(label, name):
                parted.add(label)
        alone = first.keys() - parted
        pairs = zip(self.labels, found, strict=True)
        return [None if label in alone else name for label, name in pairs], (*sorted(alone),)


def _told(
    part: _Part, found: Sequence[str | None], asked: Groups, count: int, *, chosen: bool
) -> Grouping:
    kept, alone = part.testable(found)
    groups: list[str | None] = [None] * count
    for row, name in zip(part.rows.tolist(), kept, strict=True):
        groups[row] = name and f"{asked.by}/{name}"
    by = NAME if asked.by == NAME and not asked.pattern else str(asked)
    how = {
        TIME: f"taken less than {_span(asked.seconds)} apart",
        FOLDER: "in one folder",
        NAME: "with one part of their names"
        if asked.pattern
        else "with names that follow one another, where they are alike too,",
        ALIKE: f"as alike as a cosine of {asked.cosine:g}",
    }[asked.by]
    nothing = {
        TIME: "no two pictures of a label have times so close",
        FOLDER: "there are no folders below a label",
        NAME: "it matches no two pictures' names"
        if asked.pattern
        else "no names follow one another",
        ALIKE: "no two pictures of a label are so alike",
    }[asked.by]
    occasions = len({name for name in kept if name}) + sum(name is None for name in kept)
    parts = (
        [f"Groups by {asked}: {nothing}, so nothing is kept together."]
        if chosen and not any(kept) and not alone
        else []
        if not any(kept)
        else [
            f"Pictures {how} are kept together in split and folds: {several(len(kept), 'picture')} "
            f"are {several(occasions, 'group')}."
        ]
    )
    if not chosen:
        parts.append("To part them, choose the groups `none`.")
    if alone:
        names = first_few([label_words(label) for label in alone])
        parts.append(
            f"All pictures of one occasion: {names}. How they do on another occasion cannot be "
            "tested, and their pictures are parted."
        )
    return Grouping(tuple(groups), by if any(kept) else "", alone, " ".join(parts))


def _span(seconds: float) -> str:
    return f"{seconds:g} seconds" if seconds < 600 else f"{seconds / 60:g} minutes"


def _share(said: object) -> float:
    values = list(said)  # type: ignore[call-overload]
    return sum(map(bool, values)) / max(1, len(values))
