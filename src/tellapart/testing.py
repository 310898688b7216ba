"""A labelled data set held against a model: how often is it right, and where is it wrong?"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from .dataset import Dataset, Skipped, read_dataset
from .errors import DatasetError, PictureError
from .evaluation import Evaluation
from .images.decode import decode
from .images.reading import read_content
from .metrics import Share
from .model import Classifier, Prediction
from .notebook import evaluations_html
from .pool import Each, batches_of, local_map
from .wording import listed, several, shown

_BATCH = 4  # pictures a thread takes at a time


@dataclass(frozen=True)
class TestResult:
    """What came out of a test. `unknown` counts pictures of labels that the model does not know,
    which are not judged; `missing` are labels of the model without pictures here. `refused` are the
    pictures of its own labels that it would call none of these; they are judged all the same.
    `learnt_from` counts the pictures that the model learnt from, which say little of others."""

    __test__ = False  # a result, not a test case

    dataset: Dataset
    evaluation: Evaluation
    skipped: tuple[Skipped, ...]
    unknown: dict[str, int]
    missing: tuple[str, ...]
    refused: Share
    learnt_from: int = 0

    @property
    def caution(self) -> str:
        """What keeps the figures from being taken at their word; empty if nothing does."""
        count = len(self.evaluation.names)
        if not self.learnt_from:
            return ""
        which = "all" if self.learnt_from == count else f"{self.learnt_from:,}"
        return (
            f"The model learnt from {which} of these {several(count, 'picture')}, so this says "
            f"little of how often it is right for others."
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return evaluations_html({"tested": self.evaluation})


def evaluate(
    classifier: Classifier,
    source: str | os.PathLike[str],
    *,
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> TestResult:
    """Test a model on a folder, table or archive of labelled pictures; labels match by name.

    Raises:
        DatasetError: none of the pictures can be read and has a label of the model.
    """
    dataset = read_dataset(source, follow_links=follow_links, at_least=1)
    said = {item.split for item in dataset.items}
    items = dataset.only("test").items if "test" in said else dataset.items
    place = {label: k for k, label in enumerate(classifier.labels)}
    judged = [item for item in items if item.label in place]
    unknown = Counter(item.label for item in items if item.label not in place)
    names, truth, rows, unreadable, refused, learnt_from = [], [], [], [], 0, 0
    learnt = classifier.memory.learnt() if classifier.memory else frozenset()
    work = batches_of((item.path for item in judged), _BATCH)
    answers = local_map(Each(partial(_answer, classifier)), work)
    for done, (item, (digest, answer)) in enumerate(zip(judged, answers, strict=True), start=1):
        if isinstance(answer, PictureError):
            unreadable.append(Skipped(item.name, answer.message))
        else:
            learnt_from += digest in learnt
            names.append(item.name)
            truth.append(place[item.label])
            rows.append([answer.scores[label] for label in classifier.labels])
            refused += answer.unknown
        if progress:
            progress(done, len(judged))
    if not names:
        raise DatasetError(
            f"{shown(dataset.source)} holds no readable picture of a label that the model knows; "
            f"it has: {listed([*map(shown, dataset.labels)])}; "
            f"the model knows: {listed([*map(shown, classifier.labels)])}.",
            hint="Name the folders as the model's labels.",
        )
    present = set(truth)
    return TestResult(
        dataset=dataset,
        evaluation=Evaluation(
            classifier.labels, tuple(names), np.array(truth, dtype=np.int64), np.array(rows)
        ),
        skipped=(*dataset.skipped, *unreadable),
        unknown=dict(unknown),
        missing=tuple(label for k, label in enumerate(classifier.labels) if k not in present),
        refused=Share(refused, len(names)),
        learnt_from=learnt_from,
    )


def _answer(classifier: Classifier, path: Path) -> tuple[str, Prediction | PictureError]:
    """A picture's digest, and what the model says of it."""
    try:
        content = read_content(path)
        answer = classifier.predict(decode(content, suffix=path.suffix))
    except PictureError as error:
        return "", error
    return hashlib.sha256(content).hexdigest(), answer
