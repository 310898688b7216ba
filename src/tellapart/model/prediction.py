"""A model's answer for one picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..evaluation.notebook import prediction_html


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture: `scores` of all labels, highest first.

    `novelty` is how unlike all training pictures it is; where it is `unknown`, the picture is none
    of these, and `label` only the closest. If asked for, `evidence` is a map `[h,w]` of each label,
    whose mean plus the label's `bias` in the manifest is the label's logit, and `embedding` is the
    picture's, `[D]`.
    """

    scores: dict[str, float]
    novelty: float
    unknown: bool
    evidence: Mapping[str, np.ndarray] | None = field(default=None, repr=False, compare=False)
    embedding: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def label(self) -> str:
        return next(iter(self.scores))

    @property
    def score(self) -> float:
        return self.scores[self.label]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return prediction_html(self.scores, self.unknown)
