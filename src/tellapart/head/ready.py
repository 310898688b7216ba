"""What heads are fitted on, in memory or by blocks, and what fits them there."""

from __future__ import annotations

import numpy as np

from .block_regression import BlockRegression
from .blocks import Vectors, are_large, whole_of
from .discriminant import Discriminant, Discriminants
from .linear import balanced_weights
from .prepared import Prepared
from .regression import Regression
from .summed import Summed, SummedDiscriminant
from .sums import sums_by_fold, total

Ready = Prepared | Summed


def made_ready(
    embeddings: Vectors,
    labels: np.ndarray,
    count: int,
    *,
    balanced: bool = False,
    rough: bool = False,
) -> Ready:
    """N embeddings `[N,D]` with labels int `[N]`; `rough` where fits are to be compared.

    Those that are large are summed up in one pass over them, and stay where they are.
    """
    if not are_large(embeddings):
        return Prepared(whole_of(embeddings), labels, count, balanced=balanced, rough=rough)
    weights = label_weights(labels, count) if balanced else None
    together = total(sums_by_fold(embeddings, labels, np.zeros(len(labels), np.int8), weights))
    return Summed(embeddings, labels, count, together, weights)


def label_weights(labels: np.ndarray, count: int) -> np.ndarray:
    """The weights of labels that are balanced, `[K]`; 0 where one has no pictures."""
    weights = np.zeros(count)
    weights[labels] = balanced_weights(labels, count)
    return weights


def discriminant_of(ready: Ready) -> Discriminants:
    return SummedDiscriminant(ready) if isinstance(ready, Summed) else Discriminant(ready)


def regression_of(ready: Ready) -> Regression | BlockRegression:
    return BlockRegression(ready) if isinstance(ready, Summed) else Regression(ready)
