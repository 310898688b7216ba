"""What the model would call each picture of a heap, and which to ask a person about first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..assess.suggesting import UNSURE, Pool, Seen
from ..health.selection import doubts
from ..model.classifier import Classifier
from ..model.observe import observe_embedded
from .arrangement import Looks

ASKED = 32  # pictures that are chosen to teach most; the others follow by how unsure they are
SURE, DOUBTFUL, NONE = "sure", "unsure", "none"


@dataclass(frozen=True)
class Suggested:
    """What the model would call a picture.

    Attributes:
        id: the picture.
        labels: the two likeliest labels, as their numbers in the model.
        score: that of the first.
        how: "sure", "unsure" (between labels) or "none" (unlike everything learnt).
    """

    id: int
    labels: tuple[int, int]
    score: float
    how: str

    def to_json(self) -> list[object]:
        return [self.id, *self.labels, round(self.score, 4), self.how]


@dataclass(frozen=True)
class Suggestions:
    """All of a heap: the labels of the model, and pictures, the one that teaches most first."""

    labels: tuple[str, ...] = ()
    pictures: tuple[Suggested, ...] = ()


def suggestions(classifier: Classifier, pictures: Sequence[int], looks: Looks) -> Suggestions:
    """What a model suggests for pictures whose embeddings are known."""
    if not pictures:
        return Suggestions(classifier.labels)
    pool = Pool(classifier)
    found: dict[int, Suggested] = {}
    doubt: dict[int, float] = {}
    own = observe_embedded(classifier, ((looks[one].vector, looks[one].digest) for one in pictures))
    for one, seen in zip(pictures, own, strict=True):
        pool.add(Seen(str(one), Path(), seen))
        doubt[one] = float(doubts(seen.scores[None])[0])
        first, second = np.argsort(-seen.scores, kind="stable")[:2].tolist()
        how = NONE if seen.unknown else DOUBTFUL if doubt[one] >= UNSURE else SURE
        found[one] = Suggested(one, (first, second), float(seen.scores[first]), how)
    teaching = [int(one.name) for one in pool.chosen(ASKED)]
    asked = set(teaching)
    others = sorted((one for one in pictures if one not in asked), key=lambda one: -doubt[one])
    return Suggestions(classifier.labels, tuple(found[one] for one in [*teaching, *others]))
