"""Training pictures that push others towards wrong answers, and whether it helps to be without.

A head's logit of a picture is a sum of shares, one for each picture it was fitted on, as
`explain/shares.py` derives:  logit_k(z) = constant + sum_i a_ik <z_i, z>, where a_ik is in
proportion to y_ik - p_ik. How much picture i adds to the loss of the pictures that the head never
saw is then, to first order,

    push_i = sum_k a_ik <z_i, G_k>      with   G_k = sum_j (p_jk - y_jk) z_j

where p_jk are their scores and y_jk is 1 for their label: shares in wrong labels count against a
picture, shares in right ones for it, and both the more, the more wrong the answer is. No table of
pairs is needed. Of a discriminant, a_ik has another form, which says what each picture adds and not
what would be without it: the one above is taken for it too, and finds planted wrong labels better
(benchmarks/structure.py).

Of those that push most some would by chance; what it brings to be without them is measured on the
fold that had no say in choosing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..head.blocks import Vectors, block
from ..head.cross_validation import OutOfFold
from ..head.linear import Head, softmax
from ..head.prepared import Prepared
from ..head.regression import ROUGH

SHARES = (0.05, 0.02)  # of the training pictures that are left out, to see what that brings
_MANY = 5000  # training pictures, of which leaving some out is tried once
_FEWEST = 40  # training pictures, below which nothing is said


@dataclass(frozen=True)
class Harmful:
    """The `rows` of pictures that do harm, the worst first, how hard each of all N pushes towards
    wrong answers `[N]`, and how many `more` of the N are right without them."""

    rows: np.ndarray
    push: np.ndarray
    more: int


def harmful(
    vectors: Vectors, truth: np.ndarray, fold: np.ndarray, found: OutOfFold
) -> Harmful | None:
    """Pictures without which more would be right by more than luck; None if there are none.

    From embeddings `[N,D]`, labels `[N]`, folds `[N]`, and what cross-validation found.
    """
    if found.recipe is None or len(truth) < _FEWEST:
        return None
    by_fold = pushes(vectors, truth, fold, found)
    total = np.sum([*by_fold.values()], axis=0)
    if len(by_fold) < 3 or not (total > 0).any():
        return None
    for share in SHARES[:1] if len(truth) > _MANY else SHARES:
        wins = losses = 0
        for number, prepared in found.prepared.items():
            inside, outside = np.flatnonzero(fold != number), fold == number
            push = (total - by_fold[number])[inside]
            kept = np.ones(len(inside), dtype=bool)
            kept[_worst(push, share)] = False
            if len(np.unique(truth[inside[kept]])) < len(np.unique(truth[inside])):
                return None  # a label would be gone
            head = found.recipe.fit(prepared.among(kept), ROUGH)
            now = (
                head.logits(block(vectors, np.flatnonzero(outside))).argmax(axis=1)
                == truth[outside]
            )
            before = found.logits[outside].argmax(axis=1) == truth[outside]
            wins += int((now & ~before).sum())
            losses += int((before & ~now).sum())
        if wins - losses > np.sqrt(wins + losses):  # more than the standard error by chance alone
            return Harmful(_worst(total, share), total, wins - losses)
    return None


def _worst(push: np.ndarray, share: float) -> np.ndarray:
    """The rows of that share of pictures which push hardest, of those that push at all."""
    rows = np.argsort(-push, kind="stable")[: max(1, round(share * len(push)))]
    return np.asarray(rows[push[rows] > 0])


def pushes(
    vectors: Vectors, truth: np.ndarray, fold: np.ndarray, found: OutOfFold
) -> Mapping[int, np.ndarray]:
    """How hard each picture pushes those of each fold towards wrong answers, `[N]`; those of the
    fold itself do not."""
    by_fold = {}
    for number, prepared in found.prepared.items():
        outside = fold == number
        wrong = softmax(found.logits[outside].copy())
        wrong[np.arange(len(wrong)), truth[outside]] -= 1
        summed = wrong.T @ block(vectors, np.flatnonzero(outside)) - np.outer(
            wrong.sum(axis=0), prepared.mean
        )
        pull = prepared.axes.along(summed / prepared.deviation)  # [K,R]
        pushed = np.sum(
            _coefficients(prepared, found.heads[number]) * (prepared.inputs[:, :-1] @ pull.T),
            axis=1,
        )
        by_fold[number] = np.zeros(len(truth))
        by_fold[number][~outside] = pushed
    return by_fold


def _coefficients(prepared: Prepared, head: Head) -> np.ndarray:
    """a_ik `[N,K]`, up to a factor, of the pictures that a head was fitted on."""
    weights, bias = prepared.along(head)
    residual = -softmax(prepared.inputs[:, :-1] @ weights.T + bias)
    residual[np.arange(len(residual)), prepared.labels] += 1
    return np.asarray(prepared.sample_weights[:, None] * residual)
