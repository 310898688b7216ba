"""Heads of embeddings that are too many for memory are those that are fitted in memory.

Few count as too many here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from conftest import mostly_slow
from tellapart.files import room as rooms
from tellapart.head import (
    answers,
    blocks,
    calibration,
    cross_validation,
    folds,
    novelty,
    prepared,
    sums,
)
from tellapart.head import block_regression as by_blocks
from tellapart.head.blocks import Rows
from tellapart.head.calibration import fit_temperature
from tellapart.head.cross_validation import OutOfFold, cross_validate, out_of_fold
from tellapart.head.kinds import DISCRIMINANT, KINDS, REGRESSION, Part
from tellapart.head.linear import Head, softmax
from tellapart.head.novelty import fit_novelty
from tellapart.head.prepared import Prepared
from tellapart.head.ready import made_ready
from tellapart.head.recipe import Recipe
from tellapart.head.sums import sums_by_fold
from tellapart.workers import local as pool

COUNT, WIDTH = 5, 12
SAMPLES = 600


def data(samples: int = SAMPLES, *, unit: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Clouds that overlap, far from 0."""
    lot = np.random.default_rng([samples, unit])
    labels = np.concatenate([np.arange(COUNT), lot.integers(0, COUNT, samples - COUNT)])
    vectors = lot.normal(1, 0.5, (COUNT, WIDTH))[labels] + lot.normal(1, 0.8, (samples, WIDTH))
    if unit:
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return vectors.astype(np.float32), labels


