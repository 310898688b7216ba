"""Splitting: by command and in Python, again with more pictures, taken back, and its laws."""

from __future__ import annotations

import csv
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tellapart
from conftest import draw_scene
from drawn import contents, only_sentences, run_here
from tellapart.dataset.split import TO_SPARE, tie
from tellapart.errors import DestinationError, UsageError
from tellapart.exchange.parts import PARTS, TEST, TRAIN, VALIDATION, parted


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pictures(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in contents(folder).items() if name.endswith(".png")}


# by command


def test_all_pictures_are_copied_into_three_parts(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 40, "dog": 30})
    before = contents(photos)
    found = run_here("split", photos, tmp_path / "parts", "--json").json()
    assert {part: sum(of.values()) for part, of in found["counts"].items()} == Counter(
        name.partition("/")[0] for name in pictures(tmp_path / "parts")
    )
    assert [*found["counts"]] == ["train", "val", "test"]
    assert all(len(of) == 2 for of in found["counts"].values())  # no label goes without
    assert sorted(pictures(tmp_path / "parts").values()) == sorted(before.values())
    assert contents(photos) == before


def test_it_says_that_bursts_are_parted(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    photos = draw_folder({"cat": 12, "dog": 12})
    for path in sorted(photos.rglob("*.png")):
        path.rename(path.with_name(f"{path.parent.name}_{path.stem[-3:].zfill(4)}.png"))
    (said,) = (n for n in tellapart.split(photos, tmp_path / "parts").notes if "burst" in n)
    assert f"tellapart fix {photos} --only burst" in said
    for number, path in enumerate(sorted(photos.rglob("*.png"))):
        path.rename(path.with_name(f"{number * number * 50}.png"))
    notes = tellapart.split(photos, tmp_path / "other").notes
    assert not any("burst" in note for note in notes)


def test_train_tests_on_the_same_pictures_before_and_after(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 30, "dog": 20})
    tellapart.split(photos, tmp_path / "parts")
    whole = tellapart.train(photos, quality="fast")
    parts = tellapart.train(tmp_path / "parts", quality="fast")
    content = contents(photos)
    assert {content[name] for name in whole.kept_back} == {
        (tmp_path / "parts" / name).read_bytes() for name in parts.kept_back
    }
    assert "Learnt from: train/, val/. Held out for testing: test/." in parts.notes
    assert tellapart.train(tmp_path / "parts" / "labels.csv", quality="fast").held_out


def test_more_pictures_are_added_and_none_is_moved(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 40, "dog": 8})
    first = tellapart.split(photos, tmp_path / "parts")
    assert first.counts["test"].get("dog", 0) == 0  # too few to spare any
    before = pictures(tmp_path / "parts")
    for index in range(30):
        draw_scene(seed=9000 + index).save(photos / "dog" / f"more{index}.png")
    again = run_here("split", photos, tmp_path / "parts")
    assert again.code == 0
    assert "48 pictures of these were already there." in again.out
    after = pictures(tmp_path / "parts")
    assert before.items() <= after.items()
    assert len(after) == 78
    assert any(name.startswith("test/dog/") for name in after)
    assert len(table(tmp_path / "parts")) == 78


@pytest.mark.parametrize("how", [[], ["--link"]])
def test_undo_takes_back_exactly_that(
    how: list[str], draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 12, "dog": 12})
    before = contents(tmp_path)
    assert run_here("split", photos, tmp_path / "a" / "parts", *how).code == 0
    linked = {path.stat().st_nlink for path in (tmp_path / "a" / "parts").rglob("*.png")}
    assert linked == ({2} if how else {1})
    found = run_here("split", "--undo", tmp_path / "a" / "parts")
    assert (found.code, found.out) == (0, "Taken back: 24 pictures.\n")
    assert contents(tmp_path) == before
    assert not (tmp_path / "a").exists()


def test_a_run_that_was_stopped_goes_on(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    photos = draw_folder({"cat": 40, "dog": 40})

    def stop(done: int, total: int) -> None:
        if done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tellapart.split(photos, tmp_path / "parts", progress=stop)
    assert 0 < len(pictures(tmp_path / "parts")) < 80
    tellapart.split(photos, tmp_path / "parts")
    tellapart.split(photos, tmp_path / "at once")
    assert pictures(tmp_path / "parts") == pictures(tmp_path / "at once")
    assert run_here("split", "--undo", tmp_path / "parts").code == 0
    assert not (tmp_path / "parts").exists()


def test_a_picture_of_the_users_is_left_where_it_is(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 12, "dog": 12})
    own = tmp_path / "parts" / "train" / "cat" / "000.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    tellapart.split(photos, tmp_path / "parts", test=0, validation=0)
    assert own.read_bytes() == b"mine"
    assert (own.parent / "000-2.png").read_bytes() == (photos / "cat" / "000.png").read_bytes()
    assert run_here("split", "--undo", tmp_path / "parts").code == 0
    assert contents(tmp_path / "parts") == {"train/cat/000.png": b"mine"}


