"""Labels that are planted wrong in drawn pictures are found, and hardly any other is named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tellapart
from drawn import run_here
from tellapart.assess.check.health import Health
from tellapart.demo.walk import DemoPictures
from tellapart.health.judges import Judges, Settings
from tellapart.health.label_errors import KEPT, LabelErrors, find_label_errors, rest_after

PLANTED = 3  # of each label


def move(photos: Path, names: Sequence[str], label: str) -> set[str]:
    """Put pictures into the folder of another label; their names are then these."""
    for name in names:
        (photos / name).rename(photos / label / f"moved-{Path(name).name}")
    return {f"{label}/moved-{Path(name).name}" for name in names}


@pytest.fixture(scope="module")
def mixed_up(
    heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, set[str]]:
    """The drawn heroes, three of each in the folder of the other."""
    photos = tmp_path_factory.mktemp("mixed") / "photos"
    shutil.copytree(heroes.photos, photos)
    labels = sorted(folder.name for folder in photos.iterdir() if folder.is_dir())
    own = {
        label: [f"{label}/{one.name}" for one in sorted((photos / label).iterdir())]
        for label in labels
    }
    wrong: set[str] = set()
    for label, other in zip(labels, reversed(labels), strict=True):
        wrong |= move(photos, own[label][3::7][:PLANTED], other)
    return photos, wrong


@pytest.fixture(scope="module")
def health(mixed_up: tuple[Path, set[str]]) -> Health:
    return tellapart.check(mixed_up[0], quality="fast")


def test_planted_labels_are_found_and_nothing_else(
    mixed_up: tuple[Path, set[str]], health: Health
) -> None:
    photos, wrong = mixed_up
    findings = health.of("wrong-label")
    assert {one.paths[0] for one in findings} == wrong
    for one in findings:
        assert one.label == one.paths[0].split("/")[0]
        assert one.suggested != one.label
        assert one.score >= 0.5
        assert one.mend.split()[:3] == ["tellapart", "fix", str(photos)]
        assert "--relabel" in one.mend
    assert run_here("check", photos, "--quality", "fast", "-q", "--fail-on", "wrong-labels").code


def test_what_the_list_is_worth_is_said(health: Health) -> None:
    errors = health.label_errors
    assert errors is not None
    assert errors.expected(20) == pytest.approx(2 * PLANTED, abs=2)
    said = re.match(r"Of the first 20 labels on the list, about (\d) are wrong; ", errors.words)
    assert said
    assert int(said[1]) == round(errors.expected(20))
    assert "with no file or label of yours changed" in errors.words
    assert 0 < errors.found <= errors.planted


def test_in_pictures_in_order_likely_none_is_wrong(heroes: DemoPictures) -> None:
    errors = tellapart.check(heroes.photos, quality="fast").label_errors
    assert errors is not None
    assert not len(errors.likely)
    assert "Of the first 20 labels on the list, likely none is wrong" in errors.words


def test_mending_brings_what_it_costs(health: Health) -> None:
    findings = health.of("wrong-label")
    wrong = 100 * (health.accuracy.n - health.accuracy.correct) / health.accuracy.n
    assert 0.6 * wrong <= sum(one.cost for one in findings) <= wrong + 1e-9
    assert [one.cost for one in findings] == sorted((o.cost for o in findings), reverse=True)
    assert [one.score for one in findings] == sorted((o.score for o in findings), reverse=True)


def test_all_ranks_every_picture(mixed_up: tuple[Path, set[str]]) -> None:
    photos, wrong = mixed_up
    found = run_here("check", photos, "--quality", "fast", "-q", "--all", "--json").out
    ranked = [one for one in json.loads(found)["findings"] if one["kind"] == "wrong-label"]
    pictures = [p for p in photos.rglob("*") if p.is_file()]
    assert len(ranked) == len(pictures)
    assert {one["paths"][0] for one in ranked[: len(wrong)]} == wrong
    assert not any(one["mend"] for one in ranked[len(wrong) :])


def test_pictures_that_are_tested_on_are_judged_too(
    heroes: DemoPictures, mixed_up: tuple[Path, set[str]], tmp_path: Path
) -> None:
    source = tmp_path / "photos"
    shutil.copytree(heroes.photos, source / "train")
    shutil.copytree(mixed_up[0], source / "test")
    findings = tellapart.check(source, quality="fast", every=True).of("wrong-label")
    wrong = {f"test/{name}" for name in mixed_up[1]}
    assert {one.paths[0] for one in findings[: len(wrong)]} == wrong
    assert sum(one.score >= 0.5 for one in findings[: len(wrong)]) >= len(wrong) - 1
    assert all(one.score < 0.5 for one in findings[len(wrong) :])


def test_a_label_that_is_said_to_be_right_is_not_named_again(
    mixed_up: tuple[Path, set[str]], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(mixed_up[0], photos)
    first = min(mixed_up[1])
    tellapart.decide(photos, first, keep=True)
    findings = tellapart.check(photos, quality="fast").of("wrong-label")
    assert {one.paths[0] for one in findings} == mixed_up[1] - {first}


def drawn(seed: int, pictures: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of clouds, with a twentieth of the labels planted wrong, and where these are."""
    lot = np.random.default_rng(seed)
    truth = np.arange(pictures) % count
    centres = lot.normal(size=(count, 16))
    vectors = centres[truth] + 0.7 * lot.normal(size=(pictures, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    wrong = lot.choice(pictures, pictures // 20, replace=False)
    labels = truth.copy()
    labels[wrong] = (truth[wrong] + lot.integers(1, count, len(wrong))) % count
    return vectors.astype(np.float32), labels, truth


def ranked(
    vectors: np.ndarray, labels: np.ndarray, count: int, fold: np.ndarray, digests: Sequence[str]
) -> LabelErrors:
    everyone = np.ones(len(labels), bool)
    settings = Settings(0.1, 0.7)
    groups = np.unique(np.asarray(digests), return_inverse=True)[1]
    judges = Judges(vectors, groups, everyone, count, settings, [fold])
    return find_label_errors(judges, labels, digests)


@pytest.mark.slow
@settings(max_examples=6)
@given(seed=st.integers(0, 1000), count=st.integers(2, 5))
def test_neither_the_order_of_pictures_nor_that_of_labels_matters(seed: int, count: int) -> None:
    vectors, labels, _ = drawn(seed, 100, count)
    digests = [f"{seed}-{row}" for row in range(100)]
    fold = np.arange(100) // 3 % 5
    found = ranked(vectors, labels, count, fold, digests)
    lot = np.random.default_rng(seed)
    rows, renamed = lot.permutation(100), lot.permutation(count)
    again = ranked(
        vectors[rows], renamed[labels[rows]], count, fold[rows], [digests[row] for row in rows]
    )
    np.testing.assert_allclose(again.scores, found.scores[rows], atol=0.02)
    likely = found.scores[rows] >= 0.5
    assert (again.suggested == renamed[found.suggested[rows]])[likely].all()
    assert again.planted == found.planted


@pytest.mark.slow
@settings(max_examples=6)
@given(seed=st.integers(0, 1000), count=st.integers(3, 6))
def test_sure_ones_are_wrong_and_what_is_suggested_is_right(seed: int, count: int) -> None:
    vectors, labels, truth = drawn(seed, 240, count)
    found = ranked(
        vectors, labels, count, np.arange(240) // 7 % 5, [str(row) for row in range(240)]
    )
    wrong = labels != truth
    assert found.sure.sum() >= 1
    assert (found.suggested == truth)[found.sure].all()
    first = found.order[: int(wrong.sum())]
    assert wrong[first].mean() >= 0.7
    assert found.expected() == pytest.approx(wrong.sum(), abs=6)


def test_where_nothing_can_be_told_nothing_is_named() -> None:
    lot = np.random.default_rng(0)
    vectors = lot.normal(size=(60, 16)).astype(np.float32)
    digests = [str(number) for number in range(60)]
    found = ranked(vectors, np.arange(60) % 2, 2, np.arange(60) // 2 % 5, digests)
    assert not len(found.likely)
    assert found.words.startswith("Wrong labels cannot be told from right ones here")
    few = ranked(vectors[:6], np.arange(6) % 2, 2, np.arange(6) // 2, digests[:6])
    assert not len(few.likely)
    assert few.words == "These pictures are too few to say which labels are wrong."


def test_twelve_kept_in_a_row_are_enough() -> None:
    assert not rest_after([]).enough
    assert not rest_after([True] * (KEPT - 1)).enough
    assert rest_after([True] * KEPT).words == "Twelve kept in a row: the rest is likely right."
    assert rest_after([False, *[True] * KEPT]).enough
    assert not rest_after([*[True] * (KEPT - 1), False, True]).enough
