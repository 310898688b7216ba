"""The pictures of a training, brought together: embeddings, labels, and what is held out.

    items, embeddings -> Pictures

Nothing is read or fitted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..backbones.embed import Embeddings
from ..dataset import split
from ..dataset.groups import Groups
from ..dataset.labels import ordered
from ..dataset.sources import Dataset, SkippedFile
from ..errors import DatasetError
from ..files.columns import Numbered, numbered, taken
from ..files.room import room
from ..files.stored import Place
from ..head.blocks import Rows, Vectors, are_large, blocks
from ..health.duplicates import same_pixels
from ..images.properties import hashes_of
from ..text import first_few, natural, several, shown
from .grouping import SOURCE, Grouping, grouping_of

FOLDS = 5


@dataclass(frozen=True)
class Pictures:
    """The N pictures that could be read and have a label to learn.

    Attributes:
        labels: the K labels, sorted.
        names: below their source.
        paths: where they are.
        truth: int `[N]`, indices into `labels`.
        vectors: their embeddings, float32 `[N,D]`.
        digests: the sha256 of their contents, hex.
        keys: equal for pictures that may not be parted.
        held_out: bool `[N]`, those kept back for testing.
        unknown: labels of pictures that are all held out, so that none is learnt.
        properties: float32 `[N,P]`, what they are like on the outside, if that is known.
        unreadable: the other pictures, with their reasons.
        trouble: why the embeddings could not be kept for next time, if they could not.
        grouping: what else than equal content `keys` go by.
    """

    labels: tuple[str, ...]
    names: Sequence[str]
    paths: Sequence[Place]
    truth: np.ndarray
    vectors: np.ndarray
    digests: Sequence[str]
    keys: Sequence[str]
    held_out: np.ndarray
    unknown: tuple[str, ...]
    properties: np.ndarray | None = None
    unreadable: tuple[SkippedFile, ...] = ()
    trouble: str = ""
    grouping: Grouping = field(default_factory=lambda: Grouping(()))

    @cached_property
    def learnt(self) -> np.ndarray:
        """The positions of the pictures to learn from."""
        return np.flatnonzero(~self.held_out)

    @cached_property
    def tested(self) -> np.ndarray:
        """The positions of the pictures held out."""
        return np.flatnonzero(self.held_out)

    @property
    def width(self) -> int:
        """How many values an embedding has."""
        return int(self.vectors.shape[1])

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Training pictures of each label."""
        found = np.bincount(self.truth[self.learnt], minlength=len(self.labels))
        return tuple(int(count) for count in found)

    @cached_property
    def untested(self) -> tuple[str, ...]:
        """Labels of which no picture is held out."""
        tested = set(self.truth[self.tested].tolist())
        return tuple(label for k, label in enumerate(self.labels) if k not in tested)

    def only(self, rows: Sequence[int] | np.ndarray) -> Pictures:
        """Those in `rows`, in this order, all to learn from."""
        return replace(self.among(rows), held_out=np.zeros(len(rows), dtype=bool))

    def among(self, rows: Sequence[int] | np.ndarray) -> Pictures:
        """Those in `rows`, in this order, each on its side."""
        return replace(
            self,
            names=taken(self.names, rows),
            paths=taken(self.paths, rows),
            truth=self.truth[rows],
            vectors=self.vectors[rows],
            digests=taken(self.digests, rows),
            keys=self._keys.among(rows),
            grouping=replace(self.grouping, groups=taken(self.grouping.groups, rows)),
            held_out=self.held_out[rows],
            properties=None if self.properties is None else self.properties[rows],
        )

    def vectors_of(self, rows: np.ndarray) -> Vectors:
        """The embeddings of some of the pictures `[R,D]`, which of all of them are no copy; of very
        many they are read when they are asked for."""
        if len(rows) == len(self.vectors):
            return self.vectors
        return Rows(self.vectors, rows) if are_large(self.vectors) else self.vectors[rows]

    def folds(self, rows: np.ndarray, seed: int = 0, count: int = FOLDS) -> np.ndarray:
        """The fold number of each of `rows`, of `count` folds."""
        keys = self.keys_of(rows)
        most = min(count, len(keys.used()[0]))
        return split.folds(keys, self._labels_of(rows), most, seed)

    def groups(self, rows: np.ndarray) -> np.ndarray:
        """A number for each of `rows`, equal for pictures that may not be parted."""
        return self.keys_of(rows).used()[1]

    def keys_of(self, rows: np.ndarray) -> Numbered:
        """The keys of some of the pictures."""
        return self._keys.among(rows)

    @cached_property
    def _keys(self) -> Numbered:
        return numbered(self.keys)

    def watching(self, rows: np.ndarray, share: float) -> np.ndarray:
        """Which of `rows` only watch while the others are learnt from, bool."""
        keys, labels = self.keys_of(rows), self._labels_of(rows)
        return split.kept_back(keys, labels, share, salt="validation/")

    def _labels_of(self, rows: np.ndarray) -> Numbered:
        return Numbered(self.labels, self.truth[rows])


