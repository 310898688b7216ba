"""CSV and JSONL files become rows, or an error that names the file, the line and what is wrong."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import draw_scene, encoded
from tellapart.dataset.paths import Finder
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.tables import Row, names_pictures, read_table
from tellapart.errors import DatasetError

PLAIN = [Row("a.jpg", "cat", None, None), Row("b.jpg", "dog", None, None)]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.csv", "path,label\na.jpg,cat\nb.jpg,dog\n", PLAIN),
        ("t.CSV", "label;file\r\ncat;a.jpg\r\ndog;b.jpg\r\n", PLAIN),
        ("t.tsv", "\ufeffImage\tClass\na.jpg\tcat\nb.jpg\tdog", PLAIN),
        ("t.csv", " filename , category ,width\na.jpg,cat,3\nb.jpg,dog\n", PLAIN),
        ("t.csv", "path,label\na.jpg,cat,more,than,asked\nb.jpg,dog\n", PLAIN),
        ("t.csv", "path,label\r\n\r\na.jpg,cat\r\n\r\nb.jpg,dog", PLAIN),
        (
            "t.csv",
            'path,label\n"a,\nb.jpg","the ""cat"""',
            [Row("a,\nb.jpg", 'the "cat"', None, None)],
        ),
        (
            "t.csv",
            "path,label,split,group\na.jpg,cat,train,g1",
            [Row("a.jpg", "cat", "train", "g1")],
        ),
        ("t.csv", "path,label,split,group\na.jpg,cat,,", [Row("a.jpg", "cat", None, None)]),
        ("t.csv", "path,label,split\na.jpg,cat, Test ", [Row("a.jpg", "cat", "test", None)]),
        ("t.csv", "path,label,split\na.jpg,cat,DEV", [Row("a.jpg", "cat", "validation", None)]),
        ("t.csv", "path,label,set\na.jpg,cat,  \n", [Row("a.jpg", "cat", None, None)]),
        (
            "t.csv",
            "path,label,split\na.jpg,cat,train\nb.jpg,cat,later\n",
            "line 3, has the split 'later'; it may be: train, training, test,",
        ),
        ("t.jsonl", '{"path": "a.jpg", "label": "c", "split": 3}', "line 1, has the split '3'"),
        ("t.csv", "path,label\n", []),
        ("t.csv", "", []),
        ("t.jsonl", '{"path": "a.jpg", "label": "cat"}\n\n{"image":"b.jpg","class":"dog"}', PLAIN),
        ("t.ndjson", '{"path": "a.jpg", "label": 7, "group": 0}', [Row("a.jpg", "7", None, "0")]),
        (
            "t.jsonl",
            '{"path": "a\u2028b\x85.jpg", "label": "c"}',
            [Row("a\u2028b\x85.jpg", "c", None, None)],
        ),
        ("t.csv", "path,tag\na.jpg,cat\n", "line 2, has no label; its columns are: path, tag"),
        ("t.csv", "where,label\na.jpg,cat\n", "line 2, has no path; its columns are: where, label"),
        ("t.csv", "path, label\n,dog\n", "line 2, has no path; its columns are: path, label."),
        ("t.csv", "path,label\na.jpg\n", "line 2, has no label"),
        ("t.csv", b"path,label\n\xe9.jpg,cat\n", "it is not UTF-8 text"),
        ("t.csv", "path,label\n" + "x" * 200_000 + ",cat", "is not a CSV file: field larger"),
        ("t.jsonl", '\n{"path": ', "line 2, is not JSON"),
        ("t.jsonl", '["a.jpg", "cat"]', "line 1, is not a JSON object"),
        ("t.jsonl", "[" * 100_000, "line 1, is not JSON"),
        ("t.jsonl", '{"path": ' + "1" * 5000 + "}", "line 1, is not JSON"),
        ("t.jsonl", '{"path": "a.jpg", "label": null}', "line 1, has no label"),
    ],
)
def test_tables(name: str, content: str | bytes, expected: list[Row] | str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if isinstance(expected, list):
        assert read_table(path) == (expected, [])
        return
    with pytest.raises(DatasetError) as caught:
        read_table(path)
    assert expected in caught.value.message
    assert name in caught.value.message
    assert caught.value.hint or "is not" in caught.value.message


def test_quotes_after_a_space_hold_a_cell(tmp_path: Path) -> None:
    table = photos(tmp_path, [" a.jpg", "b, c.jpg"]) / "t.csv"
    table.write_text('path, label\n" a.jpg", "rose, red"\n"b, c.jpg", "the ""cat"", too"\n')
    assert [(row.path, row.label) for row in read_table(table)[0]] == [
        (" a.jpg", "rose, red"),
        ("b, c.jpg", 'the "cat", too'),
    ]
    assert names_pictures(table)
    table.write_text("label,path\nrose, a.jpg\n")  # none in quotes: a name may begin with a space
    assert read_table(table)[0][0].path == " a.jpg"


@pytest.mark.parametrize("content", ["path,label\n", "", "path,label\n\n,\n# none\n"])
def test_a_table_without_rows_is_said_to_have_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DatasetError, match="holds no rows") as caught:
        read_dataset(tmp_path / "t.csv")
    assert "path and label" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "faults"),
    [
        (
            "t.csv",
            "path,label\na.jpg,cat\n,dog\nc.jpg\nd.jpg,  \nb.jpg,dog\n",
            {3: "has no path", 4: "has no label", 5: "has no label"},
        ),
        (
            "t.jsonl",
            '{"path": "a.jpg", "label": "cat"}\n{"path": \n7\n["c.jpg", "cat"]\n'
            '{"path": "d.jpg", "label": null}\n{"path": "b.jpg", "label": "dog"}\n',
            {
                2: "is not JSON: Expecting value: line 1 column 10 (char 9)",
                3: "is not a JSON object",
                4: "is not a JSON object",
                5: "has no label",
            },
        ),
        ("t.csv", "# a list\npath,label\na.jpg,cat\nx.jpg,\nb.jpg,dog\n", {4: "has no label"}),
    ],
)
def test_lines_that_are_no_rows_are_named_and_the_others_are_read(
    name: str, content: str, faults: dict[int, str], tmp_path: Path
) -> None:
    path = photos(tmp_path, ("a.jpg", "b.jpg")) / name
    path.write_text(content)
    rows, found = read_table(path)
    assert rows == PLAIN
    assert {one.line: one.reason for one in found} == faults
    dataset = read_dataset(path)
    assert [item.label for item in dataset.items] == ["cat", "dog"]
    assert {one.name: one.reason for one in dataset.skipped} == {
        f"{name}, line {line}": reason for line, reason in faults.items()
    }


