"""Softmax regression on embeddings: fit it, choose its strength, calibrate its scores.

    minimise over W, b:   C * sum_i s_i * -log softmax(W z_i + b)[y_i]  +  1/2 |W|^2

with z the embeddings standardised to mean 0 and deviation 1, as scikit-learn's LogisticRegression
states it. The problem is convex and its answer unique. Rows of W lie in the span of the z_i, so it
is solved along the principal axes of the data: with fewer pictures than embedding values that is
the smaller problem, and along these axes a bound on the curvature is diagonal (Böhning 1992),
which makes a perfect preconditioner for L-BFGS. Standardisation is folded into the weights.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .pool import side_by_side

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-8, 5))  # C, weakest fit first
_TOLERANCE = 1e-6  # largest entry of the preconditioned gradient
_ROUGH = 1e-4  # the same while strengths are compared: moves a log loss by less than 5e-4
_ITERATIONS = 1000
_MEMORY = 12


@dataclass(frozen=True)
class Head:
    """A linear layer: logits = embeddings @ weights.T + bias. `weights` `[K,D]`, `bias` `[K]`."""

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """`[N,D]` -> `[N,K]`."""
        return np.asarray(embeddings @ self.weights.T + self.bias)

    def cooled(self, temperature: float) -> Head:
        """The same head with its logits divided by `temperature`."""
        return replace(self, weights=self.weights / temperature, bias=self.bias / temperature)

    def rounded(self) -> Head:
        """The same head with its weights as a float32 keeps them."""
        return replace(self, weights=self.weights.astype(np.float32).astype(np.float64))


Solver = Callable[[np.ndarray, np.ndarray, int], Head]
"""Embeddings `[N,D]`, labels `[N]` in 0..K-1, K -> a fitted head."""


@dataclass(frozen=True)
class OutOfFold:
    """For every picture the logits `[N,K]` of a head that was fitted without its fold.

    `heads` are those heads by the number of the fold that they never saw.
    """

    logits: np.ndarray
    strength: float | None  # C, where it was chosen
    losses: tuple[tuple[float, float], ...] = ()  # (C, log loss) of all that were tried
    heads: Mapping[int, Head] = field(default_factory=dict)


def softmax(logits: np.ndarray) -> np.ndarray:
    """`[N,K]` -> probabilities `[N,K]`, each row summing to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log softmax(logits)[label], in nats."""
    return float(np.mean(_cross_entropy(logits, labels)[0]))


def balanced_weights(labels: np.ndarray, count: int) -> np.ndarray:
    """A weight for each picture, so that every label weighs the same: N / (K * N_label)."""
    per_label = np.bincount(labels, minlength=count)
    weights = len(labels) / (count * np.maximum(per_label, 1))
    return np.asarray(weights[labels])


def standardisation(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation `[D]` of embeddings `[N,D]`; a deviation of 0 counts as 1."""
    deviation = embeddings.std(axis=0, dtype=np.float64)
    mean = embeddings.mean(axis=0, dtype=np.float64)
    return mean, np.where(deviation > 1e-6, deviation, 1.0)


class Regression:
    """One data set made ready for fits at many strengths: standardised and turned to its axes."""

    def __init__(
        self, embeddings: np.ndarray, labels: np.ndarray, count: int, *, balanced: bool = False
    ) -> None:
        self.labels = labels
        self.count = count
        self.sample_weights = balanced_weights(labels, count) if balanced else np.ones(len(labels))
        self.mean, self.deviation = standardisation(embeddings)
        self.axes = _principal_axes((embeddings - self.mean) / self.deviation)
        self._start = np.zeros((count, len(self.axes.lengths) + 1))

    def fit(self, strength: float, tolerance: float = _TOLERANCE) -> Head:
        """The unique minimum at C = `strength`; begins from the fit before, if there was one."""
        along = self.axes
        scale = 1 / np.sqrt(1 + strength * self.sample_weights.mean() * along.lengths**2 / 2)
        bias_scale = 1 / np.sqrt(strength * self.sample_weights.sum() / 2)
        scales = np.append(scale, bias_scale)
        inputs = np.column_stack([along.inputs * scale, np.full(len(self.labels), bias_scale)])
        penalty = np.append(scale**2, 0.0)
        present = np.bincount(self.labels, minlength=self.count) > 0

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            scaled = flat.reshape(self.count, -1)
            losses, residual = _cross_entropy(inputs @ scaled.T, self.labels)
            weighted = residual * (strength * self.sample_weights)[:, None]
            value = strength * float(self.sample_weights @ losses)
            value += 0.5 * float(np.sum(penalty * scaled**2))
            gradient = weighted.T @ inputs + penalty * scaled
            gradient[~present, -1] = 0  # an absent label's bias would run away
            return value, gradient.ravel()

        begin = (self._start / scales).ravel()
        found = _lbfgs(objective, begin, tolerance).reshape(self.count, -1) * scales
        self._start = found
        weights = along.back(found[:, :-1]) / self.deviation
        return Head(weights, found[:, -1] - found[:, -1].mean() - weights @ self.mean)


@dataclass(frozen=True)
class _Axes:
    """Data `[N,D]` along its R principal axes: `inputs` `[N,R]`, its length along each `[R]`, and
    the way back from weights along the axes `[K,R]` to weights `[K,D]`."""

    inputs: np.ndarray
    lengths: np.ndarray
    back: Callable[[np.ndarray], np.ndarray]


