"""What is kept of the answers of a test, however many pictures there are.

Up to `MOST_LISTED` pictures, or `MOST_SCORES` of pictures times labels, all of it. Of more, a few
numbers of each picture, from which all figures follow; and of the surest mistakes, and of pictures
drawn by their content, everything.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..dataset.sources import Item
from ..dataset.split import tie
from ..evaluation.judged import Evaluation, ListedInPart
from ..evaluation.whole import Answers, areas_of, figures_of
from ..model.left_out import marks_of
from ..model.observe import Observation

MOST_LISTED = 50_000  # pictures
MOST_SCORES = 50_000_000  # of pictures times labels
DRAWN = 0.4  # of as many as that, where there are more, by their content
MISTAKES = 0.2  # of as many, the surest, beside those
_BLOCK = 1_000  # answers that become a few numbers each at once


def most_listed(labels: int) -> int:
    """Of how many pictures of so many labels everything is kept at most."""
    return min(MOST_LISTED, MOST_SCORES // labels)


@dataclass(frozen=True)
class Seen:
    """A picture that was tested: what it is, the number of its label, and what the model said."""

    item: Item
    label: int
    observed: Observation


@dataclass
class Tally:
    """Gathers answers about pictures of K `labels`, one after the other.

    Attributes:
        labels: the model's.
        expected: how many pictures there are to come, at most.
        kept: those of which everything is kept: all, or those drawn.
        count: how many were added.
        truth: the labels of all, by number.
    """

    labels: tuple[str, ...]
    expected: int
    kept: list[Seen] = field(default_factory=list)
    count: int = 0
    truth: set[int] = field(default_factory=set)
    _block: list[Seen] = field(default_factory=list)
    _answers: list[Answers] = field(default_factory=list)
    _drawn: list[tuple[float, int, Seen]] = field(default_factory=list)
    _wrong: list[tuple[float, int, Seen]] = field(default_factory=list)
    _digests: list[str] = field(default_factory=list)
    _groups: list[str | None] = field(default_factory=list)

    @cached_property
    def many(self) -> bool:
        """Whether only some pictures are kept."""
        return self.expected > most_listed(len(self.labels))

    @cached_property
    def drawn(self) -> int:
        """How many are kept of very many because they are drawn."""
        return int(DRAWN * most_listed(len(self.labels)))

    @cached_property
    def mistakes(self) -> int:
        """How many are kept of very many because the model is wrong about them, at most."""
        return int(MISTAKES * most_listed(len(self.labels)))

    def add(self, seen: Seen) -> None:
        self.count += 1
        self.truth.add(seen.label)
        if not self.many:
            self.kept.append(seen)
            return
        self._digests.append(seen.observed.digest)
        self._groups.append(seen.item.group)
        mark = -int(marks_of([seen.observed.digest or "0"])[0])
        _keep(self._drawn, (mark, -self.count, seen), self.drawn)
        scores = seen.observed.scores
        if int(scores.argmax()) != seen.label:
            _keep(self._wrong, (float(scores.max()), -self.count, seen), self.mistakes)
        self._block.append(seen)
        if len(self._block) == _BLOCK:
            self._shorten()

    def finish(self) -> None:
        """There are no more."""
        if self.many:
            self._shorten()
            self.kept = [seen for *_, seen in sorted(self._drawn, key=lambda one: -one[1])]

    def named(self, share: float) -> np.ndarray | None:
        """The group of each of very many pictures, int `[N]`, where the source names that of a
        `share` of them; None where it does not."""
        if sum(one is not None for one in self._groups) < share * self.count:
            return None
        return tie(self._digests, self._groups).used()[1]

    def evaluation(self, groups: np.ndarray | None) -> Evaluation:
        """How right all answers are; `groups` are of all pictures."""
        if not self.many:
            return Evaluation(self.labels, *_columns(self.kept, np.dtype(np.float64)), groups)
        _, truth, scores = _columns(self.kept, np.dtype(np.float32))
        answers = Answers.joined(self._answers)
        whole = figures_of(answers, len(self.labels), areas_of(scores, truth), groups)
        both = {-at: seen for _, at, seen in (*self._drawn, *self._wrong)}
        listed = [both[at] for at in sorted(both)]
        return ListedInPart(self.labels, *_columns(listed, np.dtype(np.float32)), whole=whole)

    def _shorten(self) -> None:
        if self._block:
            _, truth, scores = _columns(self._block, np.dtype(np.float32))
            self._answers.append(Answers.of(scores, truth))
        self._block = []


def _keep(heap: list[tuple[float, int, Seen]], one: tuple[float, int, Seen], most: int) -> None:
    """The largest, so many."""
    if len(heap) < most:
        heapq.heappush(heap, one)
    else:
        heapq.heappushpop(heap, one)


def _columns(
    seen: list[Seen], kind: np.dtype[Any]
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Their names, their labels int `[N]` and their scores `[N,K]`."""
    return (
        tuple(one.item.name for one in seen),
        np.array([one.label for one in seen], dtype=np.int64),
        np.array([one.observed.scores.astype(kind) for one in seen]),
    )
