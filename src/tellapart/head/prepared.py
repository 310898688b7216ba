"""Labelled embeddings made ready for fits: in one frame, and turned to their principal axes.

Whatever is fitted lies in the span of the embeddings. With fewer pictures than values an embedding
has, there are so many axes as pictures, and the problem is the smaller for it; along the axes the
embeddings' spread is a diagonal, which the regression uses to go straight to its minimum, and the
discriminant to solve its equations.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np

from ..workers.pausing import pause
from .linear import Head, balanced_weights

_MANY = 1_000_000  # scores, pictures times labels, from which on a step takes a while
_HEAVY = 500_000  # numbers in a matrix, from which multiplying by it takes a while
_COLUMNS = 128  # whose mean and variance are taken at once
ONE_LENGTH = 1e-3  # how far from 1 the lengths of such embeddings are at most


class Prepared:
    """N pictures of K labels, made ready for fits.

    With `rough` the large matrices are of float32, which does for comparing fits, in half the time;
    of many scores all is of float32.

    Attributes:
        count: K.
        balanced: whether every label weighs the same.
        many: whether there are very many scores.
        mean: of the embeddings, `[D]`.
        deviation: what the values are divided by, `[D]`.
        inputs: the embeddings in this frame along R axes, and a last column of ones, `[N,R+1]`.
        labels: int `[N]`.
        sample_weights: `[N]`, 1 on average.
        axes: the principal axes.
        spread: the variance along each axis `[R]`; None where these pictures' has other axes.
    """

    def __init__(
        self,
        embeddings: np.ndarray,
        labels: np.ndarray,
        count: int,
        *,
        balanced: bool = False,
        rough: bool = False,
    ) -> None:
        self.count = count
        self.balanced = balanced
        self.many = are_many(len(labels), count)
        self.mean, self.deviation = frame_of(embeddings)
        kind = np.float32 if rough or self.many else np.float64
        standard = embeddings - self.mean.astype(kind)
        standard /= self.deviation.astype(kind)
        inputs, self.axes = _principal_axes(standard)
        self._take(inputs, labels)
        self.spread = None if balanced else self.axes.lengths**2 / self.axes.samples

    def among(self, chosen: np.ndarray) -> Prepared:
        """The same for some of the pictures, bool `[N]`, in the frame of all of them."""
        some = copy(self)
        some._take(self.inputs[chosen], self.labels[chosen])
        some.spread = None
        return some

    def relabelled(self, labels: np.ndarray, weights: np.ndarray | None = None) -> Prepared:
        """The same pictures with other labels, int `[N]`, and each counted by its weight `[N]`."""
        other = copy(self)
        other._take(self.inputs, labels)
        if weights is not None:
            other.sample_weights = weights * (len(weights) / weights.sum())
            other.spread = None
        return other

    def _take(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        self.inputs = inputs
        self.labels = labels
        self.sample_weights = (
            balanced_weights(labels, self.count) if self.balanced else np.ones(len(labels))
        )

    @property
    def heavy(self) -> bool:
        """Whether fits take long enough to be done on several threads."""
        return self.inputs.size > _HEAVY

    def head(self, weights: np.ndarray, bias: np.ndarray) -> Head:
        """The head on embeddings with these weights along the axes `[K,R]` and this bias `[K]`."""
        turned = self.axes.back(weights) / self.deviation
        return Head(turned, bias - turned @ self.mean)

    def along(self, head: Head) -> tuple[np.ndarray, np.ndarray]:
        """Weights along the axes `[K,R]` and bias `[K]` of a head on embeddings."""
        return self.axes.along(head.weights * self.deviation), head.bias + head.weights @ self.mean


def are_many(pictures: int, count: int) -> bool:
    """Whether so many scores, of pictures times labels, are to be counted out."""
    return pictures * count > _MANY


def standardisation(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation `[D]` of each value of embeddings `[N,D]`; a deviation of 0 counts as
    1."""
    mean, variance = _moments(embeddings)
    deviation = np.sqrt(variance)
    return mean, np.where(deviation > 1e-6, deviation, 1.0)


def _moments(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance `[D]` of each value of embeddings `[N,D]`; some values at a time, so that
    no copy of all is made."""
    mean, variance = np.empty((2, embeddings.shape[1]))
    for begin in range(0, embeddings.shape[1], _COLUMNS):
        some = slice(begin, begin + _COLUMNS)
        mean[some] = embeddings[:, some].mean(axis=0, dtype=np.float64)
        variance[some] = embeddings[:, some].var(axis=0, dtype=np.float64)
    return mean, variance


def frame_of(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of embeddings `[N,D]` and what their values are divided by before a fit, `[D]`.

    The values of embeddings of length 1 have a unit in common, so all are divided by one number:
    inner products stay those of the embeddings, and values that hardly differ from picture to
    picture are not blown up. With five pictures a label that takes a fifth of the mistakes away
    (benchmarks/accuracy.py). Other networks' values may have different units: each is divided by
    its own deviation.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings))
    mean, variance = _moments(embeddings)
    unlike = (np.abs(lengths - 1) > ONE_LENGTH) & (lengths > ONE_LENGTH)  # 0: nothing was seen
    return mean, deviation_of(variance, of_one_length=not unlike.any() and bool(lengths.any()))


def deviation_of(variance: np.ndarray, *, of_one_length: bool) -> np.ndarray:
    """What values of this variance `[D]` are divided by before a fit, `[D]`: see `frame_of`."""
    if not of_one_length:
        deviation = np.sqrt(variance)
        return np.where(deviation > 1e-6, deviation, 1.0)
    common = float(np.sqrt(np.mean(variance)))
    return np.full(len(variance), common if common > 1e-9 else 1.0)


@dataclass(frozen=True)
class _Axes:
    """N samples `[N,D]` and their R principal axes: how many there are, the length of the data
    along each axis `[R]`, and the ways from weights `[K,D]` to weights along the axes `[K,R]` and
    back."""

    samples: int
    lengths: np.ndarray
    along: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


def _principal_axes(standard: np.ndarray) -> tuple[np.ndarray, _Axes]:
    """The data along its axes with a last column of ones, `[N,R+1]`, and these: by the smaller of
    X X' and X' X; with the former the axes themselves are never formed."""
    samples, features = standard.shape
    if samples <= features:
        products = standard @ standard.T
        pause()
        values, vectors = np.linalg.eigh(products)
        kept = values > max(values[-1], 1e-12) * 1e-12
        lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
        inputs = np.ones((samples, len(lengths) + 1), standard.dtype)
        inputs[:, :-1] = vectors * lengths
        return inputs, _Axes(
            samples,
            lengths,
            lambda w: w.astype(standard.dtype) @ standard.T @ vectors / lengths,
            lambda w: (w / lengths).astype(standard.dtype) @ vectors.T @ standard,
        )
    products = standard.T @ standard
    pause()
    values, vectors = np.linalg.eigh(products)
    pause()
    kind = standard.dtype  # not the data itself, which would be held as long as the axes are
    inputs = np.ones((samples, features + 1), kind)
    np.matmul(standard, vectors, out=inputs[:, :-1])
    return inputs, _Axes(
        samples,
        np.sqrt(np.maximum(values, 0)),
        lambda w: w.astype(kind) @ vectors,
        lambda w: w.astype(kind) @ vectors.T,
    )
