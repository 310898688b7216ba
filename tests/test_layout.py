"""Folders are read as labels or as splits, and what they were taken for is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from drawn import few_of, model_of, run_here
from tellapart.assess.testing import evaluate
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.splits import SPLITS, named_as_splits, split_of, split_within
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DatasetError
from tellapart.model.record import TrainingRecord
from test_dataset import PICTURE, build, pack, why_not


def two(first: str, second: str) -> list[str]:
    return [f"{top}/{label}/1.jpg" for top in (first, second) for label in ("cat", "dog")]


@pytest.mark.parametrize(
    ("first", "second", "held"),
    [
        ("training_set", "test_set", "test"),
        ("TrainingSet", "TestSet", "test"),
        ("seg_train", "seg_test", "test"),
        ("train", "eval", "validation"),
        ("Train", "TEST", "test"),
        ("training", "testing", "test"),
        ("train", "holdout", "test"),
        ("train", "held-out", "test"),
        ("train", "hold_out", "test"),
        ("Train_images", "Val_images", "validation"),
        ("images_train", "images_test", "test"),
        ("train2017", "val2017", "validation"),
        ("train-data", "dev-data", "validation"),
        ("trainset", "testset", "test"),
        ("01 train", "02 test", "test"),
        ("training data", "validation data", "validation"),
        ("flowers_train", "flowers_valid", "validation"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_names_that_say_splits(
    first: str, second: str, held: str, packed: bool, tmp_path: Path
) -> None:
    source = build(tmp_path / "photos", two(first, second))
    source = pack(source, tmp_path / "a.zip", "photos/") if packed else source
    dataset = read_dataset(source)
    assert dataset.labels == ("cat", "dog")
    assert {item.name.split("/")[0]: item.split for item in dataset.items} == {
        first: "train",
        second: held,
    }
    assert dataset.parts == (("train", f"{first}/"), (held, f"{second}/"))
    assert dataset.notes == ()


@pytest.mark.parametrize(
    "tree",
    [
        ["val/cat/1.jpg", "val/dog/1.jpg", "test/cat/1.jpg", "test/dog/1.jpg"],
        ["dev/cat/1.jpg", "dev/dog/1.jpg", "test/cat/1.jpg"],
        ["test/cat/1.jpg", "test/dog/1.jpg"],
        ["validation/cat/1.jpg", "validation/dog/1.jpg"],
        ["test_set/cat/1.jpg", "val_set/cat/1.jpg", "val_set/dog/1.jpg"],
    ],
)
def test_splits_with_nothing_to_learn_from(tree: list[str], tmp_path: Path) -> None:
    error = why_not(build(tmp_path / "root", tree))
    assert "but none to learn from" in error.message
    assert all(name in error.message for name in {file.split("/")[0] for file in tree})
    assert "train" in error.hint
    part, notes = read_dataset(tmp_path / "root", at_least=1).to_test()
    assert part.labels[0] == "cat"
    assert len(notes) == (len({file.split("/")[0] for file in tree}) > 1)


@pytest.mark.parametrize(
    ("tree", "labels"),
    [
        (["test tube/1.jpg", "train station/1.jpg"], ("test tube", "train station")),
        (["valid/1.jpg", "invalid/1.jpg"], ("invalid", "valid")),
        (["strength training/a/1.jpg", "cardio training/a/1.jpg"], None),
        (["left/a/1.jpg", "left/b/1.jpg", "right/a/1.jpg", "right/b/1.jpg"], ("left", "right")),
        (["fold1/a/1.jpg", "fold2/a/1.jpg"], ("fold1", "fold2")),
        (["train/1.jpg", "bus/1.jpg"], ("bus", "train")),
    ],
)
def test_labels_are_not_taken_for_splits(
    tree: list[str], labels: tuple[str, ...] | None, tmp_path: Path
) -> None:
    dataset = read_dataset(build(tmp_path / "root", tree))
    assert dataset.labels == (labels or tuple(sorted({name.split("/")[0] for name in tree})))
    assert dataset.parts == ()
    same = all("/" in name.partition("/")[2] for name in tree)
    assert any("contain folders with the same names" in note for note in dataset.notes) == same


def test_labels_that_hold_splits(tmp_path: Path) -> None:
    tree = [f"{label}/{part}/1.jpg" for label in ("cat", "dog") for part in ("train", "val")]
    dataset = read_dataset(build(tmp_path / "root", tree))
    assert [(item.name, item.label, item.split) for item in dataset.items] == [
        (name, name[:3], "train" if "train" in name else "validation") for name in tree
    ]


def beside(held: str, *labels: str) -> list[str]:
    """Labels to learn, and a folder beside them with folders of the same names."""
    return [f"{label}/1.jpg" for label in ("cats", "dogs")] + [
        f"{held}/{label}/2.jpg" for label in labels or ("cats", "dogs")
    ]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("held", "split"),
    [
        ("test", "test"),
        ("Testing", "test"),
        ("test_images", "test"),
        ("test/test", "test"),
        ("hold-out", "test"),
        ("val", "validation"),
        ("eval", "validation"),
        ("seg_val", "validation"),
    ],
)
def test_a_split_beside_the_labels_is_no_label(
    held: str, split: str, packed: bool, tmp_path: Path
) -> None:
    source = build(tmp_path / "photos", beside(held))
    source = pack(source, tmp_path / "a.tar.gz", "k/photos/") if packed else source
    dataset = read_dataset(source)
    assert dataset.labels == ("cats", "dogs")
    assert {item.name.split("/")[0]: item.split for item in dataset.items} == {
        "cats": "train",
        "dogs": "train",
        held.split("/")[0]: split,
    }
    assert (split, f"{held.split('/')[0]}/") in dataset.parts


@pytest.mark.parametrize("packed", [False, True])
def test_a_split_beside_all_its_labels_may_have_more(packed: bool, tmp_path: Path) -> None:
    tree = beside("test", "cats", "dogs", "birds") + beside("val")[2:]
    source = build(tmp_path / "photos", tree)
    dataset = read_dataset(pack(source, tmp_path / "a.tar", "photos/") if packed else source)
    assert {item.name: item.split for item in dataset.items} == {
        "cats/1.jpg": "train",
        "dogs/1.jpg": "train",
        **{f"test/{label}/2.jpg": "test" for label in ("cats", "dogs", "birds")},
        **{f"val/{label}/2.jpg": "validation" for label in ("cats", "dogs")},
    }


def test_splits_beside_the_labels_of_a_split(tmp_path: Path) -> None:
    tree = [f"train/{name}" for name in beside("val")] + ["test/cats/3.jpg", "test/dogs/3.jpg"]
    dataset = read_dataset(build(tmp_path / "root", tree))
    assert dataset.labels == ("cats", "dogs")
    assert {item.name: item.split for item in dataset.items} == {
        name: {"1": "train", "2": "validation", "3": "test"}[name[-5]] for name in tree
    }


@pytest.mark.parametrize(
    "tree",
    [
        beside("train"),
        beside("Training_set"),
        beside("test", "cats", "birds"),
        [f"test/{name}" for name in beside("train")],
        [f"photos/{label}/1.jpg" for label in ("cats", "dogs")] + beside("test")[2:],
    ],
)
def test_a_split_beside_labels_that_may_mean_another_thing_is_refused(
    tree: list[str], tmp_path: Path
) -> None:
    error = why_not(build(tmp_path / "root", tree))
    assert "is named after a part of a data set" in error.message
    assert "Make folders train and test" in error.hint


@pytest.mark.parametrize(
    "tree",
    [
        ["cats/1.jpg", "test/monday/1.jpg", "test/tuesday/1.jpg"],
        ["cats/1.jpg", "valid/1.jpg"],
        ["cardio/1.jpg", "strength training/cardio/1.jpg"],
    ],
)
def test_a_label_that_is_named_as_a_split(tree: list[str], tmp_path: Path) -> None:
    dataset = read_dataset(build(tmp_path / "root", tree))
    assert len(dataset.labels) == 2
    assert dataset.parts == ()


def test_a_split_folder_in_itself(tmp_path: Path) -> None:
    tree = [f"seg_{part}/seg_{part}/{label}/1.jpg" for part in ("test", "train") for label in "ab"]
    dataset = read_dataset(build(tmp_path / "root", tree))
    assert (dataset.labels, len(dataset.only("train").items)) == (("a", "b"), 2)


@pytest.mark.parametrize(
    "tree",
    [
        ["cats_train", "cats_test", "dogs_train", "dogs_test"],
        ["trainA", "trainB", "testA", "testB"],
    ],
)
def test_labels_and_splits_in_one_name_are_refused(tree: list[str], tmp_path: Path) -> None:
    error = why_not(build(tmp_path / "root", [f"{name}/1.jpg" for name in tree]))
    assert "are named after labels, and some after splits" in error.message
    assert "train and test" in error.hint


def test_pictures_right_in_the_folders_of_splits_have_no_label(tmp_path: Path) -> None:
    for names in (("train_images", "test_images"), ("val", "test")):
        root = build(tmp_path / names[0], [f"{name}/1.jpg" for name in names])
        assert "1.jpg (in no label's folder)" in why_not(root).message


def test_the_folder_that_was_meant_is_named(tmp_path: Path) -> None:
    root = build(tmp_path / "root", ["photos/cat/1.jpg", "photos/dog/1.jpg"])
    assert "give that" in why_not(root).hint
    assert str(root / "photos") in why_not(root).hint


def test_a_linked_label_is_refused_with_what_to_type(tmp_path: Path) -> None:
    root = build(tmp_path / "root", ["cat/1.jpg"])
    (root / "dog").symlink_to(build(tmp_path / "dog", ["1.jpg"]))
    assert "follow_links=True" in why_not(root).hint
    assert read_dataset(root, follow_links=True).labels == ("cat", "dog")


def test_folders_without_pictures_are_named(tmp_path: Path) -> None:
    root = build(tmp_path / "root", ["cat/1.jpg", "dog/1.jpg"])
    build(root, {"ice_queen/notes.txt": b"hello", "fog/.hidden.jpg": PICTURE})
    (root / "snow").mkdir()
    dataset = read_dataset(root)
    assert dataset.empty == ("fog", "ice_queen", "snow")
    assert dataset.words_on_empty == (
        "fog, ice_queen, snow have no pictures, so they are not labels of the model.",
    )


@given(st.text(max_size=30))
def test_any_name_is_a_split_or_not(name: str) -> None:
    assert split_of(name) in (None, *SPLITS.values())
    assert split_within(name)[0] in (None, *SPLITS.values())
    assert named_as_splits([name]) == {}


@given(st.sampled_from(sorted(SPLITS)), st.sampled_from(sorted(SPLITS)))
def test_every_word_of_the_table_is_known_with_more_around_it(one: str, other: str) -> None:
    names = [f"my_{one}_images", f"my_{other}_images"]
    expected = SPLITS[one] != SPLITS[other]
    assert bool(named_as_splits(names)) == expected


# What was used for what is said, and remembered


@pytest.fixture(scope="module")
def parted(heroes: DemoPictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("parted") / "photos"
    few_of(heroes, root / "train", 12)
    for part, first in (("validation", 12), ("test", 15)):
        for label in sorted(heroes.photos.iterdir()):
            shelf = root / part / label.name
            shelf.mkdir(parents=True)
            for picture in sorted(label.iterdir())[first : first + 3]:
                shutil.copy(picture, shelf)
    (root / "train" / "fog").mkdir()
    return root


def test_training_says_which_folder_was_used_for_what(parted: Path, tmp_path: Path) -> None:
    said = "Learnt from: train/, validation/. Held out for testing: test/."
    found = run_here("train", parted, "-o", tmp_path / "m", "--quality", "fast")
    assert said in found.out
    assert "fog has no pictures, so it is not a label of the model." in found.out
    record = tellapart.load(tmp_path / "m").training_record
    assert isinstance(record, TrainingRecord)
    assert said in record.run.notes
    assert said in (tmp_path / "m" / "report.html").read_text("utf-8")
    none = tellapart.train(parted, quality="fast", test=0)
    assert "Learnt from: train/, validation/. Not used: test/." in none.notes
    shutil.copytree(parted / "validation", tmp_path / "two" / "validation")
    shutil.copytree(parted / "train", tmp_path / "two" / "train")
    two = tellapart.train(tmp_path / "two", quality="fast")
    assert "Learnt from: train/. Held out for testing: validation/." in two.notes


def test_a_test_says_which_folder_it_looked_at(parted: Path, heroes: DemoPictures) -> None:
    tested = evaluate(tellapart.load(model_of(heroes)), parted)
    assert len(tested.evaluation.names) == 6
    (note,) = tested.notes[:1]
    assert note.startswith("Only test/ of ")
    assert "30 pictures beside it are not" in note


def test_a_column_of_splits_is_said(parted: Path) -> None:
    table = parted.parent / "labels.csv"
    rows = [
        f"photos/{path.relative_to(parted).as_posix()},{path.parent.name},{path.parts[-3]}"
        for path in sorted(parted.rglob("*.jpg"))
    ]
    table.write_text("path,label,split\n" + "\n".join(rows))
    notes = tellapart.train(table, quality="fast").notes
    said = "Learnt from: what is marked train, what is marked validation. Held out for testing: "
    assert any(note.startswith(said) for note in notes)


def test_a_test_folder_with_parts_of_its_own(parted: Path, heroes: DemoPictures) -> None:
    result = tellapart.train(few_of(heroes, parted.parent / "p", 12), quality="fast", test=parted)
    assert result.held_out
    assert result.held_out.accuracy.n == 6
    assert any(note.startswith("Only test/ of ") for note in result.notes)


def test_a_label_that_is_refused_leaves_no_model(tmp_path: Path) -> None:
    root = build(tmp_path / "root", ["ice_queen/1.jpg", "ice queen/1.jpg"])
    found = run_here("train", root, "-o", tmp_path / "m")
    assert found.code == DatasetError.exit_code
    assert "differ only in spaces, underscores or hyphens" in found.err
    assert not (tmp_path / "m").exists()