def dealt(samples: int = SAMPLES, count: int = 4) -> np.ndarray:
    return np.random.default_rng(1).integers(0, count, samples)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is too large for memory, in blocks of 50."""
    make_large(monkeypatch)


def make_large(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rooms, "LARGE", 0)
    patch.setattr(blocks, "ROWS", 50)
    patch.setattr(sums, "CHUNK", 150)
    patch.setattr(by_blocks, "_FEWEST", 40)


def in_memory(
    vectors: np.ndarray, labels: np.ndarray, fold: np.ndarray, *, balanced: bool, kind: str
) -> OutOfFold:
    with pytest.MonkeyPatch.context() as patch:  # as it is of many, so that the search is the same
        patch.setattr(prepared, "_MANY", 1)
        patch.setattr(cross_validation, "_ENOUGH", 50)
        return cross_validate(vectors, labels, COUNT, fold, balanced=balanced, kind=kind)


def of_a_file(folder: Path, vectors: np.ndarray) -> Rows:
    """The same rows, of a file in which they lie the other way round."""
    np.ascontiguousarray(vectors[::-1]).tofile(folder / "vectors")
    stored: np.ndarray = np.memmap(folder / "vectors", np.float32, "r", shape=vectors.shape)
    return Rows(stored, np.arange(len(vectors))[::-1])


@pytest.mark.parametrize("unit", [False, True])
def test_a_discriminant_is_chosen_and_judged_as_in_memory(
    unit: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vectors, labels = data(unit=unit)
    fold = dealt()
    expected = in_memory(vectors, labels, fold, balanced=False, kind=DISCRIMINANT)
    make_large(monkeypatch)
    monkeypatch.setattr(cross_validation, "_ENOUGH", 50)
    stored = of_a_file(tmp_path, vectors)
    found = cross_validate(stored, labels, COUNT, fold)  # what is large has a discriminant
    assert found.recipe
    assert expected.recipe
    assert found.recipe.parts[0].setting == expected.recipe.parts[0].setting
    assert found.recipe.parts[0].temperature == pytest.approx(
        expected.recipe.parts[0].temperature, rel=1e-3
    )
    assert found.logits.dtype == np.float32
    assert np.abs(found.logits - expected.logits).max() < 1e-3 * np.abs(expected.logits).max()
    assert sorted(found.heads) == sorted(expected.heads)
    assert found.compared[0].loss == pytest.approx(expected.compared[0].loss, rel=1e-4)
    assert found.whole is not None
    head = found.recipe.fit(found.whole)
    whole = expected.recipe.fit(Prepared(vectors.astype(np.float64), labels, COUNT))
    assert np.allclose(head.logits(vectors), whole.logits(vectors), rtol=1e-3, atol=1e-2)


@pytest.mark.usefixtures("large")
def test_what_is_kept_of_logits_is_what_they_come_to() -> None:
    vectors, labels = data()
    found = cross_validate(vectors, labels, COUNT, dealt())
    kept = found.answers
    assert kept is not None
    assert (kept.given == found.logits.argmax(axis=1)).all()
    scores = softmax(found.logits.astype(np.float64))
    each = np.arange(len(labels))
    assert np.allclose(kept.scores, scores.max(axis=1), atol=1e-5)
    assert np.allclose(kept.losses, -np.log(scores[each, labels]), atol=1e-5)
    assert np.allclose(kept.own, found.logits[each, labels])
    assert np.allclose(kept.total, np.logaddexp.reduce(found.logits, axis=1), atol=1e-5)


@pytest.mark.usefixtures("large")
def test_logits_that_are_too_many_are_written_where_there_is_a_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vectors, labels = data()
    expected = cross_validate(vectors, labels, COUNT, dealt())
    monkeypatch.setattr(answers, "MOST_SCORES", 100)
    none = cross_validate(vectors, labels, COUNT, dealt())
    assert none.logits.shape == (0, COUNT)
    assert none.answers
    assert (none.given == expected.logits.argmax(axis=1)).all()
    assert expected.answers
    assert (none.answers.total == expected.answers.total).all()
    place: np.ndarray = np.memmap(tmp_path / "logits", np.float32, "w+", shape=(SAMPLES, COUNT))
    found = cross_validate(vectors, labels, COUNT, dealt(), into=place)
    assert found.logits is place
    assert (place == expected.logits).all()


@pytest.mark.slow
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_a_regression_by_blocks_comes_to_the_minimum(
    unit: bool, balanced: bool, strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, labels = data(unit=unit)
    recipe = Recipe((Part(REGRESSION, strength, 1.0),), balanced)
    wide = vectors.astype(np.float64)
    expected = recipe.fit(Prepared(wide, labels, COUNT, balanced=balanced), 1e-9).logits(wide)
    make_large(monkeypatch)
    ready = made_ready(vectors, labels, COUNT, balanced=balanced)
    found = recipe.fit(ready).logits(vectors[:])
    assert np.abs(found - expected).max() < 1e-5 * max(1, np.abs(expected).max())


@pytest.mark.usefixtures("large")
def test_of_very_many_weights_the_minimum_is_all_but_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vectors, labels = data()
    recipe = Recipe((Part(REGRESSION, 0.1, 1.0),))
    expected = recipe.fit(made_ready(vectors, labels, COUNT)).logits(vectors)
    monkeypatch.setattr(by_blocks, "_MANY_WEIGHTS", 10)
    found = recipe.fit(made_ready(vectors, labels, COUNT)).logits(vectors)
    assert np.abs(found - expected).max() < 0.05


@pytest.mark.usefixtures("large")
def test_a_regression_that_begins_near_its_end_comes_to_the_same() -> None:
    vectors, labels = data()
    recipe = Recipe((Part(REGRESSION, 0.1, 1.5),))
    ready = made_ready(vectors, labels, COUNT)
    cold = recipe.fit(ready)
    warm = recipe.fit(ready, near=[cold, cold])
    assert np.abs(cold.logits(vectors) - warm.logits(vectors)).max() < 1e-4


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_chosen_and_judged(
    kind: str, balanced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, labels = data()
    fold = dealt()
    monkeypatch.setattr(cross_validation, "_ENOUGH", 50)
    found = cross_validate(vectors, labels, COUNT, fold, kind=kind, balanced=balanced)
    assert found.recipe
    assert found.recipe.kind == kind
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rooms, "LARGE", 10**9)
        expected = in_memory(vectors, labels, fold, balanced=balanced, kind=kind)
    right, others = ((one.logits.argmax(axis=1) == labels).mean() for one in (found, expected))
    assert right == pytest.approx(others, abs=0.02)
    assert found.compared[0].loss == pytest.approx(expected.compared[0].loss, rel=0.05)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("kind", [DISCRIMINANT, REGRESSION])
def test_what_is_left_out_has_no_say_in_its_own_logits(kind: str) -> None:
    vectors, labels = data()
    fold = dealt()

    def heads(turned: np.ndarray) -> Mapping[int, Head]:
        found = cross_validate(vectors, turned, COUNT, fold, kind=kind, strengths=(0.1,))
        assert found.recipe
        part = found.recipe.parts[0]
        back = {n: head.calibrated(1 / part.temperature) for n, head in found.heads.items()}
        return back if kind == REGRESSION else found.heads

    before = heads(labels)
    for number in (0, 3):  # of those that settings are chosen on, and of the others
        turned = np.where(fold == number, (labels + 1) % COUNT, labels)
        after = heads(turned)
        if kind == REGRESSION:
            assert np.allclose(after[number].weights, before[number].weights, rtol=1e-3, atol=1e-3)
        other = (number + 1) % 4
        assert not np.allclose(after[other].weights, before[other].weights, rtol=1e-2)


@pytest.mark.usefixtures("large")
def test_sums_that_were_made_elsewhere_are_taken() -> None:
    vectors, labels = data()
    fold = dealt()
    by_fold = sums_by_fold(vectors, labels, fold)
    given = cross_validate(vectors, labels, COUNT, fold, sums=by_fold)
    made = cross_validate(vectors, labels, COUNT, fold)
    assert given.logits.tobytes() == made.logits.tobytes()


def test_the_bits_do_not_depend_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    make_large(monkeypatch)
    vectors, labels = data(300)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(pool, "cores", lambda cores=cores: cores)
        one = cross_validate(vectors, labels, COUNT, dealt(300), kind=REGRESSION, strengths=(0.1,))
        assert one.recipe
        head = one.recipe.fit(made_ready(vectors, labels, COUNT))
        found.append((one.logits.tobytes(), head.weights.tobytes(), head.bias.tobytes()))
    assert found[0] == found[1]


@pytest.mark.usefixtures("large")
def test_a_label_may_be_in_one_fold_only_and_a_fold_may_be_hard_to_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(folds, "_JUDGED_VALUES", 12 * 30)
    monkeypatch.setattr(cross_validation, "_ENOUGH", 30)
    vectors, labels = data()
    fold = np.where(labels == 2, 7, dealt())
    fold[5] = 9  # one picture, which is not among those that are judged
    found = cross_validate(vectors, labels, COUNT, fold)
    assert sorted(found.heads) == [0, 1, 2, 3, 7, 9]
    assert not (found.logits[fold == 7].argmax(axis=1) == 2).any()
    assert np.isfinite(found.logits).all()
    assert found.logits[5].any()


@pytest.mark.usefixtures("large")
def test_where_one_label_is_left_nothing_is_known() -> None:
    vectors, labels = data()
    labels = labels % 2
    found = cross_validate(vectors, labels, 2, labels)
    assert (found.logits == 0).all()


@pytest.mark.usefixtures("large")
def test_any_solver_gets_rows_and_its_logits_come_in_blocks() -> None:
    vectors, labels = data()
    fold = dealt()
    recipe = Recipe((Part(DISCRIMINANT, 0.5, 2.0),))
    found = out_of_fold(vectors, labels, COUNT, fold, recipe.roughly)
    chosen = cross_validate(vectors, labels, COUNT, fold)
    assert found.answers
    assert chosen.answers
    assert (found.answers.given == chosen.answers.given).mean() > 0.95
    some = out_of_fold(vectors, labels, COUNT, fold, recipe.roughly, np.array([2]))
    assert list(some.heads) == [2]
    assert (some.logits[fold != 2] == 0).all()
    assert np.allclose(some.logits[fold == 2], found.logits[fold == 2])


def test_a_head_says_the_same_by_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vectors, _ = data()
    lot = np.random.default_rng(0)
    head = Head(lot.normal(size=(COUNT, WIDTH)), lot.normal(size=COUNT))
    stored = of_a_file(tmp_path, vectors)
    expected = head.logits(vectors)
    assert (head.logits(stored) == expected).all()
    make_large(monkeypatch)
    assert np.allclose(head.logits(stored), expected, atol=1e-5)


@pytest.mark.parametrize("measured", mostly_slow([SAMPLES, 400], 1))
def test_novelty_is_learnt_by_blocks(
    measured: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vectors, labels = data()
    fold = dealt()
    logits = cross_validate(vectors, labels, COUNT, fold, kind=DISCRIMINANT).logits
    expected = fit_novelty(vectors, logits, fold)
    make_large(monkeypatch)
    monkeypatch.setattr(novelty, "MOST_MEASURED", measured)
    monkeypatch.setattr(novelty, "_AT_ONCE", 70)
    totals = np.logaddexp.reduce(logits, axis=1, keepdims=True)
    stored = of_a_file(tmp_path, vectors)
    for kept in (logits, totals):
        found = fit_novelty(stored, kept, fold)
        near = 1e-4 if measured == SAMPLES else 0.2
        assert np.allclose(found.centre, expected.centre, rtol=near)
        assert np.allclose(found.thresholds[:3], expected.thresholds[:3], rtol=near)
        assert np.array_equal(found.exemplars.standard, expected.exemplars.standard)


def test_a_temperature_of_very_many_logits_is_that_of_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lot = np.random.default_rng(0)
    honest = lot.normal(0, 1.5, (40_000, 4))
    labels = np.array([lot.choice(4, p=scores) for scores in softmax(honest)])
    stored: np.ndarray = np.memmap(tmp_path / "logits", np.float32, "w+", shape=honest.shape)
    stored[:] = honest * 2.5
    monkeypatch.setattr(rooms, "LARGE", 10_000)
    monkeypatch.setattr(calibration, "_ENOUGH", 80_000)
    assert fit_temperature(stored, labels) == pytest.approx(2.5, rel=0.05)
