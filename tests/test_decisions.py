"""Decisions about pictures: a table beside the data, read by every command, and undone again."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import tellapart
from conftest import tried
from drawn import contents, only_sentences, run_here
from tellapart.dataset.decisions import (
    FILE,
    Decision,
    decide,
    place_of_decisions,
    read_decisions,
    undo_decisions,
)
from tellapart.dataset.sources import Dataset, read_dataset
from tellapart.demo.walk import DemoPictures
from tellapart.errors import DatasetError, DestinationError, TellapartError, UsageError

Draw = Callable[..., Path]
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
NAMES = tuple(f"{label}/{number}.png" for label in ("elsa", "vader") for number in range(4))


def files(root: Path, names: Mapping[str, str] | Sequence[str] = NAMES) -> Path:
    """A folder of files that are told apart by their contents; nothing here decodes them."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(names[name] if isinstance(names, Mapping) else name)
    return root


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return files(tmp_path / "photos")


@contextmanager
def fresh(names: Mapping[str, str] | Sequence[str] = NAMES) -> Iterator[Path]:
    """As `photos`, one for each example of a law."""
    with tempfile.TemporaryDirectory() as folder:
        yield files(Path(folder) / "photos", names)


def seen(dataset: Dataset) -> dict[str, tuple[str, str | None]]:
    """By content, label and group."""
    return {item.file.read_text(): (item.label, item.group) for item in dataset.items}


def mended(source: Path) -> dict[str, tuple[str, str | None]]:
    return seen(read_dataset(source))


def text(source: Path) -> str | None:
    place = place_of_decisions(source)
    return place.read_text() if place.exists() else None


# What is decided


def test_what_was_decided_is_what_is_read(photos: Path) -> None:
    before = contents(photos)
    [made] = tellapart.decide(photos, "elsa/0.png", relabel="vader", why="a helmet")
    tellapart.decide(photos, ["elsa/1.png", str(photos / "vader" / "1.png")], drop=True)
    tellapart.decide(photos, ["vader/2.png", "vader/3.png"], group="one evening")
    tellapart.decide(photos, "elsa/2.png", keep=True)
    digest = hashlib.sha256(b"elsa/0.png").hexdigest()
    assert made == tellapart.Decision(
        "elsa/0.png", digest, "relabel", "elsa", "vader", made.when, "a helmet"
    )
    dataset = read_dataset(photos)
    assert dataset.counts == {"elsa": 2, "vader": 4}
    assert {i.name: i.group for i in dataset.items if i.group} == {
        "vader/2.png": "one evening",
        "vader/3.png": "one evening",
    }
    assert dataset.kept == {"elsa/2.png"}
    assert dataset.notes == (
        "tellapart.csv: 1 picture relabelled, 2 left out, 2 put into groups, 1 kept as they are. "
        f"To take decisions back: tellapart fix {photos} --undo last (or all).",
    )
    assert {n: c for n, c in contents(photos).items() if n != FILE} == before


def test_a_label_may_be_new_and_another_spelling_is_refused(photos: Path) -> None:
    decide(photos, "elsa/0.png", relabel="anna")
    assert read_dataset(photos).counts == {"anna": 1, "elsa": 3, "vader": 4}
    for label in ("Anna", "elsa ", "None of these", "", "  "):
        with pytest.raises(TellapartError) as caught:
            decide(photos, "elsa/1.png", relabel=label)
        assert only_sentences("\n".join(caught.value.said).strip())
    assert len(read_decisions(photos / FILE)) == 1


def test_the_label_that_it_has_is_a_keep(photos: Path) -> None:
    decide(photos, "elsa/0.png", relabel="vader")
    [made] = decide(photos, "elsa/0.png", relabel="elsa")
    assert (made.decision, made.new_label) == ("keep", "")
    assert read_dataset(photos).counts == {"elsa": 4, "vader": 4}


@pytest.mark.parametrize(
    ("names", "how", "expected"),
    [
        ("elsa/0.png", {}, "Decide one thing"),
        ("elsa/0.png", {"drop": True, "keep": True}, "these are 2: drop, keep"),
        ("elsa/9.png", {"drop": True}, "has no picture elsa/9.png"),
        ([], {"drop": True}, "No picture is named"),
        ("elsa/0.png", {"group": " "}, "name of a group is empty"),
    ],
)
def test_what_cannot_be_decided_is_said(
    photos: Path, names: Any, how: dict[str, Any], expected: str
) -> None:
    with pytest.raises(TellapartError, match=expected):
        decide(photos, names, **how)
    assert text(photos) is None


