"""How good are these answers? Pure functions over labels and scores; nothing is printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054  # the standard normal's 97.5 % point


@dataclass(frozen=True)
class Proportion:
    """`correct` of `n`, with its 95 % interval; `effect` is how many times larger its variance is
    than that of `n` pictures that say nothing of one another (Kish 1965): n / effect such ones
    would tell as much."""

    correct: int
    n: int
    effect: float = 1.0

    @property
    def value(self) -> float:
        return self.correct / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.correct / self.effect, self.n / self.effect)


@dataclass(frozen=True)
class LabelScore:
    """One label's row: how many there are, and how well they were found."""

    label: str
    n: int
    predicted: int
    correct: int

    @property
    def trusted(self) -> Proportion:
        """Of the pictures given this label, those that have it."""
        return Proportion(self.correct, self.predicted)

    @property
    def found(self) -> Proportion:
        """Of the pictures that have this label, those that were given it."""
        return Proportion(self.correct, self.n)

    @property
    def precision(self) -> float:
        """The share of `trusted`; nan if no picture was given this label."""
        return self.trusted.value

    @property
    def recall(self) -> float:
        """The share of `found`; nan if no picture has this label."""
        return self.found.value

    @property
    def f1(self) -> float:
        total = self.n + self.predicted
        return 2 * self.correct / total if total else math.nan


def wilson(correct: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) when nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    share, square = correct / n, Z_95**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    reach = Z_95 * math.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    low = 0.0 if correct == 0 else centre - reach
    high = 1.0 if correct == n else centre + reach
    return low, high


def per_label(counts: np.ndarray, labels: Sequence[str]) -> tuple[LabelScore, ...]:
    """A row for each label: how many pictures have it, were given it, and both, int `[K,3]`."""
    rows = zip(labels, counts.tolist(), strict=True)
    return tuple(LabelScore(label, *numbers) for label, numbers in rows)


def log_loss(scores: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -log of the true label's score, in nats; scores `[N,K]` are kept above 1e-12."""
    if not len(truth):
        return math.nan
    own = scores[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(own, 1e-12)).mean())


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class CalibrationBin:
    """Pictures whose highest score lies between `low` and `high`: how sure, and how often right."""

    low: float
    high: float
    n: int
    confidence: float  # mean of the highest scores
    accuracy: float


CALIBRATED = 0.03  # a calibration error that nobody would mind
RESAMPLES = 400
BINS = 10


def resampled(n: int, seed: int = 0) -> np.ndarray:
    """How often each of n pictures is drawn in each of `RESAMPLES` draws of n, `[R,N]`."""
    if not n:
        return np.zeros((RESAMPLES, 0))
    random = np.random.default_rng(seed)
    return random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)


def estimate(value: float, draws: np.ndarray) -> Estimate:
    """A figure with the 2.5 % and 97.5 % points of what resampling gave (Efron 1979)."""
    known = draws[np.isfinite(draws)]
    if not len(known):
        return Estimate(value, (math.nan, math.nan))
    low, high = np.quantile(known, [0.025, 0.975])
    return Estimate(value, (min(float(low), value), max(float(high), value)))


def centred_estimate(value: float, draws: np.ndarray) -> Estimate:
    """The same for a figure of at least 0 that resampling makes larger, as it does distances: the
    draws are moved so that their mean is the value (Efron and Tibshirani 1993, chapter 10)."""
    return estimate(value, np.maximum(draws - draws.mean() + value, 0.0))


def mean_estimate(values: np.ndarray, counts: np.ndarray) -> Estimate:
    """The mean of a value a picture `[N]`, from resampling `counts` `[R,N]`; nan of none."""
    if not len(values):
        return Estimate(math.nan, (math.nan, math.nan))
    return estimate(float(values.mean()), counts @ values / counts.sum(axis=1))


