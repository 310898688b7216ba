"""Linear discriminant analysis on embeddings, with a shrunk covariance.

    W_k = S^-1 (m_k - m) / T    b_k = log p_k - 1/2 (m_k - m)' S^-1 (m_k - m) / T
    S = (1 - s) V + s v I       v = trace(V) / D

with m_k the mean of a label's embeddings, m that of all, V the covariance within labels, pooled,
and p_k the labels' shares (Fisher 1936; Hastie, Tibshirani & Friedman 2009, section 4.3; shrunk as
by Ledoit & Wolf 2004). With T = 1 it equals scikit-learn's LinearDiscriminantAnalysis of the solver
"lsqr". The temperature T says how much more a network's values hang together than S knows: it
widens the covariance, and leaves the labels' shares as they are.

V is U, the spread of all embeddings, without that of the means,
V = U - sum_k p_k (m_k - m)(m_k - m)', so with M the means m_k - m `[K,R]` as rows, P their shares,
A = (1 - s) U + s v I, and G = M A^-1 M':

    W = (I - (1 - s) G P)^-1 M A^-1

Along the principal axes A is a diagonal, so that any number of shrinkages takes no more than the
one eigendecomposition that made the axes, which the regression needs as well. That solves for as
many unknowns as there are labels; of thousands, more than there are axes, S itself takes less.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np

from .linear import Head
from .prepared import Prepared

SHRINKAGES = tuple(float(1 / (1 + np.exp(-odds / 2))) for odds in range(-8, 10))  # 0.02 to 0.99
MOST_SOLVED = 2_000  # labels, above which S is solved instead, if it is smaller
_COLUMNS = 128  # whose weighted sums are taken at once
LEAST_SCALE = 1e-5  # in the frame, where the whole spread is about 1: float32 tells no less apart


class Framed(Protocol):
    """`Prepared`, or what stands for it."""

    def head(self, weights: np.ndarray, bias: np.ndarray) -> Head: ...


class Discriminants(ABC):
    """One data set made ready for fits at many shrinkages, however it is held.

    Attributes:
        frame: what makes weights in the frame a head on embeddings.
        priors: p_k `[K]`.
        mean: m, in the frame along R axes `[R]`.
        means: m_k - m `[K,R]`; 0 where a label has no pictures.
        scale: v.
        pictures: how many there are.
    """

    frame: Framed
    priors: np.ndarray
    mean: np.ndarray
    means: np.ndarray
    scale: float
    pictures: int

    def fit(self, shrinkage: float, temperature: float = 1.0) -> Head:
        """The calibrated head at a shrinkage above 0 and up to 1."""
        return self.without_priors(shrinkage).calibrated(temperature).shifted(self.log_priors)

    def without_priors(self, shrinkage: float) -> Head:
        """As if every label were as likely; not calibrated. One without pictures, as a fold can
        leave it, gets the mean of the others' logits, so that it is never the answer."""
        weights = self.weights(1 - shrinkage, shrinkage * self.scale)
        bias = -np.sum(weights * self.means, axis=1) / 2
        bias = np.where(self.priors > 0, bias, self.priors @ bias)
        return self.frame.head(weights, bias - weights @ self.mean)

    @abstractmethod
    def weights(self, kept: float, added: float) -> np.ndarray:
        """W `[K,R]` with S = `kept` V + `added` I."""

    @property
    def log_priors(self) -> np.ndarray:
        """`[K]`."""
        return log_priors(self.priors, self.pictures)


class Discriminant(Discriminants):
    """Those of pictures in memory, along their principal axes."""

    def __init__(self, prepared: Prepared) -> None:
        self.frame, self.pictures = prepared, len(prepared.labels)
        weights = prepared.sample_weights / prepared.sample_weights.sum()
        inputs, labels, count = prepared.inputs[:, :-1], prepared.labels, prepared.count
        self.priors = np.bincount(labels, weights, minlength=count)
        sums = _sums(inputs, weights, labels, count)
        present = self.priors > 0
        self.mean = sums.sum(axis=0)
        means = sums / np.where(present, self.priors, 1)[:, None] - self.mean
        self.means = np.where(present[:, None], means, 0)
        self.spread = prepared.spread
        if self.spread is None:
            rooted = inputs - self.mean.astype(inputs.dtype)
            rooted *= np.sqrt(weights)[:, None].astype(inputs.dtype)
            self.spread = rooted.T @ rooted
        total = self.spread.sum() if self.spread.ndim == 1 else np.trace(self.spread)
        within = float(total - self.priors @ np.sum(self.means**2, axis=1))
        self.scale = scale_of(within / len(prepared.mean))

    def weights(self, kept: float, added: float) -> np.ndarray:
        assert self.spread is not None
        if len(self.means) <= max(MOST_SOLVED, self.means.shape[1]):
            return self._by_labels(kept, added)
        whole = np.diag(self.spread) if self.spread.ndim == 1 else self.spread
        within = whole - (self.means.T * self.priors) @ self.means
        return solved(within, self.means, kept, added)

    def _by_labels(self, kept: float, added: float) -> np.ndarray:
        """The weights along the axes `[K,R]`, of so many equations as there are labels."""
        assert self.spread is not None
        if self.spread.ndim == 1:
            across = self.means / (kept * self.spread + added)
        else:
            shrunk = kept * self.spread + added * np.eye(len(self.spread))
            across = np.linalg.solve(shrunk, self.means.T).T
        between = across @ self.means.T
        left = np.eye(len(between)) - kept * between * self.priors
        return np.asarray(np.linalg.solve(left, across))


def solved(within: np.ndarray, means: np.ndarray, kept: float, added: float) -> np.ndarray:
    """W `[K,R]` of S W' = `means`' by as many equations as there are axes, from V = `within`."""
    shrunk = kept * within
    shrunk[np.diag_indices_from(shrunk)] += added
    return np.asarray(np.linalg.solve(shrunk, means.T).T)


def scale_of(scale: float) -> float:
    """v, which is 1 where each label has one picture, so that all that differs is the means."""
    return scale if scale > LEAST_SCALE else 1.0


def log_priors(priors: np.ndarray, pictures: int) -> np.ndarray:
    """The logarithms of labels' shares `[K]` in so many pictures; one that is absent has half a
    picture's."""
    return np.asarray(np.log(np.maximum(priors, 0.5 / pictures)))


def _sums(inputs: np.ndarray, weights: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The weighted sum of the rows of each label, float64 `[K,R]`; some columns at a time, so that
    no second copy of all is held."""
    order = np.argsort(labels, kind="stable")
    present, begins = np.unique(labels[order], return_index=True)
    sums = np.zeros((count, inputs.shape[1]))
    own = weights[order, None].astype(inputs.dtype)
    for begin in range(0, inputs.shape[1], _COLUMNS):
        columns = slice(begin, begin + _COLUMNS)
        sums[present, columns] = np.add.reduceat(inputs[order, columns] * own, begins, axis=0)
    return sums
