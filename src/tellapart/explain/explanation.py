"""What an explanation holds: maps, shares, neighbours, and what can be said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..evaluation.judged import ranked
from ..text import label_words

_NOTEBOOK = 320  # pixels, the longer side


@dataclass(frozen=True)
class Neighbour:
    """A training picture near the explained one, by the cosine distance of their embeddings.

    `index` is its row in the training record, `label` its own.
    """

    index: int
    name: str
    label: str
    distance: float


@dataclass(frozen=True)
class Argument:
    """What one training picture adds to a label's logit: above 0 it argues for, below against.

    `index` is its row in the training record, `label` its own.
    """

    index: int
    name: str
    label: str
    share: float


@dataclass(frozen=True)
class Case:
    """How one label's logit splits: `constant` plus the sum of `shares` `[N]` and `rest` is the
    logit.

    Attributes:
        label: the label.
        constant: what is of no picture.
        shares: of the training pictures that the record keeps, `[N]`.
        most_for: the weightiest of them that argue for the label.
        most_against: likewise, against it.
        rest: what all others add together.
        unkept: how many these are; mostly 0.
    """

    label: str
    constant: float
    shares: np.ndarray = field(repr=False)
    most_for: tuple[Argument, ...]
    most_against: tuple[Argument, ...]
    rest: float = 0.0
    unkept: int = 0


@dataclass(frozen=True)
class Explanation:
    """Why one picture got its answer, for K labels.

    Attributes:
        labels: the model's labels.
        logits: `[K]`.
        bias: the constant of each label that `evidence` lacks, `[K]`.
        evidence: a map for each label, `[K,h,w]`; its mean plus the label's `bias` is exactly the
            logit.
        seen: how much of each cell of the grid the network saw, `[h,w]`, with mean 1.
        pixels: the picture, uint8 `[H,W,3]`; the grid covers all of it.
        rival: the label that the winner is compared with: `own` if the answer is wrong, otherwise
            the runner-up.
        own: the label that the picture really has, if that is known.
        unknown: whether the picture is none of the labels.
        cases: how each label's logit splits by training pictures.
        nearest: the closest training pictures.
        remoteness: the fraction of training pictures that have a closer one.
        by_fold: whether a head of the cross-validation judged, which never saw the picture.
        missing: the reason for each part that could not be made.
        sentences: what the numbers mean.
    """

    labels: tuple[str, ...]
    logits: np.ndarray
    bias: np.ndarray
    evidence: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    pixels: np.ndarray = field(repr=False)
    rival: str
    own: str = ""
    unknown: bool = False
    cases: Mapping[str, Case] = field(default_factory=dict, repr=False)
    nearest: tuple[Neighbour, ...] = ()
    remoteness: float | None = None
    by_fold: bool = False
    missing: str = ""
    sentences: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The winning label."""
        return next(iter(self.scores))

    @property
    def score(self) -> float:
        return self.scores[self.label]

    @property
    def wrong(self) -> bool:
        """Whether the picture is known to be another label."""
        return bool(self.own) and self.own != self.label

    @cached_property
    def scores(self) -> dict[str, float]:
        """`{label: score}`, highest first."""
        powers = np.exp(self.logits - self.logits.max())
        return ranked(self.labels, powers / powers.sum())

    @property
    def words(self) -> str:
        """All sentences as one text."""
        return " ".join(self.sentences)

    def map_of(self, label: str) -> np.ndarray:
        """Where a label's logit comes from, `[h,w]`: the mean is the logit.

        It is the label's evidence with its bias laid on what was seen, so 0 is neither for nor
        against: a picture that looked all over as it does in a cell would have that cell's logit.
        """
        k = self.labels.index(label)
        return np.asarray(self.evidence[k] + self.bias[k] * self.seen)

    @property
    def lead(self) -> np.ndarray:
        """The winner's map minus its rival's, `[h,w]`: above 0 where the picture argues for it.

        The mean is by how much the winner's logit is larger.
        """
        return np.asarray(self.map_of(self.label) - self.map_of(self.rival))

    @property
    def margin(self) -> np.ndarray:
        """What each training picture that the record keeps adds to the winner's lead over its
        rival, `[N]` or empty."""
        if not self.cases:
            return np.zeros(0)
        return np.asarray(self.cases[self.label].shares - self.cases[self.rival].shares)

    @property
    def rest(self) -> float:
        """What the training pictures that the record does not keep add to that lead together."""
        if not self.cases:
            return 0.0
        return self.cases[self.label].rest - self.cases[self.rival].rest

    @property
    def unkept(self) -> int:
        """How many of these there are, where the logits split."""
        return self.cases[self.label].unkept if self.cases else 0

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture, its map, and the sentences."""
        from ..evaluation.notebook import pictures_html
        from ..pages.overlays import jpeg, laid_over, shrunk

        small = shrunk(self.pixels, _NOTEBOOK)
        shown = {
            "the picture": small,
            f"for {label_words(self.label)}": laid_over(small, self.lead),
        }
        return pictures_html(self.words, {name: jpeg(pixels) for name, pixels in shown.items()})
