"""One label is known by every way of writing it; two that look alike are refused, at every door."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene
from drawn import few_of, run_here
from tellapart.assess.gaps import find_gaps
from tellapart.assess.testing import evaluate
from tellapart.dataset.labels import Labels, difference, distinct
from tellapart.dataset.sources import read_dataset
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DatasetError
from tellapart.explain.files import Explained, explain_files

NFC, NFD = (unicodedata.normalize(form, "Gänseblümchen") for form in ("NFC", "NFD"))

ALIKE = [
    ("ice_queen", "ice queen", "spaces, underscores or hyphens"),
    ("ice_queen", "ice-queen", "spaces, underscores or hyphens"),
    ("ice queen", "ice  queen", "spaces, underscores or hyphens"),
    ("ice queen", "ice\u00a0queen", "spaces, underscores or hyphens"),
    ("ice_queen", "ice_queen ", "spaces at their ends"),
    ("ice_queen", "ice_queen_", "spaces at their ends"),
    ("ice_queen", "\u200bice_queen", "invisible or full-width characters"),
    ("ice_queen", "\ufeffice_queen", "invisible or full-width characters"),
    ("soft", "so\u00adft", "invisible or full-width characters"),
    ("cat", "Cat", "case or encoding"),
    ("STRASSE", "straße", "case or encoding"),
    ("cat", "c\u0430t", "letters that look alike"),
    ("OXO", "\u039fXO", "letters that look alike"),
    ("A", "\uff21", "invisible or full-width characters"),
    ("Ice Queen", "ice_queen", "spaces, underscores or hyphens and case or encoding"),
]

APART = ["cat", "cats", "-1", "1", "+1", "a.b", "ab", "2", "10", "é", "e", "m²", "m2", "кот", "猫"]


@pytest.mark.parametrize(("one", "other", "what"), ALIKE)
def test_labels_that_look_alike_are_refused_and_both_are_named(
    one: str, other: str, what: str
) -> None:
    said = difference(one, other)
    assert said == what
    with pytest.raises(DatasetError, match="differ only in") as caught:
        distinct([one, other])
    named = caught.value.message.split(" differ")[0].removeprefix("The labels ").split(" and ")
    assert len(set(named)) == 2  # can be told apart in the sentence
    assert caught.value.message.isprintable()
    known = Labels([one, "dog"])
    assert known.same(other) is None
    assert known.near(other) == one
    with pytest.raises(DatasetError, match="the first is in photos, the second is the model's"):
        known.known([other], Path("photos"), "the model's")


def test_labels_that_differ_are_all_kept() -> None:
    assert distinct(APART) == {label: label for label in APART}
    assert Labels(APART).known([*APART, "bird"], Path(), "") == {label: label for label in APART}


def test_a_label_written_in_two_ways_is_one_and_one_written_in_one_way_stays_so() -> None:
    assert distinct([NFD, "b"]) == {NFD: NFD, "b": "b"}
    assert distinct([NFD, NFC]) == {NFD: NFC, NFC: NFC}
    assert Labels([NFD]).same(NFC) == NFD


@given(st.lists(st.text(min_size=1, max_size=4), max_size=6))
def test_any_labels_are_kept_matched_or_refused(labels: list[str]) -> None:
    try:
        written = distinct(labels)
    except DatasetError:
        return
    assert set(written) == set(labels)
    for label in labels:
        for form in ("NFC", "NFD"):
            same = unicodedata.normalize(form, label)
            assert Labels(written.values()).same(same) == written[label]


@pytest.fixture(scope="module")
def folders(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same labels as macOS writes them and as everybody else does, 12 and 3 pictures each."""
    root = tmp_path_factory.mktemp("forms")
    for name, count, form in (("learn", 12, NFD), ("kept", 3, NFC)):
        few_of(heroes, root / name, count)
        (root / name / "ice_queen").rename(root / name / form)
    return root / "learn", root / "kept"


@pytest.fixture(scope="module")
def model(folders: tuple[Path, Path]) -> Path:
    return tellapart.train(folders[0], quality="fast", test=0).save(folders[0].parent / "m")


