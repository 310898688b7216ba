"""Weights in whole numbers whose errors do not add up: rounding that keeps what is usual.

Rounding each weight to the nearest whole number leaves small errors, which hardly matter where they
cancel. But inputs that are usually positive, and neighbours in a picture that are usually alike,
make them add up: then an output is off by nearly the same in every picture. So a few weights of
each output are rounded the other way, until the errors cancel for the usual input. What is left is
taken from the bias (Nagel et al. 2019, arXiv:1906.04721, section 4.2), with the usual input known
from the batch norm before it: no picture is needed.

All is done in whole numbers, whose sums are the same in any order: the same weights on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST = 63  # of a weight: with 7 bits no processor's sums of two products overflow 16 bits
FINE = 4096  # parts of a step, in which the errors of weights are counted
GRAIN = 256  # parts of 1, in which usual inputs are counted
_SIX = 6.0
_QUANTILES = 5 * np.linspace(-1, 1, 401)  # of the normal distribution, in deviations


@dataclass(frozen=True)
class Usual:
    """What values usually are: their `mean` and `variance`, of the same shape."""

    mean: np.ndarray
    variance: np.ndarray

    def __add__(self, other: Usual) -> Usual:
        """Of the sum of two tensors."""
        return Usual(self.mean + other.mean, self.variance + other.variance)


@dataclass(frozen=True)
class Rounded:
    """Weights `[O,n]` in steps of `scale` `[O]`, and what they add to the usual output `[O]`."""

    steps: np.ndarray
    scale: np.ndarray
    excess: np.ndarray


def after_norm(shift: np.ndarray, gain: np.ndarray) -> Usual:
    """What a batch norm usually gives: its shift and its squared gain."""
    return Usual(shift.astype(np.float64), gain.astype(np.float64) ** 2)


def clipped(usual: Usual) -> Usual:
    """The same between 0 and 6, where ReLU6 leaves it; normally distributed before."""
    chances = np.exp(-(_QUANTILES**2) / 2)
    chances /= chances.sum()
    deviation = np.sqrt(usual.variance)[:, None]
    values = np.clip(usual.mean[:, None] + deviation * _QUANTILES, 0, _SIX)
    mean = (values * chances).sum(axis=1)
    return Usual(mean, ((values - mean[:, None]) ** 2 * chances).sum(axis=1))


def rounded(weights: np.ndarray, scale: np.ndarray, inputs: Usual, cancelling: Usual) -> Rounded:
    """Round weights `[O,n]` to whole steps of `scale` `[O]`.

    The `inputs`, whose mean is `[O,n]` or `[1,n]`, say what errors add to the usual output. Errors
    are to be small for inputs like `cancelling`, `[1,n]`, and to cancel for their mean.
    """
    exact = weights / scale[:, None].astype(np.float64)
    nearest = np.clip(np.rint(exact), -LARGEST, LARGEST).astype(np.int64)
    error = nearest * FINE - np.rint(exact * FINE).astype(np.int64)
    usual = np.broadcast_to(_grains(cancelling.mean), error.shape)
    total = (error * usual).sum(axis=1, keepdims=True)

    way = np.sign(error)
    helps = (way * np.sign(usual) * np.sign(total) > 0) & (np.abs(nearest - way) <= LARGEST)
    effect = np.where(helps, np.abs(usual), 1)
    price = _grains(cancelling.variance) * (FINE - 2 * np.abs(error)) * GRAIN // effect
    order = np.argsort(np.where(helps, price, np.iinfo(np.int64).max), axis=1, kind="stable")
    gained = np.where(helps, effect, 0) * FINE
    in_order = np.take_along_axis(gained, order, axis=1)
    before = np.cumsum(in_order, axis=1) - in_order
    turned = np.zeros_like(helps)
    np.put_along_axis(turned, order, 2 * before + in_order <= 2 * np.abs(total), axis=1)
    steps = nearest - np.where(turned & helps, way, 0)
    error = error + (steps - nearest) * FINE
    excess = (error * _grains(inputs.mean)).sum(axis=1) / (FINE * GRAIN)
    return Rounded(steps.astype(np.int8), scale, excess * scale)


def _grains(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(values * GRAIN), np.int64)
