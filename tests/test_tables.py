"""CSV and JSONL files become rows, or an error that names the file, the line and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.dataset.tables import Row, read_table
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
            "path,label,split\na.jpg,cat,train\nb.jpg,cat,holdout\n",
            "line 3, has the split 'holdout'; it may be: train, training, test,",
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
        ("t.csv", "path,label\na.jpg,cat\n,dog\n", "line 3, has no path"),
        ("t.csv", "path,label\na.jpg\n", "line 2, has no label"),
        ("t.csv", b"path,label\n\xe9.jpg,cat\n", "it is not UTF-8 text"),
        ("t.csv", "path,label\n" + "x" * 200_000 + ",cat", "is not a CSV file: field larger"),
        ("t.jsonl", '{"path": "a.jpg", "label": "c"}\n{"path": ', "line 2, is not JSON"),
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
        assert read_table(path) == expected
        return
    with pytest.raises(DatasetError) as caught:
        read_table(path)
    assert expected in caught.value.message
    assert name in caught.value.message
    assert caught.value.hint or "is not" in caught.value.message


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
            rows = read_table(path)
        except DatasetError:
            continue
        assert all(row.path and row.label for row in rows)
