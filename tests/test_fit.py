"""The head that is finished is the one that cross-validation chose and calibrated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tellapart.assess.pictures import Pictures
from tellapart.files import room
from tellapart.head import cross_validation, prepared
from tellapart.head.calibration import fit_temperature
from tellapart.head.cross_validation import out_of_fold
from tellapart.head.linear import log_loss
from tellapart.head.prepared import Prepared
from tellapart.head.regression import Regression
from tellapart.head.sgd import SgdSettings, fit_sgd
from tellapart.training.findings import occasions, would_more_help
from tellapart.training.fit import fit
from tellapart.training.options import TrainOptions


def apart_by(distance: float, count: int, dimensions: int, held_out: int, seed: int) -> Pictures:
    """Two labels whose pictures lie around points that far apart along each axis."""
    lot = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    vectors = lot.normal(0, 1, (count, dimensions)) + distance * truth[:, None]
    names = tuple(f"{number}.jpg" for number in range(count))
    return Pictures(
        labels=("a", "b"),
        names=names,
        paths=tuple(map(Path, names)),
        truth=truth,
        vectors=vectors.astype(np.float32),
        digests=names,
        keys=names,
        held_out=np.arange(count) >= count - held_out,
        unknown=(),
    )


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Two labels that overlap so much that only a strong penalty learns anything."""
    return apart_by(0.25, count=120, dimensions=60, held_out=20, seed=5)


def test_the_head_is_fitted_at_the_chosen_strength(pictures: Pictures) -> None:
    fitted = fit(pictures, TrainOptions(head="regression"))
    (part,) = fitted.parts
    assert part.setting is not None
    assert part.setting < 0.1  # or this test could tell nothing
    vectors, truth = pictures.vectors[:100].astype(np.float64), pictures.truth[:100]
    expected, at_one = (
        Regression(Prepared(vectors, truth, 2)).fit(strength).calibrated(part.temperature)
        for strength in (part.setting, 1.0)
    )
    np.testing.assert_allclose(fitted.head.weights, expected.weights, atol=1e-6)
    assert np.abs(expected.weights - at_one.weights).max() > 1e-2


def test_scores_of_labels_that_are_easily_told_are_not_sharpened() -> None:
    """Out of fold hardly one of them is wrong; a temperature that trusts this is wrong dearly."""
    easy = apart_by(1.2, count=80, dimensions=40, held_out=0, seed=1)
    fitted = fit(easy, TrainOptions(head="regression"))
    sharper = log_loss(fitted.logits / 0.9, easy.truth)
    assert sharper < log_loss(fitted.logits, easy.truth)  # what fits these very pictures better
    assert fitted.parts[0].temperature > 1 - 1e-3


@pytest.mark.slow
def test_scores_are_cooled_by_the_temperature_that_was_found(pictures: Pictures) -> None:
    settings = SgdSettings(steps=2000, learning_rate=0.5, validation=0)
    fitted = fit(pictures, TrainOptions(sgd=settings))
    vectors, truth = pictures.vectors[:100].astype(np.float64), pictures.truth[:100]
    raw = out_of_fold(
        vectors,
        truth,
        2,
        pictures.folds(np.arange(100)),
        lambda x, y, count: fit_sgd(x, y, count, settings),
    ).logits
    temperature = fit_temperature(raw, truth)
    assert temperature > 1.5  # without a penalty it is far too sure
    assert fitted.parts[0].temperature == pytest.approx(temperature)
    np.testing.assert_allclose(fitted.logits, raw / temperature)
    assert log_loss(fitted.logits, truth) < log_loss(raw, truth) - 0.1
    bare = fit_sgd(vectors, truth, 2, settings)
    np.testing.assert_allclose(fitted.head.weights, bare.weights / temperature)
    np.testing.assert_allclose(fitted.head.bias, bare.bias / temperature)
    for number, head in fitted.fold_heads.items():
        outside = fitted.fold == number
        np.testing.assert_allclose(head.logits(vectors[outside]), fitted.logits[outside])


def of_many_labels(count: int, each: int) -> Pictures:
    """So many labels, more than an embedding has values."""
    lot = np.random.default_rng(0)
    truth = np.repeat(np.arange(count), each)
    vectors = 3 * lot.normal(size=(count, 8))[truth] + lot.normal(size=(len(truth), 8))
    names = tuple(f"{number}.jpg" for number in range(len(truth)))
    return Pictures(
        labels=tuple(f"label {number}" for number in range(count)),
        names=names,
        paths=tuple(map(Path, names)),
        truth=truth,
        vectors=vectors.astype(np.float32),
        digests=names,
        keys=names,
        held_out=np.arange(len(truth)) % each == 0,
        unknown=(),
    )


def test_of_so_many_labels_that_their_scores_are_too_many_no_matrix_is_made_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = of_many_labels(40, 6)
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "_MANY", 1)  # both are of float32
        patch.setattr(cross_validation, "_LONG", 1)
        expected = fit(pictures, TrainOptions())
    assert expected.found
    assert expected.found.prepared
    monkeypatch.setattr(room, "LARGE", 2_000)  # values of all embeddings are fewer, scores more
    found = fit(pictures, TrainOptions())
    assert isinstance(found.logits, np.memmap)
    assert isinstance(found.scores, np.memmap)
    assert found.found
    assert found.found.answers
    assert not found.found.prepared
    assert found.parts[0].setting == expected.parts[0].setting
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(found.head.weights, expected.head.weights, rtol=1e-3, atol=1e-2)
    for one, other in (
        (found.cross_validated, expected.cross_validated),
        (found.held_out, expected.held_out),
    ):
        assert one
        assert other
        assert abs(one.accuracy.value - other.accuracy.value) < 0.011
    assert would_more_help(pictures, found)
    bursts, _ = occasions(pictures, found)
    assert bursts.found == occasions(pictures, expected)[0].found
