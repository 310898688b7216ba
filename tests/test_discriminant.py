"""The discriminant is scikit-learn's, and the head that is chosen is the one that does best."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from conftest import tried
from tellapart.errors import UsageError
from tellapart.head import cross_validation, discriminant
from tellapart.head.calibration import fit_temperature
from tellapart.head.cross_validation import cross_validate
from tellapart.head.discriminant import SHRINKAGES, Discriminant
from tellapart.head.kinds import Part
from tellapart.head.linear import balanced_weights, softmax
from tellapart.head.prepared import Prepared, frame_of
from tellapart.head.recipe import Recipe
from tellapart.training.options import TrainOptions


def clouds(
    samples: int, features: int, count: int, *, apart: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Clouds of one shape around a centre for each label, which has two pictures at least."""
    lot = np.random.default_rng([seed, samples, features, count])
    labels = np.concatenate(
        [np.arange(count), np.arange(count), lot.integers(0, count, samples - 2 * count)]
    )
    shape = lot.normal(0, 1, (features, features)) / np.sqrt(features)
    vectors = lot.normal(0, apart, (count, features))[labels]
    return vectors + lot.normal(0, 1, (samples, features)) @ shape, labels


def solved(
    embeddings: np.ndarray, labels: np.ndarray, count: int, shrinkage: float, balanced: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias as the formulas have them, each label weighing as much as it has pictures,
    or all the same."""
    each = balanced_weights(labels, count) if balanced else np.ones(len(labels))
    shares = each / each.sum()
    priors = np.bincount(labels, shares, minlength=count)
    means = np.stack(
        [
            np.average(embeddings[labels == k], axis=0, weights=shares[labels == k])
            for k in range(count)
        ]
    )
    apart = embeddings - means[labels]
    within = (apart * shares[:, None]).T @ apart
    size = len(within)
    shrunk = (1 - shrinkage) * within + shrinkage * np.trace(within) / size * np.eye(size)
    weights = np.linalg.solve(shrunk, means.T).T
    return weights, np.log(priors) - np.sum(weights * means, axis=1) / 2


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("some", [False, True])
def test_of_thousands_of_labels_the_discriminant_is_the_same(
    balanced: bool, some: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings, labels = clouds(200, 6, 30)
    ready = Prepared(embeddings, labels, 30, balanced=balanced)
    if some:  # their axes are others, and one label is without pictures
        ready = ready.among((np.arange(200) % 7 > 0) & (labels != 3))
    expected = Discriminant(ready).fit(0.3, 2.0)
    monkeypatch.setattr(discriminant, "MOST_SOLVED", 29)  # and more than the six axes
    monkeypatch.setattr(Discriminant, "_by_labels", None)
    found = Discriminant(ready).fit(0.3, 2.0)
    assert np.allclose(found.weights, expected.weights, rtol=1e-8, atol=1e-10)
    assert np.allclose(found.bias, expected.bias, rtol=1e-8, atol=1e-10)


@settings(max_examples=tried(25))
@given(
    samples=st.integers(10, 90),
    features=st.integers(2, 120),
    count=st.integers(2, 5),
    shrinkage=st.floats(0.01, 1),
    balanced=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_the_discriminant_solves_its_equations(
    samples: int, features: int, count: int, shrinkage: float, balanced: bool, seed: int
) -> None:
    embeddings, labels = clouds(samples, features, count, seed=seed)
    prepared = Prepared(embeddings, labels, count, balanced=balanced)
    standard = (embeddings - prepared.mean) / prepared.deviation
    weights, bias = solved(standard, labels, count, shrinkage, balanced)
    some = np.arange(samples) % 7 > 0  # their axes are others: they are solved without any
    some[: 2 * count] = True
    for head, truth in (
        (Discriminant(prepared).fit(shrinkage), (weights, bias)),
        (
            Discriminant(prepared.among(some)).fit(shrinkage),
            solved(standard[some], labels[some], count, shrinkage, balanced),
        ),
    ):
        expected = softmax(standard @ truth[0].T + truth[1])
        assert np.abs(softmax(head.logits(embeddings)) - expected).max() < 1e-6


@pytest.mark.parametrize("shrinkage", [0.02, 0.5, 0.98])
@pytest.mark.parametrize(("samples", "features"), [(60, 8), (30, 100), (200, 40)])
def test_equal_to_scikit_learn(samples: int, features: int, shrinkage: float) -> None:
    embeddings, labels = clouds(samples, features, 4, apart=0.3)
    prepared = Prepared(embeddings, labels, 4)
    standard = (embeddings - prepared.mean) / prepared.deviation
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    expected = reference.fit(standard, labels).predict_proba(standard)
    found = softmax(Discriminant(prepared).fit(shrinkage).logits(embeddings))
    assert np.abs(found - expected).max() < 1e-9


def test_one_picture_a_label_goes_to_the_nearest() -> None:
    embeddings = np.random.default_rng(0).normal(0, 1, (4, 20))
    head = Discriminant(Prepared(embeddings, np.arange(4), 4)).fit(0.5)
    assert np.isfinite(head.weights).all()
    assert (head.logits(embeddings).argmax(axis=1) == np.arange(4)).all()


@pytest.mark.parametrize("seed", range(4))
def test_one_picture_a_label_is_the_same_in_float32(seed: int) -> None:
    embeddings = np.abs(np.random.default_rng(seed).normal(0, 1, (16, 1280)))
    embeddings = of_length_one(embeddings).astype(np.float32)
    precise, rough = (
        Discriminant(Prepared(embeddings, np.arange(16), 16, rough=rough)).fit(0.5)
        for rough in (False, True)
    )
    np.testing.assert_allclose(rough.weights, precise.weights, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("temperature", [1.0, 30.0, 1000.0])
def test_a_label_without_pictures_is_not_answered(temperature: float) -> None:
    embeddings, labels = clouds(60, 10, 3)
    present = labels != 1
    head = Discriminant(Prepared(embeddings[present], labels[present], 3)).fit(0.3, temperature)
    assert np.isfinite(head.logits(embeddings)).all()
    assert not (head.logits(3 * embeddings).argmax(axis=1) == 1).any()


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def test_embeddings_of_one_length_are_all_divided_by_one_number() -> None:
    lot = np.random.default_rng(0)
    vectors = of_length_one(lot.uniform(0, 1, (50, 20)) * 10.0 ** -np.arange(20))
    mean, deviation = frame_of(vectors)
    assert np.allclose(mean, vectors.mean(axis=0))
    assert np.allclose(deviation, deviation[0])
    assert np.mean(((vectors - mean) / deviation) ** 2) == pytest.approx(1)
    black = np.vstack([vectors, np.zeros(20)])  # a picture in which nothing was seen
    assert np.allclose(frame_of(black)[1], frame_of(black)[1][0])
    others = vectors * lot.uniform(0.5, 2, (50, 1))
    assert not np.allclose(frame_of(others)[1], frame_of(others)[1][0])


def dealt(samples: int, count: int = 5) -> np.ndarray:
    return np.arange(samples) % count


@pytest.mark.parametrize("kind", ["regression", "discriminant", "mean"])
def test_the_head_that_is_asked_for_is_fitted(kind: str) -> None:
    embeddings, labels = clouds(80, 30, 3)
    found = cross_validate(embeddings, labels, 3, dealt(80), kind=kind)
    assert found.recipe
    assert found.recipe.kind == kind
    assert [one.kind for one in found.compared] == [kind]
    for number, head in found.heads.items():
        outside = dealt(80) == number
        assert np.allclose(found.logits[outside], head.logits(embeddings[outside]))


def test_the_mean_is_of_calibrated_log_probabilities() -> None:
    embeddings, labels = clouds(80, 30, 3)
    mean = cross_validate(embeddings, labels, 3, dealt(80), kind="mean")
    alone = [
        cross_validate(embeddings, labels, 3, dealt(80), kind=kind)
        for kind in ("regression", "discriminant")
    ]
    logs = np.mean([np.log(softmax(one.logits)) for one in alone], axis=0)
    assert np.allclose(softmax(logs), softmax(mean.logits))
    assert mean.recipe
    assert mean.recipe.parts == tuple(
        part for one in alone if one.recipe for part in one.recipe.parts
    )
    prepared = Prepared(embeddings, labels, 3)
    heads = [Recipe((part,)).fit(prepared) for part in mean.recipe.parts]
    logits = np.mean([head.logits(embeddings) for head in heads], axis=0)
    assert np.allclose(mean.recipe.fit(prepared).logits(embeddings), logits)


def test_one_alone_is_taken_only_if_it_is_better_by_more_than_luck() -> None:
    """Labels that are clouds of one long shape are what a discriminant is made for."""
    embeddings, labels = clouds(200, 60, 4, apart=0.25)
    found = cross_validate(embeddings, labels, 4, dealt(200))
    by_kind = {one.kind: one for one in found.compared}
    assert set(by_kind) == {"regression", "discriminant", "mean"}
    assert found.compared[0].behind == 0
    assert [one.loss for one in found.compared] == sorted(one.loss for one in found.compared)
    within = {one.kind for one in found.compared if one.behind <= one.luck}
    assert found.recipe
    assert found.recipe.kind == ("mean" if "mean" in within else found.compared[0].kind)
    assert found.recipe.kind == "discriminant"  # or this test could tell nothing


def test_pictures_of_one_group_are_one_witness() -> None:
    embeddings, labels = clouds(40, 20, 2, apart=0.3)
    ten = np.repeat(np.arange(40), 10)
    fold = dealt(40)[ten]
    alone = cross_validate(embeddings, labels, 2, dealt(40)).compared[-1]
    together, as_if_alone = (
        cross_validate(embeddings[ten], labels[ten], 2, fold, groups=groups).compared[-1]
        for groups in (ten, None)
    )
    assert together.luck > 2 * as_if_alone.luck
    assert alone.luck > 0


def test_a_few_pictures_that_are_all_right_do_not_make_scores_certain() -> None:
    logits = np.array([[60.0, 0.0], [0.0, 60.0]] * 4)
    labels = np.array([0, 1] * 4)
    temperature = fit_temperature(logits, labels, least=1)
    scores = softmax(logits / temperature)
    assert 0.97 < scores.max(axis=1).min() < 0.999
    assert fit_temperature(np.vstack([logits] * 50), np.tile(labels, 50), least=1) < temperature


def test_shrinkages_rise() -> None:
    assert 0 < SHRINKAGES[0] < SHRINKAGES[-1] < 1
    assert sorted(SHRINKAGES) == list(SHRINKAGES)


def test_a_head_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="There is no head 'forest'") as refused:
        TrainOptions(head="forest")
    assert "regression, discriminant, mean" in str(refused.value.hint)


def test_a_part_says_how_it_was_fitted() -> None:
    recipe = Recipe((Part("regression", 0.1, 2.0), Part("discriminant", 0.5, 8.0)))
    assert recipe.kind == "mean"
    assert [part.temperature for part in recipe.calibrated(2).parts] == [4, 16]


def test_of_many_pictures_with_many_labels_a_regression_is_not_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embeddings, labels = clouds(80, 30, 4)
    assert len(cross_validate(embeddings, labels, 4, dealt(80)).compared) == 3
    monkeypatch.setattr(cross_validation, "_LONG", 80 * 4 * 30 - 1)
    found = cross_validate(embeddings, labels, 4, dealt(80))
    assert [one.kind for one in found.compared] == ["discriminant"]
    asked = cross_validate(embeddings, labels, 4, dealt(80), kind="mean")
    assert asked.recipe
    assert asked.recipe.kind == "mean"