def _rows_of(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows of embeddings; all of them are no copy, and a copy of very many lies in a file."""
    if len(rows) == len(vectors):
        return vectors
    if not are_large(vectors):
        return np.asarray(vectors[rows])
    found = room(len(rows), vectors.shape[1])
    for some, block in blocks(Rows(vectors, rows)):
        found[some] = block
    return found


def gather(
    dataset: Dataset, embeddings: Embeddings, share: float, asked: Groups | None = None
) -> Pictures:
    """Bring a data set's items and their embeddings together, and keep back what is for testing:
    what is marked so, and of what is not marked a `share`, chosen by the pictures' contents.
    Pictures of one group are not parted; `asked` says which those are, or "auto" does.

    Raises:
        DatasetError: fewer than two labels have pictures to train on.
    """
    unreadable = tuple(
        SkippedFile(dataset.items.names[at], why) for at, why in embeddings.unreadable.items()
    )
    read = dataset.items.among(embeddings.positions)
    grouping = grouping_of(
        read, embeddings.vectors, embeddings.digests, embeddings.properties, asked or Groups()
    )
    of_source = grouping.by in ("", SOURCE)
    known_groups = (read.groups,) if of_source else (read.groups, grouping.groups)
    keys = split.tie(embeddings.digests, *known_groups)
    label_of = numbered(read.labels)
    same = same_pixels(embeddings.vectors, hashes_of(embeddings.properties), label_of.numbers)
    keys = split.bind(keys, same)
    by_hash = split.kept_back(keys, label_of, share)
    said = np.fromiter((side == "test" for side in read.splits), bool, len(read))
    unsaid = np.fromiter((side is None for side in read.splits), bool, len(read))
    held_out = said | (unsaid & by_hash)
    trained = set(label_of.among(np.flatnonzero(~held_out)))
    labels = ordered(trained)
    unsaid_labels = set(label_of.among(np.flatnonzero(unsaid)))
    if len(labels) < 2 <= len(unsaid_labels):
        raise DatasetError(
            f"Only {len(labels)} of {several(len(unsaid_labels), 'label')} would have pictures "
            f"left to learn from, as {int(held_out.sum()):,} of {several(len(read), 'picture')} "
            f"would be held out for testing.",
            hint="Hold out a smaller fraction.",
        )
    if len(labels) < 2:
        reasons = "; ".join(f"{shown(s.name)}: {s.reason}" for s in unreadable[:3])
        raise DatasetError(
            f"Training needs readable pictures of at least two labels; these have "
            f"{several(len(labels), 'label')}: {first_few(sorted(labels, key=natural)) or 'none'}."
            + (f" Not read: {several(len(unreadable), 'file')} ({reasons})." if unreadable else ""),
            hint="Add pictures of another label, or save the unreadable ones as JPEG.",
        )
    place = {label: k for k, label in enumerate(labels)}
    truth = np.array([place.get(label, -1) for label in label_of.names])[label_of.numbers]
    rows = np.flatnonzero(truth >= 0)
    return Pictures(
        labels=labels,
        names=taken(read.names, rows),
        paths=taken(read.paths, rows),
        truth=truth[rows],
        vectors=_rows_of(embeddings.vectors, rows),
        digests=taken(embeddings.digests, rows),
        keys=keys.among(rows),
        held_out=held_out[rows],
        unknown=tuple(sorted({*label_of.names} - trained)),
        properties=embeddings.properties[rows],
        unreadable=unreadable,
        trouble=embeddings.trouble,
        grouping=replace(grouping, groups=taken(grouping.groups, rows)),
    )
