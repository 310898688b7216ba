"""How many pictures could be left to a model that only answers where it is sure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.evaluation.coverage import SURE, coverage_of, fewest
from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.sentences import covered_words, sure_words

NONE = (
    "No score is so high that 99 % of the answers above it are right: check all answers yourself."
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores of three labels, many of them equal, and true labels."""
    highest = draw(st.lists(st.sampled_from([0.5, 0.55, 0.8, 0.81, 0.99, 1.0]), max_size=60))
    given_ = draw(st.lists(st.integers(0, 2), min_size=len(highest), max_size=len(highest)))
    truth = draw(st.lists(st.integers(0, 2), min_size=len(highest), max_size=len(highest)))
    scores = np.array([[(1 - s) / 2] * 3 for s in highest]).reshape(-1, 3)
    scores[np.arange(len(highest)), given_] = highest
    return scores, np.array(truth, np.int64)


@given(answers())
def test_the_curve_counts_what_counting_one_by_one_counts(
    case: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, truth = case
    pairs = [(max(row), int(np.argmax(row)) == t) for row, t in zip(scores, truth, strict=True)]
    curve = coverage_of(scores, truth)
    assert curve.scores.tolist() == sorted({s for s, _ in pairs}, reverse=True)
    for i, asked in enumerate(curve.scores.tolist()):
        above = [right for s, right in pairs if s >= asked]
        assert (curve.covered[i], curve.right[i]) == (len(above), sum(above))
        found = curve.above(asked)
        assert (found.coverage.correct, found.coverage.n) == (len(above), len(pairs))
        assert (found.accuracy.correct, found.accuracy.n) == (sum(above), len(above))
    assert curve.above(1.01).coverage.correct == 0
    assert curve.above(0).coverage.correct == curve.n == len(pairs)


@given(answers(), st.sampled_from([0.5, 0.7, 0.8, 0.9, 0.99]))
def test_what_is_chosen_is_the_most_that_is_as_right_as_asked(
    case: tuple[np.ndarray, np.ndarray], asked: float
) -> None:
    scores, truth = case
    highest, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    sizes = [
        int((highest >= s).sum())
        for s in set(highest.tolist())
        if round((1 - asked) * ((highest >= s).sum() + 1), 9) >= (~right[highest >= s]).sum() + 1
    ]
    found = coverage_of(scores, truth).at(asked)
    assert (found.coverage.correct if found else None) == max(sizes, default=None)
    if found:
        above = highest >= found.score
        assert int(above.sum()) == found.coverage.correct
        assert int(right[above].sum()) == found.accuracy.correct
        assert found.accuracy.value >= asked


def test_the_score_has_as_few_digits_as_tell_the_sure_ones_from_the_others() -> None:
    highest = np.r_[np.full(150, 0.8374), np.full(50, 0.8219)]
    scores = np.column_stack([highest, 1 - highest])
    truth = np.r_[np.zeros(150, int), np.ones(50, int)]
    found = coverage_of(scores, truth).at()
    assert found
    assert (found.score, found.coverage.correct) == (0.83, 150)
    everything = coverage_of(scores, np.zeros(200, int)).at()
    assert everything
    assert (everything.score, everything.coverage.correct) == (0, 200)


def test_a_score_chosen_on_some_pictures_is_as_right_as_asked_on_others() -> None:
    """On average over many draws: a sure answer on others is wrong no oftener than it may be."""
    random = np.random.default_rng(0)

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        sure = 0.5 + 0.5 * random.beta(3, 0.5, n)  # calibrated: as sure as often right
        return np.column_stack([sure, 1 - sure]), (random.random(n) > sure).astype(int)

    others = coverage_of(*drawn(100_000))
    wrong = []
    for _ in range(300):
        found = coverage_of(*drawn(300)).at()
        wrong.append(1 - others.above(found.score).accuracy.value if found else 0.0)
    assert np.mean(wrong) <= 1 - SURE


def judged(highest: list[float], wrong: int) -> Evaluation:
    """As many pictures as scores, the last `wrong` of which are wrong."""
    scores = np.column_stack([highest, 1 - np.array(highest)])
    truth = np.r_[np.zeros(len(highest) - wrong, int), np.ones(wrong, int)]
    names = tuple(map(str, range(len(highest))))
    return Evaluation(("a", "b"), names, truth, scores)


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        (
            judged([0.9] * 213 + [0.6] * 87, 87),
            "Sure on 71.0 % of pictures (213 of 300, scored 0.9 or more), and right on 100.0 % of "
            "those (95 % interval 98.2 to 100.0).",
        ),
        (
            judged([0.9] * 482, 3),
            "Sure on 100.0 % of pictures (482 of 482), and right on 99.4 % of those "
            "(95 % interval 98.2 to 99.8).",
        ),
        (judged([0.9] * 300, 30), NONE),
        (judged([0.9] * 99, 1), NONE),
        (judged([0.9] * 98, 0), "98 pictures are too few to find a score that is 99 % right."),
        (judged([], 0), "0 pictures are too few to find a score that is 99 % right."),
    ],
)
def test_it_is_said_in_a_sentence(evaluation: Evaluation, words: str) -> None:
    assert sure_words(evaluation) == words


def test_a_score_may_cover_none_of_other_pictures() -> None:
    found = judged([0.6] * 20, 2).coverage.above(0.9)
    assert covered_words(found) == "Sure on 0 % of pictures (0 of 20, scored 0.9 or more)."


def test_how_many_it_takes() -> None:
    assert (fewest(0.99), fewest(0.9), fewest(0.5)) == (99, 9, 1)
    for n in (98, 99):
        found = judged([0.9] * n, 0).sure
        assert (found is not None) == (n == 99)
    assert math.isnan(judged([], 0).coverage.above(0.5).accuracy.value)