def test_names_that_collide_get_numbers_and_labels_no_folder_can_have_another_name(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"one": 3, "two": 3})
    rows = [["path", "label"]]
    rows += [[f"{of}/{i:03d}.png", "a/b: x"] for of in ("one", "two") for i in range(3)]
    with (photos / "names.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    result = tellapart.split(photos / "names.csv", tmp_path / "parts", test=0, validation=0)
    assert sorted(pictures(tmp_path / "parts")) == [
        f"train/a_b_ x/{number:03d}{again}.png" for number in range(3) for again in ("-2", "")
    ]
    assert {row["label"] for row in table(tmp_path / "parts")} == {"a/b: x"}
    assert any("names of folders: a/b: x" in note for note in result.notes)


def test_what_is_marked_test_stays_test_with_all_that_is_tied_to_it(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"train/cat": 30, "train/dog": 30, "test/cat": 6, "test/dog": 6})
    shutil.copy(photos / "test/cat/000.png", photos / "train/cat/copy.png")
    result = tellapart.split(photos, tmp_path / "parts")
    test = {content for name, content in pictures(tmp_path / "parts").items() if "test/" in name}
    assert test == set(contents(photos / "test").values())
    assert result.counts["test"] == {"cat": 7, "dog": 6}  # the copy came along
    assert any("train/cat/copy.png" in note for note in result.notes)
    assert sum(result.counts["val"].values()) > 0


