"""Adding pictures to a model: the same answers as training on all, without the old pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tellapart
from conftest import draw_scene, mostly_slow
from drawn import contents, only_sentences, run_here, small_network
from tellapart.errors import DatasetError, ModelError
from tellapart.images.properties import PROPERTIES
from tellapart.model.classifier import Classifier
from tellapart.model.observe import Observation, observe
from tellapart.model.record import TrainingRecord

SIZES = {"cat": 30, "dog": 24, "elk": 14}
# Of numbers in float32, which are summed up in the order in which a record has its pictures.
ROUNDING = 1e-5


@pytest.fixture
def three(draw_folder: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path, Path]:
    """All pictures; the older ones, of two labels; the newer ones, of three."""
    photos = draw_folder(SIZES)
    older, newer = tmp_path / "older", tmp_path / "newer"
    for number, picture in enumerate(sorted(photos.glob("*/*.png"))):
        if number % 7 == 0:  # some are of one plant, in both halves
            picture = picture.rename(picture.with_name(f"p{number % 3}_nohash_{number}.png"))
        label = picture.parent.name
        folder = (newer if number % 3 == 0 or label == "elk" else older) / label
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder)
    return photos, older, newer


def far(one: Classifier, other: Classifier, photos: Path) -> float:
    """By how much the answers of two models differ at most."""
    assert one.labels == other.labels
    pictures = sorted(photos.glob("*/*.png"))[::3]
    most = 0.0
    for a, b in zip(observe(one, pictures), observe(other, pictures), strict=True):
        assert isinstance(a, Observation)
        assert isinstance(b, Observation)
        gaps = (a.logits - b.logits, a.scores - b.scores, a.novelty - b.novelty)
        most = max(most, *(float(np.abs(gap).max()) for gap in gaps))
    return most


def test_the_answers_are_those_of_training_on_all_without_the_old_pictures(
    three: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    photos, older, newer = three
    tellapart.train(older, quality="fast").save(tmp_path / "model")
    shutil.rmtree(older)
    found = run_here("add", tmp_path / "model", newer, "--json").json()
    whole = tellapart.train(photos, quality="fast")
    added = tellapart.load(tmp_path / "model")
    assert far(added, whole.classifier, photos) < ROUNDING
    assert {*added.required_record().digests} == {*whole.classifier.required_record().digests}
    held = whole.classifier.required_record()
    assert {d for d, h in zip(held.digests, held.held_out, strict=True) if h} == {
        d
        for d, h in zip(
            added.required_record().digests, added.required_record().held_out, strict=True
        )
        if h
    }
    assert whole.cross_validated is not None
    assert found["cross_validated"]["accuracy"] == whole.cross_validated.accuracy.value
    assert len(found["shortcuts"]) == len(whole.shortcuts)
    assert found["replaced"]["new_labels"] == ["elk"]
    assert found["replaced"]["added"] == 32
    assert (tmp_path / "model.before").is_dir()
    report = (tmp_path / "model" / "report.html").read_text("utf-8")
    assert "tellapart add MODEL" in report


@pytest.mark.slow
def test_in_small_steps_it_comes_to_the_same(
    three: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    photos, older, newer = three
    classifier = tellapart.train(older, quality="fast").classifier
    for label in sorted(newer.iterdir()):
        (tmp_path / "step").mkdir()
        shutil.copytree(label, tmp_path / "step" / label.name)
        classifier = classifier.add(tmp_path / "step").classifier
        shutil.rmtree(tmp_path / "step")
    assert far(classifier, tellapart.train(photos, quality="fast").classifier, photos) < ROUNDING


SETTINGS: list[dict[str, Any]] = [
    {"head": "regression", "balanced": True, "test": 0.3},
    {"sgd": tellapart.SgdSettings(steps=60)},
    {"repeats": 2, "head": "discriminant"},
    {"test": 0},
]


@pytest.mark.slow
@pytest.mark.parametrize("options", mostly_slow(SETTINGS, 2), ids="-".join)
def test_it_is_trained_as_it_was(
    options: dict[str, Any], three: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    photos, older, newer = three
    tellapart.train(older, quality="fast", **options).save(tmp_path / "model", report=False)
    added = tellapart.load(tmp_path / "model").add(newer)
    whole = tellapart.train(photos, quality="fast", **options)
    assert far(added.classifier, whole.classifier, photos) < ROUNDING
    assert any("in 60 small steps" in note for note in added.notes) == ("sgd" in options)


def test_a_network_of_the_users_own_need_not_be_there(
    three: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    photos, older, newer = three
    (tmp_path / "net.onnx").write_bytes(small_network().SerializeToString())
    own = tellapart.ForeignBackbone(tmp_path / "net.onnx", pixels="0..1")
    whole = tellapart.train(photos, backbone=own)
    tellapart.train(older, backbone=own).save(tmp_path / "model", report=False)
    (tmp_path / "net.onnx").unlink()
    added = tellapart.load(tmp_path / "model").add(newer)
    assert far(added.classifier, whole.classifier, photos) < ROUNDING


def test_known_pictures_are_left_out_and_other_labels_said(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 20, "dog": 20})
    tellapart.train(photos, quality="fast").save(tmp_path / "model", report=False)
    before = tellapart.load(tmp_path / "model")
    draw_folder({"cat": 1, "dog": 1}, tmp_path / "more")
    shutil.copy(photos / "cat" / "003.png", tmp_path / "more" / "dog" / "mine.png")
    draw_scene(seed=77).save(tmp_path / "more" / "cat" / "new.png")
    added = before.add(tmp_path / "more")
    assert added.notes[-2:] == (
        f"Added: 1 picture of {tmp_path / 'more'}. 3 pictures of it were known already.",
        "1 picture known already under another label, which was left as it is in the model: "
        "dog/mine.png (dog; in the model cat).",
    )
    assert len(added.classifier.required_record().names) == 41
    again = added.classifier.add(tmp_path / "more").classifier
    assert again.content == added.classifier.content  # all are known now


def test_what_is_marked_keeps_its_side(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    photos = draw_folder({"train/cat": 20, "train/dog": 20, "test/cat": 5, "test/dog": 5})
    more = {"cat": 12, "dog": 12}
    for number, (label, count) in enumerate(more.items()):
        (tmp_path / "more" / label).mkdir(parents=True)
        for index in range(count):
            draw_scene(seed=500 + 100 * number + index).save(
                tmp_path / "more" / label / f"n{index}.png"
            )
    classifier = tellapart.train(photos, quality="fast").classifier
    added = classifier.add(tmp_path / "more")
    assert added.held_out is not None
    assert added.held_out.accuracy.n == 10  # no other
    for label in more:
        shutil.copytree(tmp_path / "more" / label, photos / "train" / label, dirs_exist_ok=True)
    whole = tellapart.train(photos, quality="fast").classifier
    assert far(added.classifier, whole, photos / "train") < ROUNDING


def test_a_private_model_stays_private(three: tuple[Path, Path, Path], tmp_path: Path) -> None:
    photos, older, newer = three
    for picture in [*older.glob("*/*_nohash_*"), *newer.glob("*/*_nohash_*")]:
        picture.unlink()
    for picture in photos.glob("*/*_nohash_*"):
        picture.unlink()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2021:03:04 05:06:07"
    for folder in (photos, older):
        draw_scene(seed=99).save(folder / "cat" / "timed.jpg", exif=exif)
    tellapart.train(older, quality="fast").save(tmp_path / "model", private=True)
    found = run_here("add", tmp_path / "model", newer, "--json").json()["cross_validated"]
    added = tellapart.load(tmp_path / "model")
    assert added.required_record().run.private
    properties = added.required_record().properties
    assert properties is not None
    taken = [PROPERTIES.index(name) for name in ("day", "second")]
    assert np.isnan(properties[:, taken]).all()
    assert not np.isnan(properties[:, 0]).any()
    trained = tellapart.train(photos, quality="fast")
    whole, judged = trained.classifier, trained.cross_validated
    assert judged is not None  # its intervals are the same, though names, and their order, are not
    assert found["log_loss_interval"] == pytest.approx([*judged.log_loss.interval], abs=1e-6)
    assert found["brier"]["interval"] == pytest.approx([*judged.brier.interval], abs=1e-6)
    known = whole.required_record().properties
    assert known is not None
    assert not np.isnan(known[:, taken]).all()
    for content in contents(tmp_path / "model").values():
        assert b"newer" not in content
        assert str(tmp_path).encode() not in content
        assert b".png" not in content
    assert far(added, whole, photos) < ROUNDING


@pytest.mark.slow
def test_a_record_of_an_earlier_release_does(
    three: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    photos, older, newer = three
    for folder in three:
        for picture in folder.glob("*/*_nohash_*"):
            picture.unlink()
    classifier = tellapart.train(older, quality="fast").classifier
    record = classifier.required_record()
    old = replace(
        record, group_names=None, splits=None, properties=None, run=replace(record.run, settings={})
    )
    stored = TrainingRecord.from_bytes(old.to_bytes("x"), "x")
    assert (stored.group_names, stored.splits, stored.properties) == (None, None, None)
    added = replace(classifier, _record=stored).add(newer)
    assert any("of an earlier release" in note for note in added.notes)
    whole = tellapart.train(photos, quality="fast").classifier
    assert far(added.classifier, whole, photos) < ROUNDING


@pytest.mark.slow
def test_groups_are_kept_together_with_old_pictures(tmp_path: Path) -> None:
    for label in ("rose", "tulip"):
        for index in range(24):
            folder = tmp_path / ("old" if index % 2 else "new") / label
            folder.mkdir(parents=True, exist_ok=True)
            number = index + (100 if label == "rose" else 0)
            draw_scene(seed=number).save(folder / f"p{index // 4}_nohash_{index}.png")
    added = tellapart.train(tmp_path / "old", quality="fast").classifier.add(tmp_path / "new")
    record = added.classifier.required_record()
    assert record.group_names is not None
    assert record.fold is not None
    side: dict[str, tuple[bool, int]] = {}
    for group, held, fold in zip(record.group_names, record.held_out, record.fold, strict=True):
        assert side.setdefault(group, (held, fold)) == (held, fold)
    assert len(side) == 12


def test_names_may_be_the_same(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    photos = draw_folder({"cat": 12, "dog": 12})
    for number, label in enumerate(("cat", "dog")):
        (tmp_path / "more" / label).mkdir(parents=True)
        for index in range(3):
            draw_scene(seed=800 + 10 * number + index).save(
                tmp_path / "more" / label / f"{index:03d}.png"
            )
    tellapart.train(photos, quality="fast").save(tmp_path / "model", report=False)
    added = tellapart.load(tmp_path / "model").add(tmp_path / "more")
    added.save(tmp_path / "both", report=False)
    record = tellapart.load(tmp_path / "both").required_record()
    assert "more/cat/000.png" in record.names
    assert len(record.locate()) == 30  # all are found again, by their content


@pytest.mark.slow
def test_into_another_folder(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    photos = draw_folder({"cat": 12, "dog": 12})
    tellapart.train(photos, quality="fast").save(tmp_path / "model")
    before = contents(tmp_path / "model")
    (tmp_path / "more" / "ant").mkdir(parents=True)
    for index in range(12):
        draw_scene(seed=700 + index).save(tmp_path / "more" / "ant" / f"{index}.png")
    found = run_here("add", tmp_path / "model", tmp_path / "more", "-o", tmp_path / "new")
    assert found.code == 0
    assert tellapart.load(tmp_path / "new").labels == ("ant", "cat", "dog")
    assert contents(tmp_path / "model") == before


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of six cats and six dogs, to be copied."""
    folder = tmp_path_factory.mktemp("small")
    for number in range(12):
        shelf = folder / "photos" / ("cat", "dog")[number % 2]
        shelf.mkdir(parents=True, exist_ok=True)
        draw_scene(seed=number).save(shelf / f"{number}.png")
    tellapart.train(folder / "photos", quality="fast").save(folder / "model", report=False)
    return folder / "model"