def test_pictures_of_a_program_have_no_place_for_decisions() -> None:
    given: Any = [("a.png", "a"), ("b.png", "b")]
    with pytest.raises(UsageError, match="beside the pictures, and this is a list"):
        decide(given, "a.png", drop=True)


def test_all_pictures_of_a_label_may_be_left_out_and_that_is_said(photos: Path) -> None:
    files(photos, ["anna/0.png"])
    decide(photos, "anna/0.png", drop=True)
    dataset = read_dataset(photos)
    assert dataset.labels == ("elsa", "vader")
    assert "By these decisions no picture of anna is left." in dataset.notes


# Laws

ONE = st.one_of(
    st.sampled_from(["elsa", "vader", "anna", "=1+1"]).map(lambda label: {"relabel": label}),
    st.just({"drop": True}),
    st.just({"keep": True}),
    st.sampled_from(["a burst", "another"]).map(lambda name: {"group": name}),
)
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), ONE), max_size=6)
Step = tuple[str, dict[str, Any]]


def matter(step: Step) -> tuple[str, bool]:
    """Steps of one matter about one picture are related: the later takes the earlier's place."""
    return step[0], "group" in step[1]


@settings(max_examples=15)
@given(before=STEPS, names=st.sets(st.sampled_from(NAMES), min_size=1), how=ONE)
def test_deciding_and_taking_it_back_is_nothing(
    before: list[Step], names: set[str], how: dict[str, Any]
) -> None:
    with fresh() as photos:
        for name, what in before:
            decide(photos, name, **what)
        table, dataset = text(photos), read_dataset(photos, at_least=0)
        made = decide(photos, sorted(names), **how)
        assert set(undo_decisions(photos, last=1)) == set(made)
        assert (text(photos), read_dataset(photos, at_least=0)) == (table, dataset)
        if before:
            undo_decisions(photos, everything=True)
        assert text(photos) is None


@settings(max_examples=15)
@given(steps=STEPS, data=st.data())
def test_the_order_of_unrelated_decisions_does_not_matter(
    steps: list[Step], data: st.DataObject
) -> None:
    matters = data.draw(st.permutations(sorted({matter(step) for step in steps})))
    other = sorted(steps, key=lambda step: matters.index(matter(step)))
    found = []
    for order in (steps, other):
        with fresh() as photos:
            for name, what in order:
                decide(photos, name, **what)
            found.append((TIME.sub("now", text(photos) or ""), mended_or_few(photos)))
    assert found[0] == found[1]


def mended_or_few(photos: Path) -> dict[str, tuple[str, str | None]]:
    return seen(read_dataset(photos, at_least=0))


@settings(max_examples=15)
@given(steps=STEPS, data=st.data())
def test_renamed_and_moved_pictures_keep_their_decisions(
    steps: list[Step], data: st.DataObject
) -> None:
    places = data.draw(st.permutations([*NAMES, *(f"olaf/{n}.png" for n in range(3))]))
    with fresh() as photos:
        for name, what in steps:
            decide(photos, name, **what)
        before = read_dataset(photos, at_least=0)
        was = seen(before)
        folders = {item.file.read_text(): item.label for item in before.unmended}
        away = photos.parent / "away"
        shutil.copytree(photos, away)
        for name in NAMES:
            (photos / name).unlink()
        for name, place in zip(NAMES, places, strict=False):
            files(photos, {place: name})
        after = read_dataset(photos, at_least=0)
        now = seen(after)
        moved = {item.file.read_text(): item.label for item in after.unmended}
        assert now.keys() == was.keys()
        for name, (label, group) in was.items():
            untouched = label == folders[name]  # by any decision: it has its folder's label
            assert now[name] == (moved[name] if untouched else label, group)
        assert not any("not there" in note or "disagree" in note for note in after.notes)
        assert {after_name(after, name) for name in after.kept} == {
            after_name(before, name, NAMES) for name in before.kept
        }