def test_nohash_groups_are_never_parted(tmp_path: Path) -> None:
    for label in ("rose", "tulip"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for plant in range(15):
            for shot in range(4):
                picture = draw_scene(24, 20, seed=hash((label == "rose", plant, shot)) % 2**32)
                picture.save(tmp_path / "photos" / label / f"p{plant}_nohash_{shot}.png")
    tellapart.split(tmp_path / "photos", tmp_path / "parts")
    parts = defaultdict(set)
    for row in table(tmp_path / "parts"):
        parts[row["group"]].add(row["split"])
    assert len(parts) == 30
    assert all(len(of) == 1 for of in parts.values())
    assert {part for of in parts.values() for part in of} == {*PARTS}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["photos", "photos/parts"], "lie in one another"),
        (["photos", "."], "lie in one another"),
        (["photos", "parts", "--test", "60%", "--val", "0.5"], "nothing to learn from"),
        (["photos", "parts", "--test", "many"], "neither a fraction"),
        (["marked", "parts", "--test", "20%"], "already says which pictures are for testing"),
        (["nothing", "parts"], "does not exist"),
        (["photos"], "Give labelled pictures and a folder"),
        (["photos.zip", "parts"], "cannot be split"),
        (["--undo", "photos"], "Nothing was split into"),
        (["photos", "--undo", "parts"], "does not go with --undo"),
    ],
)
def test_bad_input_gets_a_sentence_and_nothing_is_written(
    arguments: list[str],
    said: str,
    draw_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw_folder({"cat": 3, "dog": 3})
    draw_folder({"train/cat": 2, "test/cat": 2}, tmp_path / "marked")
    shutil.make_archive(str(tmp_path / "photos"), "zip", tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    found = run_here("split", *arguments)
    assert found.code == 2
    assert said in found.err
    assert only_sentences(found.err)
    assert contents(tmp_path) == before


def test_another_split_is_refused(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    photos = draw_folder({"cat": 12, "dog": 12})
    tellapart.split(photos, tmp_path / "parts")
    with pytest.raises(DestinationError, match="other options"):
        tellapart.split(photos, tmp_path / "parts", test=0.5)
    draw_folder({"cat": 12, "dog": 12}, tmp_path / "others")
    with pytest.raises(DestinationError, match="already holds pictures of"):
        tellapart.split(tmp_path / "others", tmp_path / "parts")
    with pytest.raises(UsageError, match="needs a file for each picture"):
        tellapart.split([(draw_scene(), "cat")], tmp_path / "c")


def test_a_broken_picture_is_placed_and_an_unreadable_one_said(
    draw_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = draw_folder({"cat": 3, "dog": 3})
    (photos / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = run_here("split", photos, tmp_path / "parts", "--strict")
    assert found.code == 3
    assert "gone.png" in found.out
    assert len(pictures(tmp_path / "parts")) == 6


def test_what_is_no_picture_is_not_placed(draw_folder: Callable[..., Path], tmp_path: Path) -> None:
    photos = draw_folder({"cat": 3, "dog": 3})
    (photos / "cat" / "empty.png").touch()
    (photos / "cat" / "notes.jpg").write_text("a list of cats")
    (tmp_path / "secret").write_text("root:x:0:0")
    listed = "".join(f"photos/{name},{name[:3]}\n" for name in contents(photos))
    (tmp_path / "all.csv").write_text(f"path,label\n{listed}secret,dog\n")
    for source in (photos, tmp_path / "all.csv"):
        out = tmp_path / f"parts-{source.stem}"
        found = run_here("split", source, out, "--json").json()
        assert sum(sum(of.values()) for of in found["counts"].values()) == 6
        assert len(pictures(out)) == len(table(out)) == 6
        reasons = {Path(one["path"]).name: one["reason"] for one in found["skipped"]}
        assert reasons["empty.png"] == "an empty file"
        assert reasons["notes.jpg"] == "a text file saved as .jpg"
    assert reasons["secret"] == "a text file"


# laws

DATA = st.lists(
    st.tuples(
        st.sampled_from("ab"),  # label
        st.sampled_from([None, *"ghijklmnopqrstuvwxyz"]),  # group
    ),
    min_size=1,
    max_size=120,
)


def of(data: list[tuple[str, str | None]], count: int) -> tuple[list[str], list[str]]:
    """Keys and labels of the first pictures; each has a content of its own."""
    some = data[:count]
    keys = tie([f"{i:064x}" for i in range(len(some))], [g for _, g in some])
    return [*keys], [a for a, _ in some]


@given(DATA, st.integers(1, 120))
def test_groups_are_never_parted_and_more_pictures_move_only_what_kept_back_says(
    data: list[tuple[str, str | None]], few: int
) -> None:
    keys, labels = of(data, len(data))
    after = parted(keys, labels, [None] * len(keys), 0.2, 0.2).parts
    assert len({*zip(keys, after, strict=True)}) == len({*keys})
    fewer, some = of(data, few)
    before = parted(fewer, some, [None] * len(fewer), 0.2, 0.2).parts
    moved = {
        (key, was, part)
        for key, was, part in zip(fewer, before, after, strict=False)
        if was != part
    }
    grown = {
        label
        for label in "ab"
        if len({k for k, a in zip(fewer, some, strict=True) if a == label})
        < 2 * TO_SPARE  # of the part for validation too
    }
    lowest = {(was, part) for _, was, part in moved}
    if not grown:  # at most the lowest of each label gives way, in each of the two draws
        assert len({key for key, was, _ in moved if was == TEST}) <= 2
        assert lowest <= {(TEST, TRAIN), (TEST, VALIDATION), (VALIDATION, TRAIN)}


@given(DATA, st.integers(1, 120))
def test_what_was_placed_stays(data: list[tuple[str, str | None]], few: int) -> None:
    fewer, some = of(data, few)
    before = parted(fewer, some, [None] * len(fewer), 0.2, 0.2).parts
    keys, labels = of(data, len(data))
    placed = dict(zip(fewer, before, strict=True))
    after = parted(keys, labels, [None] * len(keys), 0.2, 0.2, placed).parts
    assert after[: len(before)] == before


@given(DATA, st.data())
def test_what_the_source_says_stays(
    data: list[tuple[str, str | None]], said: st.DataObject
) -> None:
    keys, labels = of(data, len(data))
    marks = said.draw(
        st.lists(
            st.sampled_from([None, "train", "test", "validation"]),
            min_size=len(keys),
            max_size=len(keys),
        )
    )
    found = parted(keys, labels, marks, 0.2, 0.2)
    by_mark = {"train": TRAIN, "test": TEST, "validation": VALIDATION}
    for row, mark in enumerate(marks):
        if mark == "test":
            assert found.parts[row] == TEST
        if mark and found.parts[row] != by_mark[mark] and mark in ("test", "validation"):
            assert row in found.moved
    if "test" in marks:
        tested = {key for key, mark in zip(keys, marks, strict=True) if mark == "test"}
        assert {k for k, part in zip(keys, found.parts, strict=True) if part == TEST} == tested
