"""Copies of one picture: under one label, under several, and on both sides of a test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...evaluation.metrics import Proportion
from ...head.blocks import block
from ...head.cross_validation import out_of_fold
from ...health.copies import blown_up
from ...health.duplicates import BYTES, NEAR, PIXELS, Copies
from ...health.sample import parts
from ...images.properties import PROPERTIES
from ...text import first_few, label_words, percent, several, shown
from .health import Finding
from .looked import Looked
from .mending import drop, walk

_REFITTED = 3_000  # pictures: of more, a cost is estimated
_SURE = 0.95  # score of a label that a head is sure of
_ALIKE = {
    BYTES: "the same file",
    PIXELS: "the same picture, saved again, resized or mirrored",
    NEAR: "the same picture, cropped or changed",
}
_SCORES = {BYTES: 1.0, PIXELS: 0.99, NEAR: 0.9}


def copies(looked: Looked) -> Iterator[Finding]:
    """Duplicates, conflicts and leaks, from one search."""
    found = looked.copies
    yield from _leaks(looked, found)
    sides = [_Side(looked, one, side) for one in found for side in _sides(looked, one)]
    parted = [side.rows for side in sides if not side.labels[1:]]
    cost = _flattery(looked, [rows for rows in parted if not looked.pictures.held_out[rows[0]]])
    several_of = sum(map(len, parted))
    for side in sides:
        if side.labels[1:]:
            yield _conflict(looked, side)
        else:
            yield _duplicate(looked, side, cost * len(side.rows) / several_of)


@dataclass(frozen=True)
class _Side:
    """The rows of a set of copies that are on one side, the best first."""

    looked: Looked
    copies: Copies
    rows: tuple[int, ...]

    @property
    def labels(self) -> list[str]:
        """Theirs, each once."""
        pictures = self.looked.pictures
        return list(dict.fromkeys(pictures.labels[pictures.truth[row]] for row in self.rows))


def _sides(looked: Looked, one: Copies) -> list[tuple[int, ...]]:
    """The copies to learn from and those to test on, wherever there are several, the best first."""
    held = looked.pictures.held_out
    sides = [[row for row in one.rows if held[row] == kind] for kind in (False, True)]
    return [_best_first(looked, rows) for rows in sides if len(rows) > 1]


def _best_first(looked: Looked, rows: Sequence[int]) -> tuple[int, ...]:
    """Those with the most pixels first, then by name; last those that are blown up, as a smaller
    one of them shows."""
    pictures = looked.pictures
    assert pictures.properties is not None
    columns = [PROPERTIES.index(one) for one in ("width", "height", "detail")]
    width, height, detail = pictures.properties[list(rows)][:, columns].T
    pixels = width * height
    blown = blown_up(pixels, detail)
    order = sorted(
        range(len(rows)), key=lambda at: (blown[at], -pixels[at], pictures.names[rows[at]])
    )
    return tuple(rows[at] for at in order)


def _duplicate(looked: Looked, side: _Side, cost: float) -> Finding:
    names = [looked.pictures.names[row] for row in side.rows]
    return Finding(
        "duplicate",
        tuple(names),
        f"{first_few([*map(shown, names)], 4)} are {_ALIKE[side.copies.tier]}.",
        label=side.labels[0],
        sure=side.copies.tier != NEAR,
        score=_SCORES[side.copies.tier],
        cost=cost,
        mend=drop(looked.dataset, names[1:]),
    )


def _conflict(looked: Looked, side: _Side) -> Finding:
    """A set under several labels. The one that heads believe which were fitted without the pictures
    is likely right; where none was, nothing is guessed."""
    pictures = looked.pictures
    names = [pictures.names[row] for row in side.rows]
    words = f"{first_few([*map(shown, names)], 4)} are {_ALIKE[side.copies.tier]} under different"
    judged = np.sort(looked.places(side.rows))
    judged = judged[looked.judged[judged]]
    if not judged.size:
        mend = walk(looked.dataset, "conflict")
        return Finding("conflict", tuple(names), f"{words} labels.", mend=mend)
    logits = looked.logits[judged]
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    mean = (scores / scores.sum(axis=1, keepdims=True)).mean(axis=0)
    own = np.unique(pictures.truth[list(side.rows)])
    believed = int(own[np.argmax(mean[own])])
    right = [row for row in side.rows if pictures.truth[row] == believed]
    wrong = [pictures.names[row] for row in side.rows if row not in right]
    extra = right[1:] if side.copies.tier != NEAR else []  # so that no duplicate is left
    leave = [*(pictures.names[row] for row in extra), *wrong]
    label = pictures.labels[believed]
    return Finding(
        "conflict",
        (*(pictures.names[row] for row in right), *wrong),
        f"{words} labels; most likely it is {label_words(label)}.",
        suggested=label,
        sure=side.copies.tier == BYTES and float(mean[believed]) >= _SURE,
        score=float(mean[believed]),
        cost=100 * float(np.sum(~looked.right[judged])) / looked.accuracy.n,
        mend=drop(looked.dataset, leave),
    )


def _leaks(looked: Looked, found: Sequence[Copies]) -> Iterator[Finding]:
    """Test pictures that are copies of training pictures; a finding for each set of copies."""
    pictures = looked.pictures
    held = pictures.held_out
    leaks = [one for one in found if len({bool(held[row]) for row in one.rows}) > 1]
    if not leaks:
        return
    leaked = [row for one in leaks for row in one.rows if held[row]]
    worth, words = _worth(looked, leaked)
    for one in leaks:
        tested = [pictures.names[row] for row in one.rows if held[row]]
        learnt = [row for row in one.rows if not held[row]]
        names = [pictures.names[row] for row in _best_first(looked, learnt)]
        labels = {pictures.labels[pictures.truth[row]] for row in one.rows}
        differ = "" if len(labels) == 1 else ", and under another label"
        yield Finding(
            "leak",
            (names[0], *tested),
            f"{first_few([*map(shown, tested)], 4)}, to test on, and {shown(names[0])}, to learn "
            f"from, are {_ALIKE[one.tier]}{differ}. {words}",
            label=labels.pop() if len(labels) == 1 else None,
            sure=one.tier != NEAR,
            score=_SCORES[one.tier],
            cost=worth * len(tested) / len(leaked),
            mend=drop(looked.dataset, tested),
        )


def _worth(looked: Looked, leaked: Sequence[int]) -> tuple[float, str]:
    """By how many points pictures that leaked make the test too good, and a sentence on that."""
    pictures, recipe = looked.pictures, looked.found.recipe
    if recipe is None:
        return 0.0, ""
    learnt = looked.sampled() if looked.many else slice(None)
    head = recipe.roughly(block(looked.vectors, learnt), looked.truth[learnt], len(pictures.labels))
    rows = pictures.tested
    right = np.zeros(len(rows), bool)
    for some in parts(len(rows), len(pictures.labels)):
        given = head.logits(block(pictures.vectors, rows[some])).argmax(axis=1)
        right[some] = given == pictures.truth[rows[some]]
    fresh = ~np.isin(rows, leaked)
    if not fresh.any():
        return 0.0, "No test picture is new, so the test says nothing."
    every = Proportion(int(right.sum()), len(rows))
    new = Proportion(int(right[fresh].sum()), int(fresh.sum()))
    points = 100 * (every.value - new.value)
    count = several(len(leaked), "such picture")
    return (
        max(0.0, points),
        f"With {count} the test is {percent(every.value)} right, and {percent(new.value)} without.",
    )


def _flattery(looked: Looked, sets: Sequence[Sequence[int]]) -> float:
    """By how many points copies that are parted between folds make cross-validation too good: of
    not too many pictures by keeping them together, otherwise by how much better they are judged."""
    recipe, groups = looked.found.recipe, looked.groups
    fold_of = np.zeros(int(groups.max()) + 1, np.int64)  # of each group, which is never parted
    fold_of[groups] = looked.fold
    parted = np.zeros(len(looked.rows), bool)
    for rows in sets:
        own = looked.places(rows)
        fold_of[groups[own]] = fold_of[groups[own[0]]]
        parted[own] = True
    fold, parted = fold_of[groups], parted & looked.judged
    others = ~parted & looked.judged
    if recipe is None or np.array_equal(fold, looked.fold) or not others.any():
        return 0.0
    if len(fold) > _REFITTED:
        better = looked.right[parted].sum() - parted.sum() * looked.right[others].mean()
        return max(0.0, 100 * float(better) / int(looked.judged.sum()))
    kept = out_of_fold(
        block(looked.vectors, slice(None)),
        looked.truth,
        len(looked.pictures.labels),
        fold,
        recipe.roughly,
    ).given
    right = np.mean((kept == looked.truth)[looked.judged])
    return max(0.0, 100 * (looked.accuracy.value - float(right)))
