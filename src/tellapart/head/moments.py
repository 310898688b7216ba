"""What the pictures that a head was fitted on have together, however many they are.

Beside a picture itself, this is all that its share in the head's logits depends on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .summed import Summed, SummedDiscriminant


@dataclass(frozen=True, eq=False)
class Moments:
    """Of N pictures of K labels with embeddings of D values.

    Attributes:
        counts: how many pictures each label has, int `[K]`.
        weights: what each picture of a label counts, `[K]`.
        mean: of the embeddings, `[D]`.
        deviation: what their values are divided by in the frame, `[D]`.
        means: of each label's embeddings in the frame, float32 `[K,D]`; 0 where it has none.
        scale: the variance of a value within labels, in the frame.
    """

    counts: np.ndarray
    weights: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    means: np.ndarray
    scale: float

    @classmethod
    def of(cls, ready: Summed) -> Moments:
        found = SummedDiscriminant(ready)
        counts = np.zeros(ready.count, np.int64)
        counts[ready.sums.labels] = ready.sums.counts
        means = np.where(counts[:, None] > 0, found.means + found.mean, 0).astype(np.float32)
        weights = np.ones(ready.count) if ready.weights is None else ready.weights
        return cls(counts, weights, ready.mean, ready.deviation, means, found.scale)

    @property
    def shares(self) -> np.ndarray:
        """Of each picture of a label in the mean of all that a discriminant takes, `[K]`: where
        labels are balanced, the mean of their means."""
        if (self.weights == 1).all():
            return np.full(len(self.counts), 1 / self.counts.sum())
        return np.asarray(1 / np.maximum(self.counts, 1) / np.count_nonzero(self.counts))
