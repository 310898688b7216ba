"""Softmax regression on embeddings: fit it, choose its strength, calibrate its scores.

    minimise over W, b:   C * sum_i s_i * -log softmax(W z_i + b)[y_i]  +  1/2 |W|^2

with z the embeddings standardised to mean 0 and deviation 1, as scikit-learn's LogisticRegression
states it. The problem is convex and its answer unique. Rows of W lie in the span of the z_i, so it
is solved along the principal axes of the data: with fewer pictures than embedding values that is
the smaller problem, and along these axes the curvature is nearly diagonal, which makes a good
preconditioner for L-BFGS. Standardisation is folded into the weights.

One step costs pictures x labels x values. Where these are very many, C is therefore chosen on as
many folds as judge enough pictures, by calibrated scores, which hardly depend on it; and a fit ends
where what is left to gain is a small fraction of the objective.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

from ..workers.local import side_by_side
from .lbfgs import minimum

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-8, 5))  # C, weakest fit first
_USUAL = 30  # C times the number of pictures, where the search for it begins
_GAIN = 1e-3  # nats that another C has to save
_TOLERANCE = 1e-6  # largest entry of the preconditioned gradient
ROUGH = 1e-3  # the same, where many fits are compared: moves a log loss by less than `_GAIN`
_FIRST = 1e-1  # the same, before the curvature is measured again
_FLATTEST = 1e-3  # the least curvature that a picture counts with
_MANY = 1_000_000  # scores, pictures times labels, from which on a step takes a while
_ENOUGH = 2_000  # pictures that the strength of so many labels is chosen on
_USUAL_OF_MANY = 5  # C times the pictures of a label, where the search for it begins
_GAIN_OF_MANY = 0.02  # of the loss, that another C has to save
_LEFT = 5e-3  # of the objective, that a fit of many scores leaves
_WAY = ((0.01, 0.05), (0.1, 0.05))  # fractions of C that it comes by, and what it leaves there
_BLOCK = 4_000_000  # scores that are computed at once
_HEAVY = 500_000  # numbers in a matrix, from which multiplying by it takes a while
_FINEST = 1e-4  # of log T, that the loss of scores in float32 tells apart
_HOTTEST = 8.0  # the highest temperature; the lowest is as far below 1


@dataclass(frozen=True)
class Head:
    """A linear layer: logits = embeddings @ weights.T + bias. `weights` `[K,D]`, `bias` `[K]`."""

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """`[N,D]` -> `[N,K]`."""
        return np.asarray(embeddings @ self.weights.T + self.bias)

    def calibrated(self, temperature: float) -> Head:
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
    powers = logits - logits.max(axis=1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=1, keepdims=True)
    return np.asarray(powers)


def log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log softmax(logits)[label], in nats."""
    return float(np.mean(_losses(logits, labels)[0]))


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

    With `rough` the large matrices are of float32, which does for comparing fits, in half the time;
    of many scores all is of float32, and done in blocks of pictures, on all cores.
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
        self.mean, self.deviation = standardisation(embeddings)
        kind = np.float32 if rough or self.many else np.float64
        standard = (embeddings - self.mean.astype(kind)) / self.deviation.astype(kind)
        inputs, self.axes = _principal_axes(standard)
        self._take(np.column_stack([inputs, np.ones(len(labels), kind)]), labels)

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

    def begin_at(self, heads: Sequence[Head]) -> None:
        """Begin the next fit at the mean of `heads`, which were fitted on much the same."""
        weights = np.mean([head.weights for head in heads], axis=0)
        bias = np.mean([head.bias for head in heads], axis=0) + weights @ self.mean
        self._start = np.column_stack([self.axes.along(weights * self.deviation), bias])

    def fit(self, strength: float, tolerance: float = _TOLERANCE) -> Head:
        """The unique minimum at C = `strength`; begins from the fit before, if there was one."""
        if not self._start.any():  # the curvature there says little of that at the minimum
            if self.many:
                for fraction, left in _WAY:
                    self._start = self._descend(fraction * strength, left=left)
            else:
                self._start = self._descend(strength, max(tolerance, _FIRST))
        left = _LEFT if self.many else 0.0
        self._start = found = self._descend(strength, tolerance, left)
        weights = self.axes.back(found[:, :-1]) / self.deviation
        return Head(weights, found[:, -1] - found[:, -1].mean() - weights @ self.mean)

    def _descend(
        self, strength: float, tolerance: float = _TOLERANCE, left: float = 0.0
    ) -> np.ndarray:
        """From `_start` to where no entry of the preconditioned gradient exceeds `tolerance`, or
        only a fraction `left` of the objective is left to gain: weights along the axes, and then
        the bias, `[K,R+1]`."""
        inputs, labels = self._inputs, self.labels
        kind = np.float32 if self.many else np.float64
        rows = max(1, _BLOCK // self.count)
        blocks = [slice(at, at + rows) for at in range(0, len(labels), rows)]

        def logits(weights: np.ndarray, block: slice) -> np.ndarray:
            return np.asarray((inputs[block] @ weights.T.astype(inputs.dtype)).astype(kind))

        def spread(block: slice) -> np.ndarray:
            scores = softmax(logits(self._start, block))
            weighed = self.sample_weights[block].astype(kind)
            return np.asarray(weighed @ np.maximum(scores * (1 - scores), _FLATTEST))

        curvature = strength * _in_turn(spread, blocks)[:, None].astype(np.float64)
        along = curvature * (self.axes.lengths**2 / self.axes.samples)
        scales = np.hstack([1 / np.sqrt(1 + along), 1 / np.sqrt(curvature)]).astype(kind)
        penalty = np.append(np.ones(inputs.shape[1] - 1), 0.0).astype(kind)
        present = np.bincount(labels, minlength=self.count) > 0

        def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(self.count, -1) * scales

            def of(block: slice) -> np.ndarray:
                losses, residual = _cross_entropy(logits(weights, block), labels[block])
                weighed = (strength * self.sample_weights[block]).astype(kind)
                gradient = (residual.T * weighed).astype(inputs.dtype) @ inputs[block]
                value = strength * float(self.sample_weights[block] @ losses)
                return np.array([value, gradient], dtype=object)

            value, gradient = _in_turn(of, blocks)
            value += 0.5 * float(np.sum(penalty * weights**2))
            gradient = gradient + penalty * weights
            gradient[~present, -1] = 0  # an absent label's bias would run away
            return value, (gradient * scales).ravel()

        begin = (self._start / scales).astype(kind).ravel()
        found = minimum(objective, begin, tolerance, left).reshape(self.count, -1)
        return np.asarray(found * scales)


def are_many(pictures: int, count: int) -> bool:
    """Whether so many scores, of pictures times labels, are to be counted out."""
    return pictures * count > _MANY


def _in_turn(function: Callable[[slice], np.ndarray], blocks: Sequence[slice]) -> np.ndarray:
    """The sum of what a function gives for each block: the same bits on any number of cores."""
    first, *others = side_by_side(function, blocks, heavy=len(blocks) > 1)
    return sum(others, start=first)


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
    """The data along its axes `[N,R]`, and these: by the smaller of X X' and X' X; with the former
    the axes themselves are never formed."""
    samples, features = standard.shape
    if samples <= features:
        values, vectors = np.linalg.eigh(standard @ standard.T)
        kept = values > max(values[-1], 1e-12) * 1e-12
        lengths, vectors = np.sqrt(values[kept]), vectors[:, kept]
        return vectors * lengths, _Axes(
            samples,
            lengths,
            lambda w: w.astype(standard.dtype) @ standard.T @ vectors / lengths,
            lambda w: (w / lengths).astype(standard.dtype) @ vectors.T @ standard,
        )
    values, vectors = np.linalg.eigh(standard.T @ standard)
    return standard @ vectors, _Axes(
        samples,
        np.sqrt(np.maximum(values, 0)),
        lambda w: w.astype(standard.dtype) @ vectors,
        lambda w: w.astype(standard.dtype) @ vectors.T,
    )


def _losses(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses `[N]` in nats, exp(logits - their largest) `[N,K]`, and the sums of these `[N]`."""
    powers = logits - logits.max(axis=1, keepdims=True)
    own = powers[np.arange(len(labels)), labels]
    np.exp(powers, out=powers)
    totals = powers.sum(axis=1)
    return np.log(totals) - own, powers, totals


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses `[N]` in nats, and their gradient in the logits, softmax - one-hot, `[N,K]`."""
    losses, gradient, totals = _losses(logits, labels)
    gradient /= totals[:, None]
    gradient[np.arange(len(labels)), labels] -= 1
    return losses, gradient


def compare(regressions: Sequence[Regression], strength: float) -> list[Head]:
    """Rough fits of several at one C; on several threads where each takes long enough, but for
    those that are each done on several."""
    heavy = any(one.heavy for one in regressions) and not any(one.many for one in regressions)
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
    weaker if they claim too much. Of many scores, C is chosen on the first folds, of `_ENOUGH`
    pictures at least, and the others are fitted with it one after the other.
    """
    many = are_many(len(labels), count)
    insides = {int(number): fold != number for number in np.unique(fold)}
    numbers = [number for number, inside in insides.items() if len(np.unique(labels[inside])) > 1]
    judged = np.cumsum([np.count_nonzero(~insides[number]) for number in numbers])
    first = numbers[: 1 + int(np.searchsorted(judged, _ENOUGH))] if many else numbers
    logits = np.zeros((len(labels), count), np.float32 if many else np.float64)

    def prepared(number: int) -> Regression:
        inside = insides[number]
        return Regression(embeddings[inside], labels[inside], count, balanced=balanced, rough=True)

    def judge(by: Mapping[int, Head]) -> None:
        for number, head in by.items():
            outside = ~insides[number]
            logits[outside] = head.logits(embeddings[outside])

    regressions = dict(zip(first, side_by_side(prepared, first, heavy=not many), strict=True))
    searched = np.isin(fold, first) if many else np.ones(len(fold), bool)
    heads: dict[float, dict[int, Head]] = {}
    losses: dict[float, float] = {}

    def loss(index: int) -> float:
        strength = strengths[index]
        if strength not in losses:
            fitted = compare([*regressions.values()], strength)
            heads[strength] = dict(zip(first, fitted, strict=True))
            judge(heads[strength])
            own, temperature = logits[searched], 1.0
            if many:
                temperature = fit_temperature(own, labels[searched])
            losses[strength] = log_loss(own / temperature, labels[searched])
        return losses[strength]

    usual = np.log((_USUAL_OF_MANY * count if many else _USUAL) / len(labels))
    at = int(np.argmin(np.abs(np.log(strengths) - usual)))
    gain = max(_GAIN, _GAIN_OF_MANY * loss(at)) if many else _GAIN
    loss(at)  # also where it is the only one
    own = logits[searched]
    weaker = log_loss(0.9 * own, labels[searched]) < losses[strengths[at]]
    for step in (-1, 1) if weaker else (1, -1):
        while 0 <= at + step < len(strengths) and loss(at + step) < loss(at) - gain:
            at += step
    strength = strengths[at]
    chosen = heads[strength]
    for number in numbers[len(first) :]:
        chosen[number] = prepared(number).fit(strength, ROUGH)
    judge(chosen)
    return OutOfFold(logits, strength, tuple(sorted(losses.items())), chosen, regressions)


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


def fit_temperature(
    logits: np.ndarray, labels: np.ndarray, *, least: float = 1 / _HOTTEST
) -> float:
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
    finest = _FINEST if logits.dtype == np.float32 else 0.0

    def loss(at: float) -> float:
        return log_loss(logits / float(np.exp(at)), labels)  # a float32 stays one

    for _ in range(60):
        if high - low < finest:
            break
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
