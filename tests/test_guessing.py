"""From paths, folders and patterns to lines of text, JSON or CSV, as they come."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.cli.answers import (
    Answer,
    Line,
    csv_lines,
    json_lines,
    pictures_at,
    text_lines,
    write,
)
from tellapart.dataset.given import expand
from tellapart.dataset.lists import read_list
from tellapart.dataset.sources import SkippedFile
from tellapart.errors import PictureError, UsageError
from tellapart.model.prediction import Prediction
from tellapart.text import csv_cell


def answer(path: str, scores: dict[str, float], *, unknown: bool = False) -> Answer:
    return Answer(path, Prediction(scores, novelty=1.5, unknown=unknown))


ELSA = answer("a.jpg", {"elsa": 0.996214, "darth_vader": 0.003786})
TREE = answer("t.jpg", {"elsa": 0.61, "darth_vader": 0.39}, unknown=True)
BROKEN = Answer("b\n.jpg", PictureError("an empty file"))
LABELS = ("darth_vader", "elsa")


def joined(lines: Iterator[Line]) -> str:
    return "".join(line.text for line in lines)


@pytest.mark.parametrize(
    ("answers", "top", "alone", "expected"),
    [
        ([ELSA], None, True, "elsa (score = 0.99621)\ndarth vader (score = 0.00379)\n"),
        ([ELSA], 1, True, "elsa (score = 0.99621)\n"),
        ([ELSA], 9, True, "elsa (score = 0.99621)\ndarth vader (score = 0.00379)\n"),
        (
            [ELSA, ELSA],
            1,
            False,
            "a.jpg\nelsa (score = 0.99621)\n\na.jpg\nelsa (score = 0.99621)\n",
        ),
        ([BROKEN, ELSA], 1, False, "b\\n.jpg: an empty file\n\na.jpg\nelsa (score = 0.99621)\n"),
        ([ELSA, BROKEN], 1, False, "a.jpg\nelsa (score = 0.99621)\n\nb\\n.jpg: an empty file\n"),
        ([BROKEN], None, True, "b\\n.jpg: an empty file\n"),
        ([], None, False, ""),
    ],
)
def test_text_is_the_originals_format(
    answers: list[Answer], top: int | None, alone: bool, expected: str
) -> None:
    assert joined(text_lines(answers, top, alone=alone)) == expected


@pytest.mark.parametrize(
    ("labels", "top", "told"), [(100, None, 100), (101, None, 10), (101, 60, 60)]
)
def test_text_of_very_many_labels_tells_the_likeliest(
    labels: int, top: int | None, told: int
) -> None:
    scores = {f"label {k}": (labels - k) / labels for k in range(labels)}
    lines = joined(text_lines([answer("a.jpg", scores)], top, alone=True)).splitlines()
    last = "and 91 less likely labels (all with --top 101)"
    assert lines[told:] == ([last] if told == 10 else [])
    assert lines[told - 1].startswith(f"label {told - 1} (score = ")


def test_json_is_an_object_a_line() -> None:
    first, second = joined(json_lines([ELSA, BROKEN], None)).splitlines()
    assert json.loads(first) == {
        "path": "a.jpg",
        "label": "elsa",
        "score": 0.996214,
        "scores": {"elsa": 0.996214, "darth_vader": 0.003786},
        "unknown": False,
        "novelty": 1.5,
    }
    assert json.loads(second) == {"path": "b\n.jpg", "error": "an empty file"}


def test_csv_has_the_labels_in_the_models_order() -> None:
    rows = list(csv.reader(io.StringIO(joined(csv_lines([ELSA, TREE, BROKEN], LABELS)))))
    assert rows == [
        ["path", "label", "score", "darth_vader", "elsa", "unknown", "error"],
        ["a.jpg", "elsa", "0.996214", "0.003786", "0.996214", "no", ""],
        ["t.jpg", "elsa", "0.610000", "0.390000", "0.610000", "yes", ""],
        ["b\n.jpg", "", "", "", "", "", "an empty file"],
    ]


def test_csv_keeps_the_names_of_labels_and_paths() -> None:
    labels = ["=HYPERLINK(1)", "@x", "-rf", 'a "b", c', "two\nlines", "semi;=1"]
    formula = answer("-", dict.fromkeys(labels, 0.25))
    rows = list(csv.reader(io.StringIO(joined(csv_lines([formula], labels)), newline="")))
    assert rows[0] == ["path", "label", "score", *labels, "unknown", "error"]
    assert rows[1][:2] == ["-", "=HYPERLINK(1)"]


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_csv_gives_any_label_back(label: str) -> None:
    text = joined(csv_lines([answer("a.jpg", {label: 1.0})], [label]))
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert (rows[0][3], rows[1][1]) == (label, label)


@given(st.text(alphabet=st.characters(codec=None), max_size=20))
def test_a_csv_cell_starts_no_formula_loses_nothing_and_is_text(text: str) -> None:
    cell = csv_cell(text)
    assert not cell.startswith(("\t", "\r"))
    assert not any(part.lstrip().startswith(("=", "+", "-", "@")) for part in cell.split(";"))
    assert cell.encode("utf-8").decode() == cell
    if all(not 0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        assert cell.replace("'", "") == text.replace("'", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("make", [Terminal, io.StringIO])
def test_a_terminal_gets_no_control_characters_and_a_file_gets_the_names(
    make: Callable[[], io.StringIO],
) -> None:
    label = "el\x1b[31m\x07\u202esa"
    one = answer("a\x1b[2J.jpg", {label: 0.9, "darth": 0.1})
    stream = make()
    write(csv_lines([one], (label, "darth")), stream)
    written = stream.getvalue()
    if make is Terminal:
        assert written.replace("\n", "").isprintable()
        assert "el\\x1b[31m" in written
    else:
        assert next(csv.DictReader(io.StringIO(written)))["label"] == label


def test_each_line_is_written_before_the_next_is_asked_for() -> None:
    stream = io.StringIO()

    def lines() -> Iterator[Line]:
        yield Line("header\n", None)
        assert stream.getvalue() == "header\n"
        yield Line("one\n", True)
        assert stream.getvalue() == "header\none\n"
        yield Line("two\n", False)

    counts = write(lines(), stream)
    assert (counts.read, counts.unreadable) == (1, 1)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """in/a.jpg, in/deep/b.png, in/notes.txt, in/.hidden.jpg, empty/, [x].jpg"""
    for name in ("in/a.jpg", "in/deep/b.png", "in/notes.txt", "in/.hidden.jpg", "[x].jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"text")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (["in"], ["in/a.jpg", "in/deep/b.png"]),
        (["in/"], ["in/a.jpg", "in/deep/b.png"]),
        (["in/a.jpg", "in/a.jpg"], ["in/a.jpg", "in/a.jpg"]),
        (["in/*.jpg"], ["in/a.jpg"]),
        (["in/*"], ["in/a.jpg", "in/notes.txt"]),
        (["**/*.png"], ["in/deep/b.png"]),
        (["[x].jpg"], ["[x].jpg"]),
        (["-", "nowhere.jpg"], ["-", "nowhere.jpg"]),
        ([f"{'a' * 300}.jpg"], [f"{'a' * 300}.jpg"]),
        (["*.gif"], UsageError("No file matches *.gif.")),
        (["em*"], UsageError("No file matches em*.")),
        (["empty"], UsageError("empty has no pictures in it.")),
        (["empty", "*.gif"], UsageError("empty has no pictures in it. No file matches *.gif.")),
        (["empty", "in/a.jpg"], ["in/a.jpg"]),
        (["*.gif", "in", "empty"], ["in/a.jpg", "in/deep/b.png"]),
    ],
)
@pytest.mark.usefixtures("places")
def test_what_is_given_becomes_paths(given_: list[str], expected: list[str] | UsageError) -> None:
    if isinstance(expected, UsageError):
        with pytest.raises(UsageError) as caught:
            list(expand(given_, follow_links=False))
        assert caught.value.message == expected.message
    else:
        assert list(expand(given_, follow_links=False)) == expected


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
@pytest.mark.parametrize("follow", [False, True])
def test_links_to_folders_are_followed_when_asked(
    follow: bool, places: Path, draw_folder: Callable[..., Path]
) -> None:
    draw_folder({"more": 1}, places / "elsewhere")
    os.symlink(places / "elsewhere" / "more", places / "in" / "link")
    found = list(expand(["in"], follow_links=follow))
    assert ("in/link/000.png" in found) == follow


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"in/a.jpg\nnowhere.jpg\n", ["in/a.jpg", "nowhere.jpg"]),
        (b"in/a.jpg\r\n\r\nin/deep/b.png", ["in/a.jpg", "in/deep/b.png"]),
        (b"\xef\xbb\xbf[x].jpg\n", ["[x].jpg"]),
        (b" *.jpg \n-\n", [" *.jpg ", os.path.join(".", "-")]),
        (b"in\nin/a.jpg\n", ["in/a.jpg", "in/deep/b.png", "in/a.jpg"]),
        (b"two\nlines.jpg\0in/a.jpg\0", ["two\nlines.jpg", "in/a.jpg"]),
        (b"a.jpg\r\0", ["a.jpg\r"]),
        ("in/\xe9.jpg\r\nin/b.jpg\r\n".encode("utf-16"), ["in/\xe9.jpg", "in/b.jpg"]),
        ("in/a.jpg\n/x.jpg\n".encode("utf-16-le"), ["in/a.jpg", "/x.jpg"]),
        ("/in/a.jpg".encode("utf-16"), ["/in/a.jpg"]),
        (b"\xfe\xff" + "/in/a.jpg".encode("utf-16-be"), ["/in/a.jpg"]),
        (b"a\0b\0c\0", ["a", "b", "c"]),
        (b"\n\n", UsageError("The list list.txt names no pictures.")),
        (b"empty\n", UsageError("empty has no pictures in it.")),
        (b"a.jpg\n" * 20_000 + b"b\0", UsageError("The list list.txt is no list of pictures.")),
        (b"a" * 200_000, UsageError("The list list.txt is no list of pictures.")),
        (b"\x08\0\0/\0a.jpg\0", UsageError("The list list.txt is no list of pictures.")),
        (None, UsageError("The list list.txt cannot be read: no such file or directory.")),
    ],
)
def test_a_list_names_pictures(
    content: bytes | None, expected: list[str] | UsageError, places: Path
) -> None:
    if content is not None:
        (places / "list.txt").write_bytes(content)
    found = expand([], follow_links=False, lists=["list.txt"])
    if isinstance(expected, UsageError):
        with pytest.raises(UsageError) as caught:
            list(found)
        assert caught.value.message == expected.message
    else:
        assert list(found) == expected


def test_closed_standard_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    for found in (read_list("-"), pictures_at(["-"])):
        with pytest.raises(UsageError, match="Standard input is closed"):
            list(found)


@given(st.lists(st.text(st.characters(exclude_characters="\0\n\r", codec="utf-8"), min_size=1)))
def test_a_list_gives_any_names_back_however_they_end(names: list[str]) -> None:
    names = [name for name in names if name not in ("-", "\ufeff")]
    for end in ("\n", "\r\n", "\0"):
        content = "\ufeff" * (end != "\0") + "".join(name + end for name in names)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "list.txt")
            file.write_bytes(content.encode())
            assert list(read_list(str(file))) == names


@pytest.mark.skipif(sys.platform == "win32", reason="needs /dev/fd")
def test_a_list_is_answered_while_it_is_written(places: Path) -> None:
    """A pipe to which another program still writes is not read to its end first."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as stream:
        found = expand([], follow_links=False, lists=[f"/dev/fd/{reading}"])
        for name in ("in/a.jpg", "in/deep/b.png"):
            stream.write(f"{name}\n".encode())
            assert next(found) == name
    assert list(found) == []
    os.close(reading)


def test_what_is_shut_is_told_of_and_nothing_else_is_kept(places: Path) -> None:
    shut: list[SkippedFile] = []
    assert list(expand(["in", "empty", "*.gif"], follow_links=False, shut=shut)) != []
    assert [(one.name, one.reason) for one in shut] == [
        ("empty", "a folder that holds no pictures"),
        ("*.gif", "a pattern that no file matches"),
    ]
