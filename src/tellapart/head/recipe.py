"""What a head is made of: a regression, a discriminant, or the mean of both.

The mean is of their calibrated log-probabilities, so it is a linear head again: its evidence is
exact, and its weights are a sum over the training pictures as theirs are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .blocks import Vectors
from .kinds import DISCRIMINANT, MEAN, Part
from .linear import Head, mean_of
from .ready import Ready, discriminant_of, made_ready, regression_of
from .regression import ROUGH


def fit_part(
    part: Part, ready: Ready, tolerance: float | None = None, near: Sequence[Head] = ()
) -> Head:
    """A calibrated head. Heads that are `near`, and as calibrated, shorten the way."""
    assert part.setting is not None
    if part.kind == DISCRIMINANT:
        return discriminant_of(ready).fit(part.setting, part.temperature)
    regression = regression_of(ready)
    if near:
        regression.begin_at([head.calibrated(1 / part.temperature) for head in near])
    given = {} if tolerance is None else {"tolerance": tolerance}
    return regression.fit(part.setting, **given).calibrated(part.temperature)


@dataclass(frozen=True)
class Recipe:
    """How to fit a head, on these embeddings or others: one part, or the mean of two."""

    parts: tuple[Part, ...]
    balanced: bool = False

    @property
    def kind(self) -> str:
        return MEAN if len(self.parts) > 1 else self.parts[0].kind

    def fit(self, ready: Ready, tolerance: float | None = None, near: Sequence[Head] = ()) -> Head:
        """Calibrated; see `fit_part`."""
        of_one = near if len(self.parts) == 1 else ()
        return mean_of([fit_part(part, ready, tolerance, of_one) for part in self.parts])

    def calibrated(self, temperature: float) -> Recipe:
        """The same, with logits divided by one more temperature."""
        return replace(
            self,
            parts=tuple(replace(p, temperature=p.temperature * temperature) for p in self.parts),
        )

    def roughly(self, embeddings: Vectors, labels: np.ndarray, count: int) -> Head:
        """A `Solver`, for comparing: as precise as that takes."""
        ready = made_ready(embeddings, labels, count, balanced=self.balanced, rough=True)
        return self.fit(ready, ROUGH)
