"""How names and numbers are put into words: one way for messages, tables and pages."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Sequence

_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
_FORMULA = re.compile(r"(^\s*|;\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def shown(name: str | os.PathLike[str]) -> str:
    """A path or label as one printable line: control characters and stray bytes are escaped."""
    text = os.fsdecode(name)
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def one_line(label: str) -> str:
    """A label verbatim, but for all that any program may take for the end of a line, other control
    characters and backslashes: these are escaped, so no two labels become one."""
    return _NOT_IN_A_LINE.sub(lambda found: found[0].encode("unicode_escape").decode(), label)


def label_words(label: str) -> str:
    """A label as people read it: `_` shown as a space."""
    return shown(label).replace("_", " ")


def csv_text(text: str) -> str:
    """A cell as it is, but for stray bytes, which are escaped: for programs to read."""
    return text.encode("utf-8", "backslashreplace").decode()


def csv_row(values: Sequence[str]) -> str:
    """A line of a file for programs, in which every cell is found again as it is."""
    cells = [csv_text(value) for value in values]
    stream = io.StringIO()
    # Python before 3.13 leaves a lone carriage return bare, which readers take for a line's end.
    if any("\r" in cell for cell in cells):
        csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow(cells)
    else:
        csv.writer(stream, lineterminator="\n").writerow(cells)
    return stream.getvalue()


def natural(name: str) -> tuple[tuple[str, int, str], ...]:
    """What to sort names by as people do: numbers in them by their value, case set aside."""
    pieces = re.split(r"(\d+)", name)
    words = [(piece.casefold(), 0, "") for piece in pieces]
    for at, digits in enumerate(pieces):
        if at % 2:
            value = digits.lstrip("0")
            words[at] = ("", len(value), value)
    return (*words, (name, 0, ""))


def in_order(labels: Sequence[str]) -> list[int]:
    """The places of labels in the order of `natural`: for tables; a model keeps its own order."""
    return sorted(range(len(labels)), key=lambda at: natural(labels[at]))


def csv_cell(text: str) -> str:
    """A cell of a file meant for a spreadsheet, which none takes for a formula.

    Where it, or what follows a `;` (which splits cells in half of Europe), begins as a formula
    does, an apostrophe is put before that.
    """
    safe = csv_text(text)
    safe = f"'{safe}" if safe.startswith(("\t", "\r")) else safe
    return _FORMULA.sub(r"\1'", safe)


def several(count: int, noun: str, plural: str = "") -> str:
    """`1 picture`, `2 pictures`, `1,204 pictures`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """`40 seconds`, `4 minutes`, `2 hours`."""
    if seconds < 90:
        return several(max(1, round(seconds)), "second")
    if seconds < 90 * 60:
        return several(round(seconds / 60), "minute")
    return several(round(seconds / 3600), "hour")


def first_few(names: Sequence[str], most: int = 10) -> str:
    """Names in a sentence, `a, b, c`; of more than `most`, the first and `and 990 others`."""
    rest = f" and {several(len(names) - most, 'other')}" if len(names) > most else ""
    return ", ".join(map(shown, names[:most])) + rest


def percent(fraction: float, digits: int = 1) -> str:
    """`0.9917` as `99.2 %`, and what cannot be known as `·`."""
    if math.isnan(fraction):
        return "·"
    return f"{100 * fraction:.{digits}f} %"


def as_fraction(text: str) -> float:
    """`20%`, `20 %` or `0.2` as 0.2; what is no number, as one that is not (NaN)."""
    try:
        return float(text.rstrip("% ")) / (100 if text.rstrip().endswith("%") else 1)
    except ValueError:
        return math.nan
