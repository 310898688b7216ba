"""Two models on the same pictures: which is better, by how much, and can one tell?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import UsageError
from ..evaluation.metrics import Estimate, Proportion, mcnemar, paired_difference
from .testing import TestResult

SURE = 0.05  # a difference that chance makes less often than this is told


@dataclass(frozen=True)
class Comparison:
    """Two tests on the same pictures, picture by picture; `cautions` are those of the tests."""

    first: Proportion
    second: Proportion
    only_first: int  # pictures that only the first model had right
    only_second: int
    difference: Estimate  # accuracy of the second minus that of the first
    learnt_from: tuple[int, int] = (0, 0)  # pictures that each model learnt from
    cautions: tuple[str, str] = ("", "")

    @cached_property
    def p(self) -> float:
        """How often two equally good models would differ at least so much (McNemar, exact)."""
        return mcnemar(self.only_first, self.only_second)

    @property
    def better(self) -> str | None:
        """`first`, `second`, or None: these pictures are not enough to tell."""
        if self.p >= SURE:
            return None
        return "first" if self.only_first > self.only_second else "second"


def compare(first: TestResult, second: TestResult) -> Comparison:
    """Compare two models by their tests on the same data.

    Raises:
        UsageError: they share no picture that both could judge.
    """
    rows = [
        {name: bool(hit) for name, hit in zip(e.names, e.predicted == e.truth, strict=True)}
        for e in (first.evaluation, second.evaluation)
    ]
    names = [name for name in rows[0] if name in rows[1]]
    if not names:
        raise UsageError(
            "The two models know no label in common among these pictures.",
            hint="Compare models that were trained for the same labels.",
        )
    one, two = (np.array([row[name] for name in names]) for row in rows)
    counts = [int(found.sum()) for found in (one & two, one & ~two, two & ~one, ~one & ~two)]
    return Comparison(
        first=Proportion(int(one.sum()), len(names)),
        second=Proportion(int(two.sum()), len(names)),
        only_first=counts[1],
        only_second=counts[2],
        difference=paired_difference(*counts),
        learnt_from=(first.learnt_from, second.learnt_from),
        cautions=(_caution(first), _caution(second)),
    )


def _caution(test: TestResult) -> str:
    return " ".join(filter(None, (test.caution, *test.notes, *test.unjudged)))