def test_every_door_knows_a_label_in_another_form(
    folders: tuple[Path, Path], model: Path, tmp_path: Path
) -> None:
    learn, kept = folders
    classifier = tellapart.load(model)
    assert NFD in classifier.labels
    tested = evaluate(classifier, kept)
    assert (len(tested.evaluation.names), tested.other_labels, tested.missing) == (6, {}, ())
    gaps = find_gaps(classifier, kept)
    assert gaps.known
    assert gaps.other_labels == {}
    trained = tellapart.train(learn, quality="fast", test=kept)
    assert trained.classifier.labels == classifier.labels
    assert trained.held_out
    assert trained.held_out.accuracy.n == 6
    assert "Not judged" not in " ".join(trained.notes)
    value = run_here("compare", model, model, kept, "--json").json()
    assert value["first"]["n"] == 6
    picture = tmp_path / NFC / "new.png"
    picture.parent.mkdir()
    draw_scene(64, 48, seed=5).save(picture)
    (told,) = explain_files(classifier, [str(picture)], page=False, overlays=None)
    assert isinstance(told, Explained)
    assert told.explanation.own == NFD


@pytest.mark.parametrize("form", [NFC, NFD])
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_table_finds_files_and_labels_in_another_form(
    form: str, suffix: str, folders: tuple[Path, Path], model: Path, tmp_path: Path
) -> None:
    rows = [
        {"path": f"{folder.name}/{label}/{file.name}", "label": label}
        for folder in folders
        for label in (form, "dark_knight")
        for file in sorted((folder / "dark_knight").iterdir())
    ]
    table = folders[0].parent / f"{suffix}-{len(form)}.{suffix}"
    with table.open("w", encoding="utf-8", newline="") as stream:
        if suffix == "csv":
            writer = csv.DictWriter(stream, ["path", "label"])
            writer.writeheader()
            writer.writerows(rows)
        else:
            stream.writelines(json.dumps(row) + "\n" for row in rows)
    dataset = read_dataset(table)
    assert dataset.skipped == ()
    assert dataset.counts == {"dark_knight": 15, form: 15}
    assert evaluate(tellapart.load(model), table).missing == ()


def test_twins_in_one_folder_are_one_label(draw_folder: object, tmp_path: Path) -> None:
    for label in (NFC, NFD, "b"):
        (tmp_path / "p" / label).mkdir(parents=True)
        draw_scene().save(tmp_path / "p" / label / "1.png")
    assert read_dataset(tmp_path / "p").counts == {NFC: 2, "b": 1}


def test_what_looks_like_a_label_of_the_model_is_never_ignored(
    heroes: DemoPictures, folders: tuple[Path, Path], model: Path, tmp_path: Path
) -> None:
    kept = few_of(heroes, tmp_path / "kept", 2)
    (kept / "dark_knight").rename(kept / "Dark Knight")
    (kept / "ice_queen").rename(kept / NFC)
    said = "The labels 'Dark Knight' and 'dark_knight' differ only in"
    for command in ("test", "gaps"):
        found = run_here(command, model, kept)
        assert (found.code, said in found.err) == (2, True)
    assert said in run_here("compare", model, model, kept).err
    found = run_here("train", folders[0], "--test", kept, "-o", tmp_path / "m")
    assert said in found.err
    (kept / "Dark Knight").rename(kept / "helmet")
    text = run_here("gaps", model, kept).out
    assert "Left out: 2 pictures of helmet, which the model does not know." in text
    assert "2 pictures of helmet" in run_here("compare", model, model, kept).out
    (kept / NFC).rename(kept / "snow")
    found = run_here("gaps", model, kept)
    assert "No folder here has the name of a label of the model: helmet, snow." in found.out


@pytest.mark.parametrize(
    "label", ["unsure", "Unsure", "none-of-these", "none of these", "None_of_these "]
)
def test_what_pictures_of_no_label_are_called_is_no_label(
    label: str, draw_folder: Callable[..., Path]
) -> None:
    photos = draw_folder({"elsa": 2, "vader": 2, label: 2})
    found = run_here("train", photos, "-o", photos.parent / "m")
    assert found.code == 2
    assert found.err.startswith(f"{label!r} cannot be a label: '")
    assert "if sort made that folder" in found.err
    assert not (photos.parent / "m").exists()
    assert len(read_dataset(photos, at_least=1).labels) == 3  # which may be tested on


@pytest.mark.parametrize("label", ["sure", "none", "these", "unsure elsa"])
def test_other_names_are_labels(label: str, draw_folder: Callable[..., Path]) -> None:
    assert label in read_dataset(draw_folder({"elsa": 2, label: 2})).labels
