"""Findings on what labels are: pictures of none, two that are one, and one that is two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...head.blocks import Rows
from ...health.strangers import said_of
from ...health.strangers import strangers as find_strangers
from ...health.structure import NEAR_CHANCE, confused, split_labels
from ...text import label_words, percent, shown
from . import mending
from .health import Finding
from .looked import Looked

SHOWN = 6  # pictures of each side of a finding with two


def strangers(looked: Looked) -> Iterator[Finding]:
    """Pictures that are far from all labels and that none of them claims, one finding each."""
    judged, count = np.flatnonzero(looked.judged), len(looked.pictures.labels)
    every = len(judged) == len(looked.rows)
    vectors = looked.vectors if every else Rows(looked.vectors, judged)
    said = said_of(looked.logits, looked.truth, judged)
    found = find_strangers(vectors, looked.truth[judged], said, count, looked.fold[judged])
    for at in found.rows.tolist():
        row = int(judged[at])
        name = looked.name(row)
        closest = looked.pictures.labels[int(said.label[at])]
        own = looked.label(row)
        likeness = (
            f"of any label, even of its own, {label_words(own)}, which is the closest."
            if closest == own
            else f"of any label; the closest is {label_words(closest)}."
        )
        yield Finding(
            "stranger",
            (name,),
            f"{shown(name)} is unlike the pictures {likeness}",
            label=own,
            score=float(1 - np.exp(-found.distance[at] / 3)),
            cost=looked.excess_of(np.array([row])),
            mend=mending.drop(looked.dataset, [name]),
        )


def confusable(looked: Looked) -> Iterator[Finding]:
    """Pairs of labels that heads hardly tell apart, with the pictures that lie between them."""
    for one in confused(looked.truth, looked.logits, looked.judged):
        both = [looked.pictures.labels[k] for k in one.labels]
        first, second = map(label_words, both)
        yield Finding(
            "confusable",
            _in_turn(sides := _sides(looked, one.border)),
            f"{first} and {second} are hardly told apart: {percent(one.told, 0)} of their pictures "
            "lie on the right side, and by chance it would be 50 %. If they are the same, join "
            "them: move the pictures of both into one folder; if they are not, add pictures that "
            "show the difference. These lie between them.",
            label=both[0],
            suggested=both[1],
            score=float(np.clip((NEAR_CHANCE - one.told) / (NEAR_CHANCE - 0.5), 0.05, 1)),
            cost=100 * max(0.0, one.gain),
            sides=sides,
        )


def two_in_one(looked: Looked) -> Iterator[Finding]:
    """Labels whose pictures are of two sorts, each side by its most typical pictures."""
    labels = looked.pictures.labels
    for one in split_labels(looked.vectors, looked.truth, len(labels), looked.fold):
        sides = _sides(looked, one.rows)
        yield Finding(
            "two-in-one",
            _in_turn(sides),
            f"{label_words(labels[one.label])} is of two sorts, which differ as much as labels do. "
            "If they are two things, put the pictures of one into a folder of their own; if they "
            "are two places or occasions, there is nothing to do.",
            label=labels[one.label],
            score=float(np.clip(one.apart / 3, 0.05, 1)),
            cost=looked.excess_of(np.flatnonzero(looked.truth == one.label)),
            sides=sides,
            halves=tuple(tuple(looked.name(row) for row in half.tolist()) for half in one.rows),
        )


def _sides(looked: Looked, rows: Sequence[np.ndarray]) -> tuple[tuple[str, ...], ...]:
    """The names of the first pictures of either side."""
    return tuple(tuple(looked.name(row) for row in side[:SHOWN].tolist()) for side in rows)


def _in_turn(sides: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(name for pair in zip(*sides, strict=False) for name in pair)
