"""Whether a tuned network is better than the frozen one by more than luck, on the same pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...head.calibration import fit_temperature
from ...head.linear import losses_of
from ...text import several

_ERRORS = 1.0  # standard errors, as where heads are compared
_FEWER = 0.05  # of those right


@dataclass(frozen=True)
class Verdict:
    """What N validation pictures say.

    Attributes:
        count: N.
        frozen: how many the frozen network got right.
        tuned: how many the tuned one got right.
        saved: nats of log loss that tuning saves, on average.
        error: the standard error of that.
    """

    count: int
    frozen: int
    tuned: int
    saved: float
    error: float

    @property
    def kept(self) -> bool:
        """Whether tuning paid: a lower loss by more than luck, and no fewer right."""
        return self.saved > _ERRORS * self.error and self.tuned >= self.frozen

    @property
    def worse(self) -> bool:
        """Whether the second one has a higher loss by more than luck, and fewer right by more than
        a twentieth: as where pictures change their label, not where they are only less usual."""
        return self.saved < -_ERRORS * self.error and self.tuned < (1 - _FEWER) * self.frozen

    @property
    def words(self) -> str:
        """The figures as a part of a sentence."""
        less = "lower" if self.saved >= 0 else "higher"
        return (
            f"of {several(self.count, 'validation picture')} the frozen network got "
            f"{self.frozen:,} right and the tuned one {self.tuned:,}; the tuned one's log loss is "
            f"{abs(self.saved):.3f} {less} (standard error {self.error:.3f})"
        )


def calibrated(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Logits `[N,K]` divided by the temperature that suits these pictures best."""
    return np.asarray(logits / fit_temperature(logits, truth))


def verdict(frozen: np.ndarray, tuned: np.ndarray, truth: np.ndarray, groups: list[str]) -> Verdict:
    """Compare the calibrated logits `[N,K]` of both networks for the same pictures.

    Pictures of one group are counted as one observation: they are right or wrong together.
    """
    count = len(truth)
    saved = losses_of(frozen, truth) - losses_of(tuned, truth)
    mean = float(saved.mean())
    number = np.unique(groups, return_inverse=True)[1]
    sums = np.bincount(number, weights=saved - mean)
    spare = len(sums) / max(1, len(sums) - 1)  # as n - 1 for a sample's variance
    error = float(np.sqrt(spare * np.sum(sums**2))) / count
    right = [int((one.argmax(axis=1) == truth).sum()) for one in (frozen, tuned)]
    return Verdict(count, right[0], right[1], mean, error)
