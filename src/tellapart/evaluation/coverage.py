"""How many pictures can the model decide alone, if it only answers where it is sure?

*Coverage* is the fraction of pictures whose highest score reaches an asked one. The higher the
asked score, the fewer are covered and the more of those are right: the curve of accuracy against
coverage (El-Yaniv and Wiener 2010, risk-coverage curve; Geifman and El-Yaniv 2017,
arXiv:1705.08500). From it a score is chosen, the lowest from which on the pictures are as right as
asked. Give it scores of pictures that were not learnt from: out of fold, or held out. Pure
functions over arrays.

The same pictures choose the score and say how right it is, and the luckiest of many scores looks
better than it is. So a score counts only if the pictures above it would still be as right as asked
with one more that is wrong, (wrong + 1) / (n + 1) <= 1 - asked: that estimate of the wrong fraction
holds on average, though it is looked at again and again (Barber and Candès 2015, knockoff+,
arXiv:1404.5609; Jin and Candès 2023, arXiv:2210.01408). 99 % therefore takes 99 pictures at least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .metrics import Proportion

SURE = 0.99  # how often a sure answer has to be right
_DIGITS = 17  # of a score: enough to tell any two apart


@dataclass(frozen=True)
class Covered:
    """The pictures whose highest score is `score` or more: what fraction of all they are, and what
    fraction of them is right."""

    score: float
    coverage: Proportion
    accuracy: Proportion


@dataclass(frozen=True)
class Coverage:
    """The whole curve: for each of the T different highest scores, the surest first, `scores`
    float `[T]`, how many pictures have it or more, int `covered` `[T]`, and how many of those are
    right, int `right` `[T]`."""

    scores: np.ndarray
    covered: np.ndarray
    right: np.ndarray

    @property
    def n(self) -> int:
        """How many pictures there are."""
        return int(self.covered[-1]) if len(self.covered) else 0

    @property
    def fractions(self) -> tuple[np.ndarray, np.ndarray]:
        """The curve to draw: coverage `[T]`, rising, and the accuracy `[T]` of those covered."""
        return self.covered / max(self.n, 1), self.right / np.maximum(self.covered, 1)

    def above(self, score: float) -> Covered:
        """The pictures with this score or more; there may be none."""
        at = int(np.searchsorted(-self.scores, -score, side="right"))
        covered, right = (int(x[at - 1]) if at else 0 for x in (self.covered, self.right))
        return Covered(score, Proportion(covered, self.n), Proportion(right, covered))

    def rounded(self, digits: int) -> Coverage:
        """The curve at scores of so many digits, each rounded down: exact wherever such a score is
        asked for, and no longer than there are such scores."""
        scale = 10**digits
        steps = np.floor(self.scores.astype(np.float64) * scale)
        ends = np.flatnonzero(np.append(np.diff(steps) != 0, True))
        return Coverage(steps[ends] / scale, self.covered[ends], self.right[ends])

    def at(self, accuracy: float = SURE) -> Covered | None:
        """As many pictures as can be had of which `accuracy` are right, or None: no score is high
        enough. `score` then has as few digits as tell them from the others, 0 where it is all."""
        wrong = self.covered - self.right
        enough = (wrong + 1) <= (1 - accuracy) * (self.covered + 1) + 1e-9
        if not enough.any():
            return None
        last = int(np.flatnonzero(enough)[-1])
        others = self.scores[last + 1] if last + 1 < len(self.scores) else -math.inf
        return self.above(_between(float(others), float(self.scores[last])))


def coverage_of(scores: np.ndarray, truth: np.ndarray) -> Coverage:
    """The curve of scores `[N,K]` against true labels `[N]` (indices); pictures with the very same
    highest score are covered together."""
    if not len(truth):
        return Coverage(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    return curve_of(scores.max(axis=1), scores.argmax(axis=1) == truth)


def curve_of(highest: np.ndarray, right: np.ndarray) -> Coverage:
    """The same of highest scores `[N]` that were `right` or not, bool `[N]`; at least one."""
    order = np.argsort(-highest, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(highest[order]) != 0, True))
    return Coverage(highest[order][ends], ends + 1, np.cumsum(right[order])[ends])


def fewest(accuracy: float = SURE) -> int:
    """How many pictures, all of them right, it takes to say that a score is high enough."""
    return math.ceil(accuracy / (1 - accuracy) - 1e-9)


def _between(low: float, high: float) -> float:
    """The number with the fewest digits above `low` and at most `high`, 0 where `low` is none."""
    if low < 0:
        return 0.0
    for digits in range(1, _DIGITS):
        scale = float(10**digits)
        found = math.floor(high * scale) / scale
        if low < found <= high:
            return found
    return high
