"""A model folder to share: no pictures, no names and no places of them, and it still works."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tellapart
from tellapart.cli.app import app
from tellapart.demo.walk import DemoPictures
from tellapart.model.classifier import load
from tellapart.model.folder import FOLDER_FILES
from tellapart.model.privacy import private, without_paths
from tellapart.model.record import Run, TrainingRecord

SECRET = "anna_at_school"
FILES = sorted(FOLDER_FILES)


@pytest.fixture(scope="module")
def photos(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with telling names in a telling place, one that cannot be read, and copies."""
    root = tmp_path_factory.mktemp("private") / "Smith family"
    for label in ("dark_knight", "ice_queen"):
        (root / label).mkdir(parents=True)
        (root / "kept back" / label).mkdir(parents=True)
        for number, path in enumerate(sorted((heroes.photos / label).iterdir())[:25]):
            to = root / ("kept back" if number < 5 else "") / label / f"{SECRET} {number}.jpg"
            shutil.copy(path, to)
    shutil.copy(root / "ice_queen" / f"{SECRET} 7.jpg", root / "ice_queen" / f"{SECRET} too.jpg")
    shutil.copy(root / "ice_queen" / f"{SECRET} 8.jpg", root / "dark_knight" / f"{SECRET} 8b.jpg")
    (root / "ice_queen" / f"{SECRET} page.jpg").write_text("<html>")
    shutil.move(root / "kept back", root.parent / "Smith kept back")
    return root


