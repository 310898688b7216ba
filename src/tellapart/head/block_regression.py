"""Softmax regression on embeddings that are too many for memory.

The objective is that of `regression.py`, and its minimum is unique, so the way there is free. A
step takes one pass over the embeddings, a block at a time: the frame and the principal axes are
folded into the weights, so that the embeddings themselves are multiplied and no second copy is
made. What blocks give is added up in float64, in their order. Products are of float32 as far as its
digits reach, and for the last steps to the minimum of float64.

The way begins at a discriminant, which the sums give at once, and goes on by fits to growing
samples, evenly spread, whose steps cost a fraction of a pass.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..workers.local import Each, local_map
from ..workers.pausing import pause
from . import blocks
from .blocks import Rows, Vectors, block, evenly, slices
from .calibration import fit_temperature
from .lbfgs import minimum
from .linear import Head, mean_of, softmax
from .regression import ROUGH, cross_entropy
from .summed import Summed, SummedDiscriminant

_LEFT = 1e-14  # of the objective, that is left to gain, as far as the curvature is known
_LEFT_BY_FLOAT32 = 1e-8  # the same, where its digits end
_LEFT_OF_MANY = 1e-6  # the same, of very many weights
_LEFT_ROUGHLY = 5e-4  # the same, where fits are compared
_LEFT_ON_THE_WAY = 5e-3  # the same, of samples
_SAMPLES = (1 / 64, 1 / 16, 1 / 4)  # of the pictures
_FEWEST = 20_000  # pictures in a sample
_SHRINKAGE = 0.7  # of the discriminant that the way begins at
_FLATTEST = 1e-3  # the least curvature that a picture counts with
_SCORES = 4_000_000  # that are computed at once
_MANY_WEIGHTS = 2_000_000  # from which on they are of float32, and fewer steps are remembered
_MEMORY, _MEMORY_OF_MANY = 12, 6

_Kind = type[np.float32] | type[np.float64]


class BlockRegression:
    """One data set made ready for fits at many strengths; each begins where the last one ended."""

    def __init__(self, ready: Summed) -> None:
        self.ready = ready
        self._variances, self._axes = ready.axes
        self._start: np.ndarray | None = None  # weights along the axes, and then the bias [K,D+1]

    def begin_at(self, heads: Sequence[Head]) -> None:
        """Begin the next fit at the mean of `heads`, which were fitted on much the same."""
        weights, bias = self.ready.framed(mean_of(heads))
        self._start = np.column_stack([weights @ self._axes, bias])

    def fit(self, strength: float, tolerance: float = 0.0) -> Head:
        """The minimum at C = `strength`, or with a `tolerance` of `ROUGH` what is near enough to be
        compared with others."""
        pictures = len(self.ready.labels)
        if self._start is None:
            self.begin_at([self._discriminant()])
            assert self._start is not None
            for fraction in _SAMPLES:
                some = evenly(pictures, max(_FEWEST, round(fraction * pictures)))
                if len(some) < pictures / 2:
                    self._descend(strength, some, _LEFT_ON_THE_WAY)
        every = np.arange(pictures)
        if tolerance >= ROUGH:
            found = self._descend(strength, every, _LEFT_ROUGHLY)
        elif self._start.size > _MANY_WEIGHTS:
            found = self._descend(strength, every, _LEFT_OF_MANY)
        else:
            self._descend(strength, every, _LEFT_BY_FLOAT32)
            found = self._descend(strength, every, _LEFT, np.float64)
        return self.ready.head(found[:, :-1] @ self._axes.T, found[:, -1] - found[:, -1].mean())

    def _discriminant(self) -> Head:
        """A calibrated one."""
        ready = self.ready
        rows = evenly(len(ready.labels), min(_FEWEST, max(1, 2 * _SCORES // ready.count)))
        found = SummedDiscriminant(ready)
        plain = found.without_priors(_SHRINKAGE)
        logits = plain.logits(block(ready.vectors, rows)).astype(np.float32)
        heat = fit_temperature(logits, ready.labels[rows], priors=found.log_priors)
        return plain.calibrated(heat).shifted(found.log_priors)

    def _descend(
        self, strength: float, rows: np.ndarray, left: float, kind: _Kind = np.float32
    ) -> np.ndarray:
        """From `_start` to where only a fraction `left` of the objective of some pictures is left
        to gain, each counted so often that they stand for all; the next way begins there. `kind`
        is what products are computed in."""
        assert self._start is not None
        ready = self.ready
        begin = self._start
        problem = _Problem(ready, rows, strength * len(ready.labels) / len(rows), kind)
        curvature = problem.curvature(*self._raw(begin))
        along = curvature[:, None] * self._variances
        scales = np.hstack([1 / np.sqrt(1 + along), 1 / np.sqrt(curvature)[:, None]])
        many = begin.size > _MANY_WEIGHTS
        held = np.float32 if many else np.float64
        scales = scales.astype(held)
        present = np.zeros(ready.count, bool)
        present[ready.sums.labels] = True

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(begin.shape) * scales
            value, products, sums = problem.at(*self._raw(weights))
            value += 0.5 * float(np.vdot(weights[:, :-1], weights[:, :-1]))
            gradient = np.empty(begin.shape, held)
            apart = (products - np.outer(sums, ready.own_mean)) / ready.deviation
            gradient[:, :-1] = apart @ self._axes + weights[:, :-1]
            gradient[:, -1] = np.where(present, sums, 0)  # an absent label's bias would run away
            gradient *= scales
            return value, gradient.ravel()

        found = minimum(
            objective,
            (begin / scales).astype(held).ravel(),
            0.0,
            left,
            _MEMORY_OF_MANY if many else _MEMORY,
        )
        self._start = np.asarray(found.reshape(begin.shape) * scales, np.float64)
        return self._start

    def _raw(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights along the axes, and bias, `[K,D+1]`, as they are for embeddings less the point
        that the sums see them from: `[D,K]` and `[K]`."""
        turned = weights[:, :-1] @ self._axes.T.astype(weights.dtype) / self.ready.deviation
        bias = weights[:, -1] - turned @ self.ready.own_mean
        return turned.T, bias


