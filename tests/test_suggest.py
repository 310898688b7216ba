"""What to label next: unsure, telling and different pictures, never what is known, never a loss."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene, encoded
from drawn import contents, few_of, model_of, run_here
from tellapart.assess import suggesting
from tellapart.assess.suggesting import MOST_CHOSEN, reason_words, suggest
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DatasetError, UsageError
from tellapart.health.selection import choose, doubts
from tellapart.model.classifier import Classifier


@pytest.fixture(scope="module")
def model(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of six pictures a label: it has much to learn."""
    root = tmp_path_factory.mktemp("suggest")
    photos = few_of(heroes, root / "photos", 6)
    tellapart.train(photos, quality="fast", test=0).save(root / "heroes")
    return root / "heroes"


@pytest.fixture(scope="module")
def unlabelled(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of both labels, those learnt from among them, with copies and a broken one."""
    folder = tmp_path_factory.mktemp("unlabelled")
    for label in sorted(heroes.photos.iterdir()):
        for picture in sorted(label.iterdir())[:14]:
            shutil.copy(picture, folder / f"{label.name}-{picture.name}")
    first = sorted(folder.iterdir())[10]
    shutil.copy(first, folder / "a copy.jpg")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "scene.png").write_bytes(encoded(draw_scene(seed=5)))
    (folder / "page.jpg").write_text("<html>")
    return folder


# the arrays


def points(seed: int, count: int, dimensions: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)


def test_the_doubt_is_what_the_likeliest_label_does_not_lead_by() -> None:
    scores = np.array([[0.5, 0.5, 0], [1, 0, 0], [0.2, 0.7, 0.1]])
    assert doubts(scores) == pytest.approx([1, 0, 0.5])


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 30),
    known=st.integers(0, 30),
    dimensions=st.integers(2, 12),
    asked=st.integers(1, 40),
)
def test_each_is_chosen_once_and_no_more_is_settled_than_there_is(
    seed: int, count: int, known: int, dimensions: int, asked: int
) -> None:
    lot = np.random.default_rng(seed)
    found = choose(
        points(seed, count, dimensions),
        lot.random(count),
        points(seed + 1, known, dimensions),
        asked,
    )
    assert len(found.rows) == min(asked, count)
    assert len(set(found.rows.tolist())) == len(found.rows)
    assert (found.settles >= -1e-6).all()
    assert found.settles.sum() <= 1 + 1e-5
    assert found.stands_for.sum() == count - len(found.rows)


@given(seed=st.integers(0, 2**32 - 1), known=st.integers(1, 24))
def test_the_smaller_matrix_gives_the_same_as_the_larger(seed: int, known: int) -> None:
    pool, learnt = points(seed, 9, 6), points(seed + 1, known, 6)
    wide = [np.pad(array, ((0, 0), (0, 40))) for array in (pool, learnt)]  # always M x M
    doubt = np.random.default_rng(seed).random(9)
    narrow, padded = choose(pool, doubt, learnt, 5), choose(wide[0], doubt, wide[1], 5)
    assert narrow.rows.tolist() == padded.rows.tolist()
    assert narrow.settles == pytest.approx(padded.settles, abs=1e-4)


def test_of_two_bunches_each_gives_one_and_what_is_known_or_sure_gives_none() -> None:
    lot = np.random.default_rng(0)
    centres = np.eye(4) * 3
    pool = np.concatenate([centre + 0.05 * lot.normal(size=(6, 4)) for centre in centres])
    doubt = np.repeat([0.9, 0.9, 0.9, 0.0], 6)
    known = centres[2] + 0.05 * lot.normal(size=(8, 4))  # the third is learnt, the fourth sure
    found = choose(pool, doubt, known, 2)
    assert {row // 6 for row in found.rows.tolist()} == {0, 1}


def test_nothing_in_doubt_and_no_direction_are_no_trouble() -> None:
    found = choose(np.ones((3, 4)), np.zeros(3), np.zeros((0, 4)), 2)
    assert found.rows.tolist() == [0, 1]
    assert found.settles.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("scores", "doubt", "unknown", "stands_for", "words"),
    [
        ([0.5, 0.45, 0.05], 0.95, False, 0, "between ice queen and b"),
        ([0.4, 0.35, 0.25], 0.95, False, 1, "between ice queen, b and c; like 1 other here"),
        ([0.9, 0.06, 0.04], 0.16, False, 12, "like 12 others here"),
        ([0.9, 0.06, 0.04], 0.16, True, 12, "unlike everything learnt"),
        ([0.9, 0.06, 0.04], 0.16, False, 0, "unlike the other suggestions"),
    ],
)
def test_reasons(
    scores: list[float], doubt: float, unknown: bool, stands_for: int, words: str
) -> None:
    ranked = list(zip(("ice_queen", "b", "c"), scores, strict=True))
    assert reason_words(ranked, doubt, unknown, stands_for) == words


# the command


def test_what_is_known_or_there_twice_or_broken_is_not_suggested(
    model: Path, unlabelled: Path
) -> None:
    before = contents(unlabelled)
    found = run_here("suggest", model, unlabelled, "--json")
    said = found.json()
    assert found.code == 0
    assert contents(unlabelled) == before
    assert (said["looked_at"], said["learnt_from"], said["copies"]) == (30, 12, 1)
    assert [one["path"] for one in said["skipped"]] == ["page.jpg"]
    assert said["skipped"][0]["reason"] == "an HTML page saved as .jpg"
    record = tellapart.load(model).training_record
    assert record
    contents_of = [Path(one["path"]).read_bytes() for one in said["suggestions"]]
    assert len(contents_of) == len(set(contents_of)) == 30 - 12 - 1
    learnt = {Path(root, name).read_bytes() for root in record.roots for name in record.names}
    assert learnt.isdisjoint(contents_of)
    classifier = tellapart.load(model)
    for one in said["suggestions"]:
        prediction = classifier.predict(one["path"])
        assert (one["label"], one["score"]) == (prediction.label, prediction.score)
        assert one["reason"]


def test_an_unknown_picture_is_called_unlike_anything_learnt(model: Path, unlabelled: Path) -> None:
    said = run_here("suggest", model, unlabelled, "--json").json()
    (reason,) = [o["reason"] for o in said["suggestions"] if o["path"].endswith("scene.png")]
    assert reason.startswith("unlike everything learnt")


def test_the_same_pictures_give_the_same_whatever_they_are_called(
    model: Path, unlabelled: Path, tmp_path: Path
) -> None:
    names = sorted(path for path in unlabelled.rglob("*") if path.is_file())
    for number, path in enumerate(reversed(names)):
        shutil.copy(path, tmp_path / f"{number}{path.suffix}")
    one, other = (
        [
            (Path(s["path"]).read_bytes(), s["settles"], s["reason"])
            for s in run_here("suggest", model, folder, "-n", "7", "--json").json()["suggestions"]
        ]
        for folder in (unlabelled, tmp_path)
    )
    assert one == other


def test_fewer_asked_for_are_the_first_of_more(model: Path, unlabelled: Path) -> None:
    classifier = tellapart.load(model)
    few, many = (suggest(classifier, unlabelled, count).suggestions for count in (4, 12))
    assert [one.name for one in few] == [one.name for one in many[:4]]


def test_the_text_has_the_reasons_and_says_what_to_do_next(model: Path, unlabelled: Path) -> None:
    found = run_here("suggest", model, unlabelled, "-n", "3")
    said = run_here("suggest", model, unlabelled, "-n", "3", "--json").json()
    assert len(said["suggestions"]) == 3
    for one in said["suggestions"]:
        assert one["path"] in found.out
        assert one["reason"] in found.out
    assert "12 pictures that the model learnt from" in found.out
    assert "train again" in found.out
    assert run_here("suggest", model, unlabelled, "--strict").code == 3


def test_copies_keep_their_names_and_overwrite_nothing(
    model: Path, unlabelled: Path, tmp_path: Path
) -> None:
    target = tmp_path / "deep" / "to-label"
    asked = ("suggest", model, unlabelled, "-n", "5", "--copy-to", target, "--json")
    said = run_here(*asked).json()
    sources = [Path(one["path"]) for one in said["suggestions"]]
    assert contents(target) == {path.name: path.read_bytes() for path in sources}
    assert (said["copied"]["copied"], said["copied"]["already_there"]) == (5, 0)
    again = run_here(*asked).json()
    assert (again["copied"]["copied"], again["copied"]["already_there"]) == (0, 5)
    taken = target / sources[0].name
    taken.write_bytes(b"mine")
    assert run_here(*asked).json()["copied"]["copied"] == 1
    assert taken.read_bytes() == b"mine"
    beside = target / f"{taken.stem}-2{taken.suffix}"
    assert beside.read_bytes() == sources[0].read_bytes()
    assert len(contents(target)) == 6


def test_what_it_suggests_teaches_more_than_it_knew(
    model: Path, heroes: DemoPictures, unlabelled: Path, tmp_path: Path
) -> None:
    """The whole round: suggest, label, train again; none of it is suggested any more."""
    said = run_here("suggest", model, unlabelled, "-n", "6", "--json").json()
    photos = few_of(heroes, tmp_path / "photos", 6)
    labelled = [Path(one["path"]) for one in said["suggestions"]]
    for path in labelled:
        label = path.name.partition("-")[0]
        if (photos / label).is_dir():
            shutil.copy(path, photos / label)
    tellapart.train(photos, quality="fast", test=0).save(tmp_path / "again")
    next_ones = run_here("suggest", tmp_path / "again", unlabelled, "--json").json()
    names = {Path(one["path"]).name for one in next_ones["suggestions"]}
    assert names.isdisjoint(path.name for path in labelled if path.name != "scene.png")


def test_of_many_only_the_least_sure_are_kept(
    model: Path, unlabelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = tellapart.load(model)
    every = suggest(classifier, unlabelled, 17).suggestions
    lead = {
        one.name: np.diff(sorted(classifier.predict(one.path).scores.values())[-2:])[0]
        for one in every
    }
    monkeypatch.setattr(suggesting, "MOST", 5)
    found = suggest(classifier, unlabelled, 9)
    assert {one.name for one in found.suggestions} == set(sorted(lead, key=lambda n: lead[n])[:5])
    assert found.notes == (
        "Chosen from the 5 pictures that the model is least sure of, out of 17 new pictures.",
    )


def test_a_model_file_alone_says_what_it_cannot_know(
    model: Path, unlabelled: Path, tmp_path: Path
) -> None:
    shutil.copy(model / "model.onnx", tmp_path)
    said = run_here("suggest", tmp_path / "model.onnx", unlabelled, "--json").json()
    assert said["learnt_from"] == 0
    assert len(said["suggestions"]) == 29
    assert "may be suggested too" in said["notes"][0]


def test_all_known_is_nothing_to_suggest(heroes: DemoPictures) -> None:
    found = run_here("suggest", model_of(heroes), heroes.photos)
    assert found.code == 0
    assert "Nothing to suggest" in found.out


@pytest.mark.parametrize("count", [0, -1, MOST_CHOSEN + 1])
def test_impossible_counts_are_refused(count: int, model: Path, unlabelled: Path) -> None:
    with pytest.raises(UsageError, match="The count must be"):
        suggest(tellapart.load(model), unlabelled, count)


def test_no_folder_and_no_picture_are_told(model: Path, tmp_path: Path) -> None:
    classifier: Classifier = tellapart.load(model)
    with pytest.raises(DatasetError, match="is not a folder"):
        suggest(classifier, tmp_path / "gone")
    (tmp_path / "page.jpg").write_text("<html>")
    with pytest.raises(DatasetError, match="no picture that can be read"):
        suggest(classifier, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_a_place_that_cannot_be_written_is_told(
    model: Path, unlabelled: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    found = run_here("suggest", model, unlabelled, "--copy-to", tmp_path / "file" / "in")
    assert found.code == 2
    assert "cannot be written" in found.err
