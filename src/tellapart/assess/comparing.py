"""Two models on the same pictures: which is better, by how much, and can one tell?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import UsageError
from ..evaluation.judged import Evaluation
from ..evaluation.metrics import Estimate, Proportion, mcnemar, paired_difference
from .testing import TestResult

SURE = 0.05  # a difference that chance makes less often than this is told


@dataclass(frozen=True)
class Comparison:
    """Two tests on the same pictures, compared picture by picture.

    Attributes:
        first: the accuracy of the first model on the pictures that both judged.
        second: the accuracy of the second model on them.
        only_first: how many pictures only the first model got right.
        only_second: how many pictures only the second model got right.
        difference: the accuracy of the second model minus that of the first.
        learnt_from: how many of the pictures each model learnt from.
        cautions: what else to know about each of the two tests, in sentences.
    """

    first: Proportion
    second: Proportion
    only_first: int
    only_second: int
    difference: Estimate
    learnt_from: tuple[int, int] = (0, 0)
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


def may_be_luck(first: Evaluation, second: Evaluation) -> bool:
    """Whether the second is not surely another one than the first, by the pictures of both.

    False where fewer than half of the pictures are of both, as then nothing is known.
    """
    right = dict(zip(first.names, (first.predicted == first.truth).tolist(), strict=True))
    hits = zip(second.names, (second.predicted == second.truth).tolist(), strict=True)
    both = [(right[name], hit) for name, hit in hits if name in right]
    if 2 * len(both) < max(len(first.names), len(second.names), 1):
        return False
    return mcnemar(both.count((True, False)), both.count((False, True))) >= SURE


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
            "These pictures have no label that both models know.",
            hint="Compare models that were trained on the same labels.",
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
