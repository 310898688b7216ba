"""CSV and JSONL files that say which picture has which label -> rows."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DatasetError
from ..text import shown
from .annotations import records
from .paths import trimmed
from .splits import SPLITS, split_of

_LONGEST_HEADER = 2**20  # bytes
_MARKS = (  # the longer first, for one begins as another does
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_JSON = frozenset({".jsonl", ".ndjson", ".json"})
TABLE_SUFFIXES = frozenset({".csv", ".tsv"}) | _JSON
_LONGEST_JSON = 2**28  # bytes
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name", "filepath", "image", "picture", "img"),
    "label": ("label", "class", "category", "name", "labels", "target"),
    "split": ("split", "set", "subset"),
    "group": ("group", "group_id"),
}
"""What each column may be called, in upper or lower case: in files and in tables of Python's."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        path: a picture's, as written.
        label: its label. Spaces around it are not part of it, nor what prints as nothing there; in
            JSON, where it is in quotation marks, they are.
        split: "train", "test" or "validation".
        group: what it is tied to.
        part: how the table writes the split.
        written: the label with the spaces around it, in any case.
        digest: the sha256 of the picture, where the table says that.
    """

    path: str
    label: str
    split: str | None
    group: str | None
    part: str = field(default="", compare=False)
    written: str = field(default="", compare=False)
    digest: str = field(default="", compare=False)


@dataclass(frozen=True)
class Fault:
    """A line that is no row, and the reason in plain words; `error` is what to say of it where no
    other line is one."""

    line: int
    reason: str
    error: DatasetError
    unit: str = "line"

    @property
    def place(self) -> str:
        return f"{self.unit} {self.line}"


def read_table(
    path: Path, called: Path | None = None, folder: Path | None = None
) -> tuple[list[Row], list[Fault]]:
    """All rows and all lines that are none, in order; `called` is what an error calls the file, if
    not by its path. Where a form names pictures in a way of its own, they are looked for below
    `folder`, or else the folder of the file.

    Raises:
        DatasetError: not a table, no column of paths or of labels, no line that is a row, or a row
            of a split that there is not.
    """
    name = called or path
    rows, faults = [], []
    for line in lines_of(path, name, folder):
        row = line if isinstance(line, Fault) else _row(*line, name)
        if isinstance(row, Fault):
            faults.append(row)
        else:
            rows.append(row)
    if faults and not rows:
        raise faults[0].error
    return rows, faults


def lines_of(
    path: Path, name: Path, folder: Path | None = None
) -> Iterator[tuple[int, Mapping[str, object]] | Fault]:
    """(number, {column: cell}) of each line of a table, whatever its columns are; `name` is what
    an error calls it. `folder` as in `read_table`.

    Raises:
        DatasetError: it is no table, or cannot be read.
    """
    text = read_text(path, name)
    if _is_annotations(path):
        yield from _annotated(text, name, folder or path.parent)
        return
    try:
        yield from _json_rows(text, name) if _is_json(path) else _csv_rows(text)
    except csv.Error as error:
        raise DatasetError(f"{shown(name)} is not a CSV file: {error}.") from error


def read_text(path: Path, name: Path) -> str:
    """A text file in whichever of the usual encodings it is.

    Raises:
        DatasetError: it is no text, or cannot be read.
    """
    try:
        return text_of(path.read_bytes())
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{shown(name)} cannot be read: it is not UTF-8 text.",
            hint="Save it as UTF-8; spreadsheets call that CSV UTF-8.",
        ) from error
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise DatasetError(f"{shown(name)} cannot be read: {reason}.") from error


def names_pictures(path: Path) -> bool:
    """Whether a file is a table by its name, with columns of paths and of labels at its top.

    Tables of anything else may lie beside folders of pictures.
    """
    if path.suffix.lower() not in TABLE_SUFFIXES or not path.is_file():
        return False
    try:
        if _is_annotations(path):
            with path.open("rb") as stream:
                text = text_of(stream.read(_LONGEST_JSON))
            return records(json.loads(text), path.parent) is not None
        with path.open("rb") as stream:
            top = text_of(stream.read(_LONGEST_HEADER), "replace")
        if _is_json(path):
            columns = list(json.loads(top.strip().partition("\n")[0]))
        else:
            _, header, delimiter = header_of(top)
            spaced = is_spaced(header, delimiter)
            columns = next(csv.reader([header], delimiter=delimiter, skipinitialspace=spaced), [])
    except (OSError, ValueError, TypeError, RecursionError, csv.Error):
        return False
    known = {trimmed(str(column)).lower() for column in columns}
    return all(known.intersection(COLUMNS[column]) for column in ("path", "label"))


def _is_annotations(path: Path) -> bool:
    return path.suffix.lower() == ".json"


def _is_json(path: Path) -> bool:
    return path.suffix.lower() in {".jsonl", ".ndjson"}


def text_of(content: bytes, errors: str = "strict") -> str:
    """The text of a file, in the encoding that it has."""
    return content.decode(encoding_of(content), errors)


def encoding_of(content: bytes) -> str:
    """A text's encoding: by the mark at its beginning, else UTF-8, or UTF-16 where every other
    byte at its top is 0."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and len(top := content[:64]) > 3:
        for nulls, letters, name in ((top[1::2], top[::2], "le"), (top[::2], top[1::2], "be")):
            if not any(nulls[: len(letters)]) and all(letters):
                encoding = f"utf-16-{name}"
    return encoding


