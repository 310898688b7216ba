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

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson"})
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image", "picture"),
    "label": ("label", "class", "category", "name"),
    "split": ("split", "set", "subset"),
    "group": ("group", "group_id"),
}


@dataclass(frozen=True)
class Row:
    """One line of a table: a picture's path as written, its label, and what else is said of it."""

    path: str
    label: str
    split: str | None
    group: str | None


def read_table(path: Path) -> list[Row]:
    """All rows, in order.

    Raises:
        DatasetError: not a table, no column of paths or of labels, or a row without one of them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DatasetError(f"{shown(path)} cannot be read: {reason}.") from error
    is_json = path.suffix.lower() in {".jsonl", ".ndjson"}
    rows = _json_rows(text, path) if is_json else _csv_rows(text)
    try:
        return [_row(number, values, path) for number, values in rows]
    except csv.Error as error:
        raise DatasetError(f"{shown(path)} is not a CSV file: {error}.") from error


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
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
    return Row(*(None if found[c] in (None, "") else str(found[c]) for c in _COLUMNS))  # type: ignore[arg-type]
