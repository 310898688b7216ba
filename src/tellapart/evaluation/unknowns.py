"""How well a label that the model was never shown would be told apart: the figure, as a model keeps
it; `left_out` measures it.

The interval is that of one more label. Areas differ far more between labels than within one (a shoe
among shirts; a T-shirt among shirts), so labels are what is drawn: the log odds of their areas are
taken for normal, and Student's t says where the next one lies (Geisser 1993, Predictive Inference).
The luck of a label's pictures, single ones or bursts, is in its area already. Three labels hardly
say how much labels differ, so what is usual counts as two more. benchmarks/unknowns.py holds it
against labels that were truly never shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .metrics import Estimate, estimate

FEWEST_LABELS = 3  # that it takes
FEWEST_PICTURES = 5  # of a label that is left out
_USUAL = (2, 0.7)  # labels that say how much log odds usually differ, and by what deviation
_DRAWS = 20_000


@dataclass(frozen=True)
class LeftOut:
    """A label that was left out, how many of its pictures were measured, and the area under the
    ROC curve of their novelty against that of all other labels' pictures."""

    label: str
    pictures: int
    area: float


@dataclass(frozen=True)
class Unknowns:
    """How well labels that the model was never shown would be told apart.

    Attributes:
        area: the mean of the labels' areas, with the interval of one more label.
        labels: each that was left out.
        held_out: the mean area against the pictures held out; None where these are as familiar as
            those learnt from, or there are none.
    """

    area: Estimate
    labels: tuple[LeftOut, ...]
    held_out: float | None = None

    @classmethod
    def from_json(cls, values: Any) -> Unknowns:
        """From what `asdict` made of it, and JSON of that; from anyone's file.

        Raises:
            TypeError, KeyError, ValueError: it is something else.
        """
        labels = tuple(
            LeftOut(one["label"], one["pictures"], one["area"]) for one in values["labels"]
        )
        low, high = values["area"]["interval"]
        found = cls(Estimate(values["area"]["value"], (low, high)), labels, values.get("held_out"))
        areas = [low, found.area.value, high, *(label.area for label in labels)]
        areas += [] if found.held_out is None else [found.held_out]
        if not all(type(area) in (float, int) and 0 <= area <= 1 for area in areas):
            raise ValueError("unknowns: areas are from 0 to 1")
        if low > high:
            raise ValueError("unknowns: areas lie in their interval")
        if not all(type(one.label) is str and type(one.pictures) is int for one in labels):
            raise TypeError("unknowns: labels and counts")
        return found


def of_another(areas: Sequence[float], pictures: Sequence[int]) -> Estimate:
    """The mean of the areas of labels, with the 95 % interval of the area of one more label.

    Each was measured on so many `pictures`, the fewer of known and unknown ones: an area of 1 may
    be a little less.
    """
    share, n = np.array(areas, float), np.array(pictures, float)
    odds = np.log((share * n + 0.5) / ((1 - share) * n + 0.5))
    usual, deviation = _USUAL
    free = len(odds) - 1 + usual
    spread = np.sqrt((usual * deviation**2 + ((odds - odds.mean()) ** 2).sum()) / free)
    reach = np.random.default_rng(0).standard_t(free, _DRAWS // 2) * np.sqrt(1 + 1 / len(odds))
    draws = odds.mean() + spread * np.concatenate([reach, -reach])
    return estimate(float(share.mean()), 1 / (1 + np.exp(-draws)))
