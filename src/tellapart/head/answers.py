"""What heads say of embeddings that are too many for memory, a block at a time.

All logits of a million pictures are as many numbers as pictures times labels. They are written into
an array that may lie in a file, or not kept at all: of each picture four numbers say what its label
was taken for, how sure that was, and what it lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..workers.local import Each, local_map
from . import blocks
from .blocks import Vectors, block, slices
from .linear import Head, losses_and_powers

SCORES = 8_000_000  # that are computed at once
MOST_SCORES = 250_000_000  # that are kept in memory


@dataclass(frozen=True)
class LogitSummary:
    """Of the logits of N pictures what is kept, however many labels there are: each `[N]`.

    Attributes:
        given: the number of the label with the largest logit, int32.
        largest: that logit, float32.
        own: the logit of the picture's own label, float32.
        total: the logarithm of the sum of the powers of all, float32; a free energy with its sign
            turned.
    """

    given: np.ndarray
    largest: np.ndarray
    own: np.ndarray
    total: np.ndarray

    @property
    def losses(self) -> np.ndarray:
        """-log of the score of each one's own label, in nats."""
        return np.asarray(self.total - self.own)

    @property
    def scores(self) -> np.ndarray:
        """The highest score of each."""
        return np.asarray(np.exp(self.largest - self.total))


def told(
    vectors: Vectors,
    heads: Mapping[int, Head],
    fold: np.ndarray,
    labels: np.ndarray,
    count: int,
    into: np.ndarray | None = None,
) -> tuple[np.ndarray, LogitSummary]:
    """What `heads` say of embeddings `[N,D]` with labels int `[N]`, each of the fold of its number:
    all logits, and what they come to.

    They are 0 where a fold has no head. They are written `into` a float32 `[N,K]`, if there is one;
    else they are kept in memory, or, if they are more than `MOST_SCORES`, not at all: `[0,K]`.
    """
    if into is None:
        fits = len(labels) * count <= MOST_SCORES
        into = np.zeros((len(labels) if fits else 0, count), np.float32)
    rounded = {
        number: (np.float32(head.weights.T), np.float32(head.bias))
        for number, head in heads.items()
    }
    given = np.zeros(len(labels), np.int32)
    largest, own, total = np.zeros((3, len(labels)), np.float32)

    def answer(some: slice) -> None:
        held = block(vectors, some)
        logits = np.zeros((len(held), count), np.float32)
        for number in np.unique(fold[some]).tolist():
            if number in rounded:
                weights, bias = rounded[number]
                outside = fold[some] == number
                logits[outside] = held[outside] @ weights + bias
        if len(into):
            into[some] = logits
        given[some] = logits.argmax(axis=1)
        each = np.arange(len(held))
        largest[some], own[some] = logits[each, given[some]], logits[each, labels[some]]
        total[some] = losses_and_powers(logits, labels[some])[0] + own[some]

    rows = max(1, min(blocks.ROWS, SCORES // count))
    for _ in local_map(Each(answer), ([some] for some in slices(len(labels), rows))):
        pass
    return into, LogitSummary(given, largest, own, total)
