"""The learning curve of very many pictures is that of heads fitted to ever more of them.

Few count as very many here.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from conftest import mostly_slow
from tellapart.dataset.split import position
from tellapart.evaluation.curve_of_many import curve_of_many
from tellapart.files import room
from tellapart.head.cross_validation import OutOfFold, cross_validate
from tellapart.head.kinds import DISCRIMINANT, REGRESSION

LABELS = ("a", "b", "c")
PICTURES = 3_000


@pytest.fixture(autouse=True)
def few_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGE", 1_000)


def drawn(pictures: int = PICTURES) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Clouds that lie close together, among many values that say nothing."""
    lot = np.random.default_rng(0)
    truth = np.arange(pictures) % len(LABELS)
    vectors = lot.normal(0, 1, (pictures, 300))
    vectors[:, :3] += 2 * np.eye(3)[truth]
    keys = [f"picture {number}" for number in range(pictures)]
    return vectors.astype(np.float32), truth, keys, lot.integers(0, 5, pictures)


@cache
def validated(kind: str, *, balanced: bool = False, pictures: int = PICTURES) -> OutOfFold:
    vectors, truth, _, fold = drawn(pictures)
    return cross_validate(vectors, truth, len(LABELS), fold, kind=kind, balanced=balanced)


@pytest.mark.parametrize("balanced", mostly_slow([False, True], 1))
def test_its_points_are_heads_of_ever_more_pictures(balanced: bool) -> None:
    vectors, truth, keys, fold = drawn()
    found = validated(DISCRIMINANT, balanced=balanced)
    curve = curve_of_many(vectors, truth, LABELS, keys, fold, found)
    assert curve is not None
    outside = fold == 0
    place = np.array([position(key, "curve/") for key in keys])
    assert found.recipe
    for fraction, point in zip((1 / 8, 1 / 4, 1 / 2, 3 / 4), curve.points, strict=False):
        some = np.zeros(len(truth), bool)
        for label in range(len(LABELS)):  # a part of each
            own = np.flatnonzero(~outside & (truth == label))
            some[own[np.argsort(place[own])][: round(fraction * len(own))]] = True
        head = found.recipe.roughly(vectors[some], truth[some], len(LABELS))
        right = int((head.logits(vectors[outside]).argmax(axis=1) == truth[outside]).sum())
        assert (point.n, point.accuracy.n) == (some.sum(), outside.sum())
        assert point.accuracy.correct == pytest.approx(right, abs=6 if balanced else 1)
    assert len(curve.points) == 5
    assert curve.points[-1].n == (~outside).sum()
    given = found.heads[0].logits(vectors[outside]).argmax(axis=1)
    assert curve.points[-1].accuracy.correct == int((given == truth[outside]).sum())


def test_of_few_pictures_of_each_of_very_many_labels_there_is_one() -> None:
    truth = np.repeat(np.arange(300), 5)
    lot = np.random.default_rng(0)
    vectors = (lot.normal(size=(300, 40))[truth] + lot.normal(size=(1_500, 40))).astype(np.float32)
    fold, labels = np.arange(1_500) % 5, [f"label {k}" for k in range(300)]
    found = cross_validate(vectors, truth, 300, fold, kind=DISCRIMINANT)
    keys = [f"picture {number}" for number in range(1_500)]
    curve = curve_of_many(vectors, truth, labels, keys, fold, found)
    assert curve is not None
    assert [point.n for point in curve.points] == [300, 600, 900, 1_200]
    assert curve.points[0].accuracy.value < curve.points[-1].accuracy.value
    assert curve.gain


@pytest.mark.slow
def test_it_says_what_a_tenth_more_would_bring() -> None:
    vectors, truth, keys, fold = drawn()
    curve = curve_of_many(vectors, truth, LABELS, keys, fold, validated(DISCRIMINANT))
    assert curve is not None
    assert curve.points[0].accuracy.value < curve.points[-1].accuracy.value
    assert curve.more == 300
    assert curve.gain
    assert 0 < curve.gain.value < 0.02
    assert curve.words.startswith("300 more pictures would bring about +0.")


@pytest.mark.slow
def test_a_regression_has_none() -> None:
    vectors, truth, keys, fold = drawn(150)
    found = validated(REGRESSION, pictures=150)
    assert curve_of_many(vectors, truth, LABELS, keys, fold, found) is None
