"""Labels out to other tools and in again: round trips, what these tools write, and corrections."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tellapart
from conftest import tried
from drawn import contents, only_sentences, run_here
from tellapart.dataset.decision_table import DecisionTable
from tellapart.dataset.labels import distinct
from tellapart.dataset.paths import trimmed
from tellapart.dataset.sources import Dataset, read_dataset
from tellapart.errors import DatasetError, DestinationError, UsageError

FILES = {
    "csv": "labels.csv",
    "jsonl": "labels.jsonl",
    "imagefolder": "metadata.csv",
    "labelstudio": "tasks.json",
    "fiftyone": "labels.json",
}


def known(dataset: Dataset) -> set[tuple[str, str, str | None, str | None]]:
    """What a data set says of each picture, wherever it was read from."""
    return {
        (os.path.realpath(item.file), item.label, item.split, item.group) for item in dataset.items
    }


@pytest.fixture
def photos(draw_folder: Callable[..., Path]) -> Path:
    """Pictures of two labels in parts, some of them in groups."""
    folder = draw_folder({"train/cat": 4, "train/dog": 4, "val/dog": 2, "test/cat": 2})
    for number in range(2):
        picture = folder / "train" / "cat" / f"{number:03d}.png"
        picture.rename(picture.with_name(f"tom_nohash_{number}.png"))
    return folder


# out and in


@pytest.mark.parametrize("form", FILES)
def test_out_and_in_again_is_the_same(form: str, photos: Path, tmp_path: Path) -> None:
    file = photos / FILES[form]
    found = run_here("labels", photos, "--to", form, "-o", file, "--json").json()
    assert (found["pictures"], found["labels"]) == (12, {"cat": 6, "dog": 6})
    again = read_dataset(file)
    assert known(again) == known(read_dataset(photos))
    assert not again.skipped


@pytest.mark.parametrize("form", [form for form in FILES if form != "imagefolder"])
def test_the_file_may_lie_elsewhere(form: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / FILES[form]
    tellapart.write_labels(photos, form, file)
    assert known(read_dataset(file)) == known(read_dataset(photos))


@pytest.mark.parametrize("form", FILES)
def test_decisions_go_out_with_the_labels(form: str, photos: Path) -> None:
    tellapart.decide(photos, "train/cat/002.png", relabel="dog")
    tellapart.decide(photos, "train/cat/003.png", drop=True)
    tellapart.decide(photos, ["train/dog/000.png", "train/dog/001.png"], group="walk")
    tellapart.decide(photos, "train/dog/002.png", keep=True)
    file = photos / FILES[form]
    tellapart.write_labels(photos, form, file)
    assert known(read_dataset(file)) == known(read_dataset(photos))
    if form == "csv":
        with file.open(newline="") as stream:
            rows = {row["path"]: row for row in csv.DictReader(stream)}
        assert len(rows) == 11
        of = [(r["decision"], r["old_label"]) for _, r in sorted(rows.items())]
        assert sorted(of)[-4:] == [("group", ""), ("group", ""), ("keep", ""), ("relabel", "cat")]


def test_hugging_face_finds_what_it_looks_for(photos: Path) -> None:
    tellapart.write_labels(photos, "imagefolder", photos / "metadata.csv")
    tellapart.write_labels(photos, "imagefolder", photos / "metadata.jsonl")
    with (photos / "metadata.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    lines = (photos / "metadata.jsonl").read_text().splitlines()
    assert len(rows) == len(lines) == 12
    for row, line in zip(rows, map(json.loads, lines), strict=True):
        assert (photos / row["file_name"]).is_file()
        assert line == {key: value for key, value in row.items() if value}


def test_fiftyone_finds_what_it_looks_for(photos: Path) -> None:
    shutil.copy(photos / "val" / "dog" / "000.png", photos / "val" / "dog" / "000.bmp")
    tellapart.write_labels(photos, "fiftyone", photos / "labels.json")
    found = json.loads((photos / "labels.json").read_text())
    assert found["classes"] == ["cat", "dog"]
    assert found["labels"]["train/cat/002"] == 0
    assert found["labels"]["val/dog/000.bmp"] == 1  # two have this stem
    assert known(read_dataset(photos / "labels.json")) == known(read_dataset(photos))


# laws: any label, any name

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
LABEL = TEXT.map(trimmed).filter(bool)
NAME = TEXT.filter(lambda name: "/" not in name and not name.startswith(".") and len(name) < 40)


@settings(max_examples=tried(50))
@given(
    st.lists(
        st.tuples(LABEL, NAME, st.sampled_from([None, "train", "test"]), st.none() | LABEL),
        min_size=1,
        max_size=5,
        unique_by=lambda row: row[1],
    ),
    st.sampled_from([*FILES]),
)
def test_odd_names_and_labels_come_back(
    rows: list[tuple[str, str, str | None, str | None]], form: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "odd.jsonl"
        lines = []
        for label, name, split, group in rows:
            try:
                (Path(folder) / f"{name}.png").write_bytes(b"")
            except OSError:  # a name that this system does not take
                return
            line = {"path": f"{name}.png", "label": label, "split": split, "group": group}
            lines.append(json.dumps(line))
        source.write_text("\n".join(lines))
        try:
            before = read_dataset(source, at_least=1)
            distinct(before.labels)
        except DatasetError:  # labels that are easy to confuse, or files that one name means
            return
        file = Path(folder) / FILES[form]
        tellapart.write_labels(source, form, file)
        assert known(read_dataset(file, at_least=1)) == known(before)


# what other tools write


def choice(*labels: str, **more: object) -> dict[str, Any]:
    result = {"from_name": "animal", "type": "choices", "value": {"choices": [*labels]}}
    return {"result": [result], **more}


def task(image: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "data": {"image": image}, "annotations": [*annotations], "predictions": []}


def test_an_export_of_label_studio_is_read(draw_folder: Callable[..., Path]) -> None:
    folder = draw_folder({"a b": 3, "c": 3})
    (folder / "c" / "002.png").rename(folder / "c" / "ein bild.png")
    tasks = [
        task("/data/local-files/?d=disk/photos/a%20b/000.png", choice("cat")),
        task("http://host:8080/data/local-files/?d=disk/photos/a%20b/001.png", choice("dog")),
        task("/data/local-files/?d=disk/photos/c/000.png", choice("dog"), choice("dog")),
        task("/data/upload/7/0a1b2c3d-ein%20bild.png", choice("cat", was_cancelled=False)),
        task(
            "/data/local-files/?d=disk/photos/a%20b/002.png",
            choice("dog"),
            choice("cat", ground_truth=True),
        ),
        task("/data/upload/7/0a1b2c3d-000.png", choice("cat")),
        task("/data/local-files/?d=disk/photos/c/001.png", choice("cat"), choice("dog")),
        task("/data/local-files/?d=disk/photos/c/001.png", choice("cat", "dog")),
        task("/data/local-files/?d=disk/photos/c/001.png", choice("cat", was_cancelled=True)),
        task("/data/local-files/?d=disk/photos/c/009.png", choice("cat")),
    ]
    (folder / "export.json").write_text(json.dumps(tasks))
    found = read_dataset(folder / "export.json")
    assert {item.name: item.label for item in found.items} == {
        "a b/000.png": "cat",
        "a b/001.png": "dog",
        "a b/002.png": "cat",
        "c/000.png": "dog",
        "c/ein bild.png": "cat",
    }
    assert sorted(file.reason for file in found.skipped) == [
        "has labels that differ from annotator to annotator: cat, dog",
        "has no label: nobody has annotated it",
        "has several labels",
        "no such file",
        "was uploaded, and 2 files have its name: 000.png",
    ]
    assert found.skipped[-1].name.startswith("export.json, picture ")


def test_its_short_export_is_read(draw_folder: Callable[..., Path]) -> None:
    folder = draw_folder({"x": 3})
    rows = [
        {"id": 5, "image": "/data/local-files/?d=x/000.png", "kind": "cat", "annotator": 1},
        {"id": 6, "image": "/data/local-files/?d=x/001.png", "kind": {"choices": ["dog"]}},
        {"id": 7, "image": "/data/local-files/?d=x/002.png", "kind": {"choices": ["a", "b"]}},
    ]
    (folder / "min.json").write_text(json.dumps(rows))
    found = read_dataset(folder / "min.json")
    assert [(item.name, item.label) for item in found.items] == [
        ("x/000.png", "cat"),
        ("x/001.png", "dog"),
    ]
    assert [file.reason for file in found.skipped] == ["has several labels"]


def test_an_export_of_fiftyone_is_read(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    draw_folder({"x": 3, "y": 1}, tmp_path / "export" / "data")
    labels = {"x/000": 1, "x/001": "cat", "x/002": {"label": "dog", "confidence": 0.9}}
    labels |= {"gone": 0, "y/000": None}
    (tmp_path / "export" / "labels.json").write_text(
        json.dumps({"classes": ["cat", "dog"], "labels": labels})
    )
    found = read_dataset(tmp_path / "export" / "labels.json")
    assert [(item.name, item.label) for item in found.items] == [
        ("data/x/000.png", "dog"),
        ("data/x/001.png", "cat"),
        ("data/x/002.png", "dog"),
    ]
    assert [file.reason for file in found.skipped] == [
        "names no picture: gone",
        "has no label: y/000",
    ]
    archive = shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "export")
    assert len(read_dataset(archive).items) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "no export of Label Studio"),
        ('{"a": 1}', "no export of Label Studio"),
        ('[{"data": {"image": "a.png"}, "annotations": []}]', "nobody has annotated it"),
        ('[{"image": "a.png", "label": "cat"}]', "none of them exists"),
        ('{"labels": {"a": 7}, "classes": ["cat"]}', "has no label: a"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_other_json_is_refused(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "file.json").write_text(content)
    found = run_here("check", tmp_path / "file.json")
    assert found.code == 2
    assert said in found.err
    assert only_sentences(found.err)


# corrections


def corrected(file: Path, form: str) -> None:
    """The file as it comes back from somebody who saw a dog where it says cat."""
    if form in ("labelstudio", "fiftyone"):
        value = json.loads(file.read_text())
        if form == "fiftyone":
            value["labels"]["train/cat/002"] = 1
        else:
            (one,) = [t for t in value if t["data"]["path"].endswith("train/cat/002.png")]
            one["annotations"][0]["result"][0]["value"]["choices"] = ["dog"]
        file.write_text(json.dumps(value))
        return
    lines = file.read_text().splitlines()
    (at,) = [i for i, line in enumerate(lines) if "train/cat/002.png" in line]
    for before, after in (('"cat"', '"dog"'), (",cat,", ",dog,")):
        lines[at] = lines[at].replace(before, after)
    file.write_text("\n".join(lines))


@pytest.mark.parametrize("form", FILES)
def test_corrected_labels_come_back_as_decisions(form: str, photos: Path, tmp_path: Path) -> None:
    file = photos / FILES[form]
    tellapart.write_labels(photos, form, file)
    corrected(file, form)
    file = file.rename(tmp_path / FILES[form])  # it comes back to the folder of downloads
    before = contents(photos)
    found = run_here("labels", photos, "--from", file, "--json").json()
    assert (found["decided"], found["relabelled"], found["same"]) == (1, {"dog": 1}, 11)
    after = read_dataset(photos)
    assert {item.name: item.label for item in after.items}["train/cat/002.png"] == "dog"
    assert {**before, "tellapart.csv": b""} == {**contents(photos), "tellapart.csv": b""}
    again = tellapart.read_labels(photos, file)
    assert (again.decided, again.same) == (0, 12)


@pytest.mark.parametrize("form", FILES)
def test_spaces_of_a_folders_name_do_not_refuse_its_own_file(
    form: str, draw_folder: Callable[..., Path]
) -> None:
    photos = draw_folder({" lead": 3, "zinc": 3})
    tellapart.write_labels(photos, form, photos / FILES[form])
    read = tellapart.read_labels(photos, photos / FILES[form])
    assert (read.decided, read.same) == (0, 6)
    if not FILES[form].endswith(".csv"):
        assert read_dataset(photos / FILES[form]).labels == (" lead", "zinc")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_pictures_that_lie_elsewhere_are_known_by_their_contents(
    form: str, draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 3, "dog": 3})
    shutil.copy(photos / "cat" / "000.png", photos / "cat" / "twin.png")
    (photos / "dog").rename(photos / "hound")
    tellapart.write_labels(photos, form, photos / FILES[form])
    copy = tmp_path / "copy"
    for number, name in enumerate(sorted(contents(photos))):
        if name.endswith(".png"):
            label, _, own = name.partition("/")
            (copy / f"{label}s").mkdir(parents=True, exist_ok=True)
            kept = own if own in ("000.png", "twin.png") else f"{number}.png"
            shutil.copy(photos / name, copy / f"{label}s" / kept)
    file = (photos / FILES[form]).rename(tmp_path / FILES[form])
    shutil.rmtree(photos)
    read = tellapart.read_labels(copy, file)
    assert read.relabelled == {"cat": 4, "hound": 3}
    assert not read.skipped


def test_somebody_elses_decisions_are_taken_over(photos: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(photos, theirs)
    tellapart.decide(theirs, "train/cat/002.png", relabel="dog", why="it barks")
    tellapart.decide(theirs, "train/cat/003.png", drop=True)
    tellapart.decide(theirs, "train/dog/000.png", group="walk")
    tellapart.decide(theirs, "train/dog/002.png", keep=True)
    read = tellapart.read_labels(photos, theirs / "tellapart.csv")
    assert (read.relabelled, read.dropped, read.grouped, read.kept) == ({"dog": 1}, 1, 1, 1)
    mine, other = read_dataset(photos), read_dataset(theirs)
    assert [(i.name, i.label, i.group) for i in mine.items] == [
        (i.name, i.label, i.group) for i in other.items
    ]
    assert mine.kept == other.kept
    assert tellapart.read_labels(photos, theirs / "tellapart.csv").decided == 0


def test_new_labels_and_lines_about_nothing_are_said(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text(
        "path,label\ntrain/cat/002.png,elk\ntrain/cat/nowhere.png,cat\n"
    )
    found = run_here("labels", photos, "--from", tmp_path / "new.csv", "--strict")
    assert found.code == 3
    assert "Relabelled as elk (a new label): 1." in found.out
    assert "train/cat/nowhere.png" in found.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos"], "Say what to do"),
        (["photos", "--to", "csv"], "Say what to do"),
        (["photos", "--to", "csv", "-o", "labels.txt"], "is no name for csv"),
        (["photos", "--to", "imagefolder", "-o", "photos/labels.csv"], "is no name for"),
        (
            ["photos", "--to", "imagefolder", "-o", "other/metadata.jsonl"],
            "Write it into the folder",
        ),
        (["photos", "--to", "csv", "-o", "mine.csv"], "already"),
        (["photos", "--to", "csv", "-o", "nowhere/labels.csv"], "is not there"),
        (["photos.zip", "--to", "csv", "-o", "labels.csv"], "no files that other programs"),
        (["photos", "--from", "mine.csv", "--to", "csv"], "does not go with"),
        (["photos", "--from", "nothing.csv"], "does not exist"),
        (["photos", "--from", "nothing.tellapart.csv"], "does not exist"),
        (["photos", "--from", "mine.csv"], "names no picture of photos"),
        (["photos", "--from", "alike.csv"], "differ only in case"),
        (["photos", "--from", "ours.csv"], "cannot be a label"),
    ],
)
def test_bad_input_gets_a_sentence_and_nothing_is_written(
    arguments: list[str],
    said: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.make_archive(str(tmp_path / "photos"), "zip", photos)
    (tmp_path / "mine.csv").write_text("path,label\nnowhere.png,cat\n")
    (tmp_path / "alike.csv").write_text("path,label\ntrain/cat/002.png,Dog\n")
    (tmp_path / "ours.csv").write_text("path,label\ntrain/cat/002.png,unsure\n")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    found = run_here("labels", *arguments)
    assert found.code == 2
    assert said in found.err
    assert only_sentences(found.err)
    assert contents(tmp_path) == before


def test_the_errors_in_python(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no form 'xml'"):
        tellapart.write_labels(photos, "xml", tmp_path / "a.xml")
    tellapart.write_labels(photos, "csv", tmp_path / "a.csv")
    with pytest.raises(DestinationError):
        tellapart.write_labels(photos, "csv", tmp_path / "a.csv")


def test_an_older_export_takes_decisions_back_and_keeps_nothing(photos: Path) -> None:
    file = photos / "labels.csv"
    tellapart.write_labels(photos, "csv", file)
    name = "train/cat/002.png"
    for label in ("elk", "dog"):  # the first is in force again where the second is taken back
        tellapart.decide(photos, name, relabel=label)
    tellapart.decide(photos, "train/cat/003.png", group="walk")
    found = run_here("labels", photos, "--from", file)
    assert "11 pictures as in" in found.out
    assert "Labelled as before the decision, which was undone: 1." in found.out
    after = read_dataset(photos)
    assert {item.label for item in after.items if item.name == name} == {"cat"}
    assert after.kept == frozenset()
    assert [one.decision for one in DecisionTable.read(photos / "tellapart.csv").decisions] == [
        "group"
    ]
    assert tellapart.read_labels(photos, file).decided == 0
