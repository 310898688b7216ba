"""Which pictures to label next: those whose labels would settle most doubt about all the others.

Transductive experimental design (Yu, Bi & Tresp 2006, "Active learning via transductive
experimental design"), with each picture weighed by how unsure the model is of it. A label is seen
as a noisy value of a Gaussian process whose covariance is the cosine of the embeddings. What is
known already takes its part of the variance away; then, one after the other, the picture is
chosen whose label would lower the weighed sum of what is left the most. So pictures that are
unsure, that stand for many unsure ones, and that are unlike those already chosen come first, and
a single unusual picture does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .directions import unit

NOISE = 0.3  # variance of a label's noise, where a picture's own variance is 1


@dataclass(frozen=True)
class Chosen:
    """The chosen rows `[n]`, best first, and what each settles, as a fraction of all doubt `[n]`.

    `stands_for` `[n]` counts the pictures not chosen that are nearest to each.
    """

    rows: np.ndarray
    settles: np.ndarray
    stands_for: np.ndarray


def doubts(scores: np.ndarray) -> np.ndarray:
    """How unsure scores `[N,K]` are, 0 to 1, `[N]`: 1 less the lead of the likeliest label."""
    first_two = -np.partition(-scores, 1, axis=1)[:, :2]
    return np.asarray(1 - (first_two[:, 0] - first_two[:, 1]))


def choose(vectors: np.ndarray, doubt: np.ndarray, known: np.ndarray, count: int) -> Chosen:
    """Choose `count` of N pictures, or all if there are fewer.

    `vectors` `[N,D]` and `known` `[M,D]` are the embeddings of those that could be labelled and of
    those that are; `doubt` `[N]` weighs the former. Of equals, the first row is chosen. Takes
    memory for N x N and the smaller of M x M and D x D numbers.
    """
    centre = np.concatenate([vectors, known]).mean(axis=0, dtype=np.float64)
    pool, learnt = unit(vectors, centre), unit(known, centre)
    left = _unexplained(pool, learnt)
    weights = doubt.astype(np.float32)
    count = min(count, len(pool))
    total = float(np.diag(left) @ weights)
    free = np.ones(len(pool), bool)
    rows, settled = np.zeros(count, np.int64), np.zeros(count)
    for number in range(count):
        spread = np.diag(left) + np.float32(NOISE)
        gains = np.where(free, (left**2) @ weights / spread, -1)
        best = int(gains.argmax())
        rows[number], settled[number], free[best] = best, gains[best], False
        column = left[best].copy()
        left -= np.outer(column, column / spread[best])
    fraction = settled / total if total > 0 else settled
    return Chosen(rows, fraction, _followers(pool, rows, free))


def _unexplained(pool: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """The covariance `[N,N]` of the pool `[N,D]` once the labels of `learnt` `[M,D]` are known.

    P P' - P L' (L L' + s I)^-1 L P', or by Woodbury's identity s P (L' L + s I)^-1 P': whichever
    matrix is smaller is inverted.
    """
    count, dimensions = learnt.shape
    if count == 0:
        return np.asarray(pool @ pool.T)
    if count <= dimensions:
        inner = (learnt @ learnt.T).astype(np.float64) + NOISE * np.eye(count)
        across = learnt @ pool.T
        return np.asarray(pool @ pool.T - across.T @ np.linalg.solve(inner, across), np.float32)
    inner = (learnt.T @ learnt).astype(np.float64) + NOISE * np.eye(dimensions)
    return np.asarray(NOISE * (pool @ np.linalg.solve(inner, pool.T)), np.float32)


def _followers(pool: np.ndarray, rows: np.ndarray, free: np.ndarray) -> np.ndarray:
    """How many of the `free` rows are nearest to each of `rows`, `[n]`."""
    if not len(rows):
        return np.zeros(0, np.int64)
    nearest = (pool[free] @ pool[rows].T).argmax(axis=1)
    return np.bincount(nearest, minlength=len(rows))
