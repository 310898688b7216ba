"""The kinds of head, what one is made of, and how they compare: facts to keep with a model."""

from __future__ import annotations

from dataclasses import dataclass

REGRESSION, DISCRIMINANT, MEAN = KINDS = ("regression", "discriminant", "mean")


@dataclass(frozen=True)
class Part:
    """A head by itself, or one of two whose calibrated log-probabilities a head is the mean of.

    Attributes:
        kind: "regression" or "discriminant".
        setting: the C of a regression, the shrinkage of a discriminant; None where neither was
            chosen, because the head was fitted in small steps.
        temperature: what its logits are divided by, but for the log priors of a discriminant.
    """

    kind: str
    setting: float | None
    temperature: float


@dataclass(frozen=True)
class Compared:
    """A kind of head and its log loss in nats, calibrated and out of fold; `behind` is by how much
    it is higher than that of the best, and `luck` the standard error of that."""

    kind: str
    loss: float
    behind: float
    luck: float
