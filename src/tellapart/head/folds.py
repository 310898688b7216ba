"""The folds that are left out in turn, and the pictures outside each made ready for fits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..workers.local import Map, local_map, side_by_side
from .answers import LogitSummary, told
from .blocks import Rows, Vectors, block, evenly
from .discriminant import log_priors
from .linear import Head, balanced_weights
from .prepared import Prepared
from .ready import Ready, label_weights
from .summed import Summed
from .sums import Chunk, Sums, sums_by_fold, total

_JUDGED_VALUES = 25_000_000  # of the pictures that a very large data set's heads are judged on
_JUDGED_SCORES = 10_000_000


class Folds:
    """The folds of pictures in memory.

    Of many scores only the first folds are made ready, of `enough` pictures at least; the others
    are when the settings are chosen, one after the other.

    Attributes:
        labels, fold: of the pictures that heads are judged on, int `[N]`.
        rows: which those are of all; None where it is all of them.
        pictures: how many there are in all.
        numbers: of the folds that can be left out, because two labels are outside of each.
        first, others: those that settings are chosen on, and the rest.
        searched: bool `[N]`, which pictures are in the first.
        prepared: what is outside of each of the first.
    """

    rows: np.ndarray | None = None

    def __init__(
        self,
        embeddings: np.ndarray,
        labels: np.ndarray,
        count: int,
        fold: np.ndarray,
        balanced: bool,
        many: bool,
        enough: int,
    ) -> None:
        self.embeddings, self.labels, self.count, self.fold = embeddings, labels, count, fold
        self.balanced, self.many = balanced, many
        self.pictures = len(labels)
        self.inside = {number: fold != number for number in self._all()}
        self.numbers = [number for number in self.inside if self._labels_without(number) > 1]
        judged = np.cumsum([np.count_nonzero(~self.inside[number]) for number in self.numbers])
        last = 1 + int(np.searchsorted(judged, enough)) if many else len(self.numbers)
        self.first, self.others = self.numbers[:last], self.numbers[last:]
        some = many and self.first
        self.searched = np.isin(fold, self.first) if some else np.ones(len(fold), bool)
        ready = side_by_side(self.prepare, self.first, heavy=not many)
        self.prepared: dict[int, Ready] = dict(zip(self.first, ready, strict=True))

    @property
    def heavy(self) -> bool:
        """Whether fits take long enough to be done on several threads, and are each done on one."""
        return not self.many and any(one.heavy for one in self.prepared.values())

    def _all(self) -> list[int]:
        return [int(number) for number in np.unique(self.fold)]

    def _labels_without(self, number: int) -> int:
        return len(np.unique(self.labels[self.inside[number]]))

    def prepare(self, number: int) -> Ready:
        """What is outside of a fold."""
        rows = self.inside[number]
        return Prepared(
            self.embeddings[rows], self.labels[rows], self.count, balanced=self.balanced, rough=True
        )

    def log_priors(self, number: int) -> np.ndarray:
        """Of the labels outside a fold `[K]`."""
        inside = self.labels[self.inside[number]]
        weights = balanced_weights(inside, self.count) if self.balanced else np.ones(len(inside))
        shares = np.bincount(inside, weights, minlength=self.count) / weights.sum()
        return log_priors(shares, len(inside))

    def logits(self, heads: Mapping[int, Head]) -> np.ndarray:
        """What each head says of the fold that it never saw `[N,K]`; 0 where there is none."""
        kind = np.float32 if self.many else np.float64
        logits = np.zeros((len(self.labels), self.count), kind)
        for number, head in heads.items():
            outside = ~self.inside[number]
            logits[outside] = head.logits(self.embeddings[outside])
        return logits

    def told(
        self, heads: Mapping[int, Head], into: np.ndarray | None
    ) -> tuple[np.ndarray, LogitSummary | None]:
        """The logits of all pictures, and what is kept of them if they are not."""
        logits = self.logits(heads)
        if into is None:
            return logits, None
        into[:] = logits
        return into, None


class LargeFolds(Folds):
    """The folds of embeddings `[N,D]` that are too many for memory.

    Heads are fitted to all of them, by the sums of each fold, and judged on as many as fit into
    memory, evenly spread. Where labels are balanced, the products outside of a fold are weighed as
    labels are in all folds together.

    Attributes:
        whole: all of them, ready for the last fit.
    """

    def __init__(
        self,
        embeddings: Vectors,
        labels: np.ndarray,
        count: int,
        fold: np.ndarray,
        balanced: bool,
        enough: int,
        sums: Mapping[int, Sums] | None = None,
        run: Map[Chunk, dict[int, Sums]] = local_map,
    ) -> None:
        self.weights = label_weights(labels, count) if balanced else None
        self.sums = sums or sums_by_fold(embeddings, labels, fold, self.weights, run)
        self.whole = Summed(embeddings, labels, count, total(self.sums), self.weights)
        self._whole_fold = fold
        most = min(_JUDGED_VALUES // embeddings.shape[1], _JUDGED_SCORES // count)
        self.rows = rows = evenly(len(labels), max(2 * enough, most))
        some = block(embeddings, rows)
        if len(rows) < len(labels):  # of very many labels: one fold's
            enough = min(enough, len(rows) // len(self.sums))
        super().__init__(some, labels[rows], count, fold[rows], balanced, True, enough)
        self.pictures = len(labels)

    def _all(self) -> list[int]:
        return [*self.sums]

    def _without(self, number: int) -> Sums:
        return self.whole.sums - self.sums[number]

    def _labels_without(self, number: int) -> int:
        left = self.whole.sums.counts.copy()
        at = np.searchsorted(self.whole.sums.labels, self.sums[number].labels)
        left[at] -= self.sums[number].counts
        return int(np.count_nonzero(left))

    def prepare(self, number: int) -> Ready:
        inside = np.flatnonzero(self._whole_fold != number)
        rest = Rows(self.whole.vectors, inside)
        labels = self.whole.labels[inside]
        return Summed(rest, labels, self.count, self._without(number), self.weights)

    def log_priors(self, number: int) -> np.ndarray:
        inside = self._whole_fold != number
        counts = np.bincount(self.whole.labels[inside], minlength=self.count)
        shares = (counts > 0) / np.count_nonzero(counts) if self.balanced else counts / counts.sum()
        return log_priors(shares, int(counts.sum()))

    def told(
        self, heads: Mapping[int, Head], into: np.ndarray | None
    ) -> tuple[np.ndarray, LogitSummary | None]:
        of = self.whole
        return told(of.vectors, heads, self._whole_fold, of.labels, self.count, into)
