"""Answers held against the truth: what is counted right, and which mistakes come first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tellapart.evaluation.judged import Evaluation, ranked


@pytest.fixture
def evaluation() -> Evaluation:
    scores = [[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.05, 0.9, 0.05], [0.8, 0.15, 0.05]]
    return Evaluation(
        ("a", "b", "c"),
        ("1.jpg", "2.jpg", "3.jpg", "4.jpg"),
        np.array([0, 0, 1, 2]),
        np.array(scores),
    )


def test_what_is_right_is_counted(evaluation: Evaluation) -> None:
    assert (evaluation.accuracy.correct, evaluation.accuracy.n) == (2, 4)
    assert evaluation.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert [(row.label, row.n, row.correct) for row in evaluation.per_label] == [
        ("a", 2, 1),
        ("b", 1, 1),
        ("c", 1, 0),
    ]
    expected = -np.log([0.9, 0.4, 0.9, 0.05]).mean()
    assert evaluation.log_loss.value == pytest.approx(expected)


def test_mistakes_come_surest_first(evaluation: Evaluation) -> None:
    found = [(m.name, m.label, m.predicted, m.score) for m in evaluation.mistakes]
    assert found == [("4.jpg", "c", "a", 0.8), ("2.jpg", "a", "b", 0.6)]
    assert list(evaluation.mistakes[0].scores) == ["a", "b", "c"]


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 1)))
def test_scores_are_ranked_highest_first_and_none_is_lost(scores: np.ndarray) -> None:
    labels = [f"label {k}" for k in range(len(scores))]
    found = ranked(labels, scores)
    assert list(found.values()) == sorted(scores.tolist(), reverse=True)
    assert found == dict(zip(labels, scores.tolist(), strict=True))


def test_equal_scores_keep_the_labels_order() -> None:
    assert list(ranked(["b", "a", "c"], np.array([0.25, 0.25, 0.5]))) == ["c", "b", "a"]
