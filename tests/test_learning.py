"""Would more pictures help?"""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.dataset.split import folds
from tellapart.evaluation.learning_curve import MORE, LearningCurve, _forecast, learning_curve
from tellapart.head import cross_validation, prepared
from tellapart.head.cross_validation import cross_validate


def curve_of(count: int, spread: float, seed: int = 0) -> LearningCurve:
    """The curve of two overlapping clouds in 40 dimensions."""
    lot = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    vectors = lot.normal(0, spread, (count, 40))
    vectors[:, 0] += truth * 2 - 1
    keys = [f"{seed}/{i}" for i in range(count)]
    labels = ["a", "b"]
    fold = folds(keys, [labels[k] for k in truth], 5)
    found = cross_validate(vectors, truth, 2, fold, kind="regression", strengths=[0.1])
    return learning_curve(vectors, truth, labels, keys, fold, found)


def test_points_grow_and_end_with_all_pictures() -> None:
    curve = curve_of(400, 1.0)
    sizes = [point.n for point in curve.points]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 320
    assert all(point.accuracy.n == 400 for point in curve.points)
    assert all(len(point.per_label) == 2 for point in curve.points)


def test_of_very_many_scores_a_part_of_the_folds_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = curve_of(400, 1.0)
    monkeypatch.setattr(prepared, "_MANY", 100)
    monkeypatch.setattr(cross_validation, "_ENOUGH", 150)
    part = curve_of(400, 1.0)
    assert [point.n for point in part.points] == [point.n for point in whole.points]
    assert all(point.accuracy.n == 160 for point in part.points)  # two folds of 80
    for one, other in zip(part.points, whole.points, strict=True):
        assert one.accuracy.value == pytest.approx(other.accuracy.value, abs=0.08)
        assert sum(share.n for share in one.per_label) == 160


def test_where_more_pictures_help_the_gain_has_an_interval_above_zero() -> None:
    curve = curve_of(400, 1.0)
    assert curve.points[0].accuracy.value < curve.points[-1].accuracy.value
    assert curve.gain is not None
    low, high = curve.gain.interval
    assert 0 < low <= curve.gain.value <= high < 0.2
    assert "100 more pictures would bring about +" in curve.words


@pytest.mark.parametrize(("hard", "expected"), [(None, None), (1, "b")])
def test_a_label_is_named_neediest_only_where_it_surely_is(
    hard: int | None, expected: str | None
) -> None:
    sizes, truth = np.array([100, 150, 200, 300, 400]), np.arange(500) % 2
    place = (np.arange(500) // 2 * 137 % 250) / 250  # evenly dealt, alike for both labels
    odds = np.where(truth == hard, 2.0, 1.0)
    right = np.stack([place > odds * 25 / size for size in sizes])
    gain, neediest = _forecast(sizes, right, truth, ["a", "b"], len(truth), MORE)
    assert gain is not None
    assert neediest == expected


def test_without_mistakes_it_cannot_tell() -> None:
    curve = curve_of(300, 0.05)
    assert (curve.gain, curve.neediest) == (None, None)
    assert "too few to say" in curve.words


@pytest.mark.slow
def test_of_noise_alone_it_hardly_ever_tells() -> None:
    told = [curve_of(60, 30.0, seed).gain is not None for seed in range(20)]
    assert sum(told) <= 2


@pytest.mark.slow
def test_the_forecast_is_about_what_comes_true() -> None:
    """The gain told at 400 pictures, against accuracy at 500 of the same kind."""
    told, came = [], []
    for seed in range(4):
        before = curve_of(400, 1.0, seed)
        after = curve_of(525, 1.0, seed + 100)  # 420 to learn from: 100 more than 320
        came.append(after.points[-1].accuracy.value - before.points[-1].accuracy.value)
        told.append(before.gain.value if before.gain else 0.0)
    assert np.mean(told) == pytest.approx(np.mean(came), abs=0.02)
