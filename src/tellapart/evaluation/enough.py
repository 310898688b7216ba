"""Have I labelled enough? One answer, from the figures that a training gives. Pure.

    how many were right, what more pictures would bring, bursts -> Enough

What it goes by, the first that holds:

1. A label with fewer than `FEWEST_PICTURES` pictures to learn from: nothing can be said of it.
2. Pictures that come in bursts, and were judged by others of the same moments: no figure of theirs
   says anything of new pictures. Pictures of another occasion do.
3. The learning curve says what so many more pictures would bring, and that is more than nothing by
   more than luck: worth it from `WORTH` on. Below, labelling them mends less than one in a hundred
   answers, and looking at the mistakes mends more.
4. It says nothing because there are hardly any mistakes. That is enough if the share that is right
   is `SAFE` even at the lower end of its interval, as when all of 73 are right.
5. Of fewer than `TELLS` pictures a learning curve seldom says anything, and an interval is wide:
   too few. How many more it takes is where one of the two is reached, if the share stays as it is.
6. There are many pictures and many mistakes, and no more pictures made fewer of them so far: the
   mistakes are to be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .learning_curve import LearningCurve
from .metrics import Proportion, wilson
from .occasions import Bursts
from .unknowns import FEWEST_PICTURES

WORTH = 0.01  # of the accuracy, that so many more pictures have to bring
SAFE = 0.95  # right, at the lower end of the 95 % interval
TELLS = 100  # pictures that were judged, from which on curves and intervals say something
MISTAKES = 5  # that a learning curve takes to say anything
_MOST = 1000  # pictures that anybody is asked to label at once

Answer = Literal["label", "occasions", "more", "little", "right", "few", "mistakes"]


@dataclass(frozen=True)
class Enough:
    """Whether there are enough pictures, and by which figure.

    Attributes:
        answer: "label": not of `label`; "occasions": not known, pictures of another one would tell;
            "more": no, more would help; "little": yes, more would bring too little; "right": yes,
            nearly all are right; "few": not known yet; "mistakes": not known, and what is wrong is
            to be looked at.
        label: the one that needs pictures most, where one does; or empty.
        pictures: how many more it takes, of the label or of all, to say more; or 0.
    """

    answer: Answer
    label: str = ""
    pictures: int = 0

    @property
    def is_enough(self) -> bool | None:
        """None where that cannot be said."""
        if self.answer in ("little", "right"):
            return True
        return False if self.answer in ("label", "more") else None


def enough(
    labels: Sequence[str],
    counts: Sequence[int],
    judged: Proportion,
    learning: LearningCurve | None,
    bursts: Bursts,
) -> Enough:
    """The answer; `counts` are the pictures learnt from of each of the `labels`, `judged` is the
    accuracy to be believed (`sentences.headline`)."""
    least = min(counts)
    if least < FEWEST_PICTURES:
        return Enough("label", labels[list(counts).index(least)], FEWEST_PICTURES - least)
    if bursts.parted and not bursts.tested:
        return Enough("occasions")
    gain = learning.gain if learning else None
    if learning and gain:
        answer: Answer = "more" if gain.value >= WORTH else "little"
        return Enough(answer, learning.neediest or "" if answer == "more" else "")
    if judged.interval[0] >= SAFE:
        return Enough("right")
    if judged.n < TELLS or judged.n - judged.correct < MISTAKES:
        return Enough("few", pictures=_round(missing(judged)))
    return Enough("mistakes")


def missing(judged: Proportion) -> int:
    """How many more pictures it takes, if as many are right as so far, until these are `TELLS`, or
    so many that the share is known to be `SAFE`, whichever comes first; beyond `TELLS`, also until
    there are `MISTAKES`."""
    share = judged.value if judged.n else 0.0
    for more in range(1, _MOST):
        n = judged.n + more
        safe = wilson(share * n / judged.effect, n / judged.effect)[0] >= SAFE
        tells = n >= TELLS and (judged.n < TELLS or (1 - share) * n >= MISTAKES)
        if safe or tells:
            return more
    return _MOST


def _round(count: int) -> int:
    """Up to a number that one can remember: 12 stays, 43 becomes 50."""
    return count if count <= 20 else -(-count // 10) * 10
