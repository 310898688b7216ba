"""What a report shows, chosen from results; of many pictures it shows the most telling ones.

A `ReportContent` is made from a model and its training record, or from a test; `page.py` writes it
as a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..dataset.sources import SkippedFile
from ..evaluation.judged import Evaluation, Mistake
from ..evaluation.learning_curve import LearningCurve
from ..evaluation.occasions import Bursts
from ..evaluation.sentences import headline
from ..files.stored import Place
from ..health.shortcuts import Shortcut
from ..model.classifier import Classifier
from ..text import natural
from .provenance import Provenance

MOST_MISTAKES = 48  # shown with their pictures
FIRST_MISTAKES = 12  # seen at once; the others are folded by their labels
MOST_NAMED = 2_000  # mistakes without a picture, a line each
MOST_FACES = 12  # labels that are introduced with a picture
MOST_CERTAIN = 8
MOST_IN_A_CELL = 24
MOST_IN_CELLS = 400
MOST_EXAMPLES = 120  # of all labels together
WIDEST_MATRIX = 20  # labels; of more, only the pairs that were confused are shown
MOST_PAIRS = 60
FIRST_PAIRS = 12  # seen at once
MOST_ROWS = 1_000  # labels that a table of all names, and whose pictures are shown
WEAKEST = 10  # labels seen at once where there are more than `WIDEST_MATRIX`
FEWEST = 5  # labels with the fewest pictures that are seen beside them


@dataclass(frozen=True)
class Judged:
    """A picture with its own label, the one it was given, and that one's score."""

    name: str
    label: str
    predicted: str
    score: float


@dataclass(frozen=True)
class Near:
    """A training picture near a mistake, with its own label; `key` finds it among the paths."""

    key: str
    label: str


@dataclass(frozen=True)
class Reason:
    """Why a picture was given a wrong label: in words, over the picture, and what is near it.

    `overlay` is a `data:` URL: the evidence for the label it was given, minus that for its own.
    """

    sentences: Sequence[str]
    overlay: str
    nearest: Sequence[Near]


@dataclass(frozen=True)
class Cell:
    """The pictures of one label that were given a label, `n` in all; `shade` is 0 to 4."""

    label: str
    predicted: str
    n: int
    shade: int
    pictures: Sequence[Judged]

    @property
    def right(self) -> bool:
        return self.label == self.predicted


@dataclass(frozen=True)
class Shelf:
    """The mistakes of a label that are folded: those with a picture, and those only named."""

    label: str
    shown: Sequence[tuple[str, Mistake]]
    named: Sequence[tuple[str, Mistake]]

    @property
    def n(self) -> int:
        return len(self.shown) + len(self.named)


