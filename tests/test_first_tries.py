"""What a stranger tries first is answered with what is so, and what to do."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

import tellapart
from drawn import few_of, model_of, run, run_here
from tellapart.demo.walk import DemoPictures
from tellapart.errors import PictureError


def test_a_picture_error_says_which_picture(heroes: DemoPictures, tmp_path: Path) -> None:
    classifier = tellapart.load(model_of(heroes))
    bad = tmp_path / "bad.jpg"
    bad.write_text("milk")
    with pytest.raises(PictureError) as caught:
        classifier.predict(bad)
    assert str(caught.value) == f"{bad}: {caught.value.message}"
    assert str(PictureError("an empty file")) == "an empty file"
    assert str(PictureError("a.jpg: an empty file", path="a.jpg")) == "a.jpg: an empty file"


def test_an_archive_of_pictures_is_to_be_unpacked(heroes: DemoPictures, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.write(next(heroes.inbox.iterdir()), "a.jpg")
    guessed = run_here("guess", model_of(heroes), tmp_path / "other.zip")
    assert guessed.code == 3
    assert "a zip archive: unpack it first; only train and test read it as it is" in guessed.out
    sorted_ = run_here("sort", model_of(heroes), tmp_path / "other.zip", tmp_path / "out")
    assert "Undo:" not in sorted_.out


def test_a_test_with_a_report_says_where_it_is(heroes: DemoPictures, tmp_path: Path) -> None:
    page = tmp_path / "test.html"
    few = few_of(heroes, tmp_path / "few", 3)
    found = run_here("test", model_of(heroes), few, "--report", page)
    assert found.out.endswith(f"\nWritten: {page}\n")
    assert "--report FILE" not in found.out
    assert "--report FILE" in run_here("test", model_of(heroes), few).out
    assert run_here("test", model_of(heroes), few, "--report", page, "--json").json()


@pytest.mark.slow
def test_a_model_without_pictures_does_not_promise_them(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    private = tellapart.load(model_of(heroes)).save(tmp_path / "private", private=True)
    picture = next(heroes.photos.glob("*/*"))
    said = run("explain", private, picture).out
    assert "To see the maps, add --open or -o why.html. For the training pictures too, add" in said
    assert "To see the maps and the training" in run("explain", model_of(heroes), picture).out


def test_what_is_shown_of_a_result_is_a_line(heroes: DemoPictures, tmp_path: Path) -> None:
    result = tellapart.train(few_of(heroes, tmp_path / "few", 4), quality="fast", test=0)
    assert repr(result.classifier) == "<Classifier of 2 labels: dark_knight, ice_queen>"
    assert repr(result).startswith("<TrainResult of 8 pictures learnt from, cross-validated ")
    assert len(repr(result)) < 100


def test_a_model_is_not_written_into_another_nor_trained_on(
    heroes: DemoPictures, tmp_path: Path
) -> None:
    model = shutil.copytree(model_of(heroes), tmp_path / "m")
    inside = run_here("train", heroes.photos, "-o", model / "sub")
    assert inside.code == 2
    assert inside.err.startswith(f"{model / 'sub'} would lie inside the model {model}.")
    assert not (model / "sub").exists()
    (model / "notes.txt").write_text("mine")
    forgotten = run_here("train", heroes.photos, "-o", model)
    assert "such as notes.txt." in forgotten.err
    learnt = run_here("train", model_of(heroes), "-o", tmp_path / "new")
    assert learnt.code == 2
    assert "This is a model. Give the folder of the pictures" in learnt.err
