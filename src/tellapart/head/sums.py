"""Sums over labelled embeddings that are all a discriminant has to know of them.

How many there are of each label, the sum of each label's embeddings, and the sum of the products of
all values: these add up over any parts of the data, and what is left without a part is their
difference. So each fold is summed up once, where its embeddings lie, and every head that is fitted
without a fold comes from the same sums.

A block's sums are of float32, in which matrices are multiplied fastest, and are added up in
float64. The embeddings are first made less by a point among them, so that what they have in common
takes none of the float32's digits.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..workers.local import Map, local_map, one_thread_each
from ..workers.pausing import pause
from .blocks import ROWS, Rows, Vectors, block, evenly, slices
from .prepared import ONE_LENGTH

CHUNK = 32 * ROWS  # rows whose sums are made in one go, and then added to those before
_REFERENCE = 4096  # rows, whose mean is the point that all are seen from


@dataclass(frozen=True, eq=False)
class Sums:
    """Of N embeddings of D values with L different labels.

    Attributes:
        reference: float32 `[D]`, by which the embeddings were made less; the same in all that are
            added up.
        labels: those that occur, int `[L]`, ascending.
        counts: how many embeddings have each of them, int `[L]`.
        sums: of the embeddings of each, `[L,D]`.
        squares: of each value, summed up, `[D]`.
        products: of all pairs of values, summed up, `[D,D]`; where labels have weights, each
            embedding's times the weight of its label.
        unlike: how many embeddings have a length that is neither 1 nor 0.
        empty: how many have the length 0.
    """

    reference: np.ndarray
    labels: np.ndarray
    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray
    products: np.ndarray
    unlike: int
    empty: int

    @classmethod
    def of(
        cls,
        vectors: Vectors,
        labels: np.ndarray,
        reference: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> Sums:
        """From embeddings `[N,D]` with labels int `[N]`; `weights` `[K]` are those of labels."""
        present, counts = np.unique(labels, return_counts=True)
        width = len(reference)
        sums, squares = np.zeros((len(present), width)), np.zeros(width)
        products = np.zeros((width, width))
        unlike = empty = 0
        for some in slices(len(vectors)):
            pause()
            held = block(vectors, some)
            lengths = np.sqrt(np.einsum("nd,nd->n", held, held))
            unlike += np.count_nonzero((np.abs(lengths - 1) > ONE_LENGTH) & (lengths > ONE_LENGTH))
            empty += np.count_nonzero(lengths == 0)
            held = held - reference
            own = labels[some]
            order = np.argsort(own, kind="stable")
            theirs, begins = np.unique(own[order], return_index=True)
            sums[np.searchsorted(present, theirs)] += np.add.reduceat(
                held[order], begins, axis=0, dtype=np.float64
            )
            if weights is None:
                product = held.T @ held
                squares += np.diagonal(product)
            else:
                squares += np.einsum("nd,nd->d", held, held, dtype=np.float64)
                held *= np.sqrt(weights[own])[:, None].astype(np.float32)
                product = held.T @ held
            products += product
        return cls(reference, present, counts, sums, squares, products, int(unlike), int(empty))

    @property
    def count(self) -> int:
        """N."""
        return int(self.counts.sum())

    def __add__(self, other: Sums) -> Sums:
        return self._with(other, np.add)

    def __sub__(self, other: Sums) -> Sums:
        """What is left without some of the same embeddings."""
        return self._with(other, np.subtract)

    def _with(self, other: Sums, combine: np.ufunc) -> Sums:
        if not np.array_equal(self.reference, other.reference):
            raise ValueError("Sums that are seen from different points cannot be added up.")
        labels = np.union1d(self.labels, other.labels)
        counts, sums = np.zeros(len(labels), np.int64), np.zeros((len(labels), self.sums.shape[1]))
        own, theirs = (np.searchsorted(labels, one.labels) for one in (self, other))
        counts[own], sums[own] = self.counts, self.sums
        counts[theirs] = combine(counts[theirs], other.counts)
        sums[theirs] = combine(sums[theirs], other.sums)
        left = counts != 0
        if not left.all():
            labels, counts, sums = labels[left], counts[left], sums[left]
        return Sums(
            self.reference,
            labels,
            counts,
            sums,
            combine(self.squares, other.squares),
            combine(self.products, other.products),
            int(combine(self.unlike, other.unlike)),
            int(combine(self.empty, other.empty)),
        )

    def to_bytes(self) -> bytes:
        """All of it, the products by one half: the other is the same."""
        file = io.BytesIO()
        half = self.products[np.triu_indices(len(self.products))]
        np.savez(
            file,
            reference=self.reference,
            labels=self.labels,
            counts=self.counts,
            sums=self.sums,
            squares=self.squares,
            half=half,
            lengths=np.array([self.unlike, self.empty]),
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Sums:
        """What `to_bytes` gave, to the bit."""
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            squares, unlike_empty = stored["squares"], stored["lengths"]
            products = np.zeros((len(squares), len(squares)))
            upper = np.triu_indices(len(squares))
            products[upper] = stored["half"]
            products.T[upper] = stored["half"]
            return cls(
                stored["reference"],
                stored["labels"],
                stored["counts"],
                stored["sums"],
                squares,
                products,
                int(unlike_empty[0]),
                int(unlike_empty[1]),
            )

    def __reduce__(self) -> tuple[Callable[[bytes], Sums], tuple[bytes]]:
        return Sums.from_bytes, (self.to_bytes(),)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some embeddings `[N,D]`, their labels and the folds they are in, int `[N]`: what is summed up
    in one go. The embeddings may be anything that gives rows when they are asked for, where it is
    asked for them."""

    vectors: Vectors
    labels: np.ndarray
    fold: np.ndarray