def brier(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Each picture's squared distance `[N]` of its scores from the truth, 0 to 2 (Brier 1950)."""
    target = np.zeros_like(scores)
    target[np.arange(len(truth)), truth] = 1
    return np.asarray(((scores - target) ** 2).sum(axis=1))


def balanced_accuracy(rows: Sequence[LabelScore]) -> Estimate:
    """The mean recall over the labels present.

    Its interval is made of the recalls' own (Zou and Donner 2008): it stays honest where all are
    right, and resampling would find no doubt at all.
    """
    recalls = [row.found for row in rows if row.n]
    if not recalls:
        return Estimate(math.nan, (math.nan, math.nan))
    mean = sum(recall.value for recall in recalls) / len(recalls)
    below = math.hypot(*(recall.value - recall.interval[0] for recall in recalls)) / len(recalls)
    above = math.hypot(*(recall.interval[1] - recall.value for recall in recalls)) / len(recalls)
    return Estimate(mean, (mean - below, mean + above))


def f1(row: LabelScore) -> Estimate | None:
    """The F1 of a label; None where it neither occurs nor is given.

    Of the n pictures that have the label or were given it, a share p has both, and F1 is
    2 p / (1 + p): its interval is that of p.
    """
    either = Proportion(row.correct, row.n + row.predicted - row.correct)
    if not either.n:
        return None
    low, high = (2 * bound / (1 + bound) for bound in either.interval)
    return Estimate(row.f1, (low, high))


def top_k(scores: np.ndarray, truth: np.ndarray, k: int) -> Proportion:
    """How often the true label is among the k likeliest."""
    own = scores[np.arange(len(truth)), truth]
    rank = (scores > own[:, None]).sum(axis=1)
    return Proportion(int((rank < k).sum()), len(truth))


def calibration_bins(scores: np.ndarray, truth: np.ndarray) -> tuple[CalibrationBin, ...]:
    """The reliability table of the highest scores, in bins of equal width; empty ones left out."""
    return bins_of(scores.max(axis=1), scores.argmax(axis=1) == truth)


def bins_of(sure: np.ndarray, right: np.ndarray) -> tuple[CalibrationBin, ...]:
    """The same of highest scores `[N]` that were `right` or not, bool `[N]`."""
    index = _bin_of(sure)
    return tuple(
        CalibrationBin(
            b / BINS,
            (b + 1) / BINS,
            int((index == b).sum()),
            float(sure[index == b].mean()),
            float(right[index == b].mean()),
        )
        for b in range(BINS)
        if (index == b).any()
    )


def calibration_error(scores: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Expected calibration error for each row of `counts` `[R,N]`: `[R]` (Naeini et al. 2015).

    The mean over pictures of |how sure - how often right| of their bin.
    """
    return error_of(scores.max(axis=1), scores.argmax(axis=1) == truth, counts)


def error_of(sure: np.ndarray, right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The same of highest scores `[N]` that were `right` or not, bool `[N]`."""
    index = _bin_of(sure)
    gaps = [np.abs(counts[:, index == b] @ (sure - right)[index == b]) for b in range(BINS)]
    return np.asarray(np.sum(gaps, axis=0) / counts.sum(axis=1))


def calibration_luck(scores: np.ndarray, draws: int = 200) -> np.ndarray:
    """The calibration errors that perfectly calibrated scores `[N,K]` show by luck alone, sorted:
    `[draws]`. A picture that is s sure is then right with probability s."""
    if not len(scores):
        return np.ones(draws)  # nothing is known
    return luck_of(scores.max(axis=1), draws)


def luck_of(sure: np.ndarray, draws: int = 200) -> np.ndarray:
    """The same of highest scores `[N]`."""
    sure = np.sort(sure)
    index = _bin_of(sure)
    right = np.random.default_rng(0).random((draws, len(sure))) < sure
    gaps = [np.abs((right - sure)[:, index == b].sum(axis=1)) for b in range(BINS)]
    return np.asarray(np.sort(np.sum(gaps, axis=0) / len(sure)))


def _bin_of(sure: np.ndarray) -> np.ndarray:
    return np.asarray(np.minimum((sure * BINS).astype(int), BINS - 1))


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> Estimate:
    """The area under the ROC curve, of some positives and some others; ties count half.

    The share of (positive, other) pairs in which the positive has the higher score `[N]`. The
    interval is DeLong's (1988), by places in a sorted list (Sun and Xu 2014), on the scale of log
    odds. Where that knows no doubt, at an area of 0 or 1, and of a single picture, the variance is
    at most A (1 - A) / m, m being the smaller of the numbers of positives and others (Bamber 1975),
    that of a share of m: so Wilson's interval.
    """
    own, other = scores[positive], scores[~positive]
    below, under = _places(own, other)
    below = below / len(other)
    above = 1 - under / len(own)
    value = float(below.mean())
    smaller = min(len(below), len(above))
    if smaller < 2 or not 0 < value < 1:
        low, high = wilson(round(value * smaller), smaller)
        return Estimate(value, (min(low, value), max(high, value)))
    error = math.sqrt(below.var(ddof=1) / len(below) + above.var(ddof=1) / len(above))
    odds, reach = math.log(value / (1 - value)), Z_95 * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-bound)) for bound in (odds - reach, odds + reach))
    return Estimate(value, (low, high))


