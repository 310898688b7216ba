"""Softmax regression on embeddings.

    minimise over W, b:   C * sum_i s_i * -log softmax(W z_i + b)[y_i]  +  1/2 |W|^2

with z the embeddings in the frame of `prepared.py`, as scikit-learn's LogisticRegression states it.
The problem is convex and its answer unique. It is solved along the principal axes of the data,
where the curvature is nearly diagonal, which makes a good preconditioner for L-BFGS. The frame is
folded into the weights.

One step costs pictures x labels x values. Where these are very many, a fit ends where what is left
to gain is a small fraction of the objective.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..workers.local import side_by_side
from .lbfgs import minimum
from .linear import Head, losses_and_powers, mean_of, softmax
from .prepared import Prepared

_TOLERANCE = 1e-6  # largest entry of the preconditioned gradient
ROUGH = 1e-3  # the same, where many fits are compared: moves a log loss by less than is chosen by
_FIRST = 1e-1  # the same, before the curvature is measured again
_FLATTEST = 1e-3  # the least curvature that a picture counts with
_LEFT = 5e-3  # of the objective, that a fit of many scores leaves
_WAY = ((0.01, 0.05), (0.1, 0.05))  # fractions of C that it comes by, and what it leaves there
_BLOCK = 4_000_000  # scores that are computed at once


class Regression:
    """One data set made ready for fits at many strengths; each begins where the last one ended.

    Of many scores all is done in blocks of pictures, on all cores.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self._start = np.zeros((prepared.count, prepared.inputs.shape[1]))

    def begin_at(self, heads: Sequence[Head]) -> None:
        """Begin the next fit at the mean of `heads`, which were fitted on much the same."""
        self._start = np.column_stack(self.prepared.along(mean_of(heads)))

    def fit(self, strength: float, tolerance: float = _TOLERANCE) -> Head:
        """The unique minimum at C = `strength`; begins from the fit before, if there was one."""
        many = self.prepared.many
        if not self._start.any():  # the curvature there says little of that at the minimum
            if many:
                for fraction, left in _WAY:
                    self._start = self._descend(fraction * strength, left=left)
            else:
                self._start = self._descend(strength, max(tolerance, _FIRST))
        self._start = found = self._descend(strength, tolerance, _LEFT if many else 0.0)
        return self.prepared.head(found[:, :-1], found[:, -1] - found[:, -1].mean())

    def _descend(
        self, strength: float, tolerance: float = _TOLERANCE, left: float = 0.0
    ) -> np.ndarray:
        """From `_start` to where no entry of the preconditioned gradient exceeds `tolerance`, or
        only a fraction `left` of the objective is left to gain: weights along the axes, and then
        the bias, `[K,R+1]`."""
        ready = self.prepared
        inputs, labels, sample_weights = ready.inputs, ready.labels, ready.sample_weights
        kind = np.float32 if ready.many else np.float64
        rows = max(1, _BLOCK // ready.count)
        blocks = [slice(at, at + rows) for at in range(0, len(labels), rows)]

        def logits(weights: np.ndarray, block: slice) -> np.ndarray:
            return np.asarray((inputs[block] @ weights.T.astype(inputs.dtype)).astype(kind))

        def spread(block: slice) -> np.ndarray:
            scores = softmax(logits(self._start, block))
            weighed = sample_weights[block].astype(kind)
            return np.asarray(weighed @ np.maximum(scores * (1 - scores), _FLATTEST))

        curvature = strength * _in_turn(spread, blocks)[:, None].astype(np.float64)
        along = curvature * (ready.axes.lengths**2 / ready.axes.samples)
        scales = np.hstack([1 / np.sqrt(1 + along), 1 / np.sqrt(curvature)]).astype(kind)
        penalty = np.append(np.ones(inputs.shape[1] - 1), 0.0).astype(kind)
        present = np.bincount(labels, minlength=ready.count) > 0

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(ready.count, -1) * scales

            def of(block: slice) -> np.ndarray:
                losses, residual = cross_entropy(logits(weights, block), labels[block])
                weighed = (strength * sample_weights[block]).astype(kind)
                gradient = (residual.T * weighed).astype(inputs.dtype) @ inputs[block]
                value = strength * float(sample_weights[block] @ losses)
                return np.array([value, gradient], dtype=object)

            value, gradient = _in_turn(of, blocks)
            value += 0.5 * float(np.sum(penalty * weights**2))
            gradient = gradient + penalty * weights
            gradient[~present, -1] = 0  # an absent label's bias would run away
            return value, (gradient * scales).ravel()

        begin = (self._start / scales).astype(kind).ravel()
        found = minimum(objective, begin, tolerance, left).reshape(ready.count, -1)
        return np.asarray(found * scales)


def _in_turn(function: Callable[[slice], np.ndarray], blocks: Sequence[slice]) -> np.ndarray:
    """The sum of what a function gives for each block: the same bits on any number of cores."""
    first, *others = side_by_side(function, blocks, heavy=len(blocks) > 1)
    return sum(others, start=first)


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses `[N]` in nats, and their gradient in the logits, softmax - one-hot, `[N,K]`."""
    losses, gradient, totals = losses_and_powers(logits, labels)
    gradient /= totals[:, None]
    gradient[np.arange(len(labels)), labels] -= 1
    return losses, gradient
