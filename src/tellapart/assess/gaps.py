"""A model, and perhaps a folder of pictures -> what the data lacks: subgroups with too few
pictures.

The training record lists what the model learnt from. The pictures to test on may be labelled, in
any form that training takes, or unlabelled.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..dataset.sources import Dataset, SkippedFile
from ..errors import ModelError
from ..evaluation.metrics import Proportion
from ..files.stored import Place, Stored
from ..health.subgroups import FEWEST, Sample, Subgroup, find_subgroups
from ..model.classifier import Classifier
from ..model.record import TrainingRecord
from ..text import several, shown
from .gaps_source import Side, Source, look_at

EXAMPLES = 3  # pictures named with a piece of advice
MOST_MAYBE = 3  # subgroups that may be chance


@dataclass(frozen=True)
class Example:
    """A picture of a subgroup.

    Attributes:
        name: its path below the source.
        path: where it is now, if that is known.
        label: its own label, or the model's if it has none.
        predicted: the label that the model gave it; its own if nothing judged it.
        tested: whether it is a test picture; otherwise the model learnt from it.
        unknown: whether it is unlike everything the model learnt from.
    """

    name: str
    path: Place | None
    label: str
    predicted: str
    tested: bool
    unknown: bool = False

    @property
    def wrong(self) -> bool:
        return self.label != self.predicted


@dataclass(frozen=True)
class Gaps:
    """The subgroups of all labels: those that stand out first, then by the errors that more
    pictures of them would prevent.

    Attributes:
        labels: the model's labels.
        subgroups: all subgroups, in that order.
        learnt: the pictures that the model learnt from.
        tested: the pictures tested; None if none were given and none were held out.
        what_tested: what these are, in words: "held out", or where they are from.
        unknown: unlabelled pictures that are unlike everything learnt; they are in no subgroup,
            because they may show none of the labels.
        skipped: files that could not be read, with the reason.
        hidden: how many files of the system were passed over.
        other_labels: how many pictures have each label that the model does not know.
        private: whether the model does not know where its pictures are.
        elsewhere: the address or archive where training pictures lie that are not found.
        notes: sentences on how the source was read.
    """

    labels: tuple[str, ...]
    subgroups: tuple[Subgroup, ...]
    learnt: Side
    tested: Side | None
    what_tested: str = ""
    unknown: tuple[Example, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    hidden: int = 0
    other_labels: dict[str, int] = field(default_factory=dict)
    private: bool = False
    elsewhere: str = ""
    notes: tuple[str, ...] = ()
    _dataset: Dataset | None = field(default=None, repr=False)  # keeps an unpacked archive

    @property
    def known(self) -> bool:
        """Whether the labels of the pictures tested are known, or there are none."""
        return self.tested is None or self.tested.sample.known

    @property
    def advice(self) -> tuple[Subgroup, ...]:
        """The subgroups that stand out: what to photograph next."""
        return tuple(subgroup for subgroup in self.subgroups if subgroup.stands_out)

    @property
    def maybe(self) -> tuple[Subgroup, ...]:
        """The next few subgroups in rank, for which chance alone could explain what is seen."""
        rest = (
            subgroup
            for subgroup in self.subgroups
            if not subgroup.stands_out and self._says_something(subgroup)
        )
        return tuple(itertools.islice(rest, MOST_MAYBE))

    def label(self, subgroup: Subgroup) -> str:
        return self.labels[subgroup.label]

    def learnt_of(self, subgroup: Subgroup) -> int:
        """How many pictures of the subgroup's label were learnt from."""
        return int((self.learnt.sample.labels == subgroup.label).sum())

    def pictures(self, subgroup: Subgroup) -> list[Example]:
        """The pictures tested, then those learnt from; the most central first."""
        tested = _examples(self.labels, self.tested, subgroup.tested, True) if self.tested else []
        return [*tested, *_examples(self.labels, self.learnt, subgroup.learnt, False)]

    def telling(self, subgroup: Subgroup) -> list[Example]:
        """The same, but of a subgroup that is only hard those judged wrong come first."""
        found = self.pictures(subgroup)
        return (
            found
            if subgroup.missing
            else sorted(found, key=lambda one: not (subgroup.hard and one.wrong))
        )

    def examples(self, subgroup: Subgroup) -> list[Example]:
        """A few pictures that show what more is needed of."""
        return self.telling(subgroup)[:EXAMPLES]

    def learnt_wrong(self, subgroup: Subgroup) -> int:
        """How many of the subgroup's pictures that were learnt from are judged wrong."""
        sample = self.learnt.sample
        return int((sample.errors[subgroup.learnt] >= 1).sum())

    def place(self, one: Example) -> str:
        """Where a picture can be looked at, as a person would say it; its name where that is not
        known, or passes as an unpacked archive does."""
        if isinstance(one.path, Stored):
            return one.path.name
        if one.tested and self._dataset:
            return str(self._dataset.place_of(one.name))
        return str(one.path or one.name)

    @property
    def labelled_unknown(self) -> int:
        """How many of the pictures tested are unlike everything learnt, whatever their label."""
        return int(self.tested.unknown.sum()) if self.tested else 0

    @property
    def missing_pictures(self) -> int:
        """Pictures learnt from that are not where they can be found."""
        return sum(path is None for path in self.learnt.paths)

    def by_scores(self, subgroup: Subgroup) -> bool:
        """Whether only the scores say how many of a look are wrong."""
        tested = bool(len(subgroup.tested))
        return not self.known and tested and (subgroup.missing or not subgroup.hard)

    def judged(self, subgroup: Subgroup) -> Proportion:
        """How many of a look's pictures that say something are judged wrong."""
        tested = subgroup.wrong_tested if subgroup.missing else None
        return tested or subgroup.wrong

    def any_wrong(self, subgroup: Subgroup) -> bool:
        """Whether a look has any error that more of it could mend."""
        if self.by_scores(subgroup):
            return round(subgroup.likely_wrong) > 0
        return self.judged(subgroup).correct > 0

    def _says_something(self, subgroup: Subgroup) -> bool:
        """Whether a subgroup is wrong at all, and rarer among the training pictures, or thin."""
        rarer = subgroup.scarcity > 0 and len(subgroup.tested) >= FEWEST
        thin = subgroup.thin and subgroup.size >= FEWEST
        return (rarer or thin) and self.any_wrong(subgroup)