def header_of(text: str) -> tuple[int, str, str]:
    """How many lines come before that with the names of the columns, that line, and what parts
    its cells: comments, empty lines, and the `sep=;` that some spreadsheets want."""
    delimiter = ""
    number = 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text)):
        if wanted := re.fullmatch(r"sep=(.)", line.strip(" "), re.IGNORECASE):
            delimiter = wanted[1]
        elif line.strip() and not line.startswith("#"):
            return number, line, delimiter or max(",;\t|", key=line.count)
    return number, "", ","


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    before, _, delimiter = header_of(text)
    lines = io.StringIO(text, newline="")
    for _ in range(before):
        _read_line(lines)
    spaced = is_spaced(text, delimiter)
    reader = csv.DictReader(lines, delimiter=delimiter, skipinitialspace=spaced)
    for values in reader:
        known = {key: value for key, value in values.items() if key is not None}
        cells = [cell.strip() for cell in known.values() if isinstance(cell, str) and cell.strip()]
        if cells and not (len(cells) == 1 and cells[0].startswith("#")):  # a comment
            yield before + reader.line_num, known


def is_spaced(text: str, delimiter: str) -> bool:
    """Whether spaces stand before the quotes of a cell: those spaces are no part of it then.

    Elsewhere they are left, for a path may begin with one.
    """
    return re.search(rf'(?:^|{re.escape(delimiter)}) +"', text, re.MULTILINE) is not None


def _read_line(stream: io.StringIO) -> None:
    """Skips a line, whichever of the three ways it ends."""
    while (letter := stream.read(1)) not in ("\n", ""):
        if letter == "\r":
            at = stream.tell()
            if stream.read(1) != "\n":
                stream.seek(at)
            return


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, object]] | Fault]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield _fault(path, number, f"is not JSON: {error}")
            continue
        yield (
            (number, values)
            if isinstance(values, dict)
            else _fault(path, number, "is not a JSON object")
        )


def _annotated(
    text: str, path: Path, folder: Path
) -> Iterator[tuple[int, Mapping[str, object]] | Fault]:
    """What an annotation tool wrote.

    Raises:
        DatasetError: it is in no form that is known.
    """
    try:
        found = records(json.loads(text), folder)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{shown(path)} is not JSON: {error}.") from error
    if found is None:
        raise DatasetError(
            f"{shown(path)} holds no labels in a form that is known: it is no export of Label "
            "Studio (JSON or JSON-MIN) or FiftyOne, and no list of objects with path and label.",
            hint="Export it in one of these forms, or as CSV with the columns path and label.",
        )
    for number, one in enumerate(found, start=1):
        if isinstance(one, str):
            refusal = DatasetError(f"{shown(path)}, picture {number}, {one}.")
            yield Fault(number, one, refusal, "picture")
        else:
            yield number, one


def _fault(path: Path, number: int, reason: str, more: str = "", hint: str = "") -> Fault:
    error = DatasetError(f"{shown(path)}, line {number}, {reason}{more}.", hint=hint)
    return Fault(number, reason, error)


def _row(number: int, values: Mapping[str, object], path: Path) -> Row | Fault:
    by_name = {trimmed(key).lower(): value for key, value in values.items()}
    found = {
        column: next((by_name[name] for name in names if name in by_name), None)
        for column, names in COLUMNS.items()
    }
    columns = ", ".join(shown(trimmed(name)) for name in values) or "none"
    for column in ("path", "label"):
        if not trimmed(str("" if found[column] is None else found[column])):
            return _fault(
                path,
                number,
                f"has no {column}",
                f"; its columns are: {columns}",
                f"Name the columns path and label ({column} may also be called "
                f"{', '.join(COLUMNS[column][1:])}).",
            )
    split, group = ("" if found[c] is None else str(found[c]) for c in ("split", "group"))
    written = str(found["label"])
    quoted = path.suffix.lower() in _JSON and isinstance(found["label"], str)
    return Row(
        path=str(found["path"]),
        label=written if quoted else trimmed(written),
        split=_split(split, number, path),
        group=group.strip() or None,
        part=split.strip(),
        written=written,
        digest=str(by_name.get("sha256") or "").strip().lower(),
    )


def _split(written: str, number: int, path: Path) -> str | None:
    split = split_of(written)
    if written.strip() and split is None:
        raise DatasetError(
            f"{shown(path)}, line {number}, has the split {shown(written.strip())!r}; "
            f"it may be: {', '.join(SPLITS)}, or empty.",
            hint="Write one of these; if that column says something else, rename it.",
        )
    return split
