"""CSV and JSONL files that say which picture has which label -> rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from ..wording import shown

_LONGEST_HEADER = 2**20  # characters
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image", "picture"),
    "label": ("label", "class", "category", "name"),
    "split": ("split", "set", "subset"),
    "group": ("group", "group_id"),
}
SPLITS: Mapping[str, str] = {  # how folders and rows name them
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
}


@dataclass(frozen=True)
class Row:
    """One line of a table: a picture's path as written, its label, and what else is said of it."""

    path: str
    label: str
    split: str | None  # "train", "test" or "validation"
    group: str | None


def read_table(path: Path, called: Path | None = None) -> list[Row]:
    """All rows, in order; `called` is what an error calls the file, if not by its path.

    Raises:
        DatasetError: not a table, no column of paths or of labels, a row without one of them, or
            of a split that there is not.
    """
    name = called or path
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{shown(name)} cannot be read: it is not UTF-8 text.",
            hint="Save it as UTF-8; spreadsheets call that CSV UTF-8.",
        ) from error
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise DatasetError(f"{shown(name)} cannot be read: {reason}.") from error
    rows = _json_rows(text, name) if _is_json(path) else _csv_rows(text)
    try:
        return [_row(number, values, name) for number, values in rows]
    except csv.Error as error:
        raise DatasetError(f"{shown(name)} is not a CSV file: {error}.") from error


def names_pictures(path: Path) -> bool:
    """Whether a file is a table by its name, with columns of paths and of labels at its top.

    Tables of anything else may lie beside folders of pictures.
    """
    if path.suffix.lower() not in TABLE_SUFFIXES or not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            top = stream.readline(_LONGEST_HEADER)
        if _is_json(path):
            columns = list(json.loads(top))
        else:
            columns = next(csv.reader([top], delimiter=_delimiter(top)), [])
    except (OSError, ValueError, TypeError, RecursionError, csv.Error):
        return False
    known = {str(column).strip().lower() for column in columns}
    return all(known.intersection(_COLUMNS[column]) for column in ("path", "label"))


def _is_json(path: Path) -> bool:
    return path.suffix.lower() in {".jsonl", ".ndjson"}


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    delimiter = _delimiter(text.partition("\n")[0])
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    for values in reader:
        yield reader.line_num, {key: value for key, value in values.items() if key is not None}


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{shown(path)}, line {number}, is not JSON: {error}.") from error
        if not isinstance(values, dict):
            raise DatasetError(f"{shown(path)}, line {number}, is not a JSON object.")
        yield number, values


def _row(number: int, values: Mapping[str, object], path: Path) -> Row:
    by_name = {key.strip().lower(): value for key, value in values.items()}
    found = {
        column: next((by_name[name] for name in names if name in by_name), None)
        for column, names in _COLUMNS.items()
    }
    for column in ("path", "label"):
        if found[column] in (None, ""):
            raise DatasetError(
                f"{shown(path)}, line {number}, has no {column}; "
                f"its columns are: {', '.join(map(shown, values)) or 'none'}.",
                hint=f"Name the columns path and label ({column} may also be called "
                f"{', '.join(_COLUMNS[column][1:])}).",
            )
    split, group = ("" if found[c] is None else str(found[c]) for c in ("split", "group"))
    return Row(str(found["path"]), str(found["label"]), _split(split, number, path), group or None)


def _split(written: str, number: int, path: Path) -> str | None:
    name = written.strip().casefold()
    if name and name not in SPLITS:
        raise DatasetError(
            f"{shown(path)}, line {number}, has the split {shown(name)!r}; "
            f"it may be: {', '.join(SPLITS)}, or empty.",
            hint="Write one of these; if that column says something else, rename it.",
        )
    return SPLITS.get(name)
