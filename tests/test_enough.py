"""The answer to "have I labelled enough?", and the laws it keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.evaluation.enough import SAFE, TELLS, WORTH, Enough, enough, missing
from tellapart.evaluation.learning_curve import LearningCurve
from tellapart.evaluation.metrics import Estimate, Proportion, wilson
from tellapart.evaluation.occasions import Bursts

NO_BURSTS = Bursts()
TWO = ("elsa", "vader")


def curve(gain: float | None, neediest: str | None = None) -> LearningCurve:
    estimate = None if gain is None else Estimate(gain, (gain / 2, 2 * gain))
    return LearningCurve((), estimate, neediest)


@pytest.mark.parametrize(
    ("counts", "right", "n", "learning", "bursts", "expected"),
    [
        ((1, 40), 30, 41, curve(0.05), NO_BURSTS, Enough("label", "elsa", 4)),
        ((40, 4), 44, 44, None, NO_BURSTS, Enough("label", "vader", 1)),
        ((99, 99), 190, 198, curve(0.03), Bursts(True, "why"), Enough("occasions")),
        (
            (99, 99),
            190,
            198,
            curve(0.03),
            Bursts(True, "why", tested=True),
            Enough("more"),
        ),
        ((99, 99), 150, 198, curve(0.03, "vader"), NO_BURSTS, Enough("more", "vader")),
        ((99, 99), 150, 198, curve(0.004, "vader"), NO_BURSTS, Enough("little")),
        ((110, 109), 219, 219, curve(None), NO_BURSTS, Enough("right")),
        ((37, 36), 73, 73, curve(None), NO_BURSTS, Enough("right")),
        ((36, 36), 72, 72, curve(None), NO_BURSTS, Enough("few", pictures=1)),
        ((7, 7), 14, 14, curve(None), NO_BURSTS, Enough("few", pictures=60)),
        ((44, 44), 70, 88, curve(None), NO_BURSTS, Enough("few", pictures=12)),
        ((99, 99), 130, 198, curve(None), NO_BURSTS, Enough("mistakes")),
        ((60, 60), 117, 120, None, NO_BURSTS, Enough("few", pictures=80)),
    ],
)
def test_the_first_figure_that_says_something_answers(
    counts: tuple[int, int],
    right: int,
    n: int,
    learning: LearningCurve | None,
    bursts: Bursts,
    expected: Enough,
) -> None:
    assert enough(TWO, counts, Proportion(right, n), learning, bursts) == expected


def test_only_more_pictures_or_a_label_are_no_and_only_enough_is_yes() -> None:
    said = {
        answer: Enough(answer).is_enough
        for answer in ("label", "occasions", "more", "little", "right", "few", "mistakes")
    }
    assert said == {
        "label": False,
        "occasions": None,
        "more": False,
        "little": True,
        "right": True,
        "few": None,
        "mistakes": None,
    }


proportions = st.integers(0, 400).flatmap(
    lambda n: st.integers(0, n).map(lambda right: Proportion(right, n))
)


@given(proportions)
def test_so_many_more_as_are_asked_for_do_tell(judged: Proportion) -> None:
    """With as many more, as often right, the share is safe or there are pictures enough to tell;
    with one less that is not so, or nothing was known at all."""
    more = missing(judged)
    assert more >= 1
    assert _tells(judged, more)
    assert more == 1 or not _tells(judged, more - 1) or judged.n >= TELLS


def _tells(judged: Proportion, more: int) -> bool:
    n = judged.n + more
    share = judged.value if judged.n else 0.0
    return n >= TELLS or wilson(share * n, n)[0] >= SAFE


@given(proportions, st.floats(0, 0.5, exclude_min=True), st.booleans())
def test_a_gain_that_is_known_decides(judged: Proportion, gain: float, needy: bool) -> None:
    learning = curve(gain, "elsa" if needy else None)
    found = enough(TWO, (50, 50), judged, learning, NO_BURSTS)
    assert found.is_enough == (gain < WORTH)
    assert found.label == ("elsa" if needy and gain >= WORTH else "")


@given(proportions)
def test_it_is_never_enough_where_much_may_be_wrong(judged: Proportion) -> None:
    """Without a forecast, "enough" is said only where even the lower end of the interval is
    safe."""
    found = enough(TWO, (50, 50), judged, None, NO_BURSTS)
    assert (found.is_enough is True) == (judged.interval[0] >= SAFE)