def _places(own: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many of `other` `[N]` are lower than each of `own` `[M]`, equal ones counting half:
    `[M]`; and the other way round, `[N]`. Only `own` is sorted: of many labels it has few."""
    order = np.argsort(own)
    ascending = own[order]
    lower = np.searchsorted(ascending, other, "left")
    not_higher = np.searchsorted(ascending, other, "right")
    twice = np.bincount(lower, minlength=len(own) + 1)
    twice += np.bincount(not_higher, minlength=len(own) + 1)
    below = np.empty(len(own))
    below[order] = np.cumsum(twice)[: len(own)] / 2
    return below, (lower + not_higher) / 2


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of McNemar's test: could two models as good as each other differ so?

    Of the pictures that only one of them had right, each is equally likely to be either's.
    """
    n, few = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n, k) for k in range(few + 1))
    return min(1.0, float(2 * tail / 2**n))


def paired_difference(
    both: float, only_first: float, only_second: float, neither: float
) -> Estimate:
    """How much more often the second of two models is right, on the same pictures.

    Its interval is made of the two shares' own and of how far they go together (Newcombe 1998, on
    paired data, method 10): it stays honest where the two hardly differ.
    """
    n = both + only_first + only_second + neither
    first, second = both + only_first, both + only_second
    (low, high), (least, most) = wilson(first, n), wilson(second, n)
    together = float(both * neither - only_first * only_second)
    if together > 0:
        together = max(together - n / 2, 0.0)
    margins = first * (n - first) * second * (n - second)
    together /= math.sqrt(margins) if margins else 1.0

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(one**2 + other**2 - 2 * together * one * other, 0.0))

    value = (second - first) / n
    below = reach(second / n - least, high - first / n)
    above = reach(most - second / n, first / n - low)
    return Estimate(value, (value - below, value + above))


def paired_gain(first: np.ndarray, second: np.ndarray, groups: Sequence[str]) -> Estimate:
    """The same of answers right or wrong, bool `[N]` each, where pictures of one of the `groups`
    `[N]` may go right and wrong together.

    The counts are divided by the design effect, the variance of the difference by groups over that
    by pictures (Rao and Scott 1992), which is taken to be 1 at least. Where no picture tells the
    two apart there is nothing to see it by: then a group counts as one picture.
    """
    effect = _design_effect(second.astype(float) - first, groups)
    parts = (first & second, first & ~second, second & ~first, ~first & ~second)
    return paired_difference(*(float(part.sum()) / effect for part in parts))


def grouped(right: np.ndarray, groups: np.ndarray) -> Proportion:
    """How many are `right`, bool `[N]`, where those of one of the `groups` `[N]` go right and wrong
    together."""
    effect = _design_effect(right.astype(float), groups) if len(right) else 1.0
    return Proportion(int(right.sum()), len(right), effect)


def _design_effect(values: np.ndarray, groups: Sequence[str] | np.ndarray) -> float:
    """How many times larger the variance of the mean of `[N]` values is than without groups."""
    names = groups if isinstance(groups, np.ndarray) else np.array(groups, dtype=np.str_)
    _, group = np.unique(names, return_inverse=True)
    sizes = np.bincount(group)
    away = values - values.mean()
    simple = float((away**2).sum()) * len(values) / max(len(values) - 1, 1)
    if len(sizes) < 2 or not simple:
        return float((sizes**2).sum() / len(values))
    grouped = float((np.bincount(group, away) ** 2).sum()) * len(sizes) / (len(sizes) - 1)
    return max(1.0, grouped / simple)