def _principal_axes(standard: np.ndarray) -> _Axes:
    """By the smaller of X X' and X' X; with the former the axes themselves are never formed."""
    samples, features = standard.shape
    if samples <= features:
        values, vectors = np.linalg.eigh(standard @ standard.T)
        kept = values > max(values[-1], 1e-12) * 1e-12
        lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
        return _Axes(vectors * lengths, lengths, lambda w: (w / lengths) @ vectors.T @ standard)
    values, vectors = np.linalg.eigh(standard.T @ standard)
    lengths = np.sqrt(np.maximum(values, 0))
    return _Axes(standard @ vectors, lengths, lambda w: w @ vectors.T)


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses `[N]` in nats, and their gradient in the logits, softmax - one-hot, `[N,K]`."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    totals = powers.sum(axis=1)
    rows = np.arange(len(labels))
    losses = np.log(totals) - shifted[rows, labels]
    gradient = powers / totals[:, None]
    gradient[rows, labels] -= 1
    return losses, gradient


def _lbfgs(
    objective: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """Minimise a smooth convex function (Nocedal & Wright 2006, algorithm 7.5, Armijo steps)."""
    point = start
    value, gradient = objective(point)
    pairs: deque[tuple[np.ndarray, np.ndarray, float]] = deque(maxlen=_MEMORY)
    for _ in range(_ITERATIONS):
        if np.abs(gradient).max() < tolerance:
            break
        direction = _two_loops(gradient, pairs)
        slope = float(direction @ gradient)
        step = 1.0
        while True:
            candidate = point + step * direction
            new_value, new_gradient = objective(candidate)
            if new_value <= value + 1e-4 * step * slope or step < 1e-10:
                break
            step /= 2
        moved, turned = candidate - point, new_gradient - gradient
        if step < 1e-10 or not (curvature := float(moved @ turned)) > 0:
            break  # the limit of floating point
        pairs.append((moved, turned, curvature))
        point, value, gradient = candidate, new_value, new_gradient
    return point


def _two_loops(
    gradient: np.ndarray, pairs: Sequence[tuple[np.ndarray, np.ndarray, float]]
) -> np.ndarray:
    """The quasi-Newton direction from the last steps (algorithm 7.4)."""
    direction = -gradient
    shares = []
    for moved, turned, curvature in reversed(pairs):
        share = float(moved @ direction) / curvature
        shares.append(share)
        direction = direction - share * turned
    if pairs:
        _, turned, curvature = pairs[-1]
        direction = direction * (curvature / float(turned @ turned))
    for (moved, turned, curvature), share in zip(pairs, reversed(shares), strict=True):
        direction = direction + (share - float(turned @ direction) / curvature) * moved
    return direction


def cross_validate(
    embeddings: np.ndarray,
    labels: np.ndarray,
    count: int,
    fold: np.ndarray,
    *,
    balanced: bool = False,
    strengths: Sequence[float] = STRENGTHS,
) -> OutOfFold:
    """Choose C by the out-of-fold log loss, and give the logits it was chosen by.

    `fold` int `[N]` says which pictures are left out together; standardisation is done anew
    without each fold. The loss falls and then rises with C: from the middle of `strengths` the
    search walks downhill until it rises.
    """
    insides = {int(number): fold != number for number in np.unique(fold)}
    numbers = [number for number, inside in insides.items() if len(np.unique(labels[inside])) > 1]

    def prepared(number: int) -> Regression:
        inside = insides[number]
        return Regression(embeddings[inside], labels[inside], count, balanced=balanced)

    regressions = side_by_side(prepared, numbers)
    tried: dict[float, OutOfFold] = {}

    def loss(index: int) -> float:
        strength = strengths[index]
        if strength not in tried:
            logits = np.zeros((len(labels), count))
            fits = side_by_side(lambda regression: regression.fit(strength, _ROUGH), regressions)
            heads = dict(zip(numbers, fits, strict=True))
            for number, head in heads.items():
                outside = ~insides[number]
                logits[outside] = head.logits(embeddings[outside])
            tried[strength] = OutOfFold(logits, strength, heads=heads)
        return log_loss(tried[strength].logits, labels)

    at = len(strengths) // 2
    loss(at)  # also where it is the only one
    for step in (1, -1):
        while 0 <= at + step < len(strengths) and loss(at + step) < loss(at):
            at += step
    losses = tuple(
        (strength, log_loss(tried[strength].logits, labels)) for strength in sorted(tried)
    )
    return replace(tried[strengths[at]], losses=losses)


def out_of_fold(
    embeddings: np.ndarray, labels: np.ndarray, count: int, fold: np.ndarray, solver: Solver
) -> OutOfFold:
    """The out-of-fold logits of a solver that chooses nothing."""
    logits = np.zeros((len(labels), count))
    heads = {}
    for number in np.unique(fold):
        inside = fold != number
        if len(np.unique(labels[inside])) > 1:
            head = solver(embeddings[inside], labels[inside], count)
            logits[~inside] = head.logits(embeddings[~inside])
            heads[int(number)] = head
    return OutOfFold(logits, None, heads=heads)


def temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The T that minimises the log loss of logits / T (Guo et al. 2017, arXiv:1706.04599).

    Golden-section search over log T between 1/8 and 8; the loss is convex in 1/T. It is 1 where
    the logits say nothing.
    """
    if not logits.any():
        return 1.0
    golden = (np.sqrt(5) - 1) / 2
    low, high = -np.log(8.0), np.log(8.0)
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if log_loss(logits / np.exp(left), labels) <= log_loss(logits / np.exp(right), labels):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
