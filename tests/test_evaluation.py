"""Answers held against the truth: what is counted right, and which mistakes come first."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tellapart
from drawn import few_of, run
from tellapart.demo.walk import DemoPictures
from tellapart.evaluation.judged import Evaluation, ranked
from tellapart.evaluation.sentences import contradiction_words


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


def judged(right: int, n: int) -> Evaluation:
    scores = np.eye(2)[[0] * right + [1] * (n - right)]
    return Evaluation(("a", "b"), tuple(map(str, range(n))), np.zeros(n, int), scores)


@given(st.integers(1, 300), st.floats(0, 1), st.integers(1, 300), st.floats(0, 1))
def test_a_contradiction_is_said_where_the_intervals_do_not_overlap(
    n: int, share: float, m: int, other: float
) -> None:
    first, held = judged(round(share * n), n), judged(round(other * m), m)
    (low, high), (least, most) = first.accuracy.interval, held.accuracy.interval
    words = list(contradiction_words(first, held))
    assert len(words) == (low > most or least > high)
    if words:
        assert ("trust the figure held out" in words[0]) == (low > most)


def test_without_one_of_the_two_there_is_no_contradiction() -> None:
    some = judged(99, 100)
    assert not [*contradiction_words(some, None), *contradiction_words(None, some)]
    assert not list(contradiction_words(some, judged(0, 0)))


@pytest.mark.slow
def test_bursts_on_both_sides_of_the_cross_validation_are_spoken_of(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    photos = few_of(heroes, tmp_path / "photos", 12)
    labels = [folder.name for folder in sorted(photos.iterdir())]
    for label, other in zip(labels, reversed(labels), strict=True):  # as unlike as can be
        shutil.copytree(heroes.kept_back / label, tmp_path / "kept" / other)
    found = run("train", "photos", "--test", "kept", "-o", "m", "--quality", "fast", cwd=tmp_path)
    assert found.code == 0
    said = "differ by more than chance. Perhaps pictures of one burst, place or person were"
    assert " % held out (" in found.out
    assert said in found.out
    assert "Precision, F1 and recall are cross-validated.\n" in found.out
    assert said in (tmp_path / "m" / "report.html").read_text("utf-8").replace("\u00a0", " ")
    again = tellapart.load(tmp_path / "m").required_record().run.notes
    assert any(said in note for note in again)
