"""Shares and their intervals, confusion and the per-label table, held against other sources."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.metrics import log_loss as sklearn_log_loss

from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.metrics import Proportion, log_loss, per_label, wilson


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (98, 100, 0.9300, 0.9945),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),  # the same
        (0, 20, 0.0, 0.1611),  # the same
        (1, 29, 0.0061, 0.1718),  # the same
    ],
)
def test_wilson_gives_the_published_intervals(
    correct: int, n: int, low: float, high: float
) -> None:
    assert wilson(correct, n) == pytest.approx((low, high), abs=5e-5)
    assert Proportion(correct, n).interval == wilson(correct, n)


counted = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counted)
def test_the_interval_holds_the_share_and_stays_between_0_and_1(pair: tuple[int, int]) -> None:
    low, high = wilson(*pair)
    assert 0 <= low <= Proportion(*pair).value <= high <= 1
    assert low < high


@given(counted, st.integers(2, 50))
def test_more_pictures_of_the_same_share_give_a_narrower_interval(
    pair: tuple[int, int], times: int
) -> None:
    low, high = wilson(*pair)
    nearer_low, nearer_high = wilson(pair[0] * times, pair[1] * times)
    assert low <= nearer_low <= nearer_high <= high
    assert nearer_high - nearer_low < high - low


@given(counted)
def test_the_interval_of_the_wrong_ones_is_its_mirror_image(pair: tuple[int, int]) -> None:
    low, high = wilson(*pair)
    other_low, other_high = wilson(pair[1] - pair[0], pair[1])
    assert (1 - other_high, 1 - other_low) == pytest.approx((low, high))


@st.composite
def judged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """True labels, predicted labels, and how many labels there are."""
    count = draw(st.integers(2, 6))
    labels = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(labels, labels), min_size=1, max_size=60))
    truth, predicted = np.array(pairs).T
    return truth, predicted, count


@given(judged())
def test_confusion_and_per_label_equal_scikit_learns(
    case: tuple[np.ndarray, np.ndarray, int],
) -> None:
    truth, predicted, count = case
    labels = tuple(f"label {k}" for k in range(count))
    found = Evaluation(labels, ("",) * len(truth), truth, np.eye(count)[predicted])
    theirs = confusion_matrix(truth, predicted, labels=range(count))
    np.testing.assert_array_equal(found.confusion, theirs)
    rows = found.per_label
    ours = np.array([(row.precision, row.recall, row.f1, row.n) for row in rows]).T
    theirs = precision_recall_fscore_support(
        truth, predicted, labels=range(count), zero_division=np.nan
    )
    np.testing.assert_allclose(ours, np.array(theirs, dtype=float))
    assert [row.label for row in rows] == [f"label {k}" for k in range(count)]
    assert sum(row.correct for row in rows) == (truth == predicted).sum()


def test_what_cannot_be_known_is_nan() -> None:
    (row, _) = per_label(np.zeros((2, 3), np.int64), ["a", "b"])
    assert math.isnan(row.precision)
    assert math.isnan(row.recall)
    assert math.isnan(row.f1)
    assert math.isnan(Proportion(0, 0).value)
    assert math.isnan(log_loss(np.zeros((0, 2)), np.zeros(0, np.int64)))


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=2, max_size=30))
def test_log_loss_equals_scikit_learns(rows: list[tuple[float, float]]) -> None:
    scores = np.array(rows) / np.sum(rows, axis=1, keepdims=True)
    truth = np.arange(len(rows)) % 2
    assert log_loss(scores, truth) == pytest.approx(sklearn_log_loss(truth, scores, labels=[0, 1]))


def test_a_score_of_nothing_is_a_finite_loss() -> None:
    assert log_loss(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx(-math.log(1e-12))
