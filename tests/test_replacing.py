"""A model takes the place of one of the same source unasked, and of any other only when asked."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tellapart
from conftest import draw_scene, mostly_slow
from drawn import Run, contents, run_here, small_network
from tellapart.backbones.foreign import ForeignBackbone
from tellapart.errors import DestinationError


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "small.onnx"
    path.write_bytes(small_network().SerializeToString())
    return path


def draw(root: Path, label: str, seeds: range) -> None:
    (root / label).mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        draw_scene(40, 30, seed=seed).save(root / label / f"{seed:03}.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    draw(tmp_path / "photos", "day", range(12))
    draw(tmp_path / "photos", "night", range(100, 112))
    return tmp_path / "photos"


class Trainer:
    """`train SOURCE -o m` here, in `place`."""

    def __init__(self, place: Path, network: Path) -> None:
        self.model, self.before = place / "m", place / "m.before"
        self.own = ("--backbone", os.fspath(network), "--quiet")

    def __call__(self, source: Path, *options: str) -> Run:
        return run_here("train", source, "-o", self.model, *self.own, *options)

    def json(self, source: Path, *options: str) -> Any:
        found = self(source, "--json", *options)
        assert found.code == 0, found.err
        return json.loads(found.out)["replaced"]


@pytest.fixture
def train(tmp_path: Path, network: Path) -> Trainer:
    return Trainer(tmp_path, network)


def test_the_first_replaces_nothing(train: Trainer, photos: Path) -> None:
    assert train.json(photos) is None
    assert not train.before.exists()


def test_the_same_again_changes_nothing(train: Trainer, photos: Path) -> None:
    train(photos)
    before = contents(train.model)
    found = train(photos)
    assert "Changed: nothing, it is the same model\n" in found.out
    assert "Before:" not in found.out
    assert contents(train.model) == before
    assert not train.before.exists()
    assert train.json(photos) == {
        "kept": None,
        "judged_by": None,
        "before": None,
        "after": None,
        "same_pictures": False,
        "common": 0,
        "added": 0,
        "removed": 0,
        "new_labels": [],
        "gone_labels": [],
        "words": "nothing, it is the same model",
    }


@pytest.mark.slow
def test_pictures_that_leave_the_report_or_come_back_are_a_change(
    train: Trainer, photos: Path
) -> None:
    train(photos)
    shown = contents(train.model)
    left_out = train(photos, "--no-pictures")
    words = "the same model; pictures, and names and places of files, are"
    assert f"Changed: {words} left out now\nOld one: {train.before}\n" in left_out.out
    assert contents(train.before) == shown
    private = contents(train.model)
    assert private["model.onnx"] == shown["model.onnx"]
    again = train(photos, "--no-pictures")
    assert "Changed: nothing, it is the same model\n" in again.out
    assert contents(train.before) == shown
    back = train(photos)
    assert f"Changed: {words} there again\nOld one: {train.before}\n" in back.out
    assert contents(train.before) == private
    assert contents(train.model) == shown
    tellapart.load(train.model).save(train.model, private=True)
    assert contents(train.before) == shown


@pytest.mark.slow
def test_another_model_without_pictures_says_both(train: Trainer, photos: Path) -> None:
    train(photos)
    next(photos.glob("*/*")).unlink()
    assert train.json(photos, "--no-pictures")["words"].endswith(
        "1 picture gone; pictures, and names and places of files, are left out now"
    )


def test_other_settings_say_what_changed(train: Trainer, photos: Path) -> None:
    train(photos, "--test", "25%")
    before = contents(train.model)
    found = train(photos, "--test", "25%", "--solver", "sgd", "--steps", "3")
    assert found.code == 0
    (line,) = [line for line in found.out.splitlines() if line.startswith("Changed: ")]
    old, new = (tellapart.load(place).required_record() for place in (train.before, train.model))
    count = int(new.held_out.sum())
    assert 2 < count < 12
    figures = [
        f"{100 * float((m.scores.argmax(1) == m.labels)[m.held_out].mean()):.1f} %"
        for m in (old, new)
    ]
    assert line == f"Changed: {figures[0]} -> {figures[1]}, the same {count} held out"
    assert f"Old one: {train.before}\n" in found.out
    assert contents(train.before) == before


@pytest.mark.parametrize("test", mostly_slow(["25%", "none"], 1))
def test_pictures_added_and_gone(test: str, train: Trainer, photos: Path) -> None:
    train(photos, "--test", test)
    draw(photos, "day", range(20, 27))
    (photos / "night" / "100.png").unlink()
    (photos / "night" / "101.png").unlink()
    replaced = train.json(photos, "--test", test)
    assert (replaced["added"], replaced["removed"]) == (7, 2)
    assert replaced["judged_by"] == ("cross-validated" if test == "none" else "held out")
    assert replaced["same_pictures"] is False
    assert 0 < replaced["common"] <= replaced["before"]["n"]
    words = replaced["words"]
    assert "in both, so do not compare these two figures); 7 pictures added, 2 pictures" in words
    assert replaced["kept"] == str(train.before)


@pytest.mark.slow
def test_labels_added_renamed_and_gone(train: Trainer, photos: Path) -> None:
    train(photos)
    draw(photos, "dusk", range(200, 210))
    assert train.json(photos)["new_labels"] == ["dusk"]
    (photos / "dusk").rename(photos / "dawn")
    replaced = train.json(photos)
    assert (replaced["new_labels"], replaced["gone_labels"]) == (["dawn"], ["dusk"])
    assert "labels new: dawn; labels gone: dusk" in replaced["words"]
    shutil.rmtree(photos / "dawn")
    assert train.json(photos)["gone_labels"] == ["dawn"]


@pytest.mark.slow
def test_a_label_in_another_encoding_is_the_same(train: Trainer, photos: Path) -> None:
    draw(photos, "Ga\u0308nse", range(200, 210))
    (photos / "day").rename(photos / "D\u00e4mmerung")
    train(photos)
    (photos / "Ga\u0308nse").rename(photos / "G\u00e4nse")
    (photos / "D\u00e4mmerung").rename(photos / "Da\u0308mmerung")
    replaced = train.json(photos)
    assert replaced["new_labels"] == replaced["gone_labels"] == []


def moved(photos: Path) -> Path:
    return photos.rename(photos.with_name("elsewhere"))


def moved_and_added_to(photos: Path) -> Path:
    draw(photos, "day", range(20, 60))
    return photos.rename(photos.with_name("elsewhere"))


def a_part(photos: Path) -> Path:
    for path in sorted(photos.glob("*/*.png"))[::2]:
        path.unlink()
    return photos.rename(photos.with_name("elsewhere"))


def renamed_files(photos: Path) -> Path:
    for path in sorted(photos.glob("*/*.png")):
        path.rename(path.with_name(f"x-{path.name}"))
    return photos.rename(photos.with_name("elsewhere"))


def packed(photos: Path) -> Path:
    return Path(shutil.make_archive(str(photos.with_name("packed")), "zip", photos))


def listed(photos: Path) -> Path:
    table = photos.with_name("table.csv")
    with table.open("w", newline="") as stream:
        rows = ([path.relative_to(table.parent), path.parent.name] for path in photos.glob("*/*"))
        csv.writer(stream).writerows([["path", "label"], *rows])
    return table


def saved_anew(photos: Path) -> Path:
    for path in sorted(photos.glob("*/*.png")):
        path.write_bytes(path.read_bytes() + b"\0")  # other content, same name
    return photos


def linked(photos: Path) -> Path:
    link = photos.with_name("link")
    link.symlink_to(photos)
    draw(photos, "day", range(20, 80))
    return link


KNOWN = [moved, listed, saved_anew, moved_and_added_to, a_part, renamed_files, packed, linked]


@pytest.mark.parametrize("change", mostly_slow(KNOWN, 1))
def test_the_same_source_is_known_again(
    change: Callable[[Path], Path], train: Trainer, photos: Path
) -> None:
    train(photos)
    before = contents(train.model)
    found = train(change(photos), "--test", "30%")
    assert found.code == 0, found.err
    assert contents(train.before) == before


def other_pictures(photos: Path) -> Path:
    root = photos.with_name("other")
    draw(root, "day", range(500, 512))
    draw(root, "night", range(600, 612))
    return root


def other_labels(photos: Path) -> Path:
    root = photos.with_name("other")
    draw(root, "cat", range(500, 512))
    draw(root, "dog", range(600, 612))
    return root


def same_pictures_other_labels(photos: Path) -> Path:
    root = photos.with_name("other")
    shutil.copytree(photos / "day", root / "small")
    shutil.copytree(photos / "night", root / "large")
    return root


def swapped_labels(photos: Path) -> Path:
    root = photos.with_name("other")
    shutil.copytree(photos / "day", root / "night")
    shutil.copytree(photos / "night", root / "day")
    return root


def one_of_its_pictures(photos: Path) -> Path:
    root = other_pictures(photos)
    shutil.copy(photos / "day" / "000.png", root / "day")
    return root


def a_part_of_many(photos: Path) -> Path:
    root = photos.with_name("other")
    shutil.copytree(photos, root)
    for number, label in enumerate(("a", "b", "c")):
        draw(root, label, range(1000 * (number + 1), 1000 * (number + 1) + 15))
    return root


def all_others_in_its_place(photos: Path) -> Path:
    photos.rename(photos.with_name("away"))
    draw(photos, "cat", range(500, 512))
    draw(photos, "dog", range(600, 612))
    return photos


OTHERS = [
    other_pictures,
    same_pictures_other_labels,
    one_of_its_pictures,
    other_labels,
    swapped_labels,
    a_part_of_many,
    all_others_in_its_place,
]


@pytest.mark.parametrize("change", mostly_slow(OTHERS, 1))
def test_anything_else_asks_for_replace(
    change: Callable[[Path], Path], train: Trainer, photos: Path, tmp_path: Path
) -> None:
    train(photos)
    source = change(photos)
    before = contents(tmp_path)
    found = train(source)
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines() == [
        f"{train.model} is a model of other pictures, trained on {photos}, with the labels "
        "day, night.",
        "Nothing was changed there. Choose a new folder with -o, or give --replace: the old model "
        "then stays as m.before.",
    ]
    assert contents(tmp_path) == before
    assert train(source, "--replace").code == 0
    assert contents(train.before) == {
        name.removeprefix("m/"): content for name, content in before.items() if name[:2] == "m/"
    }


@pytest.mark.parametrize(
    "change", mostly_slow([other_pictures, other_labels, same_pictures_other_labels], 1)
)
def test_it_is_refused_before_any_work(
    change: Callable[[Path], Path], train: Trainer, photos: Path, tmp_path: Path
) -> None:
    train(photos)
    source, cache = change(photos), tmp_path / "cache"
    found = run_here(
        *("train", source, "-o", train.model, *train.own),
        environment={"TELLAPART_CACHE": str(cache)},
    )
    assert found.code == 2
    assert "is a model of other pictures" in found.err
    assert not cache.exists()


def test_python_says_replace_too(photos: Path, network: Path, tmp_path: Path) -> None:
    own = ForeignBackbone(network)
    first = tellapart.train(photos, backbone=own)
    first.save(tmp_path / "m")
    other = tellapart.train(other_labels(photos), backbone=own)
    before = contents(tmp_path / "m")
    for save in (other.save, other.classifier.save):
        with pytest.raises(DestinationError, match="is a model of other pictures") as caught:
            save(tmp_path / "m")
        assert "replace=True" in caught.value.hint
        assert contents(tmp_path / "m") == before
    changed = other.replaces(tmp_path / "m")
    assert changed
    assert changed.gone_labels == ("day", "night")
    other.save(tmp_path / "m", replace=True)
    assert contents(tmp_path / "m.before") == before
    first.save(tmp_path / "m", replace=True)  # and back
    assert contents(tmp_path / "m") == before
    assert tellapart.load(tmp_path / "m.before").labels == ("cat", "dog")
    assert other.replaces(tmp_path / "new") is None


@pytest.mark.parametrize("part", mostly_slow(["training.npz", "model.onnx", "both"], 1))
def test_a_damaged_model_is_trained_again(part: str, train: Trainer, photos: Path) -> None:
    train(photos)
    sound = contents(train.model)
    for name in ("training.npz", "model.onnx") if part == "both" else (part,):
        path = train.model / name
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        path.write_bytes(damaged)
    found = train(photos)
    if part != "model.onnx":  # nothing tells the source then
        assert found.code == 2
        assert "trained on: its training.npz is missing or damaged." in found.err
        found = train(photos, "--replace")
    assert found.code == 0, found.err
    assert contents(train.model) == sound


@pytest.mark.parametrize(
    "files", [{"thesis.txt": b"years of work"}, {"model.onnx": b"pytorch"}, None, "link"]
)
def test_what_is_no_model_is_never_taken_for_the_one_before(
    files: dict[str, bytes] | str | None, train: Trainer, photos: Path, tmp_path: Path
) -> None:
    train(photos)
    if files is None:
        train.before.write_bytes(b"a file")
    elif files == "link":
        shutil.copytree(train.model, tmp_path / "linked")
        train.before.symlink_to(tmp_path / "linked")
    elif isinstance(files, dict):
        train.before.mkdir()
        for name, content in files.items():
            (train.before / name).write_bytes(content)
    draw(photos, "day", range(20, 27))
    before = contents(tmp_path)
    for options in ((), ("--replace",)):
        found = train(photos, *options)
        assert (found.code, found.out) == (2, "")
        assert "m.before, but that is something else" in found.err
        assert contents(tmp_path) == before
    with pytest.raises(DestinationError, match="something else"):
        tellapart.load(train.model).save(train.model, replace=True)


@pytest.mark.slow
def test_only_the_last_one_is_kept_and_a_link_keeps_beside_what_it_leads_to(
    train: Trainer, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "m").symlink_to(tmp_path / "models" / "2016")
    (tmp_path / "models" / "2016").mkdir()
    digests = []
    for number in range(3):
        draw(photos, "day", range(20 * number, 20 * number + 12))
        assert train(photos).code == 0
        digests.append(tellapart.load(train.model).digest)
    assert len(set(digests)) == 3
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["2016", "2016.before"]
    assert tellapart.load(tmp_path / "models" / "2016.before").digest == digests[1]
    assert not (tmp_path / "m.before").exists()


@pytest.mark.slow
def test_a_model_without_a_record_is_replaced_when_asked(
    train: Trainer, photos: Path, tmp_path: Path
) -> None:
    train(photos)
    (train.model / "training.npz").unlink()
    draw(photos, "day", range(20, 27))
    found = train(photos)
    assert found.code == 2
    assert "is a model that does not say what it was trained on" in found.err
    assert train(photos, "--replace").code == 0


@pytest.mark.slow
def test_retrain_asks_in_its_own_words(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [
        *("--output_model", str(tmp_path / "m"), "--output_graph", str(tmp_path / "g.pb")),
        *("--output_labels", str(tmp_path / "l.txt"), "--how_many_training_steps", "5"),
        *("--architecture", "fast", "--logging_verbosity", "ERROR"),
    ]
    assert run_here("retrain", "--image_dir", photos, *given).code in (0, 1)
    before = contents(tmp_path / "m")
    other = other_labels(photos)
    found = run_here("retrain", "--image_dir", other, *given)
    assert found.code == 2
    assert "or give --replace_model: the old model then stays" in found.err
    assert "with --output_model" in found.err
    found = run_here("retrain", "--image_dir", other, "--replace_model", *given)
    assert found.code in (0, 1)
    assert "Changed: " in found.out
    assert f"The model before is kept: {tmp_path / 'm.before'}" in found.out
    assert contents(tmp_path / "m.before") == before