class _Problem:
    """What some pictures lose by a head, and how that changes with it: C * sum_i s_i * loss_i."""

    def __init__(self, ready: Summed, rows: np.ndarray, strength: float, kind: _Kind) -> None:
        whole = len(rows) == len(ready.labels)
        self.count, self.reference = ready.count, ready.sums.reference
        self.vectors: Vectors = ready.vectors if whole else Rows(ready.vectors, rows)
        self.labels = ready.labels[rows]
        self.kind = kind
        self.weights = (strength * ready.sample_weights[rows]).astype(kind)
        self.size = max(1, min(blocks.ROWS, _SCORES // ready.count))

    def at(self, weights: np.ndarray, bias: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """The value, and its gradient: with respect to weights `[K,D]` and bias `[K]`."""
        weights, bias = weights.astype(self.kind), bias.astype(self.kind)

        def of(some: slice) -> tuple[float, np.ndarray, np.ndarray]:
            held = self._block(some)
            losses, residual = cross_entropy(held @ weights + bias, self.labels[some])
            each = self.weights[some]
            residual *= each[:, None]
            value = float(np.dot(losses.astype(np.float64), each))
            return value, residual.T @ held, residual.sum(axis=0, dtype=np.float64)

        value, products, sums = 0.0, np.zeros(weights.T.shape), np.zeros(len(bias))
        each_block = slices(len(self.labels), self.size)
        for one, their_products, their_sums in local_map(Each(of), ([some] for some in each_block)):
            pause()
            value += one
            products += their_products
            sums += their_sums
        return value, products, sums

    def curvature(self, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """How much each label's bias bends the value, `[K]`, as some pictures say."""
        weights, bias = weights.astype(self.kind), bias.astype(self.kind)
        some = evenly(len(self.labels), _FEWEST)
        found = np.zeros(len(bias))
        for part in slices(len(some), self.size):
            scores = softmax(self._block(some[part]) @ weights + bias)
            found += self.weights[some[part]] @ np.maximum(scores * (1 - scores), _FLATTEST)
        return found * (len(self.labels) / len(some))

    def _block(self, rows: slice | np.ndarray) -> np.ndarray:
        return np.asarray(block(self.vectors, rows).astype(self.kind, copy=False) - self.reference)
