"""The original's way of training the last layer: many small steps on random batches.

retrain.py (2016) drew 100 random bottlenecks at a time, took a step of plain gradient descent on
the softmax layer's cross entropy, and tested a validation set from time to time. It is here for
people who want to repeat that; the exact solver in `regression.py` finds the minimum directly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError, option
from .blocks import Rows, Vectors, are_large, evenly, slices
from .linear import Head, softmax

LARGEST_BATCH = 10_000  # pictures: their embeddings are copied in every step
MOST_WATCHING = 10_000  # pictures, of very many, that validate without being learnt from
MOST_WATCHED = 10_000_000  # scores of theirs: they are computed every few steps
MANY_WEIGHTS = 2_000_000  # from which on they are of float32, as the original's were
LENGTH = 16.0  # of embeddings that have length 1, while they are learnt from
_ROUNDING = 1e-3  # by which a length of 1 may be more
_LARGEST_WEIGHT = 1e9  # beyond it logits come near what a float32 holds, and nothing is learnt


@dataclass(frozen=True)
class SgdSettings:
    """The settings of retrain.py, with its names and its defaults.

    Attributes:
        steps: how many steps to take.
        learning_rate: the size of a step.
        batch_size: pictures per step.
        validation: the fraction of the pictures kept for validation.
        eval_every: steps between two lines of the log.
        seed: which random batches to draw.
    """

    steps: int = 4000
    learning_rate: float = 0.01
    batch_size: int = 100
    validation: float = 0.10
    eval_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, sound, expected in (
            ("steps", self.steps >= 1, "1 or more"),
            ("learning_rate", 0 < self.learning_rate < math.inf, "above 0"),
            ("batch_size", 1 <= self.batch_size <= LARGEST_BATCH, f"1 to {LARGEST_BATCH}"),
            ("validation", 0 <= self.validation < 1, "a fraction from 0 to below 1"),
            ("eval_every", self.eval_every >= 1, "1 or more"),
            ("seed", self.seed >= 0, "0 or more"),
        ):
            if not sound:
                words = name.replace("_", " ")
                raise UsageError(f"The {words} must be {expected}, not {getattr(self, name)}.")


@dataclass(frozen=True)
class SgdStep:
    """What the original printed as it went. The first two are of the step's own batch."""

    step: int
    train_accuracy: float
    cross_entropy: float
    validation_accuracy: float  # nan without a validation set


def fit_sgd(
    embeddings: Vectors,
    labels: np.ndarray,
    count: int,
    settings: SgdSettings,
    *,
    validation: np.ndarray | None = None,
    on_step: Callable[[SgdStep], None] | None = None,
) -> Head:
    """Train a softmax layer on embeddings `[N,D]`; those marked in `validation` `[N]` only watch.

    Batches are drawn with replacement by a generator seeded with `settings.seed`. Embeddings of
    length 1 are learnt from at `LENGTH` (see `stretch`). Of embeddings too many for memory at most
    `MOST_WATCHING` watch, and of very many labels so few as have `MOST_WATCHED` scores.

    Raises:
        UsageError: there is nothing to learn from, or the weights ran away.
    """
    random = np.random.default_rng(settings.seed)
    watching = np.zeros(len(labels), bool) if validation is None else validation
    learn_from = np.flatnonzero(~watching)
    if not len(learn_from):
        raise UsageError(
            f"A validation fraction of {settings.validation:g} leaves no picture to learn from.",
            hint="Give a smaller fraction.",
        )
    by = stretch(Rows(embeddings, learn_from))
    watched = np.flatnonzero(watching)
    most = max(1, MOST_WATCHED // count)
    if are_large(embeddings):
        most = min(most, MOST_WATCHING)
    if len(watched) > most:
        watched = watched[evenly(len(watched), most)]
    kind = np.float32 if count * embeddings.shape[1] > MANY_WEIGHTS else np.float64
    seen = embeddings[watched] * by
    layer = random.normal(0.0, 0.001, (count, embeddings.shape[1])).astype(kind)
    bias = np.zeros(count, kind)
    for step in range(settings.steps):
        batch = random.choice(learn_from, settings.batch_size)
        inputs, targets = (embeddings[batch] * by).astype(kind), labels[batch]
        scores = softmax(inputs @ layer.T + bias)
        last = step == settings.steps - 1
        if on_step and (step % settings.eval_every == 0 or last):
            head = Head(layer, bias)
            on_step(
                SgdStep(
                    step,
                    float((scores.argmax(axis=1) == targets).mean()),
                    float(
                        -np.log(np.maximum(scores[np.arange(len(batch)), targets], 1e-12)).mean()
                    ),
                    _accuracy(head, seen, labels[watched]),
                )
            )
        scores[np.arange(len(batch)), targets] -= 1
        scores *= settings.learning_rate / len(batch)
        with np.errstate(over="ignore", invalid="ignore"):
            layer -= scores.T @ inputs
            bias -= scores.sum(axis=0)
            edges = np.array([layer.min(), layer.max(), bias.min(), bias.max()])
        if not np.abs(edges).max() < _LARGEST_WEIGHT:  # nan too
            raise UsageError(
                f"Gradient descent ran away in step {step}: a learning rate of "
                f"{settings.learning_rate:g} is too large.",
                hint=f"Give a smaller one, such as {option('learning_rate=0.01')}.",
            )
    return Head(np.float64(layer) * by, np.float64(bias))


def stretch(embeddings: Vectors) -> float:
    """What embeddings `[N,D]` are multiplied by to be learnt from: `LENGTH` where none is longer
    than 1, or 1.

    The original's rate and steps are meant for means of features, whose length is 16 in our
    networks (15 to 19, measured). At length 1 the same steps would go a 256th of the way.
    """
    longest = max(
        float(np.linalg.norm(embeddings[some], axis=1).max()) for some in slices(len(embeddings))
    )
    return LENGTH if longest <= 1 + _ROUNDING else 1.0


def _accuracy(head: Head, embeddings: np.ndarray, labels: np.ndarray) -> float:
    if not len(labels):
        return float("nan")
    return float((head.logits(embeddings).argmax(axis=1) == labels).mean())