@pytest.fixture(scope="module")
def model(photos: Path) -> Path:
    folder = photos.parent / "model"
    given = ["train", str(photos), "-o", str(folder), "--quality", "fast", "--no-pictures", "-q"]
    run = CliRunner().invoke(app, [*given, "--test", str(photos.parent / "Smith kept back")])
    assert run.exit_code == 0, run.output
    return folder


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All bytes of a folder; those of an archive of arrays unpacked as well."""
    for path in sorted(folder.iterdir()):
        yield path.name, path.read_bytes()
        if path.suffix == ".npz":
            with np.load(path) as stored:
                for name in stored.files:
                    array = stored[name]
                    text = "\n".join(array.ravel().tolist()) if array.dtype.kind == "U" else ""
                    yield f"{path.name}/{name}", array.tobytes() + text.encode()


def test_nothing_in_it_shows_names_or_places_a_picture(photos: Path, model: Path) -> None:
    assert sorted(path.name for path in model.iterdir()) == FILES
    words = ["anna", "school", "Smith", "Smith kept back", str(photos.parent), str(Path.home())]
    words += ["data:image", "base64", "/tmp/", os.sep + photos.name]
    for name, content in contents(model):
        for word in words:
            for encoding in ("utf-8", "utf-16-le", "utf-32-le"):
                assert word.encode(encoding) not in content, (name, word)
    page = (model / "report.html").read_text("utf-8")
    assert "<img" not in page
    assert "not found" not in page
    assert "This report contains no pictures, and no names or folders of their files." in page
    assert "tellapart train PHOTOS --quality fast --test KEPT-BACK --no-pictures -o NEW" in page
    assert "file 1: " in page
    assert "an HTML page saved as .jpg" in page
    assert "neither the pictures nor the names or folders of their files" in (
        model / "README.md"
    ).read_text("utf-8")


@pytest.mark.slow
def test_without_it_they_are_all_there(photos: Path, tmp_path: Path) -> None:
    """The search of the test above finds what it looks for."""
    folder = tellapart.train(photos, quality="fast").save(tmp_path / "model")
    found = dict(contents(folder))
    assert SECRET.encode() in found["training.npz/names"]
    assert str(photos).encode() in found["training.npz/roots"]
    assert b"data:image" in found["report.html"]
    assert str(photos).encode() in found["report.html"]
    again = load(folder).save(tmp_path / "again", private=True)
    for name, content in contents(again):
        assert SECRET.encode() not in content, name
        assert SECRET.encode("utf-32-le") not in content, name
        assert str(photos).encode("utf-32-le") not in content, name
    assert (again / "model.onnx").read_bytes() == (folder / "model.onnx").read_bytes()
    page = tmp_path / "to-share.html"
    given = ["report", str(folder), "-o", str(page), "--no-pictures"]
    assert CliRunner().invoke(app, given).exit_code == 0
    text = page.read_text("utf-8")
    assert SECRET not in text
    assert str(photos) not in text
    assert "<img" not in text


@pytest.mark.slow
def test_a_report_without_pictures_does_not_ask_for_them(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    open_one = tellapart.train(photos, quality="fast").save(tmp_path / "open")
    page = str(tmp_path / "page.html")
    for folder, missing in ((open_one, 0), (model, len(load(model).required_record().names))):
        given = ["report", str(folder), "-o", page, "--no-pictures"]
        assert CliRunner().invoke(app, given).stdout == f"Written: {page}\n"
        found = json.loads(CliRunner().invoke(app, [*given, "--json"]).stdout)
        assert found["missing_pictures"] == missing
    asked = CliRunner().invoke(app, ["report", str(model), "-o", page])
    assert "written without pictures" in asked.stdout


@pytest.mark.slow
def test_it_answers_and_is_tested_as_ever(photos: Path, model: Path, tmp_path: Path) -> None:
    open_one = tellapart.train(photos, quality="fast", test=photos.parent / "Smith kept back").save(
        tmp_path / "open"
    )
    picture = str(next((photos / "ice_queen").glob("*7.jpg")))
    kept = str(photos.parent / "Smith kept back")
    for given in (["guess", picture], ["test", kept], ["gaps", kept], ["suggest", kept]):
        outputs = []
        for folder in (open_one, model):
            run = CliRunner().invoke(app, [given[0], str(folder), *given[1:], "--json"])
            assert run.exit_code == 0, (given, run.output)
            outputs.append(json.loads(run.stdout))
        if given[0] == "guess":
            assert outputs[0] == outputs[1]
    first, second = load(open_one).training_record, load(model).training_record
    assert first
    assert second
    assert first.learnt() == second.learnt()
    assert len(set(second.names)) == len(second.names)  # copies, too
    assert np.array_equal(first.vectors, second.vectors)
    for command in ("info", "report"):
        assert CliRunner().invoke(app, [command, str(model)]).exit_code == 0
    sorted_to = str(tmp_path / "sorted")
    assert CliRunner().invoke(app, ["sort", str(model), kept, sorted_to]).exit_code == 0


@pytest.mark.slow
def test_training_pictures_are_shown_again_where_their_folder_is_given(
    photos: Path, model: Path, tmp_path: Path
) -> None:
    picture = str(next((photos.parent / "Smith kept back" / "ice_queen").iterdir()))
    page = tmp_path / "why.html"
    given = ["explain", str(model), picture, "-o", str(page)]
    assert CliRunner().invoke(app, given).exit_code == 0
    text = page.read_text("utf-8")
    assert "cannot be shown, because the files are gone" not in text
    assert "does not know where they are" in text
    assert 'class="gone"' not in text
    assert "anna" not in text.replace(Path(picture).name, "")
    assert CliRunner().invoke(app, [*given, "--pictures", str(photos)]).exit_code == 0
    text = page.read_text("utf-8")
    assert "does not know where" not in text
    assert text.count("<img") > 6
    again = tmp_path / "again.html"
    given = ["report", str(model), "-o", str(again), "--pictures", str(photos)]
    assert CliRunner().invoke(app, given).exit_code == 0
    assert "<img" in again.read_text("utf-8")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("tellapart train '/home/anna/my photos' --quality good", "tellapart train PHOTOS "
         "--quality good --no-pictures"),
        ("tellapart train p --quality best --test 0.2 --repeats 3", "tellapart train PHOTOS "
         "--quality best --test 0.2 --repeats 3 --no-pictures"),
        ("tellapart train p --backbone lite0 --test none", "tellapart train PHOTOS "
         "--backbone lite0 --test none --no-pictures"),
        ("tellapart train p --backbone /home/anna/n.onnx --test 'kept back'", "tellapart train "
         "PHOTOS --backbone NETWORK.onnx --test KEPT-BACK --no-pictures"),
        ("tellapart train p --backbone keras:/a/n.keras", "tellapart train PHOTOS --backbone "
         "keras:NETWORK.keras --no-pictures"),
        ("tellapart train p --backbone keras:InceptionV3 --seed 3", "tellapart train PHOTOS "
         "--backbone keras:InceptionV3 --seed 3 --no-pictures"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_command_keeps_its_options_and_loses_its_paths(command: str, expected: str) -> None:
    assert without_paths(command) == expected


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        ("1 picture found under two labels: elsa/anna 1.jpg.", "1 picture found under two labels: "
         "aaaaaaaaaaaa."),
        ("anna 1.jpg and 11.jpg are alike.", "aaaaaaaaaaaa and 11.jpg are alike."),
        ("It lies in /home/anna/my photos/elsa/anna 1.jpg, see there.", "It lies in aaaaaaaaaaaa, "
         "see there."),
        ("Read from /home/anna/my photos.", "Read from ...."),
        ("Of /mnt/other/x.jpg and C:\\anna\\x.jpg nothing.", "Of ... and ... nothing."),
        ("7 of 10 and/or 97 % (1/2).", "7 of 10 and/or 97 % (1/2)."),
    ],
)  # fmt: skip
def test_notes_lose_names_and_places(note: str, expected: str) -> None:
    record = TrainingRecord(
        vectors=np.zeros((2, 3), np.float32),
        labels=np.array([0, 1]),
        names=("elsa/anna 1.jpg", "7"),
        digests=("a" * 64, "b" * 64),
        held_out=np.zeros(2, bool),
        scores=np.zeros((2, 2)),
        roots=("/home/anna/my photos",),
        run=Run(source="my photos", notes=(note,)),
    )
    told = private(record)
    assert told.run.notes == (expected,)
    assert not re.search("anna", told.to_bytes("0").decode("utf-32-le", "ignore"))
    assert private(told) == told
