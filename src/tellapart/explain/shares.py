"""A head's logits, split exactly into one share for each picture that it was fitted on.

At the minimum of `regression.py`'s objective its gradient is zero, so the weights on embeddings z,
in the frame of `prepared.py`, are a weighted sum of those of the N training pictures (the
representer theorem, Schölkopf et al. 2001; for softmax regression also Yeh et al. 2018,
arXiv:1811.09720):

    W_k = sum_i a_ik z_i        with   a_ik = C s_i (y_ik - p_ik)

The weights of `discriminant.py` solve S W_k = m_k - m, and S is a sum over the pictures plus
s v I, so that they are such a sum too, with p_i the picture's share in all and t_ik what W_k says
of it beyond what it says of its label's mean:

    s v W_k = (m_k - m) - (1 - s) V W_k     a_ik = p_i (y_ik / p_k - 1 - (1 - s) t_ik) / (s v)

Either way a picture pulls at a label as far as what it says is not said by the others yet. The
coefficients of a mean of heads are the mean of theirs, and the logit of any picture is a constant
plus sum_i a_ik <z_i, z>. A solver stops a little before the minimum, and weights are rounded; what
a head then lacks of that sum lies in the span of the z_i as well, and is shared out by least
squares, so that the split is of the head as it is.

Of very many pictures only some are at hand. What a coefficient depends on beside its own picture
are means of all (`moments.py`), so that the shares of those at hand are known all the same, and
what the others add together is what is left of the logit. Nothing can be shared out then: what a
regression lacks that was fitted roughly counts with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..head.discriminant import log_priors, scale_of
from ..head.kinds import REGRESSION, Part
from ..head.linear import Head, balanced_weights
from ..head.moments import Moments
from ..head.prepared import frame_of

_FITTED = 0.1  # of the weights: a head further than this from the minimum was fitted otherwise
_LOST = 1e-5  # of the weights: what no sum of the pictures can give; rounding stays far below
_ROUNDS = 300
_SOLVED = 1e-9  # of the means' length: what solving for a discriminant leaves
_BLOCK = 4096  # pictures whose logits are computed at once
_ENOUGH = 1e-12  # of the weights' square: a round that brings less is the last


@dataclass(frozen=True)
class Split:
    """How the logits of A of a head's labels come from the N pictures it was fitted on, or from N
    of these and the others together.

    Attributes:
        coefficients: above 0 for what a label was learnt from, `[N,A]`.
        standard: the pictures' standardised embeddings, `[N,D]`.
        mean: what they are standardised by, `[D]`.
        deviation: likewise, `[D]`.
        constants: what is of no picture, `[A]`.
        weights: the head's own in that frame, `[A,D]`, where there are others; else None.
    """

    coefficients: np.ndarray
    standard: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    constants: np.ndarray
    weights: np.ndarray | None = None

    def likeness(self, embedding: np.ndarray) -> np.ndarray:
        """`[D]` -> the inner products `[N]` of the standardised embeddings."""
        standard = (embedding - self.mean) / self.deviation
        return np.asarray(np.einsum("nd,d->n", self.standard, standard))  # BLAS starts threads

    def shares(self, embedding: np.ndarray) -> np.ndarray:
        """`[D]` -> what each picture adds to each logit, `[N,A]`.

        Their sum over the pictures plus `constants` and `rest` are the logits.
        """
        return np.asarray(self.coefficients * self.likeness(embedding)[:, None])

    def rest(self, embedding: np.ndarray) -> np.ndarray:
        """`[D]` -> what the pictures that are not among these add to each logit together, `[A]`."""
        if self.weights is None:
            return np.zeros(len(self.constants))
        of_all = np.einsum("ad,d->a", self.weights, (embedding - self.mean) / self.deviation)
        return np.asarray(of_all - self.shares(embedding).sum(axis=0))


class Splitter:
    """A calibrated head, with the embeddings `[N,D]` and labels `[N]` that it was fitted on, made
    ready to split the logits of any of its labels.

    `parts` are what it is the mean of, or itself; each has its setting.
    """

    def __init__(
        self,
        head: Head,
        embeddings: np.ndarray,
        labels: np.ndarray,
        parts: Sequence[Part],
        *,
        balanced: bool = False,
    ) -> None:
        vectors = embeddings.astype(np.float64)
        self.mean, self.deviation = frame_of(vectors)
        self.standard = (vectors - self.mean) / self.deviation
        self.weights = head.weights * self.deviation
        self.constants = head.bias + head.weights @ self.mean
        count = len(head.bias)
        sample_weights = balanced_weights(labels, count) if balanced else np.ones(len(labels))
        within = _Within(self.standard, labels, sample_weights / sample_weights.sum(), count)
        self.parts = [
            _regression_pull(part, weights, constants, self.standard, labels, sample_weights)
            if part.kind == REGRESSION
            else within.pull(part, weights)
            for part, weights, constants in self._by_part(parts, within)
        ]

    def _by_part(
        self, parts: Sequence[Part], within: _Within
    ) -> Iterator[tuple[Part, np.ndarray, np.ndarray]]:
        """Each part with its weights `[K,D]` and constants `[K]` in the frame, not calibrated. Of
        two, the discriminant's are found anew, and the regression's are what the mean lacks."""
        if len(parts) == 1:
            heat = parts[0].temperature
            yield parts[0], heat * self.weights, heat * self.constants
            return
        regression, discriminant = sorted(parts, key=lambda part: part.kind != REGRESSION)
        assert discriminant.setting is not None
        weights, constants = within.solved(discriminant.setting)
        yield discriminant, weights, constants
        heat = discriminant.temperature
        calibrated = constants / heat + within.log_priors
        yield (
            regression,
            regression.temperature * (2 * self.weights - weights / heat),
            regression.temperature * (2 * self.constants - calibrated),
        )

    def split(self, asked: Sequence[int] | None = None) -> Split | None:
        """The split of the logits of A labels `asked`, or of all. None where the head is not the
        minimum on these pictures."""
        chosen = np.arange(len(self.constants)) if asked is None else np.array(asked)
        coefficients = np.mean([pull(chosen) for pull in self.parts], axis=0)
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


class PartSplitter:
    """The same of a head that was fitted on more pictures than the M at hand, with embeddings
    `[M,D]` and labels `[M]`; `moments` are of all. It is no mean of two."""

    def __init__(
        self,
        head: Head,
        embeddings: np.ndarray,
        labels: np.ndarray,
        part: Part,
        moments: Moments,
    ) -> None:
        self.moments = moments
        self.standard = np.float32((embeddings - moments.mean) / moments.deviation)
        self.weights = head.weights * moments.deviation
        self.constants = head.bias + head.weights @ moments.mean
        heat, weights = part.temperature, part.temperature * self.weights
        each = moments.weights[labels]
        if part.kind == REGRESSION:
            constants = heat * self.constants
            self.pull = _regression_pull(part, weights, constants, self.standard, labels, each)
            return
        whole = float(moments.weights @ moments.counts)
        own, shares = moments.counts, moments.shares[labels]

        def beyond(asked: np.ndarray) -> np.ndarray:
            of_means = moments.means @ weights[asked].T
            return np.asarray(self.standard @ weights[asked].T - of_means[labels])

        self.pull = _discriminant_pull(
            part, moments.scale, labels, own, shares, each / whole, beyond
        )

    def split(self, asked: Sequence[int] | None = None) -> Split:
        """The split of the logits of A labels `asked`, or of all."""
        chosen = np.arange(len(self.constants)) if asked is None else np.array(asked)
        return Split(
            coefficients=self.pull(chosen),
            standard=self.standard,
            mean=self.moments.mean,
            deviation=self.moments.deviation,
            constants=self.constants[chosen],
            weights=self.weights[chosen],
        )


Pull = Callable[[np.ndarray], np.ndarray]
"""Labels `[A]` -> the coefficients of the pictures in their logits, `[N,A]`."""


def _regression_pull(
    part: Part,
    weights: np.ndarray,
    constants: np.ndarray,
    standard: np.ndarray,
    labels: np.ndarray,
    sample_weights: np.ndarray,
) -> Pull:
    """C s_i (y_ik - p_ik), calibrated."""
    assert part.setting is not None
    strength = part.setting / part.temperature * sample_weights
    blocks = [slice(at, at + _BLOCK) for at in range(0, len(labels), _BLOCK)]

    def logits(rows: slice, asked: np.ndarray) -> np.ndarray:
        return np.asarray(standard[rows] @ weights[asked].T + constants[asked])

    every = np.arange(len(constants))
    totals = np.concatenate([np.logaddexp.reduce(logits(rows, every), axis=1) for rows in blocks])

    def pull(asked: np.ndarray) -> np.ndarray:
        found = np.exp(logits(slice(None), asked) - totals[:, None])
        return np.asarray(strength[:, None] * ((labels[:, None] == asked) - found))

    return pull


def _discriminant_pull(
    part: Part,
    scale: float,
    labels: np.ndarray,
    counts: np.ndarray,
    shares: np.ndarray,
    weights: np.ndarray,
    beyond: Pull,
) -> Pull:
    """(y_ik / n_k - p_i - (1 - s) q_i t_ik) / (s v), calibrated: n_k are the pictures of a label,
    `counts` `[K]`, p_i a picture's part of the mean, `shares` `[N]`, and q_i its part of the
    covariance, `weights` `[N]`, which is another only where labels are balanced in all folds
    together. `beyond` gives t_ik."""
    assert part.setting is not None
    size, kept = 1 / (part.setting * scale * part.temperature), 1 - part.setting

    def pull(asked: np.ndarray) -> np.ndarray:
        there = counts[asked] > 0  # the weights of others are 0
        own = (labels[:, None] == asked) / np.maximum(counts[asked], 1)
        others = shares[:, None] * there + kept * weights[:, None] * beyond(asked)
        return np.asarray(size * (own - others))

    return pull


class _Within:
    """How pictures differ from the mean of their label: what a discriminant's covariance is of.

    `standard` `[N,D]`, `labels` `[N]`, `shares` `[N]` of each picture in all.
    """

    def __init__(
        self, standard: np.ndarray, labels: np.ndarray, shares: np.ndarray, count: int
    ) -> None:
        self.labels, self.shares = labels, shares
        self.priors = np.bincount(labels, shares, minlength=count)
        own = (labels == np.arange(count)[:, None]) * shares
        means = own @ standard / np.where(self.priors > 0, self.priors, 1)[:, None]
        self.log_priors = log_priors(self.priors, len(labels))
        self.mean = shares @ standard
        self.means = np.where(self.priors[:, None] > 0, means - self.mean, 0)
        self.apart = standard - self.mean - self.means[labels]
        self.scale = scale_of(float(shares @ np.sum(self.apart**2, axis=1)) / standard.shape[1])

    def pull(self, part: Part, weights: np.ndarray) -> Pull:
        """Of the discriminant with these weights `[K,D]`, which are not calibrated."""
        counts = np.bincount(self.labels, minlength=len(self.priors))
        return _discriminant_pull(
            part,
            self.scale,
            self.labels,
            counts,
            self.shares,
            self.shares,
            lambda asked: self.apart @ weights[asked].T,
        )

    def solved(self, shrinkage: float) -> tuple[np.ndarray, np.ndarray]:
        """The discriminant's weights `[K,D]` and constants `[K]`, without priors and not
        calibrated, by conjugate gradients."""
        added = shrinkage * self.scale

        def covered(weights: np.ndarray) -> np.ndarray:
            along = (weights @ self.apart.T) * self.shares
            return np.asarray((1 - shrinkage) * (along @ self.apart) + added * weights)

        found = self.means / added
        rest = self.means - covered(found)
        direction, left = rest, np.sum(rest**2, axis=1)
        enough = _SOLVED**2 * np.sum(self.means**2)
        for _ in range(_ROUNDS):
            if left.sum() <= enough:
                break
            turned = covered(direction)
            step = left / np.maximum(np.sum(direction * turned, axis=1), 1e-300)
            found = found + step[:, None] * direction
            rest = rest - step[:, None] * turned
            before, left = left, np.sum(rest**2, axis=1)
            direction = rest + (left / np.maximum(before, 1e-300))[:, None] * direction
        constants = -np.sum(found * self.means, axis=1) / 2
        constants = np.where(self.priors > 0, constants, self.priors @ constants)
        return found, constants - found @ self.mean


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