@dataclass(frozen=True, eq=False)
class SumUp:
    """A unit of work: takes chunks, and gives each one's sums by the number of the fold.

    `reference` `[D]` is the point that all are seen from, `weights` `[K]` those of the labels.
    """

    reference: np.ndarray
    weights: np.ndarray | None = None

    def start(self) -> None:
        """Nothing to prepare."""

    def process(self, batch: Sequence[Chunk]) -> list[dict[int, Sums]]:
        with one_thread_each():
            return [self._of(chunk) for chunk in batch]

    def finish(self) -> None:
        """Nothing to keep."""

    def _of(self, chunk: Chunk) -> dict[int, Sums]:
        return {
            int(number): Sums.of(
                Rows(chunk.vectors, chunk.fold == number),
                chunk.labels[chunk.fold == number],
                self.reference,
                self.weights,
            )
            for number in np.unique(chunk.fold)
        }


def reference_of(vectors: Vectors) -> np.ndarray:
    """A point among embeddings `[N,D]`, float32 `[D]`: the mean of some of them."""
    some = block(vectors, evenly(len(vectors), _REFERENCE))
    return np.asarray(some.mean(axis=0, dtype=np.float64).astype(np.float32))


def chunks_of(vectors: Vectors, labels: np.ndarray, fold: np.ndarray) -> Iterator[Chunk]:
    """The chunks of embeddings `[N,D]`: the same ones, whoever works on them."""
    for some in slices(len(vectors), CHUNK):
        rows = np.arange(some.start, some.stop)
        yield Chunk(Rows(vectors, rows), labels[some], fold[some])


def sums_by_fold(
    vectors: Vectors,
    labels: np.ndarray,
    fold: np.ndarray,
    weights: np.ndarray | None = None,
    run: Map[Chunk, dict[int, Sums]] = local_map,
) -> dict[int, Sums]:
    """The sums of each fold of embeddings `[N,D]`, in one pass over them.

    `run` says where they are made. They are added up in the order of the chunks, so that they are
    the same to the bit for any number of workers.
    """
    unit = SumUp(reference_of(vectors), weights)
    found: dict[int, Sums] = {}
    for of_chunk in run(unit, ([chunk] for chunk in chunks_of(vectors, labels, fold))):
        for number, sums in of_chunk.items():
            found[number] = found[number] + sums if number in found else sums
    return dict(sorted(found.items()))


def total(sums: Mapping[int, Sums]) -> Sums:
    """Of all folds."""
    first, *others = sums.values()
    return sum(others, start=first)
