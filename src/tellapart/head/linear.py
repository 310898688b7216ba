"""A linear head, whatever fitted it, and what its logits say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..workers.local import Each, local_map
from .blocks import Vectors, are_large, block, slices, whole_of


@dataclass(frozen=True)
class Head:
    """A linear layer: logits = embeddings @ weights.T + bias. `weights` `[K,D]`, `bias` `[K]`."""

    weights: np.ndarray
    bias: np.ndarray

    def logits(self, embeddings: Vectors) -> np.ndarray:
        """`[N,D]` -> `[N,K]`; float32, if the embeddings are too many for memory."""
        if not are_large(embeddings):
            return np.asarray(whole_of(embeddings) @ self.weights.T + self.bias)
        logits = np.empty((len(embeddings), len(self.bias)), np.float32)
        weights, bias = np.float32(self.weights.T), np.float32(self.bias)

        def fill(some: slice) -> None:
            np.matmul(block(embeddings, some), weights, out=logits[some])
            logits[some] += bias

        for _ in local_map(Each(fill), ([some] for some in slices(len(embeddings)))):
            pass
        return logits

    def calibrated(self, temperature: float) -> Head:
        """The same head with its logits divided by `temperature`."""
        return replace(self, weights=self.weights / temperature, bias=self.bias / temperature)

    def shifted(self, logits: np.ndarray) -> Head:
        """The same head with `[K]` added to its logits."""
        return replace(self, bias=self.bias + logits)

    def rounded(self) -> Head:
        """The same head with its weights as a float32 keeps them."""
        return replace(self, weights=self.weights.astype(np.float32).astype(np.float64))


Solver = Callable[[Any, np.ndarray, int], Head]
"""Embeddings `[N,D]` (an array, or `Rows` of very many), labels `[N]` in 0..K-1, K -> a head."""


def mean_of(heads: Sequence[Head]) -> Head:
    """The head whose logits are the mean of those of `heads`: up to what all labels share, the mean
    of their log-probabilities."""
    if len(heads) == 1:  # of very many labels a copy takes a while, and room
        return heads[0]
    return Head(
        np.mean([head.weights for head in heads], axis=0),
        np.mean([head.bias for head in heads], axis=0),
    )


def softmax(logits: np.ndarray) -> np.ndarray:
    """`[N,K]` -> probabilities `[N,K]`, each row summing to 1."""
    powers = logits - logits.max(axis=1, keepdims=True)
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=1, keepdims=True)
    return np.asarray(powers)


def log_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log softmax(logits)[label], in nats."""
    return float(np.mean(losses_of(logits, labels)))


def losses_of(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log softmax(logits)[label] of each picture, in nats: `[N]`."""
    return losses_and_powers(logits, labels)[0]


def losses_and_powers(
    logits: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Losses `[N]` in nats, exp(logits - their largest) `[N,K]`, and the sums of these `[N]`."""
    powers = logits - logits.max(axis=1, keepdims=True)
    own = powers[np.arange(len(labels)), labels]
    np.exp(powers, out=powers)
    totals = powers.sum(axis=1)
    return np.log(totals) - own, powers, totals


def balanced_weights(labels: np.ndarray, count: int) -> np.ndarray:
    """A weight for each picture, so that every label weighs the same: N / (K * N_label)."""
    per_label = np.bincount(labels, minlength=count)
    weights = len(labels) / (count * np.maximum(per_label, 1))
    return np.asarray(weights[labels])
