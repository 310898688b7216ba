"""Softmax regression on embeddings: fit it, choose its strength, calibrate its scores.

    minimise over W, b:   C * sum_i s_i * -log softmax(W z_i + b)[y_i]  +  1/2 |W|^2

with z the embeddings standardised to mean 0 and deviation 1, as scikit-learn's LogisticRegression
states it. The problem is convex and its answer unique. Rows of W lie in the span of the z_i, so it
is solved along the principal axes of the data: with fewer pictures than embedding values that is
the smaller problem, and along these axes the curvature is nearly diagonal, which makes a good
preconditioner for L-BFGS. Standardisation is folded into the weights.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from .pool import side_by_side

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-8, 5))  # C, weakest fit first
_USUAL = 30  # C times the number of pictures, where the search for it begins
_GAIN = 1e-3  # nats that another C has to save
_TOLERANCE = 1e-6  # largest entry of the preconditioned gradient
ROUGH = 1e-3  # the same, where many fits are compared: moves a log loss by less than `_GAIN`
_FIRST = 1e-1  # the same, before the curvature is measured again
_FLATTEST = 1e-3  # the least curvature that a picture counts with
_ITERATIONS = 1000
_HEAVY = 500_000  # numbers in a matrix, from which multiplying by it takes a while
_MEMORY = 12
_HOTTEST = 8.0  # the highest temperature; the lowest is as far below 1


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

    `heads` are those heads by the number of the fold that they never saw; `regressions` are what
    they were fitted on, ready for more fits, where they were fitted by cross-validation.
    """

    logits: np.ndarray
    strength: float | None  # C, where it was chosen
    losses: tuple[tuple[float, float], ...] = ()  # (C, log loss) of all that were tried
    heads: Mapping[int, Head] = field(default_factory=dict)
    regressions: Mapping[int, Regression] = field(default_factory=dict, repr=False)


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
    """One data set made ready for fits at many strengths: standardised and turned to its axes.

    With `rough` the large matrices are of float32, which does for comparing fits, in half the time.
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
        self.mean, self.deviation = standardisation(embeddings)
        kind = np.float32 if rough else np.float64
        standard = (embeddings - self.mean.astype(kind)) / self.deviation.astype(kind)
        self.axes = _principal_axes(standard)
        self._take(np.column_stack([self.axes.inputs, np.ones(len(labels), kind)]), labels)

    def among(self, chosen: np.ndarray) -> Regression:
        """The same for some of the pictures, bool `[N]`; standardised as all of them are."""
        some = copy(self)
        some._take(self._inputs[chosen], self.labels[chosen])
        return some

    @property
    def heavy(self) -> bool:
        """Whether fits take long enough to be done on several threads."""
        return self._inputs.size > _HEAVY

    def _take(self, inputs: np.ndarray, labels: np.ndarray) -> None:
        self._inputs = inputs
        self.labels = labels
        self.sample_weights = (
            balanced_weights(labels, self.count) if self.balanced else np.ones(len(labels))
        )
        self._start = np.zeros((self.count, inputs.shape[1]))

    def fit(self, strength: float, tolerance: float = _TOLERANCE) -> Head:
        """The unique minimum at C = `strength`; begins from the fit before, if there was one."""
        if not self._start.any():  # the curvature there says little of that at the minimum
            self._start = self._descend(strength, max(tolerance, _FIRST))
        self._start = found = self._descend(strength, tolerance)
        weights = self.axes.back(found[:, :-1]) / self.deviation
        return Head(weights, found[:, -1] - found[:, -1].mean() - weights @ self.mean)

    def _descend(self, strength: float, tolerance: float) -> np.ndarray:
        """From `_start` to where no entry of the preconditioned gradient exceeds `tolerance`:
        weights along the axes, and then the bias, `[K,R+1]`."""
        inputs, labels = self._inputs, self.labels
        scores = softmax(inputs @ self._start.T.astype(inputs.dtype))
        spread = np.maximum(scores * (1 - scores), _FLATTEST)
        curvature = strength * (self.sample_weights @ spread)[:, None]
        along = curvature * (self.axes.lengths**2 / len(self.axes.inputs))
        scales = np.hstack([1 / np.sqrt(1 + along), 1 / np.sqrt(curvature)])
        penalty = np.append(np.ones(inputs.shape[1] - 1), 0.0)
        present = np.bincount(labels, minlength=self.count) > 0

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(self.count, -1) * scales
            logits = (inputs @ weights.T.astype(inputs.dtype)).astype(np.float64)
            losses, residual = _cross_entropy(logits, labels)
            weighted = residual.T * (strength * self.sample_weights)
            value = strength * float(self.sample_weights @ losses)
            value += 0.5 * float(np.sum(penalty * weights**2))
            gradient = weighted.astype(inputs.dtype) @ inputs + penalty * weights
            gradient[~present, -1] = 0  # an absent label's bias would run away
            return value, (gradient * scales).ravel()

        begin = (self._start / scales).ravel()
        found = _lbfgs(objective, begin, tolerance).reshape(self.count, -1)
        return np.asarray(found * scales)


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
        return _Axes(
            vectors * lengths,
            lengths,
            lambda w: (w / lengths).astype(standard.dtype) @ vectors.T @ standard,
        )
    values, vectors = np.linalg.eigh(standard.T @ standard)
    lengths = np.sqrt(np.maximum(values, 0))
    return _Axes(standard @ vectors, lengths, lambda w: w.astype(standard.dtype) @ vectors.T)


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


def compare(regressions: Sequence[Regression], strength: float) -> list[Head]:
    """Rough fits of several at one C; on several threads where each takes long enough."""
    heavy = any(regression.heavy for regression in regressions)
    return side_by_side(lambda one: one.fit(strength, ROUGH), regressions, heavy=heavy)


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
    without each fold. The loss falls and then rises with C: from a usual one of `strengths` the
    search walks downhill until that saves too little, and first the way that the scores point:
    weaker if they claim too much.
    """
    insides = {int(number): fold != number for number in np.unique(fold)}
    numbers = [number for number, inside in insides.items() if len(np.unique(labels[inside])) > 1]

    def prepared(number: int) -> Regression:
        inside = insides[number]
        return Regression(embeddings[inside], labels[inside], count, balanced=balanced, rough=True)

    regressions = dict(zip(numbers, side_by_side(prepared, numbers), strict=True))
    tried: dict[float, OutOfFold] = {}

    def loss(index: int) -> float:
        strength = strengths[index]
        if strength not in tried:
            logits = np.zeros((len(labels), count))
            heads = dict(zip(numbers, compare([*regressions.values()], strength), strict=True))
            for number, head in heads.items():
                outside = ~insides[number]
                logits[outside] = head.logits(embeddings[outside])
            tried[strength] = OutOfFold(logits, strength, heads=heads, regressions=regressions)
        return log_loss(tried[strength].logits, labels)

    usual = np.log(_USUAL / len(labels))
    at = int(np.argmin(np.abs(np.log(strengths) - usual)))
    loss(at)  # also where it is the only one
    logits = tried[strengths[at]].logits
    weaker = log_loss(0.9 * logits, labels) < log_loss(logits, labels)
    for step in (-1, 1) if weaker else (1, -1):
        while 0 <= at + step < len(strengths) and loss(at + step) < loss(at) - _GAIN:
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


def temperature(logits: np.ndarray, labels: np.ndarray, *, least: float = 1 / _HOTTEST) -> float:
    """The T that minimises the log loss of logits / T (Guo et al. 2017, arXiv:1706.04599).

    Golden-section search over log T from `least` to `_HOTTEST`; the loss is convex in 1/T. It is 1
    where the logits say nothing. A head whose C was chosen for the least log loss needs no T below
    1: where one would fit these pictures better, that is the luck of too few mistakes, and dear
    at the first mistake on others.
    """
    if not logits.any():
        return 1.0
    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(least), np.log(_HOTTEST)
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if log_loss(logits / np.exp(left), labels) <= log_loss(logits / np.exp(right), labels):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