def test_a_missing_column_is_answered_with_its_other_names(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("path,tag\na.jpg,cat\n")
    with pytest.raises(DatasetError, match="category") as caught:
        read_table(path)
    assert "path and label" in caught.value.hint


@given(content=st.binary(max_size=300), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_bytes_are_rows_or_an_error(
    content: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    for head in (b"", b"path,label\n", b'{"path": "a", "label": "b"}\n'):
        path.write_bytes(head + content)
        try:
            rows, _ = read_table(path)
        except DatasetError:
            continue
        assert all(row.path and row.label for row in rows)


PICTURE = encoded(draw_scene(16, 12))


def photos(root: Path, names: Sequence[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PICTURE)
    return root


@pytest.mark.parametrize(
    "content",
    [
        b"path, label\npics/1.jpg, daisy\npics/2.jpg,  roses \n",
        b"path;label\npics\\1.jpg;daisy\n.\\pics\\2.jpg;roses\n",
        b" pics/1.jpg , daisy\n".join([b"path,label\n", b"pics/2.jpg ,roses\n"]),
        b"sep=;\r\nPath;LABEL\r\npics/1.jpg;daisy\r\npics/2.jpg;roses\r\n",
        b"# exported\n\n#by hand\npath,label\n# first\npics/1.jpg,daisy\n,\npics/2.jpg,roses\n,,\n",
        b"path|label\npics/1.jpg|daisy\npics/2.jpg|roses",
        b"path,label\rpics/1.jpg,daisy\rpics/2.jpg,roses\r",
        b"\rpath,label\rpics/1.jpg,daisy\rpics/2.jpg,roses\r",
        'path,label\npics/1.jpg,"daisy"\n"pics/2.jpg",\u00a0roses\n'.encode(),
        b'path,label\npics/1.jpg, "daisy"\n "pics/2.jpg" ,  "roses" \n',
        b'"path", "label"\n"pics/1.jpg", "daisy"\n"pics/2.jpg", "roses"\n',
        b'"path" ; "label"\n"pics/1.jpg" ; "daisy"\n"pics/2.jpg" ; "roses"\n',
        b"path,label\n\\pics\\1.jpg,daisy\n \\pics\\2.jpg,roses\n",
        "\u200bpath,\ufefflabel\npics/1.jpg,daisy\u200b\n".encode()
        + "\u200bpics/2.jpg,\ufeff roses \u200e\n".encode(),
        "path\tlabel\npics/1.jpg\tdaisy\npics/2.jpg\troses\n".encode("utf-16"),
        "path\tlabel\npics/1.jpg\tdaisy\npics/2.jpg\troses\n".encode("utf-16-le"),
        "path\tlabel\npics/1.jpg\tdaisy\npics/2.jpg\troses\n".encode("utf-16-be"),
        "path,label\npics/1.jpg,daisy\npics/2.jpg,roses\n".encode("utf-32"),
    ],
)
def test_what_spreadsheets_and_people_write(content: bytes, tmp_path: Path) -> None:
    table = photos(tmp_path, ["pics/1.jpg", "pics/2.jpg"]) / "t.csv"
    table.write_bytes(content)
    dataset = read_dataset(table)
    assert dataset.counts == {"daisy": 1, "roses": 1}
    assert dataset.skipped == ()
    assert [item.name for item in dataset.items] == ["pics/1.jpg", "pics/2.jpg"]
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as opened:
        for path in [*sorted(tmp_path.rglob("*.*g")), table]:
            opened.write(path, path.relative_to(tmp_path).as_posix())
    assert read_dataset(tmp_path / "t.zip").counts == dataset.counts


@pytest.mark.parametrize("written", ["c/1.jpg", " c/1.jpg", "c\\1.jpg", "./c/1.jpg"])
def test_a_picture_named_twice_counts_once(written: str, tmp_path: Path) -> None:
    table = photos(tmp_path, ["c/1.jpg", "d/1.jpg"]) / "t.csv"
    table.write_text(f"path,label\nc/1.jpg,cat\n{written},cat\nd/1.jpg,dog\n{written},dog\n")
    dataset = read_dataset(table)
    assert dataset.counts == {"cat": 1, "dog": 2}
    assert [file.reason for file in dataset.skipped] == ["named a second time, with the same label"]
    assert dataset.notes == (
        "t.csv gives 1 picture more than one label, and one of them must be wrong: "
        "c/1.jpg has cat, dog.",
    )


def test_a_file_whose_name_has_a_backslash_or_spaces_comes_first(tmp_path: Path) -> None:
    names = ["a\\1.jpg", "a/1.jpg", " b.jpg", "b.jpg"]
    table = photos(tmp_path, names) / "t.csv"
    table.write_text("path,label\na\\1.jpg,x\n b.jpg,y\n")
    assert [item.path.name for item in read_dataset(table).items] == [" b.jpg", "a\\1.jpg"]


def test_letters_of_another_case_are_another_file(tmp_path: Path) -> None:
    table = photos(tmp_path, ["a/1.jpg", "b/1.jpg"]) / "t.csv"
    table.write_text("path,label\na/1.jpg,x\nb/1.jpg,y\nB/1.JPG,y\n")
    if (tmp_path / "B").exists():
        pytest.skip("this disk takes them for one")
    assert [file.reason for file in read_dataset(table).skipped] == ["no such file"]


def test_paths_of_a_windows_disk_are_refused_in_words(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("path,label\nC:\\photos\\1.jpg,x\n\\\\server\\photos\\2.jpg,y\n")
    with pytest.raises(DatasetError, match="a path on a Windows disk") as caught:
        read_dataset(table)
    assert "relative to the folder" in caught.value.hint


@given(
    parts=st.lists(st.text("aéë한ガ", min_size=1, max_size=5), min_size=1, max_size=3),
    forms=st.tuples(st.sampled_from(["NFC", "NFD"]), st.sampled_from(["NFC", "NFD"])),
)
def test_a_path_is_found_in_any_form(
    parts: list[str], forms: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("forms")
    there, written = (
        unicodedata.normalize("NFC" if form == "NFC" else "NFD", "/".join(parts)) for form in forms
    )
    photos(root, [f"{there}/1.jpg"])
    found = Finder(root).find(f"{written}/1.jpg")
    assert found
    assert found.read_bytes() == PICTURE
    assert Finder(root).find(f"{written}/2.jpg") is None
