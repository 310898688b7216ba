"""The training pictures, as one head sees them: which are near, and what each argues."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..head.linear import Head
from ..health.directions import unit
from ..model.file import Manifest
from ..model.left_out import WHOLE
from ..model.record import TrainingRecord
from .explanation import Argument, Case, Neighbour
from .shares import PartSplitter, Split, Splitter

NEAREST = 4  # neighbours that are told of
MOST_ARGUMENTS = 4  # training pictures named for a label, and as many against
MOST_SPLIT = 20  # labels that are all split; of more, those that are asked about
MOST_MEASURED = 1000  # training pictures whose own distances say what is usual

NO_RECORD = (
    "This model has no training.npz beside it, so nothing is known about the pictures it learnt "
    "from."
)
NOT_EXACT = (
    "This head was not fitted exactly, so its scores do not split into shares of training "
    "pictures. The nearest ones are still shown."
)

PART_KEPT = (
    "The training record keeps {kept:,} of the {count:,} pictures that the model is made of, so "
    "its scores do not split into shares of training pictures. The nearest of those kept are shown."
)


@dataclass(frozen=True)
class Background:
    """The n training pictures that a head was fitted on, or those of them that are kept.

    Attributes:
        labels: the model's labels.
        record: the training record.
        rows: the rows of the pictures in the training record, `[n]`.
        units: their embeddings at length 1, float32 `[n,D]`.
        splits: how logits split into shares; None if nobody asked, or if the head was not fitted
            exactly.
        usual: distances of training pictures to the nearest picture that a head of the
            cross-validation saw, in order.
        missing: why `splits` is None, in a sentence.
        unkept: how many more the head was fitted on, which the training record does not keep.
    """

    labels: tuple[str, ...]
    record: TrainingRecord = field(repr=False)
    rows: np.ndarray
    units: np.ndarray = field(repr=False)
    splits: _Splits | None = field(repr=False)
    usual: np.ndarray = field(repr=False)
    missing: str = ""
    unkept: int = 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the training pictures, in the order of `rows`."""
        return tuple(self.record.names[row] for row in self.rows)

    def nearest(self, embedding: np.ndarray) -> tuple[Neighbour, ...]:
        """The nearest training pictures of an embedding `[D]`, the closest first."""
        direction = unit(embedding[None])[0]
        distances = 1 - np.einsum("nd,d->n", self.units, direction)  # BLAS would start threads
        order = np.argsort(distances, kind="stable")[:NEAREST]
        return tuple(Neighbour(*self._picture(at), max(0.0, float(distances[at]))) for at in order)

    def remoteness(self, distance: float) -> float:
        """The fraction of training pictures that are nearer to another than `distance`."""
        return float(np.searchsorted(self.usual, distance) / len(self.usual))

    def cases(self, embedding: np.ndarray, asked: Sequence[int]) -> Mapping[str, Case]:
        """How the logits of an embedding `[D]` split, of all labels or, where these are very many,
        of those `asked`; empty without a split."""
        if self.splits is None:
            return {}
        chosen, split = self.splits.of(asked)
        if split is None:
            return {}
        shares, rest = split.shares(embedding), split.rest(embedding)
        return {
            self.labels[k]: self._case(
                self.labels[k], float(split.constants[at]), shares[:, at], float(rest[at])
            )
            for at, k in enumerate(chosen)
        }

    def _case(self, label: str, constant: float, shares: np.ndarray, rest: float) -> Case:
        order = np.argsort(-shares, kind="stable")
        most_for = [at for at in order[:MOST_ARGUMENTS] if shares[at] > 0]
        most_against = [at for at in order[: -MOST_ARGUMENTS - 1 : -1] if shares[at] < 0]
        return Case(
            label,
            constant,
            shares,
            tuple(Argument(*self._picture(at), float(shares[at])) for at in most_for),
            tuple(Argument(*self._picture(at), float(shares[at])) for at in most_against),
            rest,
            self.unkept,
        )

    def _picture(self, at: int) -> tuple[int, str, str]:
        index = int(self.rows[at])
        label = self.labels[int(self.record.labels[index])]
        return index, self.record.names[index], label


class _Splits:
    """How a head's logits split: of all labels once, of very many those that are asked about."""

    def __init__(self, splitter: Splitter | PartSplitter) -> None:
        self._splitter = splitter
        self._all = range(len(splitter.constants))
        self._lock = threading.Lock()
        self._whole: list[Split | None] = []  # at most one

    def of(self, asked: Sequence[int]) -> tuple[Sequence[int], Split | None]:
        """The labels whose logits are split, and how."""
        if len(self._all) > MOST_SPLIT:
            return asked, self._splitter.split(asked)
        with self._lock:
            if not self._whole:
                self._whole.append(self._splitter.split())
        return self._all, self._whole[0]


class Backgrounds:
    """The background of a model's own head, and those of the heads of its cross-validation."""

    def __init__(
        self, manifest: Manifest, record: TrainingRecord, head: Head, *, shares: bool
    ) -> None:
        self.manifest = manifest
        self.record = record
        self.head = head
        self.shares = shares
        self._of_folds: dict[int, Background] = {}

    @cached_property
    def own(self) -> Background:
        return self._background(np.flatnonzero(~self.record.held_out), self.head, WHOLE)

    def of_fold(self, number: int) -> Background:
        """Of the head that never saw a fold; there must be one."""
        if number not in self._of_folds:
            fold = self.record.fold
            assert fold is not None
            rows = np.flatnonzero(~self.record.held_out & (fold != number))
            self._of_folds[number] = self._background(rows, self.record.fold_heads[number], number)
        return self._of_folds[number]

    def _background(self, rows: np.ndarray, head: Head, number: int) -> Background:
        record, manifest = self.record, self.manifest
        splits, missing, unkept = None, "", 0
        left_out = record.left_out
        moments = left_out.moments.get(number) if left_out else None
        exact = manifest.solver == "exact" and all(part.setting for part in manifest.parts)
        if self.shares and not exact:
            missing = NOT_EXACT
        elif self.shares and moments and len(manifest.parts) == 1:
            vectors, labels = record.vectors[rows], record.labels[rows]
            splits = _Splits(PartSplitter(head, vectors, labels, manifest.parts[0], moments))
            unkept = int(moments.counts.sum()) - len(rows)
        elif self.shares and left_out:
            missing = PART_KEPT.format(kept=len(record.names), count=record.count)
        elif self.shares:
            splitter = Splitter(
                head,
                record.vectors[rows],
                record.labels[rows],
                manifest.parts,
                balanced=record.run.balanced,
            )
            splits = _Splits(splitter)
        units = self._units[rows]
        return Background(
            manifest.labels, record, rows, units, splits, self._usual, missing, unkept
        )

    @cached_property
    def _units(self) -> np.ndarray:
        return unit(self.record.vectors)

    @cached_property
    def _usual(self) -> np.ndarray:
        """Distances of training pictures to the nearest of another fold, in order.

        Where the folds are not known, to the nearest of another content.
        """
        record = self.record
        rows = np.flatnonzero(~record.held_out)
        known = record.fold is not None and (record.fold[rows] >= 0).all()
        together = record.fold if known else np.unique(record.digests, return_inverse=True)[1]
        assert together is not None
        measured = np.unique(np.linspace(0, len(rows) - 1, MOST_MEASURED).astype(int))
        alike = self._units[rows[measured]] @ self._units[rows].T
        alike[together[rows[measured]][:, None] == together[rows][None]] = -1
        return np.sort(1 - alike.max(axis=1))
