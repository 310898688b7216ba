"""What is known of labelled pictures when findings are looked for: all that findings start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ...backbones.embed import Embedder
from ...dataset.groups import Groups
from ...dataset.sources import Dataset
from ...evaluation.metrics import Proportion, grouped
from ...evaluation.occasions import Bursts
from ...files.columns import taken
from ...head.blocks import Vectors, evenly
from ...head.cross_validation import OutOfFold
from ...head.kinds import DISCRIMINANT, REGRESSION
from ...head.linear import mean_of
from ...health import sample
from ...health.company import with_company
from ...health.duplicates import Copies
from ...health.judges import Judges, Settings
from ...health.label_errors import LabelErrors, find_label_errors
from ...health.sample import are_many, parts
from ...health.wrong_of_many import Many, wrong_of_many
from ..occasions import bursts_of
from ..pictures import Pictures
from .logits import OutOfFoldLogits
from .same import MOST_READ, copies_among

_COMPANY = 4  # pictures of its label that each picture drawn brings
_FOLDS_FOR_HARM = 3  # that have to be ready for more fits
_MORE_DEALS = (1, 2)  # of the folds, in which labels are judged
_FEW_LABELS = 50  # of more, regressions take most of the time of a check, and two judges have to do
_MANY = 50_000_000  # values of embeddings times labels, from which one deal has to do


@dataclass(frozen=True)
class Looked:
    """Pictures, and what heads that never saw them say of the R among them to learn from.

    Attributes:
        dataset: the source.
        pictures: all that could be read.
        fold: int `[R]`, the parts in which they were left out.
        found: what cross-validation found; its logits are calibrated, `[R,K]`.
        every: whether all pictures are to be ranked, those too of which nothing is said.
        embedder: what embedded them, for pictures made from them; None if that is not at hand.
        asked: which pictures were to be kept together.
        seconds: that cross-validating them took.
    """

    dataset: Dataset
    pictures: Pictures
    fold: np.ndarray
    found: OutOfFold
    every: bool = False
    embedder: Embedder | None = None
    asked: Groups = field(default_factory=Groups)
    seconds: float = 0.0

    @cached_property
    def rows(self) -> np.ndarray:
        """Where those to learn from are among all pictures, `[R]`."""
        return self.pictures.learnt

    @cached_property
    def truth(self) -> np.ndarray:
        """Their labels, int `[R]`."""
        return np.asarray(self.pictures.truth[self.rows])

    @cached_property
    def vectors(self) -> Vectors:
        """Their embeddings `[R,D]`; very many may lie in a file."""
        return self.pictures.vectors_of(self.rows)

    @cached_property
    def groups(self) -> np.ndarray:
        """A number for each of them, equal for those that may not be parted, int `[R]`."""
        return self.pictures.groups(self.rows)

    def places(self, rows: Sequence[int]) -> np.ndarray:
        """Where pictures to learn from, by their rows among all, are among these, in their order;
        those that are held out are left out."""
        asked = np.asarray(rows, np.int64)
        asked = asked[~self.pictures.held_out[asked]]
        return np.asarray(np.searchsorted(self.rows, asked))

    @cached_property
    def logits(self) -> Vectors:
        """What heads that never saw them say, `[R,K]`: where that is too much to be kept, it is
        said again when it is asked for."""
        if len(self.found.logits) == len(self.rows):
            return self.found.logits
        return OutOfFoldLogits(self.vectors, self.fold, self.found.heads)

    @cached_property
    def judged(self) -> np.ndarray:
        """Which of them a head judged, bool `[R]`: not those without whom one label is left."""
        return np.isin(self.fold, list(self.found.heads))

    @cached_property
    def right(self) -> np.ndarray:
        """Which of them it gets right, bool `[R]`."""
        return np.asarray((self.given == self.truth) & self.judged)

    @cached_property
    def given(self) -> np.ndarray:
        """The label that it takes each for, int `[R]`."""
        if self.found.answers is not None:
            return self.found.answers.given
        likeliest = np.empty(len(self.rows), np.int64)
        for some in parts(len(self.rows), len(self.pictures.labels)):
            likeliest[some] = self.logits[some].argmax(axis=1)
        return likeliest

    @cached_property
    def accuracy(self) -> Proportion:
        """Where pictures are kept together, its interval goes by the groups."""
        right = self.right[self.judged]
        if not self.pictures.grouping.by:
            return Proportion(int(right.sum()), len(right))
        return grouped(right, self.pictures.groups(self.rows[self.judged]))

    @cached_property
    def label_errors(self) -> LabelErrors:
        """How likely the label of each of all pictures is wrong, those held out too."""
        settings = {
            kind: min(tried, key=tried.__getitem__) for kind, tried in self.found.losses.items()
        }
        regression = settings.get(REGRESSION) if len(self.pictures.labels) <= _FEW_LABELS else None
        judging = Settings(regression, settings[DISCRIMINANT])
        every = np.arange(len(self.pictures.names))
        kept = (name in self.dataset.kept for name in self.pictures.names)
        known = np.fromiter(kept, bool, len(self.pictures.names))
        if self.many:
            return wrong_of_many(self._every(known), judging)
        products = len(self.rows) * self.vectors.shape[1] * len(self.pictures.labels)
        judges = Judges(
            self.pictures.vectors,
            self.pictures.groups(every),
            ~self.pictures.held_out,
            len(self.pictures.labels),
            judging,
            [self.fold, *(self.pictures.folds(self.rows, seed) for seed in _MORE_DEALS)]
            if products < _MANY
            else [self.fold],
            self.found.prepared,
        )
        return find_label_errors(judges, self.pictures.truth, self.pictures.digests, known)

    @property
    def many(self) -> bool:
        """Whether they are so many that some things are looked for in a sample."""
        return are_many(len(self.rows), len(self.pictures.labels))

    def _every(self, known: np.ndarray) -> Many:
        """All pictures, those held out too, which the heads of all folds judge together."""
        pictures = self.pictures
        fold = np.full(len(pictures.names), -1)
        fold[self.rows] = np.where(self.judged, self.fold, -2)  # by no head
        heads = dict(self.found.heads)
        if heads:
            heads[-1] = mean_of([*self.found.heads.values()])
        return Many(
            pictures.vectors,
            pictures.truth,
            OutOfFoldLogits(pictures.vectors, fold, heads),
            fold,
            pictures.groups(np.arange(len(pictures.names))),
            pictures.digests,
            known | (fold == -2),
        )

    @cached_property
    def copies(self) -> list[Copies]:
        """Sets of pictures that are copies of each other, among all."""
        return copies_among(self.pictures, self.embedder)

    @cached_property
    def bursts(self) -> Bursts:
        """Whether they come in bursts."""
        recipe, some = self.found.recipe, self.in_company
        pictures = self.pictures
        if self.many:
            tested = pictures.tested[evenly(len(pictures.tested), sample.MOST // 4)]
            rows = np.sort(np.concatenate([self.rows[some], tested]))
            pictures = replace(pictures.only(rows), held_out=pictures.held_out[rows])
        solver = recipe.roughly if recipe else None
        return bursts_of(pictures, self.right[some], self.judged[some], solver)

    @cached_property
    def in_company(self) -> np.ndarray:
        """Which of them bursts are looked for among, int `[M]`: of very many, some and those that
        are most like each."""
        if not self.many:
            return np.arange(len(self.rows))
        drawn = self.sampled(sample.MOST // (1 + _COMPANY))
        return with_company(self.vectors, self.truth, drawn, _COMPANY)

    def sampled(self, most: int | None = None) -> np.ndarray:
        """At most so many of them, from each label its part, int `[M]`; see `sample.sampled`."""
        return sample.sampled(taken(self.pictures.digests, self.rows), self.truth, most)

    @property
    def in_part(self) -> Iterator[str]:
        """What was not looked for among all pictures, a sentence each."""
        if self.many:
            count, drawn = len(self.rows), sample.MOST // (1 + _COMPANY)
            yield (
                f"Bursts were looked for among {len(self.in_company):,} of {count:,} pictures: "
                f"{min(drawn, count):,} drawn by their contents, each with the {_COMPANY} of its "
                "label that are most like it."
            )
            if len(self.found.prepared) < _FOLDS_FOR_HARM:
                yield "Pictures that do harm were not looked for among so many."
        if are_many(len(self.pictures.names)):
            yield (
                "Near copies were looked for in groups of pictures that are alike, and the pixels "
                f"of the {MOST_READ:,} nearest were compared. Exact copies were looked for among "
                "all."
            )

    def name(self, row: int) -> str:
        """The name of picture number `row` of those to learn from."""
        return self.pictures.names[int(self.rows[row])]

    def label(self, row: int) -> str:
        """Its label."""
        return self.pictures.labels[int(self.truth[row])]

    def excess_of(self, among: np.ndarray) -> float:
        """The points of accuracy that pictures `among` all, rows int `[M]`, cost by being wrong
        more often than the others."""
        among = among[self.judged[among]]
        judged, wrong = self._judged_and_wrong
        others = judged - len(among)
        if not len(among) or not others:
            return 0.0
        own = int(np.count_nonzero(~self.right[among]))
        more = own - (wrong - own) / others * len(among)
        return 100 * max(0.0, more) / max(1, judged)

    @cached_property
    def _judged_and_wrong(self) -> tuple[int, int]:
        judged = int(np.count_nonzero(self.judged))
        return judged, judged - int(np.count_nonzero(self.right))
