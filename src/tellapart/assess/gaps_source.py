"""Pictures to test on -> what the model makes of each, and which are unlike all it learnt."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..dataset.labels import Labels
from ..dataset.sources import Dataset, SkippedFile, pictures_below, read_dataset
from ..errors import DatasetError, PictureError
from ..files.stored import Place
from ..health.subgroups import Sample
from ..model.classifier import Classifier
from ..model.observe import Observation, observe
from ..text import first_few, shown


@dataclass(frozen=True)
class Side:
    """Pictures learnt from or tested: as arrays, by name, and where they are as far as is known.

    `unknown` bool `[N]` are those unlike everything learnt.
    """

    sample: Sample
    names: tuple[str, ...]
    paths: tuple[Place | None, ...]
    unknown: np.ndarray

    def only(self, wanted: np.ndarray) -> Side:
        """The pictures where `wanted` bool `[N]` says so."""
        rows = np.flatnonzero(wanted)
        return Side(
            self.sample.only(rows),
            tuple(self.names[i] for i in rows),
            tuple(self.paths[i] for i in rows),
            self.unknown[rows],
        )


class Source:
    """Pictures to test on, with their labels' numbers if they have labels that the model knows."""

    def __init__(self, classifier: Classifier, source: Path, follow_links: bool) -> None:
        self.dataset: Dataset | None = None
        self.items: list[tuple[Place, str, int | None]] = []
        self.other_labels: dict[str, int] = {}
        self.skipped: Sequence[SkippedFile] = ()
        self.hidden = 0
        self.notes: tuple[str, ...] = ()
        labels: tuple[str, ...] = ()
        try:
            self.dataset = read_dataset(source, follow_links=follow_links, at_least=1)
        except DatasetError:
            if not os.path.isdir(source):
                raise
        if self.dataset:
            self._take_labelled(self.dataset, classifier)
            labels = self.dataset.labels
        if not self.items and os.path.isdir(source):
            # folders of other names say nothing of what is in them
            below, self.skipped, self.hidden = pictures_below(source, follow_links=follow_links)
            self.items = [(path, name, None) for path, name in below]
            self.other_labels = {}
            if labels:
                self.notes = (
                    f"No folder here has the name of a label of the model: {first_few(labels)}. So "
                    f"the pictures count as unlabelled.",
                )
        elif not self.items and labels:
            raise DatasetError(
                f"{shown(source)} has no picture of a label that the model knows. "
                f"It has: {first_few(labels, 20)}. "
                f"The model knows: {first_few(classifier.labels, 20)}.",
                hint="Use the model's labels, or give a folder of unlabelled pictures.",
            )
        if not self.items:
            raise DatasetError(
                f"{shown(source)} has no pictures in it.",
                hint="Give a folder of pictures, with the model's labels or without labels.",
            )

    def _take_labelled(self, dataset: Dataset, classifier: Classifier) -> None:
        """The pictures of labels that the model knows; of a source that says what is for testing,
        only that."""
        part, notes = dataset.to_test()
        known = Labels(classifier.labels).known(part.labels, dataset.called, "the model's")
        self.skipped, self.hidden = dataset.skipped, dataset.hidden
        self.notes = (*dataset.notes, *notes)
        self.items = [
            (item.path, item.name, classifier.labels.index(known[item.label]))
            for item in part.items
            if item.label in known
        ]
        self.other_labels = dict(Counter(i.label for i in part.items if i.label not in known))


def look_at(
    classifier: Classifier, source: Source, progress: Callable[[int, int], None]
) -> tuple[Side, list[SkippedFile]]:
    """All pictures of a source as the model sees them, and those that cannot be read.

    Raises:
        DatasetError: none can be read.
    """
    unreadable: list[SkippedFile] = []
    seen: list[tuple[Place, str, int, Observation]] = []
    known = source.items[0][2] is not None
    answers = observe(classifier, (path for path, _, _ in source.items))
    for done, (item, answer) in enumerate(zip(source.items, answers, strict=True), start=1):
        path, name, label = item
        if isinstance(answer, PictureError):
            unreadable.append(SkippedFile(name, answer.message))
        else:
            given = int(answer.scores.argmax()) if label is None else label
            seen.append((path, name, given, answer))
        progress(done, len(source.items))
    if not seen:
        reasons = "; ".join(f"{shown(one.name)}: {one.reason}" for one in unreadable[:3])
        raise DatasetError(f"None of these pictures can be read: {reasons}.")
    sample = Sample(
        vectors=np.stack([one.embedding for *_, one in seen]),
        labels=np.array([label for _, _, label, _ in seen], dtype=np.int64),
        scores=np.stack([one.scores for *_, one in seen]).astype(np.float64),
        digests=tuple(one.digest for *_, one in seen),
        judged=np.full(len(seen), known),
        known=known,
    )
    names = tuple(name for _, name, _, _ in seen)
    paths = tuple(path for path, *_ in seen)
    return Side(sample, names, paths, np.array([one.unknown for *_, one in seen])), unreadable
