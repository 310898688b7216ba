"""A head's logits, split exactly into one share for each picture that it was fitted on.

At the minimum of `regression.py`'s objective its gradient is zero, so the weights on standardised
embeddings z are a weighted sum of those of the N training pictures (the representer theorem,
Schölkopf et al. 2001; for softmax regression also Yeh et al. 2018, arXiv:1811.09720):

    W_k = sum_i a_ik z_i        with   a_ik = C s_i (y_ik - p_ik)

and the logit of any picture is a constant plus sum_i a_ik <z_i, z>. A solver stops a little before
the minimum; what its weights then lack of that sum lies in the span of the z_i as well, and is
shared out by least squares, so that the split is of the head as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..head.regression import Head, standardisation

_FITTED = 0.1  # of the weights: a head further than this from the minimum was fitted otherwise
_LOST = 1e-5  # of the weights: what no sum of the pictures can give; rounding stays far below
_ROUNDS = 300
_BLOCK = 4096  # pictures whose logits are computed at once
_ENOUGH = 1e-12  # of the weights' square: a round that brings less is the last


@dataclass(frozen=True)
class Split:
    """How the logits of A of a head's labels come from the N pictures it was fitted on.

    `coefficients` `[N,A]` are above 0 for what a label was learnt from; `standard` `[N,D]` are the
    pictures' standardised embeddings, with the `mean` and `deviation` `[D]` they were made by;
    `constants` `[A]` are of no picture.
    """

    coefficients: np.ndarray
    standard: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    constants: np.ndarray

    def likeness(self, embedding: np.ndarray) -> np.ndarray:
        """`[D]` -> the inner products `[N]` of the standardised embeddings."""
        standard = (embedding - self.mean) / self.deviation
        return np.asarray(np.einsum("nd,d->n", self.standard, standard))  # BLAS starts threads

    def shares(self, embedding: np.ndarray) -> np.ndarray:
        """`[D]` -> what each picture adds to each logit, `[N,A]`.

        Their sum over the pictures plus `constants` are the logits.
        """
        return np.asarray(self.coefficients * self.likeness(embedding)[:, None])


class Splitter:
    """A calibrated head, with the embeddings `[N,D]` and labels `[N]` that it was fitted on, made
    ready to split the logits of any of its labels.

    `strength` is its C, `temperature` what its logits were divided by.
    """

    def __init__(
        self,
        head: Head,
        embeddings: np.ndarray,
        labels: np.ndarray,
        *,
        strength: float,
        temperature: float,
        sample_weights: np.ndarray | None = None,
    ) -> None:
        vectors = embeddings.astype(np.float64)
        self.labels = labels
        self.mean, self.deviation = standardisation(vectors)
        self.standard = (vectors - self.mean) / self.deviation
        self.weights = head.weights * self.deviation
        self.constants = head.bias + head.weights @ self.mean
        self.temperature = temperature
        weights = np.ones(len(labels)) if sample_weights is None else sample_weights
        self.pull = (strength / temperature) * weights
        blocks = (slice(at, at + _BLOCK) for at in range(0, len(labels), _BLOCK))
        every = np.arange(len(head.bias))
        self.totals = np.concatenate(
            [np.logaddexp.reduce(self._logits(block, every), axis=1) for block in blocks]
        )

    def _logits(self, rows: slice, asked: np.ndarray) -> np.ndarray:
        """Of some pictures and labels, before they were calibrated."""
        found = self.standard[rows] @ self.weights[asked].T + self.constants[asked]
        return np.asarray(self.temperature * found)

    def split(self, asked: Sequence[int] | None = None) -> Split | None:
        """The split of the logits of A labels `asked`, or of all. None where the head is not the
        minimum on these pictures."""
        chosen = np.arange(len(self.constants)) if asked is None else np.array(asked)
        own = self.labels[:, None] == chosen
        found = np.exp(self._logits(slice(None), chosen) - self.totals[:, None])
        coefficients = self.pull[:, None] * (own - found)
        target = self.weights[chosen]
        size = float(np.linalg.norm(target))
        lacking = target - coefficients.T @ self.standard
        if np.linalg.norm(lacking) > _FITTED * size:
            return None
        correction, lost = _shared_out(lacking, self.standard, _ENOUGH * size**2)
        if lost > _LOST * size:
            return None
        return Split(
            coefficients=coefficients + correction,
            standard=self.standard,
            mean=self.mean,
            deviation=self.deviation,
            constants=self.constants[chosen],
        )


def _shared_out(target: np.ndarray, inputs: np.ndarray, enough: float) -> tuple[np.ndarray, float]:
    """The smallest X `[N,K]` with X.T @ inputs nearest to `target` `[K,D]`, and how far it stays.

    Conjugate gradients on the normal equations (Björck 1996, algorithm 7.4.1), all K at once.
    """
    found = np.zeros((len(target), len(inputs)))
    rest = target
    slope = rest @ inputs.T
    direction, steepness = slope, np.sum(slope**2, axis=1)
    for _ in range(_ROUNDS):
        along = direction @ inputs
        step = steepness / np.maximum(np.sum(along**2, axis=1), 1e-300)
        gain = step**2 * np.sum(along**2, axis=1)
        found = found + step[:, None] * direction
        rest = rest - step[:, None] * along
        if gain.sum() <= enough:
            break
        slope = rest @ inputs.T
        before, steepness = steepness, np.sum(slope**2, axis=1)
        direction = slope + (steepness / np.maximum(before, 1e-300))[:, None] * direction
    return found.T, float(np.linalg.norm(rest))
