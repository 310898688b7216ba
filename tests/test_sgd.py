"""The original's small steps: towards the exact minimum, by seed, and never from validation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tellapart.errors import UsageError
from tellapart.files import room as rooms
from tellapart.head import sgd
from tellapart.head.blocks import Rows
from tellapart.head.linear import Head, log_loss
from tellapart.head.prepared import Prepared
from tellapart.head.regression import Regression
from tellapart.head.sgd import SgdSettings, SgdStep, fit_sgd


@pytest.fixture(scope="module")
def clouds() -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points that overlap, so that the unpenalised minimum is finite."""
    lot = np.random.default_rng(3)
    labels = np.arange(300) % 3
    centres = np.array([[0, 0, 0, 0], [1.5, 0, 1, 0], [0, 1.5, 0, 1]])
    return centres[labels] + lot.normal(0, 1, (300, 4)), labels


def loss(head: Head, clouds: tuple[np.ndarray, np.ndarray]) -> float:
    return log_loss(head.logits(clouds[0]), clouds[1])


def test_enough_steps_come_near_the_exact_minimum(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    exact = Regression(Prepared(*clouds, 3)).fit(1e6)
    least = loss(exact, clouds)
    losses = [
        loss(fit_sgd(*clouds, 3, SgdSettings(steps=steps, learning_rate=0.1)), clouds)
        for steps in (1, 100, 4000)
    ]
    assert losses[0] > losses[1] > losses[2] > least
    assert losses[2] < least + 0.01


def test_the_seed_decides_and_nothing_else(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    first, same, other = (
        fit_sgd(*clouds, 3, SgdSettings(steps=50, seed=seed)).weights for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_validation_pictures_are_never_learnt_from(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    embeddings, labels = clouds
    watching = np.arange(len(labels)) % 5 == 0
    settings = SgdSettings(steps=200)
    heads = []
    for lie in (False, True):  # other labels and other places there change nothing
        seen = np.where(watching & lie, 2 - labels, labels)
        places = np.where((watching & lie)[:, None], 1e6, embeddings)
        heads.append(fit_sgd(places, seen, 3, settings, validation=watching))
    np.testing.assert_array_equal(heads[0].weights, heads[1].weights)
    np.testing.assert_array_equal(heads[0].bias, heads[1].bias)


def test_each_line_of_the_log_is_true(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    embeddings, labels = clouds
    watching = np.arange(len(labels)) % 4 == 0
    seen: list[SgdStep] = []
    settings = SgdSettings(steps=25, eval_every=10)
    fit_sgd(embeddings, labels, 3, settings, validation=watching, on_step=seen.append)
    assert [step.step for step in seen] == [0, 10, 20, 24]
    so_far = fit_sgd(
        embeddings, labels, 3, SgdSettings(steps=24), validation=watching
    )  # the head that step 24 begins with
    right = (so_far.logits(embeddings[watching]).argmax(axis=1) == labels[watching]).mean()
    assert seen[-1].validation_accuracy == pytest.approx(right)
    assert seen[0].cross_entropy == pytest.approx(math.log(3), abs=0.01)
    assert 0 <= seen[0].train_accuracy <= 1


def test_watching_changes_nothing(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    settings = SgdSettings(steps=30)
    seen: list[SgdStep] = []
    watched = fit_sgd(*clouds, 3, settings, on_step=seen.append)
    np.testing.assert_array_equal(watched.weights, fit_sgd(*clouds, 3, settings).weights)
    assert math.isnan(seen[0].validation_accuracy)


@pytest.mark.parametrize("rate", [1e307, 1e100, 1e12])
def test_a_rate_that_runs_away_is_a_sentence(
    rate: float, clouds: tuple[np.ndarray, np.ndarray]
) -> None:
    with pytest.raises(UsageError, match="ran away in step") as caught:
        fit_sgd(*clouds, 3, SgdSettings(steps=50, learning_rate=rate))
    assert "learning_rate=0.01" in caught.value.hint


def test_with_nothing_left_to_learn_from_it_says_so(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    everything = np.ones(300, bool)
    with pytest.raises(UsageError, match="leaves no picture to learn from"):
        fit_sgd(*clouds, 3, SgdSettings(validation=0.9), validation=everything)


def test_embeddings_of_length_1_are_learnt_as_far_as_long_ones(
    clouds: tuple[np.ndarray, np.ndarray],
) -> None:
    points, labels = clouds
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    units[7] = 0  # a picture without any feature
    short, long = (fit_sgd(x, labels, 3, SgdSettings(steps=300)) for x in (units, units * 16))
    np.testing.assert_allclose(short.logits(units), long.logits(units * 16), atol=1e-9)


def test_what_lies_in_a_file_is_learnt_from_as_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lot = np.random.default_rng(0)
    labels = lot.integers(0, 3, 300)
    vectors = lot.normal(size=(3, 8))[labels] + lot.normal(size=(300, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float32)
    watching = np.arange(300) % 10 == 0
    vectors.tofile(tmp_path / "vectors")
    stored: np.ndarray = np.memmap(tmp_path / "vectors", np.float32, "r", shape=vectors.shape)
    settings = SgdSettings(steps=50)
    expected = fit_sgd(vectors, labels, 3, settings, validation=watching)
    monkeypatch.setattr(rooms, "LARGE", 0)
    monkeypatch.setattr(sgd, "MOST_WATCHING", 7)
    steps: list[SgdStep] = []
    rows = Rows(stored, np.arange(300))
    found = fit_sgd(rows, labels, 3, settings, validation=watching, on_step=steps.append)
    assert found.weights.tobytes() == expected.weights.tobytes()
    sevenths = [7 * step.validation_accuracy for step in steps]
    assert sevenths == pytest.approx(np.round(sevenths))


def test_of_very_many_weights_the_steps_are_of_float32_and_few_pictures_watch(
    clouds: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = np.arange(300) % 10 == 0
    expected = fit_sgd(*clouds, 3, SgdSettings(steps=200), validation=watching)
    monkeypatch.setattr(sgd, "MANY_WEIGHTS", 5)
    monkeypatch.setattr(sgd, "MOST_WATCHED", 3 * 7)
    steps: list[SgdStep] = []
    settings = SgdSettings(steps=200)
    found = fit_sgd(*clouds, 3, settings, validation=watching, on_step=steps.append)
    assert (found.weights == np.float32(found.weights)).all()
    np.testing.assert_allclose(found.weights, expected.weights, atol=1e-4)
    sevenths = [7 * step.validation_accuracy for step in steps]
    assert sevenths == pytest.approx(np.round(sevenths))