def find_gaps(
    classifier: Classifier,
    source: str | os.PathLike[str] | None = None,
    *,
    pictures: Sequence[str | os.PathLike[str]] = (),
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Gaps:
    """Find subgroups that a model has learnt too little of.

    `source` are pictures to test on, labelled in any form that training takes, or any folder of
    pictures; without it, those that were held out are used, if there are any. The training pictures
    are searched for where they were, and below `pictures`.

    Raises:
        ModelError: the model has no training record.
        DatasetError: `source` has no picture that can be read and judged.
    """
    record = classifier.required_record()
    # mistakes that were kept for being mistakes would look like gaps
    drawn = record.left_out.drawn if record.left_out else np.ones(len(record.names), bool)
    said = _on_left_out(record)
    where = record.locate(*pictures, only=np.flatnonzero(drawn).tolist())
    learnt = _recorded_side(record, ~record.held_out & drawn, where)
    if not len(learnt.names):
        raise ModelError("This model's training record lists no pictures.", hint="Train again.")
    if source is None:
        rows = record.held_out & drawn
        held = _recorded_side(record, rows, where) if rows.any() else None
        return Gaps(
            labels=classifier.labels,
            subgroups=find_subgroups(
                learnt.sample, held.sample if held else None, len(classifier.labels)
            ),
            learnt=learnt,
            tested=held,
            what_tested="held out" if held else "",
            private=record.run.private,
            elsewhere=record.elsewhere,
            notes=said,
        )
    found = Source(classifier, Path(source), follow_links)
    seen, unreadable = look_at(classifier, found, progress or (lambda done, total: None))
    apart = seen.unknown & (not seen.sample.known)
    tested = None if apart.all() else seen.only(~apart)
    return Gaps(
        labels=classifier.labels,
        subgroups=find_subgroups(
            learnt.sample, tested.sample if tested else None, len(classifier.labels)
        ),
        learnt=learnt,
        tested=tested,
        what_tested=f"from {shown(source)}",
        unknown=tuple(_examples(classifier.labels, seen, np.flatnonzero(apart), True)),
        skipped=(*found.skipped, *unreadable),
        hidden=found.hidden,
        other_labels=found.other_labels,
        private=record.run.private,
        elsewhere=record.elsewhere,
        notes=(*said, *found.notes),
        _dataset=found.dataset,
    )


def _on_left_out(record: TrainingRecord) -> tuple[str, ...]:
    """A sentence where the training record keeps only some of the pictures."""
    left = record.left_out
    if left is None:
        return ()
    return (
        f"Looked at were {int(left.drawn.sum()):,} of the {several(record.count, 'picture')} that "
        "the model is made of: those that its training record keeps, drawn by their content. "
        "Counts of pictures are of these.",
    )


def _examples(labels: tuple[str, ...], side: Side, rows: np.ndarray, tested: bool) -> list[Example]:
    sample = side.sample
    wrong = sample.errors[rows] >= 1
    given = np.where(wrong, sample.scores[rows].argmax(axis=1), sample.labels[rows])
    return [
        Example(
            name=side.names[i],
            path=side.paths[i],
            label=labels[int(sample.labels[i])],
            predicted=labels[int(guess)],
            tested=tested,
            unknown=bool(side.unknown[i]),
        )
        for i, guess in zip(rows, given, strict=True)
    ]


def _recorded_side(record: TrainingRecord, wanted: np.ndarray, where: dict[int, Place]) -> Side:
    """Some of the pictures in a training record; none of them counts as unknown, because they
    define what is usual."""
    judged = np.ones(len(wanted), bool) if record.judged is None else record.judged
    sample = Sample(
        vectors=record.vectors,
        labels=record.labels.astype(np.int64),
        scores=record.scores,
        digests=record.digests,
        judged=judged,
    )
    paths = tuple(where.get(i) for i in range(len(wanted)))
    return Side(sample, record.names, paths, np.zeros(len(wanted), bool)).only(wanted)
