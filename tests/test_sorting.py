"""Sorting through its public functions, with a classifier that reads its answer from the file."""

from __future__ import annotations

import csv
import errno
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conftest import mostly_slow, tried
from tellapart.cli.terminal.sorting import print_sort, print_undo
from tellapart.dataset import listing
from tellapart.dataset.filenames import safe_name
from tellapart.dataset.sources import SkippedFile
from tellapart.errors import DestinationError, PictureError, UsageError
from tellapart.files import transfer
from tellapart.files.journal import journal as journal_module
from tellapart.files.journal.state import locked as locked_for
from tellapart.sorting import placed
from tellapart.sorting.journal import SORTING, STATE
from tellapart.sorting.sort import SortOptions, SortStep, plan, sort, undo
from tellapart.sorting.watching import watch
from tellapart.to_json.results import planned as planned_

HOWS = ["copy", "link", "move"]
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
Tree = dict[str, bytes | None]


@dataclass(frozen=True)
class Answer:
    label: str
    score: float
    scores: dict[str, float]
    unknown: bool = False


class Reader:
    """A classifier of files that hold `<number of the label> <score>`, and then anything."""

    def __init__(
        self, labels: Iterable[str] = ("elsa", "vader"), model: bytes = b"1", pause: float = 0
    ) -> None:
        self.labels = tuple(labels)
        self.digest = hashlib.sha256(model).hexdigest()
        self.admit = 0.99
        self.pause = pause
        self.asked = 0

    def predict_many(
        self, pictures: Iterable[Path], *, errors: str
    ) -> Iterator[Answer | PictureError]:
        assert errors == "return"
        for path in pictures:
            self.asked += 1
            time.sleep(self.pause)
            try:
                yield self.answer(path.read_bytes())
            except (OSError, ValueError):
                yield PictureError("damaged: its header cannot be read")

    def answer(self, content: bytes) -> Answer:
        number, score = content.removeprefix(PNG).split()[:2]
        scores = dict.fromkeys(self.labels, 0.0)
        scores[self.labels[int(number)]] = float(score)
        ranked = dict(sorted(scores.items(), key=lambda pair: -pair[1]))
        return Answer(self.labels[int(number)], float(score), ranked, b"stranger" in content)


PNG = b"\x89PNG\r\n\x1a\n "


