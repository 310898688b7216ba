"""A text, CSV or JSONL file that lists addresses of pictures -> what it asks for, line by line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..dataset.paths import trimmed
from ..dataset.tables import COLUMNS, TABLE_SUFFIXES, Fault, lines_of, read_text
from ..errors import DatasetError, option
from ..text import shown

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")  # of anything, so that file:// is told
_URL = ("url", "link", "href", "address", "image_url", "imageurl", "picture_url", "src", "source")
_LICENCE = ("licence", "license", "rights", "licence_url", "license_url")


@dataclass(frozen=True)
class Listed:
    """A picture that a list asks for; `licence` is empty where the list says none."""

    url: str
    label: str
    licence: str
    line: int


def is_list(path: Path) -> bool:
    """Whether a file holds addresses: text with one at the top, or a table with one in a line."""
    try:
        text = read_text(path, path)
    except DatasetError:
        return False
    lines = [line for line in text[:100_000].splitlines() if _meant(line)]
    return any(_ADDRESS.search(line) for line in lines[:20])


def read_list(path: Path, label: str | None) -> tuple[list[Listed], list[Fault]]:
    """What a list asks for, and the lines that cannot be understood; `label` is for lines that
    name none.

    A `.txt` has one address a line; a table has the columns url, label and perhaps licence, or,
    without a line of names, label, address and perhaps licence. Lines that begin with `#` are
    comments.

    Raises:
        DatasetError: there is no address in it, or a line names no label and none was given.
    """
    found: list[Listed] = []
    faults: list[Fault] = []
    for number, cells in _cells(path):
        url, said, licence = cells
        own = said or label or ""
        if not url:
            faults.append(_fault(path, number, "names no address"))
        elif not own:
            error = DatasetError(
                f"{shown(path)}, line {number}, names no label.",
                hint=f"Write lines of label,url or give {option('label=LABEL')}.",
            )
            raise error
        else:
            found.append(Listed(url, own, licence, number))
    if not found:
        raise DatasetError(
            f"{shown(path)} lists no addresses of pictures.",
            hint="Write one a line, or a CSV file with the columns label and url.",
        )
    return found, faults


def _cells(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """(line, (address, label, licence)) of each line that says anything."""
    lines = read_text(path, path).splitlines()
    meant = [(number, line.strip()) for number, line in enumerate(lines, 1) if _meant(line)]
    table = path.suffix.lower() in TABLE_SUFFIXES
    if meant and not table and _ADDRESS.match(meant[0][1]):
        for number, line in meant:
            yield number, (line, "", "")
        return
    if meant and path.suffix.lower() not in {".jsonl", ".ndjson"} and _ADDRESS.search(meant[0][1]):
        yield from _without_names(meant)
        return
    for found in lines_of(path, path):
        if isinstance(found, Fault):
            yield found.line, ("", "", "")
            continue
        number, values = found
        cells = {trimmed(key).lower(): _text(value) for key, value in values.items()}
        yield number, (_first(cells, _URL) or _any_address(cells), *_others(cells))


def _others(cells: Mapping[str, str]) -> tuple[str, str]:
    return _first(cells, COLUMNS["label"]), _first(cells, _LICENCE)


def _without_names(meant: Sequence[tuple[int, str]]) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Lines of a table that begins with no names of columns: the address is known by its look,
    the first of the others is the label."""
    delimiter = max(",;\t|", key=meant[0][1].count)
    at: int | None = None
    for number, line in meant:
        cells = _parted(line, delimiter)
        if at is None:
            found = (place for place, cell in enumerate(cells) if _ADDRESS.match(cell))
            at = next(found, None)
        if at is None:  # as "pictures from https://..."
            yield number, ("", "", "")
            continue
        rest = [*cells[:at], *cells[at + 1 :], "", ""]
        yield number, (cells[at] if at < len(cells) else "", rest[0], rest[1])


def _parted(line: str, delimiter: str) -> list[str]:
    """The cells of a line; none where a cell is longer than the csv module takes."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), ())]
    except csv.Error:
        return []


def _first(cells: Mapping[str, str], names: Sequence[str]) -> str:
    return next((cells[name] for name in names if cells.get(name)), "")


def _any_address(cells: Mapping[str, str]) -> str:
    """Where no column is called as one of addresses: the first cell that looks like one."""
    return next((cell for cell in cells.values() if _ADDRESS.match(cell)), "")


def _text(value: object) -> str:
    return trimmed(str(value)) if isinstance(value, str | int | float) else ""


def _meant(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _fault(path: Path, number: int, reason: str) -> Fault:
    return Fault(number, reason, DatasetError(f"{shown(path)}, line {number}, {reason}."))