def after_name(dataset: Dataset, name: str, names: Sequence[str] = ()) -> str:
    """What a picture was called at first, which is its content."""
    if names:
        return name
    return next(item.file for item in dataset.items if item.name == name).read_text()


LETTERS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)
HOSTILE = st.text(st.sampled_from("'=+-@;\t\r\n \\\",#|a"), min_size=1, max_size=8)


@settings(max_examples=tried(40))
@given(path=LETTERS | HOSTILE, label=LETTERS | HOSTILE, why=LETTERS | HOSTILE)
def test_any_text_comes_back_from_the_table_as_it_was(path: str, label: str, why: str) -> None:
    from tellapart.dataset.decision_table import changing

    one = Decision(f"a{path}", "0" * 64, "relabel", label, f"b{label}", "now", why)
    two = Decision(f"=1{path}", "1" * 64, "group", label, f"-2{label}", "now", why)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / FILE
        with changing(place) as table:
            table.add(one)
            table.add(two)
        assert set(read_decisions(place)) == {one, two}
        starts = re.findall(r"(?:^|[,;])\"?\s*([=+\-@])[12]", place.read_text())
        assert starts == []  # no cell that a spreadsheet takes for a formula


# What is known by content


def test_copies_are_decided_about_one_by_one(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", {"a/1.png": "x", "a/2.png": "x", "b/1.png": "y"})
    decide(photos, "a/1.png", drop=True)
    assert [item.name for item in read_dataset(photos).items] == ["a/2.png", "b/1.png"]
    (photos / "a").rename(photos / "c")
    assert [item.name for item in read_dataset(photos).items] == ["b/1.png", "c/2.png"]
    (photos / "c" / "1.png").rename(photos / "c" / "3.png")
    dataset = read_dataset(photos)
    assert len(dataset.items) == 3
    assert "which of several copies is meant cannot be told: a/1.png" in dataset.notes[-1]


TWINS = {f"{label}/{n}.png": str(n % 2) for label in ("elsa", "vader") for n in range(3)}


@settings(max_examples=tried(25))
@given(
    steps=st.lists(st.tuples(st.sampled_from(sorted(TWINS)), ONE), max_size=6),
    moves=st.lists(
        st.tuples(
            st.sampled_from(sorted(TWINS)),
            st.sampled_from([None, "set-aside/0.png", "elsa/9.png", "vader/0.png", "olaf/1.png"]),
        ),
        max_size=3,
    ),
)
def test_files_that_are_moved_or_deleted_change_nothing_about_their_copies(
    steps: list[Step], moves: list[tuple[str, str | None]]
) -> None:
    """However copies were decided about, one that stays where it is stays what it is."""
    with fresh(TWINS) as photos:
        for name, what in steps:
            decide(photos, name, **what)

        def read() -> dict[str, tuple[str, str | None]]:
            items = read_dataset(photos, at_least=0).items
            return {item.name: (item.label, item.group) for item in items}

        before = read()
        touched = set()
        for name, place in moves:
            source = photos / name
            if source.exists() and place is None:
                source.unlink()
                touched.add(name)
            elif source.exists() and place and not (photos / place).exists():
                (photos / place).parent.mkdir(exist_ok=True)
                source.rename(photos / place)
                touched |= {name, place}
        after = read()
        assert {n: what for n, what in before.items() if n not in touched} == {
            n: what for n, what in after.items() if n not in touched
        }


def test_a_renamed_copy_takes_its_decision_along(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", {"a/1.png": "x", "b/1.png": "x", "b/2.png": "y"})
    [made] = decide(photos, "b/1.png", drop=True)
    assert made.copies_at == ("a/1.png",)
    (photos / "b" / "1.png").rename(photos / "b" / "3.png")
    dataset = read_dataset(photos)
    assert [item.name for item in dataset.items] == ["a/1.png", "b/2.png"]
    (photos / "b" / "3.png").unlink()
    assert read_dataset(photos).notes == ()  # it is done
    (photos / "a" / "1.png").rename(photos / "a" / "4.png")
    dataset = read_dataset(photos)
    assert [item.name for item in dataset.items] == ["a/4.png", "b/2.png"]
    assert "which of several copies is meant cannot be told: b/1.png" in dataset.notes[-1]


def test_of_very_many_copies_a_decision_stays_with_its_path(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", {f"a/{n}.png": "x" for n in range(40)})
    made = decide(photos, [f"a/{n}.png" for n in range(39)], drop=True)
    assert len(str(made)) < 20_000
    (photos / "a" / "0.png").unlink()
    assert [item.name for item in read_dataset(photos, at_least=1).items] == ["a/39.png"]
    (photos / "a" / "1.png").rename(photos / "a" / "99.png")
    assert [i.name for i in read_dataset(photos, at_least=1).items] == ["a/39.png", "a/99.png"]


def test_names_that_are_one_to_some_systems_are_decided_about_each(tmp_path: Path) -> None:
    names = ["a/\u00e9.png", "a/e\u0301.png"]
    photos = files(tmp_path / "photos", {**dict.fromkeys(names, "x"), "b/1.png": "y"})
    if len(list((photos / "a").iterdir())) < 2:
        pytest.skip("the disk takes both names for one")
    decide(photos, names, drop=True)
    assert [item.name for item in read_dataset(photos, at_least=1).items] == ["b/1.png"]


def test_a_decision_in_the_whole_knows_the_copies_in_a_part(tmp_path: Path) -> None:
    photos = files(
        tmp_path / "photos",
        {"test/a/1.png": "x", "test/b/1.png": "x", "train/b/2.png": "x", "train/a/3.png": "y"},
    )
    decide(photos, "test/a/1.png", drop=True)
    (photos / "test" / "a" / "1.png").unlink()
    assert [item.name for item in read_dataset(photos / "test", at_least=1).items] == ["b/1.png"]
    decide(photos / "test", "b/1.png", drop=True)
    (photos / "test" / "b" / "1.png").rename(photos / "test" / "b" / "7.png")
    names = [item.name for item in read_dataset(photos, at_least=1).items]
    assert names == ["train/a/3.png", "train/b/2.png"]


# What others wrote


@pytest.mark.parametrize("leads", ["out", "new", "zero", "pipe"])
def test_a_table_that_is_no_file_of_the_folder_is_refused(photos: Path, leads: str) -> None:
    other = photos.parent / "private.txt"
    other.write_text("a secret\n")
    if leads == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes here")
        os.mkfifo(photos / FILE)
    else:
        targets = {"out": other, "new": photos.parent / "new.csv", "zero": Path("/dev/zero")}
        (photos / FILE).symlink_to(targets[leads])
    for act in (read_dataset, lambda source: decide(source, "elsa/0.png", drop=True)):
        with pytest.raises(DatasetError) as caught:
            act(photos)
        assert "secret" not in "".join(caught.value.said)
    assert sorted(path.name for path in photos.parent.iterdir()) == ["photos", "private.txt"]
    assert other.read_text() == "a secret\n"


def test_a_lock_that_is_a_link_is_not_followed(photos: Path) -> None:
    (photos / ".tellapart-decisions.lock").symlink_to(photos.parent / "new")
    with pytest.raises(DestinationError, match="No decision was changed"):
        decide(photos, "elsa/0.png", drop=True)
    assert not (photos.parent / "new").exists()


@pytest.mark.parametrize("above", ["a,b\n1,2\n", "path,sha256,decision\nphotos/a,1,drop\n", None])
def test_a_table_in_the_folder_above_that_is_none_is_only_a_note(
    photos: Path, above: str | None
) -> None:
    if above is None and not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    place = photos.parent / FILE
    os.mkfifo(place) if above is None else place.write_text(above)
    dataset = read_dataset(photos)
    assert len(dataset.items) == len(NAMES)
    assert "has a namesake in the folder above that is not read: " in dataset.notes[0]


def test_where_all_is_left_out_that_is_said_and_can_be_taken_back(photos: Path) -> None:
    decide(photos, NAMES, drop=True)
    with pytest.raises(DatasetError) as caught:
        read_dataset(photos)
    assert "tellapart.csv leaves out the others" in "\n".join(caught.value.said)
    back = run_here("fix", photos, "elsa/0.png", "--keep", "--quality", "fast", "--json").json()
    assert back["decisions"][0]["decision"] == "keep"
    undone = run_here("fix", photos, "--undo", "all", "--quality", "fast", "--json").json()
    assert sum(len(one["paths"]) for one in undone["decisions"]) == len(NAMES)
    assert text(photos) is None


def test_what_is_decided_in_a_part_is_taken_back_there(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", [f"{p}/{n}" for p in ("train", "test") for n in NAMES])
    decide(photos / "train", "elsa/0.png", drop=True)
    table = str(photos / "train" / FILE)
    assert any("1 decision in " in n and table in n for n in read_dataset(photos).notes)
    with pytest.raises(UsageError) as caught:
        undo_decisions(photos, last=1)
    assert str(photos / "train") in "\n".join(caught.value.said)


def write_rows(photos: Path, *rows: str, header: str = "path,sha256,decision,new_label") -> None:
    digest = hashlib.sha256(b"elsa/0.png").hexdigest()
    lines = [header, *(row.replace("DIGEST", digest) for row in rows)]
    (photos / FILE).write_text("\n".join(lines) + "\n")


def test_rows_without_a_time_are_taken_back_as_the_last(photos: Path) -> None:
    write_rows(photos, "elsa/0.png,DIGEST,drop,")
    assert [one.path for one in undo_decisions(photos, last=1)] == ["elsa/0.png"]
    assert len(read_dataset(photos).items) == len(NAMES)


def test_a_label_of_spaces_is_none(photos: Path) -> None:
    write_rows(photos, 'elsa/0.png,DIGEST,relabel,"  "')
    with pytest.raises(DatasetError, match="line 2, relabels a picture, and has no new_label"):
        read_dataset(photos)


def test_cells_beyond_the_last_column_are_kept(photos: Path) -> None:
    write_rows(photos, "elsa/0.png,DIGEST,relabel,vader,mine,superseded?")
    for name in ("elsa/1.png", "elsa/2.png"):
        decide(photos, name, drop=True)
    first, *_ = read_decisions(photos / FILE)
    assert (first.when, first.superseded, first.new_label) == ("", "", "vader")
    assert "relabel,vader,mine,superseded?" in (text(photos) or "")


def test_letters_that_no_file_holds_are_no_group(photos: Path) -> None:
    with pytest.raises(UsageError, match="is no name of a group"):
        decide(photos, "elsa/0.png", group="a\ud800")
    made = decide(photos, "elsa/0.png", drop=True, why="b\ud800")
    assert undo_decisions(photos, rows=made) == made


def test_the_list_tells_the_terminal_nothing(photos: Path) -> None:
    write_rows(photos, "elsa/0.png,DIGEST,drop,\x1b[31m", header="path,sha256,decision,when")
    assert "\x1b" not in run_here("fix", photos, "--list").out


def test_many_rows_of_one_content_take_no_longer_each(photos: Path) -> None:
    """All pairs of these would be 100 million."""
    files(photos, {"vader/8.png": "elsa/0.png"})
    write_rows(photos, *(f"gone/{n}.png,DIGEST,keep," for n in range(10_000)))
    assert len(read_dataset(photos).items) == len(NAMES) + 1


def test_moved_by_hand_into_the_new_label_it_is_done_and_not_said(photos: Path) -> None:
    decide(photos, "elsa/0.png", relabel="vader")
    decide(photos, "elsa/1.png", drop=True)
    expected = mended(photos)
    (photos / "elsa" / "0.png").rename(photos / "vader" / "0b.png")
    (photos / "elsa" / "1.png").unlink()
    dataset = read_dataset(photos)
    assert (seen(dataset), dataset.notes) == (expected, ())


def test_what_has_changed_is_said_once_and_not_applied(photos: Path) -> None:
    decide(photos, ["elsa/0.png", "elsa/1.png"], relabel="vader")
    decide(photos, "vader/0.png", drop=True)
    (photos / "elsa" / "0.png").write_text("painted over")
    (photos / "elsa" / "1.png").unlink()
    (photos / "vader" / "0.png").write_text("cropped")
    [note] = read_dataset(photos).notes
    assert note == (
        "tellapart.csv has 3 decisions on pictures that were changed or are not there, and so not "
        "applied: elsa/0.png, elsa/1.png, vader/0.png."
    )
    assert read_dataset(photos).counts == {"elsa": 3, "vader": 4}


def test_where_two_lines_disagree_neither_is_applied(photos: Path) -> None:
    decide(photos, "elsa/0.png", relabel="vader")
    other = text(photos)
    undo_decisions(photos, last=1)
    decide(photos, "elsa/0.png", drop=True)
    assert other
    place = photos / FILE
    place.write_text(place.read_text() + other.splitlines()[1] + "\n")
    dataset = read_dataset(photos)
    assert dataset.counts == {"elsa": 4, "vader": 4}
    assert "disagree on 1 picture; none of these is applied: elsa/0.png" in dataset.notes[0]
    decide(photos, "elsa/0.png", keep=True)
    assert read_dataset(photos).notes == ()


def test_deciding_again_after_it_was_moved_takes_the_old_ones_place(photos: Path) -> None:
    decide(photos, "elsa/0.png", drop=True)
    table = text(photos)
    (photos / "elsa" / "0.png").rename(photos / "elsa" / "new.png")
    decide(photos, "elsa/new.png", relabel="vader")
    dataset = read_dataset(photos)
    assert dataset.counts == {"elsa": 3, "vader": 5}
    assert len(read_decisions(photos / FILE)) == 1
    undo_decisions(photos, last=1)
    assert text(photos) == table


# The file


def edited(table: str, kind: str) -> bytes:
    """What programs make of the table."""
    rows = [line.split(",") for line in table.splitlines()]
    if kind == "columns":
        rows = [[row[2], "", row[1], row[0], *row[3:], "mine"] for row in rows]
        rows[0][1], rows[0][-1] = "note", "Remarks"
    separator = ";" if kind == "semicolon" else ","
    lines = [separator.join(row) for row in rows]
    if kind == "comments":
        lines = ["sep=,", "# of 2016", lines[0], "# a line", "", *lines[1:]]
    end = "\n" if kind in ("columns", "comments") else "\r\n"
    encoding = {"mark": "utf-8-sig", "utf-16": "utf-16"}.get(kind, "utf-8")
    return "".join(line + end for line in lines).encode(encoding)


@pytest.mark.parametrize("kind", ["semicolon", "mark", "columns", "comments", "utf-16"])
def test_what_a_spreadsheet_makes_of_it_is_read_and_kept(photos: Path, kind: str) -> None:
    decide(photos, "elsa/0.png", relabel="vader")
    decide(photos, "vader/1.png", drop=True)
    before, place = mended(photos), photos / FILE
    place.write_bytes(edited(place.read_text(), kind))
    assert mended(photos) == before
    if kind == "comments":
        place.write_bytes(place.read_bytes().replace(b"# a line\n\n", b"# a line\n"))
    was = place.read_bytes()
    decide(photos, "elsa/1.png", drop=True)
    assert len(mended(photos)) == len(before) - 1
    undo_decisions(photos, last=1)
    assert place.read_bytes() == was


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("relabel,elsa,vader", "relabl,elsa,vader"), "line 2, has the decision 'relabl'"),
        (("relabel,elsa,vader", "relabel,elsa,"), "line 2, relabels a picture, and has no new_"),
        (("elsa/0.png", ""), "line 2, has no path"),
        ((",sha256,", ",checksum,"), "has no column sha256"),
        (("relabel,elsa,vader", "relabel,elsa,Elsa"), "differ only in case"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_written(
    photos: Path, change: tuple[str, str], expected: str
) -> None:
    decide(photos, "elsa/0.png", relabel="vader")
    place = photos / FILE
    damaged = place.read_text().replace(*change)
    place.write_text(damaged)
    said = run_here("train", photos, "-o", photos.parent / "model")
    assert said.code == 2
    assert expected in said.err
    assert "tellapart.csv" in said.err
    if "differ" not in expected:
        with pytest.raises(DatasetError, match=re.escape(expected)):
            decide(photos, "elsa/1.png", drop=True)
    assert place.read_text() == damaged


def test_two_writers_lose_nothing(photos: Path) -> None:
    threads = [
        threading.Thread(target=decide, args=(photos, name), kwargs={"drop": True})
        for name in NAMES
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.path for one in read_decisions(photos / FILE)] == sorted(NAMES)
    assert [path.name for path in photos.iterdir() if path.is_file()] == [FILE]


def test_a_folder_that_cannot_be_written_is_said(photos: Path) -> None:
    (photos / FILE).mkdir()
    with pytest.raises((DatasetError, DestinationError), match="cannot be"):
        decide(photos, "elsa/0.png", drop=True)


# Tables, archives, parts


def test_tables_and_archives_have_theirs_beside_them(photos: Path) -> None:
    table = photos.parent / "labels.csv"
    rows = [f"photos/{name},{name.partition('/')[0]}" for name in NAMES]
    table.write_text("\n".join(["path,label", *rows]))
    archive = photos.parent / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in NAMES:
            packed.write(photos / name, name)
    for source, prefix in ((table, "photos/"), (archive, "")):
        decide(source, f"{prefix}elsa/0.png", relabel="vader")
        decide(source, f"{prefix}elsa/1.png", drop=True)
        dataset = read_dataset(source)
        assert dataset.counts == {"elsa": 2, "vader": 5}
        assert dataset.notes[0].startswith(f"{source.stem}.tellapart.csv: 1 picture relabelled")
        assert place_of_decisions(source) == photos.parent / f"{source.stem}.tellapart.csv"
        undo_decisions(source, everything=True)
        assert read_dataset(source).counts == {"elsa": 4, "vader": 4}
    assert text(photos) is None


def test_a_file_named_under_two_labels_is_mended_by_one_decision(photos: Path) -> None:
    table = photos.parent / "labels.csv"
    rows = [f"photos/{name},{name.partition('/')[0]}" for name in NAMES]
    table.write_text("\n".join(["path,label", *rows, "photos/elsa/0.png,vader"]))
    assert len(read_dataset(table).items) == 9
    decide(table, "photos/elsa/0.png", relabel="anna")
    assert read_dataset(table).counts == {"anna": 1, "elsa": 3, "vader": 4}


def test_the_table_of_decisions_is_no_table_of_pictures(photos: Path) -> None:
    decide(photos, "elsa/0.png", drop=True)
    dataset = read_dataset(photos)
    assert (dataset.skipped, dataset.hidden) == ((), 0)


def test_what_was_packed_with_its_table_is_mended_still(photos: Path) -> None:
    decide(photos, "elsa/0.png", drop=True)
    decide(photos, "elsa/1.png", relabel="vader")
    packed = photos.parent / "packed"
    archive = Path(shutil.make_archive(str(packed), "zip", photos.parent, "photos"))
    assert read_dataset(archive).counts == {"elsa": 2, "vader": 5}
    decide(archive, "elsa/1.png", relabel="anna")
    assert read_dataset(archive).counts == {"anna": 1, "elsa": 2, "vader": 4}
    assert read_dataset(photos).counts == {"elsa": 2, "vader": 5}


def test_a_part_is_mended_by_what_was_decided_of_the_whole(tmp_path: Path) -> None:
    whole = files(tmp_path / "photos", [f"{part}/{n}" for part in ("train", "test") for n in NAMES])
    decide(whole, ["train/elsa/0.png", "test/elsa/0.png"], relabel="vader")
    decide(whole / "test", "elsa/1.png", drop=True)
    assert read_dataset(whole / "test").counts == {"elsa": 2, "vader": 5}
    assert read_dataset(whole / "train").counts == {"elsa": 3, "vader": 5}
    assert read_dataset(whole).counts == {"elsa": 5, "vader": 10}
    decide(whole / "test", "elsa/0.png", keep=True)  # later than what the whole has of it
    assert read_dataset(whole).counts == {"elsa": 6, "vader": 9}


def test_a_label_is_not_mended_by_what_was_decided_of_labels(tmp_path: Path) -> None:
    photos = files(tmp_path / "photos", [f"{a}/{b}/1.png" for a in "ab" for b in "xy"])
    decide(photos, "a/x/1.png", relabel="b")
    assert read_dataset(photos / "a").counts == {"x": 1, "y": 1}


# Through the doors


@pytest.fixture
def drawn(draw_folder: Draw) -> Path:
    return draw_folder({"elsa": 14, "vader": 14})


def test_train_check_and_test_see_the_mended_pictures(drawn: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    run_here("train", drawn, "-o", model, "--quality", "fast", "-q")
    decide(drawn, "elsa/000.png", relabel="vader")
    decide(drawn, ["elsa/001.png", "vader/001.png"], drop=True)
    trained = run_here("train", drawn, "-o", model, "--quality", "fast", "-q", "--json")
    assert trained.code == 0, trained.err  # the same source, so it takes the old model's place
    found = trained.json()
    assert any("1 picture relabelled, 2 left out" in note for note in found["notes"])
    record = tellapart.load(model).training_record
    assert record
    assert len(record.names) == 26
    assert [str(record.labels[record.names.index("elsa/000.png")])] == ["1"]
    checked = run_here("check", drawn, "--quality", "fast", "--json", "-q").json()
    assert checked["pictures"] == 26
    tested = run_here("test", model, drawn, "--json", "-q")
    assert tested.code == 0, tested.err
    assert any("1 picture relabelled" in note for note in tested.json()["notes"])


def test_a_model_without_names_has_none_of_a_decision(drawn: Path, tmp_path: Path) -> None:
    (drawn / "elsa" / "000.png").rename(drawn / "elsa" / "a secret.png")
    decide(drawn, "elsa/a secret.png", relabel="vader")
    (drawn / "elsa" / "a secret.png").unlink()
    result = tellapart.train(drawn, quality="fast")
    assert any("a secret" in note for note in result.notes)
    result.save(tmp_path / "model", private=True)
    for path in (tmp_path / "model").iterdir():
        assert b"secret" not in path.read_bytes(), path
    record = tellapart.load(tmp_path / "model").training_record
    assert record
    assert "and so not applied." in " ".join(record.run.notes)


def test_pictures_kept_back_have_decisions_of_their_own(drawn: Path, draw_folder: Draw) -> None:
    aside = draw_folder({"elsa": 3, "vader": 3}, drawn.parent / "aside")
    decide(aside, "elsa/000.png", drop=True)
    found = run_here(
        "train",
        drawn,
        "-o",
        drawn.parent / "m",
        "--test",
        aside,
        "--quality",
        "fast",
        "-q",
        "--json",
    ).json()
    assert found["held_out"]["n"] == 5
    assert any("1 left out" in note for note in found["notes"])


def test_what_is_kept_is_not_named_again(drawn: Path) -> None:
    for name in ("elsa/page.png", "vader/page.png"):
        (drawn / name).write_text(f"<html>{name}</html>")

    def unread() -> list[tuple[str, ...]]:
        health = tellapart.check(drawn, quality="fast")
        return [one.paths for one in health.of("unreadable")]

    assert unread() == [("elsa/page.png", "vader/page.png")]
    decide(drawn, "elsa/page.png", keep=True)
    assert unread() == [("vader/page.png",)]
    decide(drawn, "vader/page.png", keep=True)
    assert unread() == []


def test_of_pictures_that_look_bad_those_kept_are_not_counted(drawn: Path) -> None:
    for number in range(3):
        Image.new("RGB", (40 + number, 40), (number, 0, 0)).save(drawn / "elsa" / f"d{number}.png")

    def dark() -> list[tuple[tuple[str, ...], str]]:
        health = tellapart.check(drawn, quality="fast")
        return [(tuple(sorted(one.paths)), one.words) for one in health.of("dark")]

    names = ("elsa/d0.png", "elsa/d1.png", "elsa/d2.png")
    assert dark() == [(names, "3 pictures are nearly black.")]
    decide(drawn, names[:2], keep=True)
    assert dark() == [(names[2:], "1 picture is nearly black.")]


def test_lines_stay_in_the_order_of_paths(photos: Path) -> None:
    for name in reversed(NAMES):
        decide(photos, name, keep=True)
    decide(photos, NAMES[3], drop=True)
    rows = [one.path for one in read_decisions(photos / FILE, history=True)]
    assert rows == sorted(rows)
    assert [len(list(of)) for _, of in groupby(rows)].count(2) == 1


def test_what_the_page_on_decisions_says_runs(
    heroes: DemoPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(heroes.photos, tmp_path / "photos")
    before = contents(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[1] / "docs" / "decisions.md"
    names: dict[str, Any] = {"tellapart": tellapart}
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    for block in blocks:
        exec(compile(block, page.name, "exec"), names)
    assert "1 picture relabelled, 2 left out, 2 put into groups" in " ".join(names["result"].notes)
    undo_decisions("photos", everything=True)
    assert contents(tmp_path / "photos") == before