@pytest.mark.parametrize(
    ("model", "source", "said"),
    [
        ("model/model.onnx", "more", "is a file"),
        ("bare", "more", "no training record"),
        ("more", "more", "contains other things than a model"),
        ("model", "nothing", "does not exist"),
        ("model", "empty", "needs pictures"),
        ("model", "broken", "can be read"),
        ("model", "alike", "differ only in case"),
        ("model", "ours", "cannot be a label"),
    ],
)
def test_bad_input_gets_a_sentence_and_the_model_stays(
    model: str,
    source: str,
    said: str,
    small: Path,
    draw_folder: Callable[..., Path],
    tmp_path: Path,
) -> None:
    shutil.copytree(small, tmp_path / "model")
    (tmp_path / "bare").mkdir()
    shutil.copy(tmp_path / "model" / "model.onnx", tmp_path / "bare")
    draw_folder({"ant": 2}, tmp_path / "more")
    draw_folder({"Cat": 2}, tmp_path / "alike")
    draw_folder({"unsure": 2}, tmp_path / "ours")
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    (tmp_path / "broken" / "cat").mkdir(parents=True)
    (tmp_path / "broken" / "cat" / "a.jpg").write_bytes(b"<html>")
    before = contents(tmp_path)
    found = run_here("add", tmp_path / model, tmp_path / source)
    assert found.code == 2
    assert said in found.err
    assert only_sentences(found.err)
    assert contents(tmp_path) == before


