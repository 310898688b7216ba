"""A labelled data set held against a model: how often is it right, and where is it wrong?"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .dataset import Dataset, Skipped, read_dataset
from .errors import DatasetError, PictureError
from .evaluation import Evaluation
from .metrics import Share
from .model import Classifier
from .notebook import evaluations_html
from .wording import shown


@dataclass(frozen=True)
class TestResult:
    """What came out of a test. `unknown` counts pictures of labels that the model does not know,
    which are not judged; `missing` are labels of the model without pictures here. `refused` are the
    pictures of its own labels that it would call none of these; they are judged all the same."""

    __test__ = False  # a result, not a test case

    dataset: Dataset
    evaluation: Evaluation
    skipped: tuple[Skipped, ...]
    unknown: dict[str, int]
    missing: tuple[str, ...]
    refused: Share

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
    judged = [item for item in items if item.label in classifier.labels]
    unknown = Counter(item.label for item in items if item.label not in classifier.labels)
    names, truth, rows, unreadable, refused = [], [], [], [], 0
    answers = classifier.predict_many((item.path for item in judged), errors="return")
    for done, (item, answer) in enumerate(zip(judged, answers, strict=True), start=1):
        if isinstance(answer, PictureError):
            unreadable.append(Skipped(item.name, answer.message))
        else:
            names.append(item.name)
            truth.append(classifier.labels.index(item.label))
            rows.append([answer.scores[label] for label in classifier.labels])
            refused += answer.unknown
        if progress:
            progress(done, len(judged))
    if not names:
        raise DatasetError(
            f"{shown(dataset.source)} holds no readable picture of a label that the model knows; "
            f"it has: {', '.join(map(shown, dataset.labels))}; "
            f"the model knows: {', '.join(map(shown, classifier.labels))}.",
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
    )
