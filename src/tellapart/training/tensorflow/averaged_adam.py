"""Adam with a rate for each layer, and the running average of the weights it has walked through.

All weights are one row of numbers here, so a step is a few operations whatever the layers are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .runtime import tensorflow

if TYPE_CHECKING:
    from tensorflow import Tensor, Variable

_MOMENTUM = 0.9  # of the slope
_SPREAD = 0.999  # of its square
_LEAST = 1e-8  # added to the root of that
_EARLY = 10  # steps: an average of fewer forgets faster


class AveragedAdam:
    """Kingma & Ba 2015 (arXiv:1412.6980), with Polyak's averaging of the weights.

    `state` is all that it remembers from step to step; `rates` has one for each variable.
    """

    def __init__(
        self, variables: Sequence[Variable], rates: Sequence[float], average: float
    ) -> None:
        tf = tensorflow()
        self._variables = list(variables)
        self._sizes = [math.prod(one.shape) for one in variables]
        self._rates = tf.constant(np.repeat(np.asarray(rates, np.float32), self._sizes))
        self._keep = average
        begun = self.weights()
        self._slope, self._square = (
            tf.Variable(tf.zeros_like(begun)),
            tf.Variable(tf.zeros_like(begun)),
        )
        self._average = tf.Variable(begun)
        self.state = [self._slope, self._square, self._average]
        number = tf.TensorSpec([], tf.float32)
        self._compiled = tf.function(
            self._step,
            autograph=False,
            input_signature=[tf.TensorSpec([None], tf.float32), *[number] * 4],
        )

    def weights(self) -> Tensor:
        """The weights of this moment, `[W]`."""
        return self.flat([one.value() for one in self._variables])

    @property
    def average(self) -> Tensor:
        """The running average of the weights, `[W]`."""
        return self._average.value()

    def assign(self, weights: Tensor) -> None:
        """Give the variables these weights, `[W]`."""
        tf = tensorflow()
        for one, part in zip(self._variables, tf.split(weights, self._sizes), strict=True):
            one.assign(tf.reshape(part, one.shape))

    def flat(self, parts: Sequence[Tensor | None]) -> Tensor:
        """One row of numbers from one tensor for each variable; None counts as zeros."""
        tf = tensorflow()
        return tf.concat(
            [
                tf.zeros([size]) if part is None else tf.reshape(part, [size])
                for part, size in zip(parts, self._sizes, strict=True)
            ],
            axis=0,
        )

    def forget(self) -> None:
        """Begin anew with the mean slopes, because other layers learn from now on."""
        for one in (self._slope, self._square):
            one.assign(tensorflow().zeros_like(one))

    def step(self, slopes: Tensor, fraction: float, number: int, before: int = 0) -> None:
        """The step `number`, from 1, against `slopes` `[W]`, with this fraction of the rates;
        slopes of so many steps `before` are forgotten."""
        tf = tensorflow()
        keep = min(self._keep, number / (_EARLY + number))
        counted = number - before
        numbers = fraction, 1 - _MOMENTUM**counted, 1 - _SPREAD**counted, keep
        self._compiled(slopes, *(tf.constant(one, tf.float32) for one in numbers))

    def _step(
        self, slopes: Tensor, fraction: Tensor, seen: Tensor, seen_squares: Tensor, keep: Tensor
    ) -> None:
        tf = tensorflow()
        slope = self._slope.assign(_MOMENTUM * self._slope + (1 - _MOMENTUM) * slopes)
        square = self._square.assign(_SPREAD * self._square + (1 - _SPREAD) * slopes * slopes)
        way = (slope / seen) / (tf.sqrt(square / seen_squares) + _LEAST)
        weights = self.weights() - fraction * self._rates * way
        self.assign(weights)
        self._average.assign(keep * self._average + (1 - keep) * weights)