def picture(path: Path, score: float = 0.99621, label: int = 0, more: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{label} {score} {more}".encode())
    return path


def everything(folder: Path) -> Tree:
    """Every file's bytes, every link's goal and every folder below."""
    found: Tree = {}
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = b"-> " + os.fsencode(os.readlink(path))
        else:
            found[name] = None if path.is_dir() else path.read_bytes()
    return found


def tree(folder: Path) -> Tree:
    """As `everything`, but for what a sort keeps for itself."""
    return {name: held for name, held in everything(folder).items() if STATE not in name}


def names(folder: Path) -> set[str]:
    return {name for name, content in tree(folder).items() if content is not None}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Seven files: two that would collide, one unsure, one unreadable, one that is no picture."""
    folder = tmp_path / "inbox"
    picture(folder / "a.jpg", more="first")
    picture(folder / "b.jpg", more="second")
    picture(folder / "sub" / "c.JPEG", 0.91, 1)
    picture(folder / "d.webp", 0.61234, 1)
    picture(folder / ".hidden.jpg")
    (folder / "e.jpg").write_bytes(b"broken")
    (folder / "notes.txt").write_text("no picture")
    return folder


# Names and places.


def test_copies_under_label_score_and_real_suffix(inbox: Path, tmp_path: Path) -> None:
    before = tree(inbox)
    result = sort(Reader(), inbox, tmp_path / "out")
    assert names(tmp_path / "out") == {
        "elsa-0.99621.jpg",
        "elsa-0.99621-2.jpg",
        "vader-0.91000.JPEG",
        "vader-0.61234.webp",
        "results.csv",
    }
    assert (tmp_path / "out/elsa-0.99621.jpg").read_bytes() == (inbox / "a.jpg").read_bytes()
    assert tree(inbox) == before
    assert result.counts == {"elsa": 2, "vader": 2}
    assert (result.total, result.sorted_now, result.already_done, result.hidden) == (4, 4, 0, 1)
    assert {one.name: one.reason for one in result.unreadable} == {
        "e.jpg": "damaged: its header cannot be read",
        "notes.txt": "not a picture (.txt)",
    }


def test_folders_and_unsure(inbox: Path, tmp_path: Path) -> None:
    options = SortOptions(into_folders=True, unsure_below=0.8)
    result = sort(Reader(), inbox, tmp_path / "out", options)
    assert names(tmp_path / "out") == {
        "elsa/elsa-0.99621.jpg",
        "elsa/elsa-0.99621-2.jpg",
        "vader/vader-0.91000.JPEG",
        "unsure/vader-0.61234.webp",
        "results.csv",
    }
    assert result.counts == {"elsa": 2, "unsure": 1, "vader": 1}


def test_move_takes_pictures_away_and_leaves_the_rest(inbox: Path, tmp_path: Path) -> None:
    (inbox / "link.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    picture(tmp_path / "elsewhere.jpg")
    before = everything(tmp_path)
    result = sort(Reader(), inbox, tmp_path / "out", SortOptions(how="move"))
    assert names(inbox) == {".hidden.jpg", "e.jpg", "link.jpg", "notes.txt"}
    assert result.sorted_now == 4
    assert SkippedFile("link.jpg", "a link; only files themselves are moved") in result.unreadable
    assert undo(tmp_path / "out").taken_back == 4
    assert everything(tmp_path) == before


def test_link_shares_the_bytes(inbox: Path, tmp_path: Path) -> None:
    sort(Reader(), inbox, tmp_path / "out", SortOptions(how="link"))
    assert (tmp_path / "out/elsa-0.99621.jpg").samefile(inbox / "a.jpg")


@pytest.mark.parametrize(
    ("name", "content", "suffix"),
    [
        ("a.JPG", b"0 0.5", ".JPG"),  # as the user wrote it
        ("a.jpg", PNG + b"0 0.5", ".jpg"),  # also where the content is of another kind
        ("a", PNG + b"0 0.5", ".png"),
        ("a.dat", PNG + b"0 0.5", ".png"),
    ],
)
def test_suffix(tmp_path: Path, name: str, content: bytes, suffix: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    sort(Reader(), tmp_path / "in", tmp_path / "out")
    assert (tmp_path / f"out/elsa-0.50000{suffix}").is_file()


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("elsa", "elsa"),
        ("../../x", "_.._x"),
        ("a/b\\c:d", "a_b_c_d"),
        ("CON", "_CON"),
        ("com1.txt", "_com1.txt"),
        ("nul .x", "_nul .x"),
        ("Console", "Console"),
        ("dots...", "dots"),
        ("space ", "space"),
        (".hidden", "hidden"),
        ("..", "_"),
        ("", "_"),
        ("new\nline\0", "new_line_"),
        ("Thumbs.db", "_Thumbs.db"),
        ("results.csv", "_results.csv"),
        ("❄️ Élsa", "❄️ Élsa"),
        ("x" * 300, "x" * 100),
        ("é" * 300, "é" * 50),
        ("\udc80", "_"),
        ("gpj.\u202eelsa", "gpj._elsa"),
    ],
)
def test_safe_name(label: str, expected: str) -> None:
    assert safe_name(label) == expected


@pytest.mark.parametrize("into_folders", [False, True])
def test_labels_of_one_safe_name_stay_apart(tmp_path: Path, into_folders: bool) -> None:
    labels = ("a/b", "a:b", "A_B", "unsure", "CON", "../../x", "y" * 300, "y" * 301)
    for number in range(len(labels)):
        picture(tmp_path / f"in/{number}.jpg", 0.9, number)
    options = SortOptions(into_folders=into_folders)
    result = sort(Reader(labels), tmp_path / "in", tmp_path / "out", options)
    groups = ["a_b", "a_b-2", "A_B-3", "unsure-2", "_CON", "_.._x", "y" * 100, "y" * 100 + "-2"]
    assert result.counts == dict.fromkeys(groups, 1)
    folders = {group: f"{group}/" if into_folders else "" for group in groups}
    assert names(tmp_path / "out") == {
        "results.csv",
        *(f"{folders[group]}{group}-0.90000.jpg" for group in groups),
    }
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}


@pytest.mark.parametrize(
    ("name", "flat", "in_folder"),
    [
        ("holiday.JPG", "elsa-0.50000-holiday.JPG", "holiday.JPG"),
        ("two.dots.jpg", "elsa-0.50000-two.dots.jpg", "two.dots.jpg"),
        ("none", "elsa-0.50000-none.png", "none.png"),  # a PNG by its content
        ("v1.2", "elsa-0.50000-v1.2.png", "v1.2.png"),
        ("scan.dat", "elsa-0.50000-scan.dat.png", "scan.dat.png"),
        ("con.jpg", "elsa-0.50000-_con.jpg", "_con.jpg"),
        ("a:b?.jpg", "elsa-0.50000-a_b_.jpg", "a_b_.jpg"),
        ("雪の女王.jpg", "elsa-0.50000-雪の女王.jpg", "雪の女王.jpg"),
        ("n" * 251 + ".jpg", "elsa-0.50000-" + "n" * 238 + ".jpg", "n" * 251 + ".jpg"),
        ("雪" * 83 + ".jpg", "elsa-0.50000-" + "雪" * 79 + ".jpg", "雪" * 83 + ".jpg"),
        ("two\nlines.jpg", "elsa-0.50000-two_lines.jpg", "two_lines.jpg"),
        (os.fsdecode(b"\xff.jpg"), "elsa-0.50000-_.jpg", "_.jpg"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="names that other systems do not take")
def test_keeping_names(tmp_path: Path, name: str, flat: str, in_folder: str) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / name).write_bytes(PNG + b"0 0.5")
    sort(Reader(), inbox, tmp_path / "flat", SortOptions(keep_names=True))
    assert names(tmp_path / "flat") == {flat, "results.csv"}
    options = SortOptions(keep_names=True, into_folders=True)
    sort(Reader(), inbox, tmp_path / "folders", options)
    assert names(tmp_path / "folders") == {f"elsa/{in_folder}", "results.csv"}
    assert undo(tmp_path / "flat").taken_back == undo(tmp_path / "folders").taken_back == 1


def test_kept_names_that_are_there_already_get_a_number(tmp_path: Path) -> None:
    long = "n" * 251 + ".jpg"
    for folder in ("a", "b", "c"):
        picture(tmp_path / f"in/{folder}/IMG_1.jpg", more=folder)
        picture(tmp_path / f"in/{folder}/{long}", more=folder)
    own = picture(tmp_path / "out/elsa/img_1.JPG", more="the user's")
    options = SortOptions(keep_names=True, into_folders=True)
    planned = list(plan(Reader(), tmp_path / "in", tmp_path / "out", options))
    sort(Reader(), tmp_path / "in", tmp_path / "out", options)
    first = names(tmp_path / "out")
    assert first == {
        *("results.csv", "elsa/img_1.JPG"),
        *("elsa/IMG_1.jpg", "elsa/IMG_1-2.jpg", "elsa/IMG_1-3.jpg"),
        *(f"elsa/{long}", f"elsa/{'n' * 249}-2.jpg", f"elsa/{'n' * 249}-3.jpg"),
    }
    assert {step.target for step in planned if isinstance(step, SortStep)} < first
    assert sort(Reader(), tmp_path / "in", tmp_path / "out", options).sorted_now == 0
    assert names(tmp_path / "out") == first
    with pytest.raises(DestinationError, match=r"other options \(with keep_names=True\)"):
        sort(Reader(), tmp_path / "in", tmp_path / "out", SortOptions(into_folders=True))
    assert undo(tmp_path / "out").taken_back == 6
    assert list((tmp_path / "out").rglob("*.*")) == [own]


def test_kept_names_outside_a_label_s_folder_say_the_label(inbox: Path, tmp_path: Path) -> None:
    options = SortOptions(keep_names=True, into_folders=True, unsure_below=0.8)
    picture(inbox / "x.png", 0.9, more="stranger")
    sort(Reader(), inbox, tmp_path / "out", options)
    assert names(tmp_path / "out") == {
        "results.csv",
        *("elsa/a.jpg", "elsa/b.jpg", "vader/c.JPEG"),
        *("unsure/vader-0.61234-d.webp", "none-of-these/elsa-0.90000-x.png"),
    }


def test_a_sort_of_an_earlier_release_goes_on(inbox: Path, tmp_path: Path) -> None:
    sort(Reader(), inbox, tmp_path / "out")
    path = tmp_path / "out" / STATE / "journal.jsonl"
    path.write_text(path.read_text().replace('"keep_names": false, ', ""))
    assert "keep_names" not in path.read_text()
    assert sort(Reader(), inbox, tmp_path / "out").already_done == 4


@pytest.mark.parametrize("how", HOWS)
def test_a_sort_whose_journal_says_less_goes_on_and_is_taken_back(
    inbox: Path, tmp_path: Path, how: Any
) -> None:
    """As the first releases wrote it: the root and the way are in the request alone."""
    before, out, options = everything(tmp_path), tmp_path / "out", SortOptions(how)
    sort(Reader(), inbox, out, options)
    path = out / STATE / "journal.jsonl"
    header, *lines = path.read_text().splitlines(keepends=True)
    first = json.loads(header)
    del first["root"], first["how"], first["request"]["options"]["keep_names"]
    assert list(first) == ["version", "token", "made", "request"]
    path.write_text("".join([json.dumps(first) + "\n", *lines]))
    again = sort(Reader(), inbox, out, options)
    assert (again.sorted_now, again.already_done) == (0, 4)
    assert undo(out).taken_back == 4
    assert everything(tmp_path) == before


ODD_NAMES = [
    b"two\nlines.jpg",
    "\N{SNOWFLAKE}\N{VARIATION SELECTOR-16}.jpg".encode(),
    b"not-utf8-\xff\xfe.jpg",
    b"n" * 251 + b".jpg",
    b"=1+1.jpg",
    b" \t.jpg",
    b"-rf.jpg",
    b"'\"quote\\.jpg",
]


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")
@pytest.mark.parametrize("how", HOWS)
def test_odd_names(tmp_path: Path, how: Any) -> None:
    (tmp_path / "in").mkdir()
    for number, name in enumerate(ODD_NAMES):
        picture(tmp_path / "in" / os.fsdecode(name), number / 10)
    before = everything(tmp_path)
    result = sort(Reader(), tmp_path / "in", tmp_path / "out", SortOptions(how=how))
    assert result.sorted_now == len(ODD_NAMES)
    rows = {row["sorted_as"]: row["path"] for row in table(result.results)}
    assert rows["elsa-0.00000.jpg"] == "two\\nlines.jpg"
    assert rows["elsa-0.20000.jpg"] == "not-utf8-\\udcff\\udcfe.jpg"
    assert rows["elsa-0.40000.jpg"] == "'=1+1.jpg"
    assert undo(tmp_path / "out").taken_back == len(ODD_NAMES)
    assert everything(tmp_path) == before


def test_one_picture(tmp_path: Path) -> None:
    one = picture(tmp_path / "a.jpg")
    picture(tmp_path / "b.jpg")
    assert sort(Reader(), one, tmp_path / "out").total == 1


# The table.


def test_table(inbox: Path, tmp_path: Path) -> None:
    labels = ("elsa", "=cmd|' /C calc'!A0", "path")
    picture(inbox / "x;=2.jpg", 0.7, 1)
    result = sort(Reader(labels), inbox, tmp_path / "out", SortOptions(unsure_below=0.8))
    rows = table(result.results)
    formula = "'=cmd|' /C calc'!A0"
    assert list(rows[0]) == [
        *("path", "sorted_as", "label", "score"),
        *("elsa", formula, "score of path"),
        *("unknown", "error"),
    ]
    assert rows == sorted(rows, key=lambda row: row["path"])
    by_path = {row["path"]: row for row in rows}
    assert by_path["a.jpg"]["score"] == by_path["a.jpg"]["elsa"] == "0.99621"
    assert by_path["x;'=2.jpg"]["label"] == formula
    assert by_path["x;'=2.jpg"][formula] == "0.70000"
    assert by_path["d.webp"]["sorted_as"] == "unsure/'=cmd_' _C calc'!A0-0.61234.webp".replace(
        "'=", "="
    )
    assert by_path["e.jpg"]["error"] == "damaged: its header cannot be read"
    assert by_path["e.jpg"]["sorted_as"] == by_path["e.jpg"]["elsa"] == ""
    assert b"\r" not in result.results.read_bytes()


def test_a_table_of_many_pictures_is_in_the_order_of_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        picture(tmp_path / f"in/a{'/' if number % 3 else '.'}{number}.jpg", number / 100)
        (tmp_path / f"in/a{number}.jpg").write_bytes(b"broken" if number % 4 else b"1 0.5")
    whole = sort(Reader(), tmp_path / "in", tmp_path / "out").results.read_bytes()
    monkeypatch.setattr(placed, "_RUN", 7)
    result = sort(Reader(), tmp_path / "in", tmp_path / "again")
    assert result.results.read_bytes() == whole
    rows = [row["path"] for row in table(result.results)]
    assert rows == sorted(rows)
    assert len(rows) == 120


# What is there already.


@pytest.mark.parametrize("how", HOWS)
def test_files_of_the_user_are_never_touched(inbox: Path, tmp_path: Path, how: Any) -> None:
    out = tmp_path / "out"
    picture(out / "elsa-0.99621.jpg", more="the user's")
    picture(out / "results.csv", more="the user's")
    (out / "unsure").write_bytes(b"a file where a folder should be")
    (out / "empty").mkdir()
    before = everything(tmp_path)
    result = sort(Reader(), inbox, out, SortOptions(how=how, unsure_below=0.8))
    assert names(out) - set(tree(out).keys() & before.keys()) >= {
        "elsa-0.99621-2.jpg",
        "elsa-0.99621-3.jpg",
        "unsure-2/vader-0.61234.webp",
        "results-2.csv",
    }
    assert result.results.name == "results-2.csv"
    for name in ("elsa-0.99621.jpg", "results.csv", "unsure"):
        assert (out / name).read_bytes() == before[f"out/{name}"]
    assert undo(out).left == ()
    assert everything(tmp_path) == before


def test_destination_inside_the_inbox(inbox: Path) -> None:
    out = inbox / "deep" / "out"
    assert sort(Reader(), inbox, out).sorted_now == 4
    first = tree(out)
    again = sort(Reader(), inbox, out)
    assert (again.sorted_now, again.already_done) == (0, 4)
    assert {one.name for one in again.unreadable} == {"e.jpg", "notes.txt"}
    assert tree(out) == first
    other = sort(Reader(), inbox, inbox / "other")
    assert other.total == 4  # the output of the first sort is no part of the inbox
    undo(inbox / "other")
    undo(out)
    assert not (inbox / "deep").exists()


@pytest.mark.parametrize("how", HOWS)
def test_inbox_inside_the_destination(tmp_path: Path, how: Any) -> None:
    inbox = tmp_path / "elsa"  # just where pictures of that label would go
    for number in range(3):
        picture(inbox / f"{number}.jpg", more=str(number))
    before = everything(tmp_path)
    options = SortOptions(how=how, into_folders=True)
    assert sort(Reader(), inbox, tmp_path, options).counts == {"elsa-2": 3}
    assert sort(Reader(), inbox, tmp_path, options).sorted_now == 0
    assert undo(tmp_path).taken_back == 3
    assert everything(tmp_path) == before


def test_links_into_the_destination_are_not_sorted_again(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = SortOptions(follow_links=True)
    sort(Reader(), inbox, out, options)
    (inbox / "way").symlink_to(out)
    (inbox / "one.jpg").symlink_to(out / "elsa-0.99621.jpg")
    assert sort(Reader(), inbox, out, options).sorted_now == 0


@pytest.mark.parametrize(
    ("source", "target", "error", "words"),
    [
        ("nowhere", "out", UsageError, "nowhere does not exist"),
        ("inbox", "inbox", UsageError, "into itself"),
        ("inbox", "inbox/sub/..", UsageError, "into itself"),
        ("inbox", "file", DestinationError, "is a file"),
        ("inbox", "file/below", DestinationError, "cannot be written"),
    ],
)
def test_refused(
    inbox: Path, tmp_path: Path, source: str, target: str, error: type[Exception], words: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    before = everything(tmp_path)
    for what in (sort, plan):
        if what is sort or "below" not in target:
            with pytest.raises(error, match=words):
                what(Reader(), tmp_path / source, tmp_path / target)
    assert inbox.is_dir()
    assert everything(tmp_path) == before


@pytest.mark.parametrize("source", ["s3://bucket/photos", "shards.tar", "TABLE.Parquet", "sh*.tar"])
def test_pictures_that_are_no_files_are_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if "://" not in source:
        (tmp_path / source.replace("*", "ards")).write_bytes(b"")
    words = "this needs files on a disk" if "://" in source else "a file for each picture"
    for what in (sort, plan, watch):
        with pytest.raises(UsageError, match=words):
            what(Reader(), source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("values", [{"how": "delete"}, {"unsure_below": 1.2}])
def test_options_are_checked(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        SortOptions(**values)


# Again, and dry.


@pytest.mark.parametrize("how", HOWS)
def test_plan_is_what_sort_does_and_writes_nothing(inbox: Path, tmp_path: Path, how: Any) -> None:
    out = tmp_path / "out"
    options = SortOptions(how=how, into_folders=True, unsure_below=0.8)
    picture(out / "elsa/elsa-0.99621.jpg", more="the user's")
    before = everything(tmp_path)
    planned = list(plan(Reader(), inbox, out, options))
    assert everything(tmp_path) == before
    result = sort(Reader(), inbox, out, options)
    targets = [step.target for step in planned if isinstance(step, SortStep)]
    assert {*targets, "results.csv", "elsa/elsa-0.99621.jpg"} == names(out)
    assert tuple(one for one in planned if isinstance(one, SkippedFile)) == result.unreadable
    left = [step for step in plan(Reader(), inbox, out, options) if isinstance(step, SortStep)]
    assert left == []


def test_plan_streams(tmp_path: Path) -> None:
    for number in range(200):
        picture(tmp_path / f"in/{number:03}.jpg")
    reader = Reader()
    steps = plan(reader, tmp_path / "in", tmp_path / "out")
    first = next(steps)
    assert isinstance(first, SortStep)
    assert first.target == "elsa-0.99621.jpg"
    assert reader.asked <= 2


def test_only_new_pictures_are_added(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sort(Reader(), inbox, out)
    kept = tree(out)
    reader = Reader()
    assert sort(reader, inbox, out).already_done == 4
    assert reader.asked == 1  # the unreadable one is tried again
    assert tree(out) == kept

    picture(inbox / "z.jpg", more="new")
    picture(inbox / "a.jpg", 0.5, more="another picture under an old name")
    result = sort(Reader(), inbox, out)
    assert (result.sorted_now, result.already_done) == (2, 4)
    assert names(out) == {*kept, "elsa-0.99621-3.jpg", "elsa-0.50000.jpg"}
    assert len(table(result.results)) == 8
    assert undo(out).left[0].name == "elsa-0.99621.jpg"  # its original is no more


def test_an_edited_copy_is_not_repeated_and_a_deleted_one_is(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sort(Reader(), inbox, out)
    (out / "elsa-0.99621.jpg").write_bytes(b"edited")
    (out / "elsa-0.99621-2.jpg").unlink()
    result = sort(Reader(), inbox, out)
    assert (result.sorted_now, result.already_done) == (1, 3)
    assert (out / "elsa-0.99621.jpg").read_bytes() == b"edited"
    assert (out / "elsa-0.99621-2.jpg").read_bytes() == (inbox / "b.jpg").read_bytes()


def test_names_that_differ_only_in_case_are_one(inbox: Path, tmp_path: Path) -> None:
    sort(Reader(), inbox, tmp_path / "out")
    picture(inbox / "z.JPG", more="new")
    sort(Reader(), inbox, tmp_path / "out")
    assert (tmp_path / "out/elsa-0.99621-3.JPG").is_file()


def test_a_moved_picture_that_comes_back_is_a_new_one(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sort(Reader(), inbox, out, SortOptions(how="move"))
    shutil.copy2(out / "elsa-0.99621.jpg", inbox / "a.jpg")
    assert sort(Reader(), inbox, out, SortOptions(how="move")).sorted_now == 1
    assert (out / "elsa-0.99621-3.jpg").is_file()


@pytest.mark.parametrize(
    ("reader", "source", "options", "words"),
    [
        (Reader(model=b"2"), "inbox", {}, "another model"),
        (Reader(("elsa", "yoda")), "inbox", {}, "another model"),
        (Reader(), "inbox", {"how": "move"}, r"other options \(without how='move'\)"),
        (Reader(), "inbox", {"unsure_below": 0.5}, r"other options \(without unsure_below=\)"),
        (Reader(), "inbox/sub", {}, "already holds pictures of"),
    ],
)
def test_going_on_with_something_else_is_refused(
    inbox: Path, tmp_path: Path, reader: Reader, source: str, options: Any, words: str
) -> None:
    sort(Reader(), inbox, tmp_path / "out")
    before = everything(tmp_path)
    for what in (sort, plan):
        with pytest.raises(DestinationError, match=words) as caught:
            what(reader, tmp_path / source, tmp_path / "out", SortOptions(**options))
        assert "undo()" in caught.value.hint
    assert everything(tmp_path) == before


def test_two_at_once_are_refused(inbox: Path, tmp_path: Path) -> None:
    sort(Reader(), inbox, tmp_path / "out")
    with locked_for(tmp_path / "out", SORTING):
        for what in (
            lambda: sort(Reader(), inbox, tmp_path / "out"),
            lambda: undo(tmp_path / "out"),
        ):
            with pytest.raises(DestinationError, match="another run"):
                what()
    assert undo(tmp_path / "out").taken_back == 4


def test_progress_counts_all_that_was_dealt_with(inbox: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    sort(Reader(), inbox, tmp_path / "out", progress=tell)
    assert told == [(number, 6) for number in range(1, 7)]
    told.clear()
    picture(inbox / "new.jpg", 0.7, 1)
    sort(Reader(), inbox, tmp_path / "out", progress=tell)
    assert told[-1] == (7, 7)


# Undo.


@pytest.mark.parametrize("how", HOWS)
def test_undo_keeps_what_the_user_changed(inbox: Path, tmp_path: Path, how: Any) -> None:
    out = tmp_path / "out"
    sort(Reader(), inbox, out, SortOptions(how=how, into_folders=True))
    edited = out / "elsa/elsa-0.99621.jpg"
    found = edited.stat()
    edited.unlink()
    edited.write_bytes(b"x" * found.st_size)
    os.utime(edited, ns=(found.st_mtime_ns, found.st_mtime_ns))  # as some editors do
    (out / "vader/own.txt").write_bytes(b"the user's")
    with (out / "results.csv").open("ab") as stream:
        stream.write(b"a note\n")
    result = undo(out)
    assert (result.taken_back, result.unfinished) == (3, False)
    assert [one.name for one in result.left] == ["elsa/elsa-0.99621.jpg", "results.csv"]
    assert "changed since" in result.left[0].reason
    assert names(out) == {"elsa/elsa-0.99621.jpg", "vader/own.txt", "results.csv"}
    assert not (out / STATE).exists()


@pytest.mark.parametrize("how", ["copy", "link"])
def test_undo_keeps_the_only_copy(inbox: Path, tmp_path: Path, how: Any) -> None:
    out = tmp_path / "out"
    sort(Reader(), inbox, out, SortOptions(how=how))
    (inbox / "a.jpg").unlink()
    (inbox / "b.jpg").unlink()
    (inbox / "b.jpg").symlink_to(out / "elsa-0.99621-2.jpg")  # as a deduplicator may do
    result = undo(out)
    assert {one.name for one in result.left} == {"elsa-0.99621.jpg", "elsa-0.99621-2.jpg"}
    assert all("the only copy" in one.reason for one in result.left)
    assert names(out) == {"elsa-0.99621.jpg", "elsa-0.99621-2.jpg"}


def test_undo_of_move_never_overwrites(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = tree(inbox)
    sort(Reader(), inbox, out, SortOptions(how="move"))
    shutil.rmtree(inbox / "sub")
    (inbox / "a.jpg").write_bytes(b"new")
    result = undo(out)
    assert (result.taken_back, result.unfinished) == (3, True)
    assert result.left[0].name == "elsa-0.99621.jpg"
    assert "old place" in result.left[0].reason
    assert (inbox / "a.jpg").read_bytes() == b"new"
    assert names(out) == {"elsa-0.99621.jpg"}

    (inbox / "a.jpg").unlink()
    assert undo(out).taken_back == 1
    assert tree(inbox) == before
    assert not out.exists()


def test_undo_finds_a_destination_that_was_renamed(inbox: Path, tmp_path: Path) -> None:
    sort(Reader(), inbox, tmp_path / "deep/out", SortOptions(how="move"))
    (tmp_path / "deep/out").rename(tmp_path / "other")
    assert undo(tmp_path / "other").taken_back == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "inbox"]


def test_undo_where_nothing_was_sorted(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Nothing was sorted"):
        undo(tmp_path)
    (tmp_path / STATE).mkdir()  # a sort killed before its first line
    assert undo(tmp_path).taken_back == 0
    assert everything(tmp_path) == {}


def test_a_damaged_journal_is_refused(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    sort(Reader(), inbox, out)
    path = out / STATE / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"rubbish\n", *lines[1:]]))
    before = everything(tmp_path)
    for what in (lambda: sort(Reader(), inbox, out), lambda: undo(out)):
        with pytest.raises(DestinationError, match="damaged in line 2"):
            what()
    assert everything(tmp_path) == before


# Other disks, full disks, closed folders.


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    folder = Path("/dev/shm") / f"tellapart-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("no second disk that can be written to")
    if folder.stat().st_dev == tmp_path.stat().st_dev:
        folder.rmdir()
        pytest.skip("no second disk")
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("how", HOWS)
def test_across_disks(inbox: Path, tmp_path: Path, other_disk: Path, how: Any) -> None:
    before, out = everything(tmp_path), other_disk / "out"
    expected = {name: tree(inbox)[name] for name in ("a.jpg", "b.jpg")}
    sort(Reader(), inbox, out, SortOptions(how=how))
    assert (out / "elsa-0.99621.jpg").read_bytes() == expected["a.jpg"]
    assert ("a.jpg" in names(inbox)) == (how != "move")
    assert undo(out).taken_back == 4
    assert everything(tmp_path) == before
    assert everything(other_disk) == {}


def attributes(path: Path) -> tuple[int, int, int, int, dict[str, bytes]]:
    found = path.stat()
    extended = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns, extended


@pytest.mark.skipif(sys.platform != "linux", reason="extended attributes are read on Linux only")
def test_moving_to_another_disk_and_back_keeps_what_belongs_to_a_file(
    inbox: Path, tmp_path: Path, other_disk: Path
) -> None:
    one = inbox / "a.jpg"
    os.utime(one, ns=(10**18, 10**18 + 123_456_789))
    one.chmod(0o640)
    try:
        os.setxattr(one, "user.comment", b"my favourite")
        os.setxattr(inbox / "b.jpg", "user.comment", b"")
        os.setxattr(picture(other_disk / "try"), "user.comment", b"")
    except OSError:
        pytest.skip("a disk here has no extended attributes")
    if os.geteuid() == 0:
        os.chown(one, 12345, 54321)
    before = {name: attributes(inbox / name) for name in ("a.jpg", "b.jpg", "sub/c.JPEG")}
    result = sort(Reader(), inbox, other_disk / "out", SortOptions(how="move"))
    assert attributes(other_disk / "out/elsa-0.99621.jpg") == before["a.jpg"]
    assert (other_disk / "out/elsa-0.99621.jpg").stat().st_atime_ns >= 10**18
    assert result.not_kept == ()
    assert undo(other_disk / "out").not_kept == ()
    assert {name: attributes(inbox / name) for name in before} == before


def test_what_another_disk_does_not_keep_is_said(
    inbox: Path,
    tmp_path: Path,
    other_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not hasattr(os, "listxattr"):
        pytest.skip("extended attributes are read on Linux only")
    os.link(inbox / "a.jpg", tmp_path / "a second name.jpg")
    for path in inbox.glob("*.jpg"):
        path.chmod(0o604)
    monkeypatch.setattr(os, "listxattr", lambda path: ["user.comment"])
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"")
    monkeypatch.setattr(os, "setxattr", refuse)
    monkeypatch.setattr(os, "chmod", refuse)
    out = other_disk / "out"
    result = sort(Reader(), inbox, out, SortOptions(how="move"))
    lost = ("extended attributes", "hard links to other names", "permissions")
    assert result.not_kept == lost
    assert sort(Reader(), inbox, out, SortOptions(how="move")).not_kept == lost  # by the journal
    print_sort(result)
    said = f"The other disk cannot keep: {', '.join(lost)}."
    assert said in capsys.readouterr().out
    copied = sort(Reader(), tmp_path / "a second name.jpg", other_disk / "copy")
    assert copied.not_kept == ()  # a copy is a new file
    print_undo(undo(out))
    assert "The other disk cannot keep: extended attributes." in (capsys.readouterr().out)


def refuse_link(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("how", HOWS)
def test_without_hard_links(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Any
) -> None:
    monkeypatch.setattr(transfer, "rename_new", lambda *names: False)
    monkeypatch.setattr(os, "link", refuse_link)
    before, out = everything(tmp_path), tmp_path / "out"
    picture(out / "elsa-0.99621.jpg", more="the user's")
    sort(Reader(), inbox, out, SortOptions(how=how))
    assert (out / "elsa-0.99621.jpg").read_bytes().endswith(b"the user's")
    assert (out / "elsa-0.99621-3.jpg").is_symlink() == (how == "link")
    assert undo(out).taken_back == 4
    (out / "elsa-0.99621.jpg").unlink()
    out.rmdir()
    assert everything(tmp_path) == before


@pytest.mark.parametrize("how", HOWS)
def test_a_picture_that_is_replaced_gets_no_name_of_the_one_before(
    inbox: Path, tmp_path: Path, how: Any
) -> None:
    class Camera(Reader):
        """It saves its newest picture over the one before, once that was looked into."""

        def predict_many(self, pictures: Any, *, errors: str) -> Any:
            for answer in super().predict_many(pictures, errors=errors):
                if self.asked == 3:
                    os.replace(picture(inbox / ".new", 0.8, 1), inbox / "a.jpg")
                yield answer

    options = SortOptions(how=how)
    changed = SkippedFile("a.jpg", "changed while it was being sorted")
    result = sort(Camera(), inbox, tmp_path / "out", options)
    assert changed in result.unreadable
    again = sort(Reader(), inbox, tmp_path / "out", options)
    assert again.counts == {"elsa": 1, "vader": 3}
    assert (tmp_path / "out" / "vader-0.80000.jpg").read_bytes() == b"1 0.8 "


def test_pictures_of_several_names_are_each_sorted(inbox: Path, tmp_path: Path) -> None:
    os.link(inbox / "a.jpg", inbox / "a too.jpg")  # to sort one of them changes a time of both
    hows: list[Any] = HOWS
    for how in hows:
        result = sort(Reader(), inbox, tmp_path / how, SortOptions(how=how))
        assert result.counts == {"elsa": 3, "vader": 2}
        undo(tmp_path / how)


def test_a_source_that_cannot_be_moved_away(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, unlink = everything(tmp_path), Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.parent == inbox:
            raise OSError(errno.EROFS, "Read-only file system")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(transfer, "rename_new", lambda *names: False)  # refused as well
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(DestinationError, match="cannot be moved away: read-only file system"):
        sort(Reader(), inbox, tmp_path / "out", SortOptions(how="move"))
    assert undo(tmp_path / "out").taken_back == 0
    assert everything(tmp_path) == before


def test_a_picture_that_goes_away_meanwhile(inbox: Path, tmp_path: Path) -> None:
    class Thief(Reader):
        def answer(self, content: bytes) -> Answer:
            (inbox / "a.jpg").unlink(missing_ok=True)
            return super().answer(content)

    result = sort(Thief(), inbox, tmp_path / "out", SortOptions(how="move"))
    assert result.sorted_now == 3
    assert any(
        one.name == "a.jpg" and "cannot be opened" in one.reason for one in result.unreadable
    )


def test_a_file_that_appears_meanwhile(
    inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intend = journal_module.Journal.intend

    def intend_and_appear(self: Any, lines: Any) -> None:
        intend(self, lines)
        picture(tmp_path / "out/elsa-0.99621.jpg", more="the user's")

    monkeypatch.setattr(journal_module.Journal, "intend", intend_and_appear)
    sort(Reader(), inbox, tmp_path / "out")
    monkeypatch.undo()
    assert (tmp_path / "out/elsa-0.99621.jpg").read_bytes().endswith(b"the user's")
    assert (tmp_path / "out/elsa-0.99621-3.jpg").read_bytes() == (inbox / "a.jpg").read_bytes()
    assert undo(tmp_path / "out").taken_back == 4
    assert names(tmp_path / "out") == {"elsa-0.99621.jpg"}


def in_a_child(work: Callable[[], object]) -> int:
    """Run `work` in a forked process; its exit status, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except DestinationError as error:
            os._exit(3 if "cannot be written" in error.message else 4)
        except BaseException:
            os._exit(5)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
@pytest.mark.parametrize("how", ["copy", "move"])
@pytest.mark.parametrize("limit", [0, 100, 700, 1500, 3000, 6000])
def test_a_full_disk_loses_nothing(
    inbox: Path, tmp_path: Path, other_disk: Path, how: Any, limit: int
) -> None:
    """A limit on the size of a file stops the journal, a picture or the table at any byte."""
    picture(inbox / "c.jpg", more="x" * 4000)
    before, out = everything(tmp_path), other_disk / "out"
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(inbox, tmp_path / "twin")
    sort(Reader(), tmp_path / "twin", undisturbed, SortOptions(how=how))
    expected = tree(undisturbed)
    shutil.rmtree(undisturbed)
    shutil.rmtree(tmp_path / "twin")

    def limited() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        sort(Reader(), inbox, out, SortOptions(how=how))

    assert in_a_child(limited) == (3 if limit < 4000 else 0)
    held = list({**tree(inbox), **tree(out)}.values())
    assert all(content in held for content in before.values())
    assert not list(other_disk.rglob("*.part"))
    if (out / STATE).exists():
        assert in_a_child(lambda: undo(out)) == 0
    assert everything(tmp_path) == before
    assert everything(other_disk) == {}

    in_a_child(limited)
    sort(Reader(), inbox, out, SortOptions(how=how))
    assert tree(out) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made with mount")
def test_a_small_disk(inbox: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or os.system(f"mount -t tmpfs -o size=64k none {disk} 2>/dev/null"):
        pytest.skip("mounting is not permitted")
    try:
        for number in range(20):
            picture(inbox / f"{number}.jpg", more="x" * 9000)
        before = tree(inbox)
        with pytest.raises(DestinationError, match="no space left"):
            sort(Reader(), inbox, disk / "out")
        assert tree(inbox) == before
        assert undo(disk / "out").left == ()
        assert everything(disk) == {}
    finally:
        os.system(f"umount {disk}")


@pytest.mark.skipif(sys.platform != "linux", reason="a read-only disk is made with mount")
def test_a_read_only_disk(inbox: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() or os.system(f"mount -t tmpfs none {disk} 2>/dev/null"):
        pytest.skip("mounting is not permitted")
    try:
        shutil.copytree(inbox, disk / "inbox")
        assert os.system(f"mount -o remount,ro {disk}") == 0
        before = tree(disk / "inbox")
        with pytest.raises(DestinationError, match="read-only"):
            sort(Reader(), inbox, disk / "out")
        with pytest.raises(DestinationError, match="moved away: read-only"):
            sort(Reader(), disk / "inbox/sub", tmp_path / "moved", SortOptions(how="move"))
        undo(tmp_path / "moved")
        for how in ("copy", "link"):
            options = SortOptions(how=how)
            assert sort(Reader(), disk / "inbox", tmp_path / how, options).sorted_now == 4
            assert undo(tmp_path / how).taken_back == 4
        assert tree(disk / "inbox") == before
    finally:
        os.system(f"umount {disk}")


# Kills.


_STEPS = frozenset(
    ["open"]
    + [f"os.{name}" for name in ("link", "symlink", "remove", "rename", "mkdir", "rmdir")]
    + ["os.truncate", "os.utime"]
)


def killed_at(step: int, below: Iterable[Path], work: Callable[[], object]) -> bool:
    """Run `work` in a process that kills itself before its n-th change below some folders."""
    roots = tuple(map(str, below))

    def work_until() -> None:
        count = 0

        def tick() -> None:
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

        def watch(event: str, details: tuple[object, ...]) -> None:
            if event in _STEPS and details and str(details[0]).startswith(roots):
                tick()

        def append(*details: Any, **named: Any) -> None:
            tick()
            original(*details, **named)

        original = journal_module.Journal.append
        journal_module.Journal.append = append  # type: ignore[method-assign]
        sys.addaudithook(watch)
        work()

    status = in_a_child(work_until)
    assert status in (0, -signal.SIGKILL)
    return status != 0


class Scene:
    """An inbox and a destination, perhaps on two disks, which can be set up again and again.

    It is always at the same place, as links hold their whole path.
    """

    def __init__(self, tmp_path: Path, other: Path | None) -> None:
        self.stored = tmp_path / "stored"
        self.here = tmp_path / "place"
        self.there = other / "place" if other else tmp_path / "there"
        picture(self.stored / "here/in/a.jpg", more="first")
        picture(self.stored / "here/in/b.jpg", more="second")
        picture(self.stored / "here/in/sub/c.png", 0.5, 1)
        (self.stored / "here/in/e.jpg").write_bytes(b"broken")
        picture(self.stored / "there/out/elsa/elsa-0.99621.jpg", more="the user's")
        self.inbox, self.out = self.here / "in", self.there / "out"
        self.set_up()
        self.start = self.now(everything)

    def set_up(self) -> None:
        for place, stored in ((self.here, "here"), (self.there, "there")):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(self.stored / stored, place)

    def now(self, subgroup: Callable[[Path], Tree] = tree) -> list[Tree]:
        return [subgroup(self.here), subgroup(self.there)]

    def nothing_lost(self) -> bool:
        held = [content for found in self.now() for content in found.values()]
        return all(content in held for found in self.start for content in found.values())

    def killed_at(self, step: int, work: Callable[[], object]) -> bool:
        return killed_at(step, (self.here, self.there), work)


STRIDES = [
    pytest.param(13, id="every 13th step"),
    pytest.param(1, id="every step", marks=pytest.mark.slow),
]


@needs_fork
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize(
    "disk",
    [
        "one",
        pytest.param("one without renames to a free name", marks=pytest.mark.slow),
        "one without hard links",
        "two",
    ],
)
@pytest.mark.parametrize("how", mostly_slow(HOWS, 1))
def test_a_kill_before_any_step(
    tmp_path: Path,
    how: Any,
    disk: str,
    stride: int,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if "without" in disk:
        monkeypatch.setattr(transfer, "rename_new", lambda *names: False)
    if disk == "one without hard links":
        monkeypatch.setattr(os, "link", refuse_link)
    scene = Scene(tmp_path, request.getfixturevalue("other_disk") if disk == "two" else None)
    options = SortOptions(how, into_folders=True, keep_names=disk == "two", unsure_below=0.8)

    def run() -> None:
        sort(Reader(), scene.inbox, scene.out, options)

    def take_back() -> None:
        assert undo(scene.out).left == ()

    run()
    expected = scene.now()
    take_back()
    assert scene.now(everything) == scene.start

    for step in itertools.count(1, stride):
        scene.set_up()
        killed = scene.killed_at(step, run)
        assert scene.nothing_lost(), step
        if step % 2:  # at every other step it goes on, at the others it is taken back at once
            run()
            assert scene.now() == expected, step
        if (scene.out / STATE).exists():
            take_back()
        assert scene.now(everything) == scene.start, step
        if not killed:
            break
    assert step > 20

    for step in itertools.count(1, stride):
        scene.set_up()
        run()
        killed = scene.killed_at(step, take_back)
        assert scene.nothing_lost(), step
        if step % 2 and (scene.out / STATE).exists():
            run()  # perhaps with one picture twice, of a move that was half taken back
            assert how == "move" or scene.now() == expected, step
        if (scene.out / STATE).exists():
            take_back()
        assert scene.now(everything) == scene.start, step
        if not killed:
            break
    assert step > 10


@needs_fork
@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("how", mostly_slow(["copy", "move"], 1))
def test_a_kill_before_any_step_into_a_folder_that_was_not_there(
    tmp_path: Path, how: Any, stride: int
) -> None:
    scene = Scene(tmp_path, None)
    out = scene.there / "new" / "deep" / "out"
    options = SortOptions(how=how, into_folders=True)

    def run() -> None:
        sort(Reader(), scene.inbox / "sub", out, options)

    def take_back() -> None:
        with suppress(UsageError):  # nothing was sorted there
            assert undo(out).left == ()

    run()
    expected = scene.now()
    take_back()
    assert scene.now(everything) == scene.start
    for work in (run, take_back):
        for step in itertools.count(1, stride):
            scene.set_up()
            if work is take_back:
                run()
            killed = scene.killed_at(step, work)
            assert scene.nothing_lost(), step
            if step % 2:
                run()
                assert how == "move" or scene.now() == expected, step
            take_back()
            assert scene.now(everything) == scene.start, step
            if not killed:
                break
        assert step > 15


@pytest.mark.slow
@needs_fork
@pytest.mark.parametrize("seed", mostly_slow(range(8), 1))
def test_sigkill_at_random_moments(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    options = SortOptions(how=HOWS[seed % 3], into_folders=True, unsure_below=0.5)  # type: ignore[arg-type]
    for number in range(150):
        score = chance.choice([0.3, 0.7, 0.8, 0.99621])
        picture(tmp_path / f"in/{number % 7}/{number}.jpg", score, number % 2, str(number))
    start = everything(tmp_path)

    def run() -> None:
        sort(Reader(pause=0.001), tmp_path / "in", tmp_path / "out", options)

    run()
    expected = tree(tmp_path)
    undo(tmp_path / "out")
    assert everything(tmp_path) == start

    def kill_after(seconds: float, work: Callable[[], object]) -> None:
        child = os.fork()
        if child == 0:
            work()
            os._exit(0)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    for _ in range(chance.randrange(1, 4)):
        kill_after(chance.uniform(0.01, 0.25), run)
        held = tree(tmp_path).values()
        assert all(content in held for content in start.values())
    if seed % 2:
        run()
        assert tree(tmp_path) == expected
    while (tmp_path / "out" / STATE).exists():
        kill_after(chance.uniform(0.002, 0.05), lambda: undo(tmp_path / "out"))
    with suppress(UsageError):  # nothing is sorted there, and what kills left is cleared away
        undo(tmp_path / "out")
    assert everything(tmp_path) == start


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("how", HOWS)
def test_thousands_killed_again_and_again_get_the_names_of_an_undisturbed_sort(
    tmp_path: Path, how: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placed, "_RUN", 500)
    monkeypatch.setattr(listing, "_AT_ONCE", 300)
    chance = random.Random(how)
    options = SortOptions(how=how, into_folders=True, unsure_below=0.4)
    for number in range(3000):
        score = chance.randrange(300, 600) / 1000
        picture(tmp_path / f"in/{number % 2}/{number}.jpg", score, number % 2, str(number))
    start = everything(tmp_path)

    def run() -> None:
        sort(Reader(), tmp_path / "in", tmp_path / "out", options)

    run()
    expected = tree(tmp_path)
    assert undo(tmp_path / "out").taken_back == 3000
    assert everything(tmp_path) == start

    def killed_after(seconds: float, work: Callable[[], object]) -> None:
        child = os.fork()
        if child == 0:
            with suppress(UsageError):  # all was taken back already
                work()
            os._exit(0)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    for _ in range(8):
        killed_after(chance.uniform(0.02, 0.9), run)
    run()
    assert tree(tmp_path) == expected
    for _ in range(6):
        killed_after(chance.uniform(0.02, 0.3), lambda: undo(tmp_path / "out"))
    with suppress(UsageError):
        assert undo(tmp_path / "out").left == ()
    assert everything(tmp_path) == start


# Any inbox at all.

_LETTERS = st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
_NAMES = st.text(_LETTERS, min_size=1, max_size=12).filter(lambda name: not name.startswith("."))
_FILES = st.dictionaries(
    _NAMES.map(lambda name: name + ".jpg"),
    st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.33333, 0.5, 0.99999, 1.0])),
    max_size=8,
)
_LABELS = st.lists(st.text(max_size=12), min_size=3, max_size=3, unique=True)


@pytest.mark.skipif(sys.platform != "linux", reason="names that other systems do not take")
@settings(
    max_examples=tried(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    files=_FILES,
    own=_FILES,
    labels=_LABELS,
    how=st.sampled_from(HOWS),
    into_folders=st.booleans(),
    keep_names=st.booleans(),
    unsure_below=st.sampled_from([0.0, 0.5, 1.0]),
)
@example(
    files={"a.jpg": (0, 0.5), "b.jpg": (0, 0.5)},
    own={"elsa-0.50000.jpg": (0, 0.5)},
    labels=["elsa", "Elsa", "../.."],
    how="move",
    into_folders=False,
    keep_names=False,
    unsure_below=0.0,
)
def test_sort_and_undo_leave_everything_as_it_was(
    tmp_path: Path,
    files: dict[str, tuple[int, float]],
    own: dict[str, tuple[int, float]],
    labels: list[str],
    how: Any,
    into_folders: bool,
    keep_names: bool,
    unsure_below: float,
) -> None:
    shutil.rmtree(tmp_path)
    for folder, content in (("in", files), ("out", own)):
        (tmp_path / folder).mkdir(parents=True)
        for name, (label, score) in content.items():
            picture(tmp_path / folder / name, score, label, f"{folder} {name}")
    start, inbox, out = everything(tmp_path), tmp_path / "in", tmp_path / "out"
    before = tree(inbox)
    options = SortOptions(how, into_folders, keep_names, unsure_below)
    result = sort(Reader(labels), inbox, out, options)
    assert result.sorted_now == result.total == len(before)
    assert tree(inbox) == ({} if how == "move" else before)
    held = [path.read_bytes() for path in out.rglob("*.jpg")]
    assert sorted(held) == sorted(content for content in start.values() if content is not None)
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out"}
    assert len(table(result.results)) == len(before)
    undone = undo(out)
    assert (undone.taken_back, undone.left) == (len(before), ())
    assert everything(tmp_path) == start


def test_strangers_go_to_a_folder_of_their_own(tmp_path: Path) -> None:
    inbox, destination = tmp_path / "inbox", tmp_path / "sorted"
    inbox.mkdir()
    picture(inbox / "known.png", 0.9)
    picture(inbox / "bicycle.png", 0.8, more="stranger")
    result = sort(Reader(), inbox, destination, SortOptions(into_folders=True))
    assert result.counts == {"elsa": 1, "none-of-these": 1}
    assert (destination / "none-of-these" / "elsa-0.80000.png").is_file()
    by_path = {row["path"]: row["unknown"] for row in table(result.results)}
    assert by_path == {"bicycle.png": "yes", "known.png": "no"}
    planned = list(plan(Reader(), inbox, tmp_path / "elsewhere"))
    assert [planned_(step)["unknown"] for step in planned] == [True, False]
    sort(Reader(), inbox, destination, SortOptions(into_folders=True))  # from the journal
    assert {row["path"]: row["unknown"] for row in table(result.results)} == by_path


def test_an_empty_inbox_is_said_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inbox").mkdir()
    print_sort(sort(Reader(), tmp_path / "inbox", tmp_path / "out"))
    words = capsys.readouterr().out
    assert words.startswith("No pictures to sort.\n")
    assert "Sorted into" not in words


@pytest.mark.parametrize("name", ["train-0.parquet", "data-0.tar"])
def test_a_folder_of_nothing_but_shards_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / name).write_bytes(b"whatever")
    before = everything(tmp_path)
    for what in (sort, plan):
        with pytest.raises(UsageError, match="a file for each picture"):
            what(Reader(), tmp_path / "shards", tmp_path / "out")
    assert everything(tmp_path) == before


def test_a_sort_that_placed_nothing_leaves_room_for_another(inbox: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    assert sort(Reader(), tmp_path / "empty", out).total == 0
    assert len(list(plan(Reader(), inbox, out))) == 6
    assert sort(Reader(), inbox, out, SortOptions(how="move")).total == 4
    with pytest.raises(DestinationError, match="already holds"):
        sort(Reader(), tmp_path / "empty", out)
    assert undo(out).taken_back == 4
    assert not out.exists()
