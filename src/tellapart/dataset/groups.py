"""Which pictures belong together: what may be asked for, and what times, folders and names say.

A group is of pictures that may not be parted: a burst, a sequence, the pictures of one place. What
is found here goes by what is beside a picture; what it shows is looked at in `assess/grouping.py`.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from ..errors import UsageError, option

AUTO, NONE, FOLDER, TIME, NAME, ALIKE = "auto", "none", "folder", "time", "name", "alike"
A_BURST = 60.0  # seconds between two pictures, from which on they are of two bursts
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d|)")
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)
_NEXT = 10  # numbers: what lies between two pictures may have been deleted
_FORMS = "auto, none, folder, time:60s, name:REGEX or alike:0.9"


@dataclass(frozen=True)
class Groups:
    """What is kept together, in split and folds.

    Attributes:
        by: "auto", "none", "folder", "time", "name" or "alike".
        seconds: pictures of one label that were taken less than this apart are of one group.
        pattern: what it finds in a picture's name names its group.
        cosine: pictures of one label that are so alike are of one group.
    """

    by: str = AUTO
    seconds: float = A_BURST
    pattern: str = ""
    cosine: float = 0.9

    def __str__(self) -> str:
        """As `parse` takes it."""
        found = {
            TIME: f"{TIME}:{self.seconds:g}s",
            NAME: f"{NAME}:{self.pattern}",
            ALIKE: f"{ALIKE}:{self.cosine:g}",
        }
        return found.get(self.by, self.by)


def parse(text: str) -> Groups:
    """`auto`, `none`, `folder`, `time:60s`, `name:REGEX` or `alike:0.9`.

    Raises:
        UsageError: none of these.
    """
    if not isinstance(text, str):
        raise _refused(repr(text))
    by, colon, value = text.partition(":")
    by = by.strip().lower()
    if by in (AUTO, NONE, FOLDER) and not colon:
        return Groups(by)
    if by == TIME and (span := _SPAN.fullmatch(value.strip().lower())):
        seconds = float(span[1]) * _UNITS[span[2]]
        if seconds > 0:
            return Groups(TIME, seconds=seconds)
    if by == ALIKE:
        try:
            cosine = float(value)
        except ValueError:
            cosine = 0.0
        if 0 < cosine <= 1:
            return Groups(ALIKE, cosine=cosine)
        raise _refused(text, "A cosine lies above 0 and is at most 1.")
    if by == NAME and value:
        try:
            re.compile(value)
        except re.error as error:
            raise _refused(text, f"{value!r} is no regular expression: {error}.") from error
        return Groups(NAME, pattern=value)
    raise _refused(text)


def _refused(text: str, why: str = "") -> UsageError:
    said = f"Pictures cannot be grouped by {text}." + (f" {why}" if why else "")
    return UsageError(said, hint=f"{option('groups')} is one of: {_FORMS}.")


def by_folder(names: Sequence[str], labels: Sequence[str]) -> list[str | None]:
    """The folder below its label that each picture lies in, such as `day 1` of `cat/day 1/3.jpg`;
    None for pictures directly in their label's folder, or where no folder is named as it.

    One name is one group, whatever the label: folders of equal names are of one day or place.
    """
    found: list[str | None] = []
    known: dict[str, str] = {}  # one text for all that lie in one folder
    for name, label in zip(names, labels, strict=True):
        above = PurePosixPath(name).parts[:-1]
        below = above[len(above) - above[::-1].index(label) :] if label in above else ()
        folder = "/".join(below)
        found.append(known.setdefault(folder, folder) or None)
    return found


def by_own_folder(names: Sequence[str], labels: Sequence[str]) -> list[str | None]:
    """The same, and the whole folder of a picture where no folder is named as its label."""
    below = by_folder(names, labels)
    return [
        folder or (None if label in (above := PurePosixPath(name).parts[:-1]) else "/".join(above))
        for folder, name, label in zip(below, names, labels, strict=True)
    ]


def by_pattern(names: Sequence[str], pattern: str) -> list[str | None]:
    """What a regular expression finds in each name: its groups if it has some, or all it matches;
    None where it finds nothing."""
    expression = re.compile(pattern)
    found = []
    for name in names:
        match = expression.search(name)
        parts = match and (match.groups() or (match[0],))
        found.append("/".join(part or "" for part in parts) if parts else None)
    return found


def by_time(
    days: np.ndarray, seconds: np.ndarray, truth: np.ndarray, gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of pictures of one label that were taken one after the other, less than `gap` seconds
    apart: two int `[E]` of rows. Days and seconds `[N]` are nan where they are not known."""
    known = np.flatnonzero(np.isfinite(days) & np.isfinite(seconds))
    moment = days[known].astype(np.float64) * 86_400 + seconds[known]
    order = np.lexsort((moment, truth[known]))
    first, second = known[order[:-1]], known[order[1:]]
    near = (truth[first] == truth[second]) & (np.diff(moment[order]) < gap)
    return first[near], second[near]


def successive(
    names: Sequence[str], labels: Sequence[str], step: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of pictures of one label and folder whose names differ by their last number and follow
    one another, such as `IMG_0007.jpg` and `IMG_0008.jpg`, or the next but one with a `step` of 2:
    two int `[E]` of rows."""
    series: dict[tuple[str, str, str], int] = {}
    found = array("q")  # of each picture with a number: its series, its number, its row
    for row, (name, label) in enumerate(zip(names, labels, strict=True)):
        above, _, file = name.rpartition("/")
        match = _NUMBERED.fullmatch(file.rpartition(".")[0] or file)
        if match and len(match[2]) < 19:  # a whole number that numpy has
            key = (label, f"{above}/{match[1]}", match[3])
            found.extend((series.setdefault(key, len(series)), int(match[2]), row))
    of, number, rows = np.array(found, dtype=np.int64).reshape(-1, 3).T
    order = np.lexsort((rows, number, of))
    first, second = order[:-step], order[step:]
    near = (of[first] == of[second]) & (number[second] - number[first] <= _NEXT)
    return rows[first[near]], rows[second[near]]
