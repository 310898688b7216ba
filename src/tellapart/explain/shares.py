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

from dataclasses import dataclass

import numpy as np

from ..head.regression import Head, softmax, standardisation

_FITTED = 0.1  # of the weights: a head further than this from the minimum was fitted otherwise
_LOST = 1e-5  # of the weights: what no sum of the pictures can give; rounding stays far below
_ROUNDS = 300
_ENOUGH = 1e-12  # of the weights' square: a round that brings less is the last


@dataclass(frozen=True)
class Split:
    """How the logits of a head come from the N pictures it was fitted on.

    `coefficients` `[N,K]` are above 0 for what a label was learnt from; `standard` `[N,D]` are the
    pictures' standardised embeddings, with the `mean` and `deviation` `[D]` they were made by;
    `constants` `[K]` are of no picture.
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
        """`[D]` -> what each picture adds to each logit, `[N,K]`.

        Their sum over the pictures plus `constants` are the logits.
        """
        return np.asarray(self.coefficients * self.likeness(embedding)[:, None])


def split_head(
    head: Head,
    embeddings: np.ndarray,
    labels: np.ndarray,
    *,
    strength: float,
    temperature: float,
    sample_weights: np.ndarray | None = None,
) -> Split | None:
    """Split a calibrated head by the embeddings `[N,D]` and labels `[N]` it was fitted on.

    `strength` is its C, `temperature` what its logits were divided by. None where the head is not
    the minimum on these pictures.
    """
    vectors = embeddings.astype(np.float64)
    mean, deviation = standardisation(vectors)
    standard = (vectors - mean) / deviation
    own = np.eye(len(head.bias))[labels]
    found = softmax(temperature * head.logits(vectors))
    weights = np.ones(len(labels)) if sample_weights is None else sample_weights
    coefficients = (strength / temperature) * weights[:, None] * (own - found)
    target = head.weights * deviation
    size = float(np.linalg.norm(target))
    lacking = target - coefficients.T @ standard
    if np.linalg.norm(lacking) > _FITTED * size:
        return None
    correction, lost = _shared_out(lacking, standard, _ENOUGH * size**2)
    if lost > _LOST * size:
        return None
    return Split(
        coefficients=coefficients + correction,
        standard=standard,
        mean=mean,
        deviation=deviation,
        constants=head.bias + head.weights @ mean,
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
