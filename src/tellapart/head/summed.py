"""Labelled embeddings that are too many for memory, made ready for fits by their sums.

The frame, the spread and the means of the labels all come from `Sums`, so that a discriminant
touches no embedding at all: the covariance within labels, V `[D,D]` in the notation of
`discriminant.py`, is what the products are without those of the means.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .blocks import Vectors
from .discriminant import Discriminants, scale_of, solved
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


class SummedDiscriminant(Discriminants):
    """Those of sums: no embedding is touched."""

    def __init__(self, ready: Summed) -> None:
        self.frame, sums = ready, ready.sums
        self.pictures = sums.count
        present = sums.labels
        self.priors = np.zeros(ready.count)
        self.priors[present] = 1 / len(present) if ready.balanced else sums.counts / sums.count
        means = (sums.sums / sums.counts[:, None] - ready.own_mean) / ready.deviation
        self.mean = self.priors[present] @ means
        self.means = np.zeros((ready.count, means.shape[1]))
        self.means[present] = means - self.mean
        self.within = ready.within()
        self.scale = scale_of(float(np.trace(self.within)) / len(self.within))

    def weights(self, kept: float, added: float) -> np.ndarray:
        return solved(self.within, self.means, kept, added)