def test_unreadable_pictures_are_named(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path / "model")
    (tmp_path / "more" / "cat").mkdir(parents=True)
    draw_scene(seed=55).save(tmp_path / "more" / "cat" / "new.png")
    (tmp_path / "more" / "cat" / "page.jpg").write_bytes(b"<html>")
    found = run_here("add", tmp_path / "model", tmp_path / "more", "--strict", "--json")
    assert found.code == 3
    assert [file["path"] for file in found.json()["skipped"]] == ["cat/page.jpg"]


def test_the_errors_in_python(small: Path) -> None:
    photos, classifier = small.with_name("photos"), tellapart.load(small)
    with pytest.raises(ModelError, match="no training record"):
        replace(classifier, _record=None).add(photos)
    with pytest.raises(DatasetError, match="can be read"):
        classifier.add([(b"nothing", "cat")])


@pytest.mark.slow
def test_the_mistakes_are_named_as_paths_were_given(
    draw_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = draw_folder({"cat": 6, "dog": 6})
    for number in range(3):  # cats, said to be dogs
        copy = photos / "dog" / f"wrong{number}.png"
        draw_scene(seed=50 + number).save(copy)
        draw_scene(seed=60 + number).save(photos / "cat" / f"wrong{number}.png")
    newer = tmp_path / "newer" / "cat"
    newer.mkdir(parents=True)
    draw_scene(seed=70).save(newer / "one.png")
    monkeypatch.chdir(tmp_path)
    near = photos.relative_to(tmp_path)
    run_here("train", near, "-o", "model", "--quality", "fast", "--test", "none", "--quiet")
    found = run_here("add", "model", "newer", "--quiet")
    assert "taken for" in found.out
    assert str(tmp_path) not in found.out
