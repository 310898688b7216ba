"""A labelled data set held against a model: how often is it right, and where is it wrong?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass

import numpy as np

from ..dataset.in_python import Source, read_source
from ..dataset.labels import Labels
from ..dataset.sources import Dataset, Item, SkippedFile
from ..errors import DatasetError, PictureError
from ..evaluation.judged import Evaluation
from ..evaluation.metrics import Proportion
from ..evaluation.notebook import evaluations_html
from ..evaluation.sentences import occasions_words
from ..model.classifier import Classifier
from ..model.observe import Observation, observe
from ..text import first_few, several, shown
from .leaks import Known, Leaks, find_leaks, near
from .surprise import NAMED, occasions_of_test, surprise_words
from .tallying import Seen, Tally


@dataclass(frozen=True)
class TestResult:
    """The result of a test.

    Attributes:
        dataset: the pictures that were tested.
        evaluation: how often the model is right.
        skipped: files that could not be read, with the reason.
        other_labels: how many pictures have each label that the model does not know; they are not
            judged.
        missing: labels of the model without test pictures, unless their folder stayed shut (a note
            says so).
        refused: how many pictures the model calls unknown, "none of these"; they are judged all the
            same.
        learnt_from: how many of the pictures the model learnt from.
        occasions: of pictures that come in bursts, about how many occasions they are of, by which
            the accuracy's interval goes; None where each picture stands alone.
        notes: sentences on which part of the source was tested, and which pictures are copies of
            training pictures.
    """

    __test__ = False  # a result, not a test case

    dataset: Dataset
    evaluation: Evaluation
    skipped: tuple[SkippedFile, ...]
    other_labels: dict[str, int]
    missing: tuple[str, ...]
    refused: Proportion
    learnt_from: int = 0
    notes: tuple[str, ...] = ()
    occasions: int | None = None

    @property
    def caution(self) -> str:
        """Why the figures are too optimistic, in a sentence; empty if they are not."""
        count = self.evaluation.count
        if not self.learnt_from:
            return ""
        which = "all" if self.learnt_from == count else f"{self.learnt_from:,}"
        return (
            f"The model learnt from {which} of these {several(count, 'picture')}, so this accuracy "
            f"says little about other pictures."
        )

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Sentences on the pictures of labels that the model does not know."""
        return tuple(
            f"Not judged: {several(count, 'picture')} of {shown(label)}, which the model does not "
            f"know."
            for label, count in self.other_labels.items()
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return evaluations_html({"tested": self.evaluation})


def evaluate(
    classifier: Classifier,
    source: Source,
    *,
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> TestResult:
    """Test a model on labelled pictures, given as `read_source` takes them; labels match by name.

    Raises:
        DatasetError: none of the pictures can be read and has a label of the model, or a label
            differs from one of the model's only in what few would see.
    """
    dataset = read_source(source, follow_links=follow_links, at_least=1)
    part, notes = dataset.to_test()
    items = part.items
    known = Labels(classifier.labels).known(part.labels, dataset.called, "the model's")
    judged = [item for item in items if item.label in known]
    unknown = Counter(item.label for item in items if item.label not in known)
    place = {label: k for k, label in enumerate(classifier.labels)}
    unreadable, refused, learnt_from = [], 0, 0
    tally = Tally(classifier.labels, len(judged))
    record = classifier.training_record
    learnt: Container[str] = record.learnt() if record else ()
    observed = observe(classifier, (item.path for item in judged))
    for done, (item, seen) in enumerate(zip(judged, observed, strict=True), start=1):
        if isinstance(seen, PictureError):
            unreadable.append(SkippedFile(item.name, seen.message))
        else:
            learnt_from += seen.digest in learnt
            tally.add(Seen(item, place[known[item.label]], seen))
            refused += seen.unknown
        if progress:
            progress(done, len(judged))
    tally.finish()
    if not tally.count:
        raise DatasetError(
            f"{dataset.subject} has no readable picture of a label that the model knows. "
            f"It has: {first_few(part.labels)}. "
            f"The model knows: {first_few(classifier.labels)}.",
            hint="Give the folders the names of the model's labels.",
        )
    ours = Labels(classifier.labels)
    shut = [(ours.same(label), why) for label, why in dataset.shut]
    away = {*tally.truth, *(place[label] for label, _ in shut if label is not None)}
    closed = [f"{why}: {shown(label)} is not tested." for label, why in shut if label is not None]
    every = [(one.item, one.observed) for one in tally.kept]
    of_some: tuple[str, ...] = ()
    if tally.many:  # of pictures drawn by lot it cannot be told which are of one burst
        groups, of_some = tally.named(NAMED), (_on_many(tally),)
    else:
        own = np.array([one.label for one in tally.kept], dtype=np.int64)
        groups = occasions_of_test(every, own)
    evaluation = tally.evaluation(groups)
    fresh = [(item, seen) for item, seen in every if seen.digest not in learnt]
    said = surprise_words(classifier, evaluation)
    return TestResult(
        dataset=dataset,
        evaluation=evaluation,
        skipped=(*dataset.skipped, *unreadable),
        other_labels=dict(unknown),
        missing=tuple(label for k, label in enumerate(classifier.labels) if k not in away),
        refused=Proportion(refused, tally.count),
        learnt_from=learnt_from,
        notes=(
            *dataset.notes,
            *closed,
            *notes,
            *_leaks(classifier, fresh).words("tested"),
            *of_some,
            *occasions_words("tested", groups),
            *said,
        ),
        occasions=None if groups is None else len(np.unique(groups)),
    )


def _on_many(tally: Tally) -> str:
    return (
        f"Of {several(tally.count, 'picture')} the surest mistakes are listed, up to "
        f"{tally.mistakes:,}; copies of training pictures were looked for among "
        f"{len(tally.kept):,}, drawn by their content, and bursts were not. The figures are of all."
    )


def _leaks(classifier: Classifier, fresh: list[tuple[Item, Observation]]) -> Leaks:
    """Which pictures are copies of some that the model learnt from; those are looked for where they
    were when it was trained."""
    record = classifier.training_record
    if record is None or not fresh:
        return Leaks()
    tested = Known(
        np.stack([seen.embedding for _, seen in fresh]),
        [item.name for item, _ in fresh],
        [seen.digest for _, seen in fresh],
        {row: item.path for row, (item, _) in enumerate(fresh)},
    )
    rows = np.flatnonzero(~record.held_out).tolist()
    names, digests = ([of[i] for i in rows] for of in (record.names, record.digests))
    pairs = near(tested, Known(record.vectors[rows], names, digests, {}))
    where = record.locate(only=[rows[pair.learnt] for pair in pairs])
    paths = {row: where[i] for row, i in enumerate(rows) if i in where}
    return find_leaks(tested, Known(record.vectors[rows], names, digests, paths), pairs)
