"""How likely each label is wrong, and how often labels are wrong at all, by what judges say.

A label is taken to come about in two steps: a picture shows j with the probability that the judges
give it, sharpened by a power c, and is then labelled k with a probability M_jk,

    P(label = k) = sum_j p_j^c / Z * M_jk

as Natarajan et al. (2013) and Patrini et al. (2017) have it. M is found by expectation and
maximisation (Dempster et al. 1977), with `_DOUBT` more pictures of each label that are wrong as
often as all are, so that one odd picture makes no rule; c is that of the highest likelihood. Then
the label of a picture is wrong with the probability that it shows another one. Pictures that are
hard have c to account for them, and those that judges are certain of, against the label, have M.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..head.linear import softmax

POWERS = tuple(float(np.exp(step / 4)) for step in range(6))  # 1 to 3.5
_DOUBT = 3.0  # pictures
_STEPS = 30
_MOST = 0.45  # of a label's pictures can be taken to be labelled otherwise
_FLOOR = 1e-9  # the least probability a judge is taken to give


class Noise(Protocol):
    """What is known of how labels came about."""

    def odds(self, mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The logarithm of the odds that each label is wrong, by probabilities `[N,K]`: `[N]`."""


@dataclass(frozen=True)
class LabelNoise:
    """What is known of how labels came about.

    Attributes:
        power: c.
        chances: `[K,K]`, how often what shows j (a row) is labelled k.
    """

    power: float
    chances: np.ndarray

    def odds(self, mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The logarithm of the odds that each label is wrong, by probabilities `[N,K]`: `[N]`."""
        joint = self._joint(mixture, labels)
        each = np.arange(len(labels))
        right = joint[each, labels]
        joint[each, labels] = 0
        return np.asarray(np.log(np.maximum(joint.sum(axis=1), 1e-300)) - np.log(right))

    def _joint(self, mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """That a picture shows j and is labelled as it is, `[N,K]`."""
        shown = softmax(self.power * np.log(np.maximum(mixture, _FLOOR)))
        return np.asarray(shown * self.chances[:, labels].T)


@dataclass(frozen=True)
class LabelRate:
    """The same of very many labels, of which all others are taken to be as likely: c, and how often
    a label is wrong."""

    power: float
    rate: float

    def odds(self, mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
        own = _own(mixture, labels, self.power)
        return self._odds(own, mixture.shape[1])

    def _odds(self, own: np.ndarray, count: int) -> np.ndarray:
        wrong = np.maximum((1 - own) * self.rate / (count - 1), 1e-300)
        return np.asarray(np.log(wrong) - np.log(np.maximum(own * (1 - self.rate), 1e-300)))


def label_rate(blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> LabelRate:
    """By blocks of probabilities `[B,K]` and labels int `[B]`; see `label_noise`."""
    owns: list[np.ndarray] = []  # of the labels that pictures have, at each power
    count = 2
    for mixture, labels in blocks:
        count = mixture.shape[1]
        owns.append(np.stack([_own(mixture, labels, power) for power in POWERS]))
    found = []
    for power, own in zip(POWERS, np.concatenate(owns, axis=1), strict=True):
        rate = 0.05
        for _ in range(_STEPS):
            right, wrong = own * (1 - rate), (1 - own) * rate / (count - 1)
            doubt = np.sum(wrong / np.maximum(right + wrong, 1e-300))
            rate = min(0.4, float(doubt + 0.5) / (len(own) + 10))
        likely = np.log(np.maximum(own * (1 - rate) + (1 - own) * rate / (count - 1), 1e-300))
        found.append((float(likely.sum()), LabelRate(power, rate)))
    return max(found, key=lambda one: one[0])[1]


def _own(mixture: np.ndarray, labels: np.ndarray, power: float) -> np.ndarray:
    """What each one's own label has once probabilities `[N,K]` are sharpened, `[N]`."""
    sharp = np.maximum(mixture, _FLOOR) ** power
    return np.asarray(sharp[np.arange(len(labels)), labels] / sharp.sum(axis=1))


def label_noise(mixture: np.ndarray, labels: np.ndarray) -> LabelNoise:
    """The noise in N labels of which judges that did not know them say `mixture` `[N,K]`."""
    logarithms = np.log(np.maximum(mixture, _FLOOR))
    return max(
        (_fit(softmax(power * logarithms), labels, power) for power in POWERS),
        key=lambda found: found[0],
    )[1]


def _fit(shown: np.ndarray, labels: np.ndarray, power: float) -> tuple[float, LabelNoise]:
    """The log likelihood of the chances that are likeliest at a power, and these."""
    pictures, count = shown.shape
    apart = 1 - np.eye(count)
    order = np.argsort(labels, kind="stable")
    present, begins = np.unique(labels[order], return_index=True)
    shown, labels = shown[order], labels[order]
    rate = 0.05
    chances = _usual(rate, count)
    for _ in range(_STEPS):
        joint = shown * chances[:, labels].T
        total = joint.sum(axis=1)
        counted = np.zeros((count, count))  # showing j and labelled k
        counted[:, present] = np.add.reduceat(joint / total[:, None], begins, axis=0).T
        wrong = counted * apart
        rate = min(0.4, float(wrong.sum() + 0.5) / (pictures + 10))
        doubted = wrong + _DOUBT * rate / (count - 1) * apart
        chances = doubted / (counted.sum(axis=1, keepdims=True) + _DOUBT)
        chances *= np.minimum(1, _MOST / chances.sum(axis=1, keepdims=True))
        np.fill_diagonal(chances, 1 - chances.sum(axis=1))
    usual = _usual(rate, count)
    strange = float(np.sum(usual * np.log(usual / chances)))
    return float(np.log(total).sum()) - _DOUBT * strange, LabelNoise(power, chances)


def _usual(rate: float, count: int) -> np.ndarray:
    """Chances `[K,K]` if all other labels were as likely."""
    found = np.full((count, count), rate / (count - 1))
    np.fill_diagonal(found, 1 - rate)
    return found