@dataclass(frozen=True)
class ReportContent:
    """Everything that a report shows.

    Attributes:
        what: what was done, in words.
        classifier: the model.
        evaluations: how good it is, by name.
        paths: where the pictures are now, by their names.
        shelves: the names of the pictures of each label.
        counts: how many pictures of each label there are, by what was counted.
        learning: the learning curve, if there is one.
        bursts: whether the pictures come in bursts.
        shortcuts: what else the labels can be told by.
        skipped: files that were passed over, with the reason.
        hidden: how many files of the system were passed over.
        notes: sentences on what to know.
        provenance: how to do it again.
        reasons: explanations of mistakes, by the pictures' names.
        private: whether no picture is shown.
        mends: the command that mends the label of each mistake that has its picture shown, by its
            name, where that is wrong.
    """

    what: str
    classifier: Classifier
    evaluations: Mapping[str, Evaluation]
    paths: Mapping[str, Place]
    shelves: Mapping[str, Sequence[str]]
    counts: Mapping[str, Sequence[int]]
    learning: LearningCurve | None = None
    bursts: Bursts = field(default_factory=Bursts)
    shortcuts: Sequence[Shortcut] = ()
    skipped: Sequence[SkippedFile] = ()
    hidden: int = 0
    notes: Sequence[str] = ()
    provenance: Sequence[Provenance] = ()
    reasons: Mapping[str, Reason] = field(default_factory=dict)
    private: bool = False
    mends: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.classifier.labels

    @property
    def name(self) -> str:
        """Of the evaluation that most of the page is about."""
        return headline(self.evaluations)[0]

    @property
    def main(self) -> Evaluation:
        return self.evaluations[self.name]

    @cached_property
    def mistakes(self) -> list[tuple[str, Mistake]]:
        """(name of the evaluation, mistake), the surest first."""
        return mistakes_of(self.evaluations)

    @property
    def wrong(self) -> int:
        """How many mistakes there are, also where not all are listed."""
        return sum(evaluation.wrong for evaluation in self.evaluations.values())

    @property
    def unnamed(self) -> int:
        """Mistakes that the page does not even name."""
        return self.wrong - len(self.mistakes[: MOST_MISTAKES + MOST_NAMED])

    def pictures_of(self, label: str) -> int:
        """How many there are of a label, also where not all are listed."""
        k = self.labels.index(label)
        return sum(counts[k] for counts in self.counts.values())

    @cached_property
    def folded(self) -> list[Shelf]:
        """The mistakes after the first ones, by their labels, those with most of them first."""
        by_label: dict[str, tuple[list[tuple[str, Mistake]], list[tuple[str, Mistake]]]] = {}
        listed = self.mistakes[: MOST_MISTAKES + MOST_NAMED]
        for at, pair in enumerate(listed[FIRST_MISTAKES:], FIRST_MISTAKES):
            of = by_label.setdefault(pair[1].label, ([], []))
            of[0 if at < MOST_MISTAKES else 1].append(pair)
        shelves = [
            Shelf(self.labels[k], *by_label[self.labels[k]])
            for k in self.order
            if self.labels[k] in by_label
        ]
        return sorted(shelves, key=lambda shelf: -shelf.n)

    @cached_property
    def order(self) -> list[int]:
        """The labels as a table lists them, by their position in the model."""
        return sorted(range(len(self.labels)), key=lambda k: natural(self.labels[k]))

    @property
    def rows(self) -> list[int]:
        """Those that a table of all labels has a row for: of very many the first."""
        return self.order[:MOST_ROWS]

    @property
    def rest(self) -> int:
        """How many labels have none."""
        return len(self.labels) - len(self.rows)

    def telling(self, evaluation: Evaluation) -> list[int]:
        """The labels that a table of many shows at once, by their position, the weakest first.

        They are those with the lowest F1, and those learnt from the fewest pictures, if fewer than
        most.
        """
        if self.as_matrix:
            return self.order
        counts = np.asarray(next(iter(self.counts.values())))
        f1 = [row.f1 if row.n else np.inf for row in evaluation.per_label]
        weakest = sorted(self.order, key=lambda k: (f1[k], counts[k]))[:WEAKEST]
        few = [k for k in self.order if counts[k] < np.median(counts)]
        fewest = sorted(few, key=lambda k: int(counts[k]))[:FEWEST]
        return sorted({*weakest, *fewest}, key=lambda k: (f1[k], counts[k]))

    @cached_property
    def surest(self) -> list[Judged]:
        """The surest right ones of each label in turn."""
        return self._right(descending=True, in_turn=True)[:MOST_CERTAIN]

    @cached_property
    def least_sure(self) -> list[Judged]:
        """The right ones that were nearly wrong."""
        return self._right(descending=False, in_turn=False)[:MOST_CERTAIN]

    @cached_property
    def faces(self) -> list[tuple[str, str]]:
        """(label, the name of a picture that shows it best), of the first labels."""
        best = {one.label: one.name for one in reversed(self._right(descending=True, in_turn=True))}
        return [
            (label, best.get(label) or self.shelves[label][0])
            for label in [self.labels[k] for k in self.order[:MOST_FACES]]
            if self.shelves[label]
        ]

    @cached_property
    def cells(self) -> dict[str, dict[tuple[int, int], Cell]]:
        """By the name of the evaluation, all cells of its confusion matrix that hold pictures, by
        row and column.

        Wrong ones are shown surest first, right ones least sure first.
        """
        filled = {name: self._filled(each) for name, each in self.evaluations.items()}
        at = [place for places in filled.values() for place in places]
        wrong = sum(i != j for i, j in at)
        of_wrong = _share_of(MOST_IN_CELLS * 3 // 4, wrong)
        of_right = _share_of(MOST_IN_CELLS // 4, len(at) - wrong)
        return {
            name: {
                (i, j): self._cell(
                    self.evaluations[name], i, j, n, of_right if i == j else of_wrong
                )
                for (i, j), n in places.items()
            }
            for name, places in filled.items()
        }

    def _filled(self, evaluation: Evaluation) -> dict[tuple[int, int], int]:
        """The cells that hold pictures, and how many; where the labels are many, the pairs confused
        most."""
        filled = {(i, j): n for i, j, n in np.stack(evaluation.cells, axis=1).tolist()}
        if self.as_matrix:
            return filled
        pairs = [at for at in filled if at[0] != at[1]]
        return {at: filled[at] for at in sorted(pairs, key=lambda at: -filled[at])[:MOST_PAIRS]}

    def _cell(self, evaluation: Evaluation, i: int, j: int, n: int, most: int) -> Cell:
        sure = evaluation.highest
        rows = np.flatnonzero((evaluation.truth == i) & (evaluation.predicted == j))
        rows = rows[np.argsort(sure[rows] if i == j else -sure[rows], kind="stable")]
        part = n / evaluation.per_label[i].n
        return Cell(
            self.labels[i],
            self.labels[j],
            n,
            0 if i == j else shade(part),
            [_judged(evaluation, row) for row in rows[:most]],
        )

    @property
    def as_matrix(self) -> bool:
        """Whether the labels are few enough for a matrix; otherwise the confused pairs are told."""
        return len(self.labels) <= WIDEST_MATRIX

    @cached_property
    def examples(self) -> dict[str, list[str]]:
        """Names of pictures of each label, evenly spread."""
        most = max(2, min(8, MOST_EXAMPLES // len(self.labels)))
        return {
            label: [
                shelf[round(at)] for at in np.linspace(0, len(shelf) - 1, min(most, len(shelf)))
            ]
            for label, shelf in ((self.labels[k], self.shelves[self.labels[k]]) for k in self.rows)
        }

    @property
    def elsewhere(self) -> str:
        """The address or archive where training pictures lie that are not found."""
        record = self.classifier.training_record
        return record.elsewhere if record else ""

    @property
    def missing(self) -> int:
        """Pictures that are not where they can be found."""
        names = {name for e in self.evaluations.values() for name in e.names}
        return len(names - self.paths.keys())

    def _right(self, *, descending: bool, in_turn: bool) -> list[Judged]:
        """The right ones by their score; `in_turn` one of each label, then a second of each."""
        main = self.main
        right = np.flatnonzero(main.predicted == main.truth)
        sure = main.highest[right] * (-1 if descending else 1)
        order = right[np.argsort(sure, kind="stable")]
        if in_turn:
            by_label = np.argsort(main.truth[order], kind="stable")
            sizes = np.bincount(main.truth[order], minlength=len(self.labels))
            place = np.empty(len(order), np.int64)
            place[by_label] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            order = order[np.argsort(place, kind="stable")]
        return [_judged(main, row) for row in order]


def mistakes_of(evaluations: Mapping[str, Evaluation]) -> list[tuple[str, Mistake]]:
    """(name of the evaluation, mistake), the surest first."""
    found = [(name, m) for name, e in evaluations.items() for m in e.mistakes]
    return sorted(found, key=lambda pair: -pair[1].score)


def shade(part: float) -> int:
    """How dark a cell is that holds this share of its label's pictures, 1 to 4."""
    return min(4, 1 + int(part * 12))


def _judged(evaluation: Evaluation, row: int) -> Judged:
    return Judged(
        evaluation.names[row],
        evaluation.labels[evaluation.truth[row]],
        evaluation.labels[evaluation.predicted[row]],
        float(evaluation.highest[row]),
    )


def _share_of(whole: int, parts: int) -> int:
    return max(1, min(MOST_IN_A_CELL, whole // parts)) if parts else 0
