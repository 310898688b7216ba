"""Labelled embeddings that are too many for memory, made ready for fits by their sums.

The frame, the spread and the means of the labels all come from `Sums`, so that a discriminant
touches no embedding at all: with the covariance within labels V `[D,D]` at hand, its weights solve

    S W' = (M - m)'      with   S = (1 - s) V + s v I

in the notation of `discriminant.py`, which gets to the same along the axes of few embeddings.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .blocks import Vectors
from .discriminant import LEAST_SCALE, log_priors
from .linear import Head
from .prepared import deviation_of
from .sums import Sums


class Summed:
    """N pictures of K labels, made ready for fits; what stands for `Prepared` where they are many.

    Attributes:
        vectors: the embeddings `[N,D]`, which are read a block at a time.
        labels: int `[N]`.
        count: K.
        sums: of all these.
        weights: of the labels, `[K]`, where they are balanced; those in the sums' products.
        mean: of the embeddings, `[D]`.
        own_mean: the same, as the sums see it.
        deviation: what the values are divided by, `[D]`.
    """

    def __init__(
        self,
        vectors: Vectors,
        labels: np.ndarray,
        count: int,
        sums: Sums,
        weights: np.ndarray | None = None,
    ) -> None:
        self.vectors, self.labels, self.count = vectors, labels, count
        self.sums, self.weights = sums, weights
        self.own_mean = sums.sums.sum(axis=0) / sums.count
        self.mean = self.own_mean + sums.reference
        variance = np.maximum(sums.squares / sums.count - self.own_mean**2, 0)
        alike = not sums.unlike and sums.empty < sums.count
        self.deviation = deviation_of(variance, of_one_length=alike)

    @property
    def balanced(self) -> bool:
        """Whether every label weighs the same."""
        return self.weights is not None

    @property
    def heavy(self) -> bool:
        """Whether a fit takes a while; as `Prepared` has it."""
        return True

    @property
    def sample_weights(self) -> np.ndarray:
        """`[N]`, 1 on average."""
        return np.ones(len(self.labels)) if self.weights is None else self.weights[self.labels]

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The variance along each principal axis of the embeddings in their frame `[D]`, and the
        axes as columns `[D,D]`."""
        middle = self._middle_of_products()
        spread = middle / np.outer(self.deviation, self.deviation)
        values, vectors = np.linalg.eigh(spread)
        return np.maximum(values, 0), vectors

    def _middle_of_products(self) -> np.ndarray:
        """The products about the mean, as the labels are weighed, per unit of weight `[D,D]`."""
        sums = self.sums
        if self.weights is None:
            return np.asarray(sums.products / sums.count - np.outer(self.own_mean, self.own_mean))
        each = self.weights[sums.labels]
        whole = float(each @ sums.counts)
        mean = each @ sums.sums / whole
        return np.asarray(sums.products / whole - np.outer(mean, mean))

    def within(self) -> np.ndarray:
        """The covariance within labels in the frame, pooled as the labels are weighed `[D,D]`."""
        sums = self.sums
        each = np.ones(len(sums.labels)) if self.weights is None else self.weights[sums.labels]
        whole = float(each @ sums.counts)
        rooted = sums.sums * np.sqrt(each / sums.counts / whole)[:, None]
        apart = sums.products / whole
        apart -= rooted.T @ rooted
        return np.asarray(apart / np.outer(self.deviation, self.deviation))

    def head(self, weights: np.ndarray, bias: np.ndarray) -> Head:
        """The head on embeddings with these weights in the frame `[K,D]` and this bias `[K]`."""
        turned = weights / self.deviation
        return Head(turned, bias - turned @ self.mean)

    def framed(self, head: Head) -> tuple[np.ndarray, np.ndarray]:
        """Weights in the frame `[K,D]` and bias `[K]` of a head on embeddings."""
        return head.weights * self.deviation, head.bias + head.weights @ self.mean


class SummedDiscriminant:
    """The discriminants of one data set at any shrinkage, as `Discriminant` has them."""

    def __init__(self, ready: Summed) -> None:
        self.ready = ready
        sums = ready.sums
        shares = (
            np.full(len(sums.labels), 1 / len(sums.labels))
            if ready.balanced
            else sums.counts / sums.count
        )
        self.priors = np.zeros(ready.count)
        self.priors[sums.labels] = shares
        means = (sums.sums / sums.counts[:, None] - ready.own_mean) / ready.deviation
        self.mean = shares @ means
        self.means = means - self.mean
        self.within = ready.within()
        self.scale = float(np.trace(self.within)) / len(self.within)
        if not self.scale > LEAST_SCALE:  # one picture a label: all that differs is the means
            self.scale = 1.0

    def fit(self, shrinkage: float, temperature: float = 1.0) -> Head:
        """The calibrated head at a shrinkage above 0 and up to 1."""
        return self.without_priors(shrinkage).calibrated(temperature).shifted(self.log_priors)

    def without_priors(self, shrinkage: float) -> Head:
        """As if every label were as likely; not calibrated. One without pictures gets the mean of
        the others' logits."""
        shrunk = (1 - shrinkage) * self.within
        shrunk[np.diag_indices_from(shrunk)] += shrinkage * self.scale
        present = self.ready.sums.labels
        found = np.linalg.solve(shrunk, self.means.T).T
        own = -np.sum(found * self.means, axis=1) / 2
        bias = np.full(self.ready.count, self.priors[present] @ own)
        bias[present] = own
        weights = np.zeros((self.ready.count, found.shape[1]))
        weights[present] = found
        return self.ready.head(weights, bias - weights @ self.mean)

    @property
    def log_priors(self) -> np.ndarray:
        """`[K]`."""
        return log_priors(self.priors, self.ready.sums.count)
