"""Scores that mean what they say: one temperature that logits are divided by."""

from __future__ import annotations

import numpy as np

from .blocks import are_large, evenly
from .linear import losses_of

COLDEST, HOTTEST = 1 / 8, 1000.0  # a discriminant's logits have a scale of their own
_FINEST = 1e-4  # of log T: what its loss can tell apart
_ENOUGH = 10_000_000  # logits, of very many, that a temperature is fitted to
_FEWEST = 2_000  # pictures that these are of, at least
_AT_ONCE = 500_000  # logits that are cooled at once: as many as a processor has at hand
_DOUBT = 0.1  # pictures that are taken to have got another label than they seem to have


def fit_temperature(
    logits: np.ndarray,
    labels: np.ndarray,
    *,
    least: float = COLDEST,
    priors: np.ndarray | None = None,
) -> float:
    """The T that minimises the log loss of logits / T (Guo et al. 2017, arXiv:1706.04599), or of
    logits / T + log priors `[K]`, where the logits are without them.

    Golden-section search over log T from `least` to `HOTTEST`; the loss is convex in 1/T. Each step
    compares two places, of which the step before has tried one. It is 1 where the logits say
    nothing. A head whose settings were chosen for the least log loss needs no T below 1: where one
    would fit these pictures better, that is the luck of too few mistakes, and dear at the first
    mistake on others. For the same reason `_DOUBT` of a picture is counted as wrong, so that no
    scores are certain because all of a few pictures were right (after Platt 1999, section 2.2, who
    counts one). Of very many logits, which may lie in a file, it takes those of evenly spread
    pictures.
    """
    if are_large(logits):
        some = evenly(len(labels), max(_FEWEST, _ENOUGH // logits.shape[1]))
        logits, labels = logits[some], labels[some]
    if not logits.any():
        return 1.0
    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(least), np.log(HOTTEST)
    own = logits[np.arange(len(labels)), labels]
    others = (logits.sum(axis=1, dtype=np.float64) - own) / (logits.shape[1] - 1)
    doubted = _DOUBT / (len(labels) + 2) * float(np.mean(own - others))

    height = max(1, _AT_ONCE // logits.shape[1])
    blocks = [slice(at, at + height) for at in range(0, len(labels), height)]
    shift = None if priors is None else priors.astype(logits.dtype)
    losses = np.empty(len(labels), logits.dtype)

    def loss(at: float) -> float:
        heat = float(np.exp(at))  # a float32 stays one
        for some in blocks:
            cooled = logits[some] / heat
            if shift is not None:
                cooled += shift
            losses[some] = losses_of(cooled, labels[some])
        return float(np.mean(losses)) + doubted / heat

    of_left: float | None = None
    of_right: float | None = None
    while high - low > _FINEST:
        left, right = high - golden * (high - low), low + golden * (high - low)
        of_left = loss(left) if of_left is None else of_left
        of_right = loss(right) if of_right is None else of_right
        if of_left <= of_right:
            high, of_left, of_right = right, None, of_left
        else:
            low, of_left, of_right = left, of_right, None
    return float(np.exp((low + high) / 2))
