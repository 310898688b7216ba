"""A source -> the decisions in force about its pictures, from all tables that are about them.

That is the table beside it, and also: of an archive, one that was packed with the pictures; of a
folder that is a part of a data set, such as `photos/test`, the one in the folder above; of a data
set with such parts, those in its parts. Of decisions in several tables about one picture the latest
holds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import DatasetError
from ..text import several, shown
from .decision import BETWEEN, FILE, MANY, Decision, place_of_decisions
from .decision_table import DecisionTable


def decisions_about(
    source: Path, parts: Sequence[tuple[str, str]] = (), unpacked: Path | None = None
) -> tuple[tuple[Decision, ...], tuple[str, ...]]:
    """All that is in force, and notes on it; `parts` are those of a data set in a folder, and
    `unpacked` is the folder in which the data set of an archive lies.

    Raises:
        DatasetError: a line is no decision; the message has its number.
    """
    notes: list[str] = []
    tables = []
    for place, of in _tables(source, parts, unpacked):
        try:
            tables.append(list(of))
        except DatasetError as error:
            if place != _above_of(source):
                raise
            notes.append(
                f"{FILE} has a namesake in the folder above that is not read: {error.message}"
            )
            tables.append([])
        if tables[-1] and place != place_of_decisions(source):
            where = shown(place) if place.parent != unpacked else f"the table in {shown(source)}"
            notes.append(
                f"{FILE} has its like elsewhere; what is decided there is taken back there: "
                f"{several(len(tables[-1]), 'decision')} in {where}."
            )
    latest: dict[tuple[str, str, str], tuple[str, int]] = {}
    for number, table in enumerate(tables):
        for one in table:
            key = (one.path, one.digest, one.matter)
            latest[key] = max(latest.get(key, ("", 0)), (one.when, number))
    held = tuple(
        one
        for number, table in enumerate(tables)
        for one in table
        if latest[one.path, one.digest, one.matter][1] == number
    )
    return held, tuple(notes)


def _tables(
    source: Path, parts: Sequence[tuple[str, str]], unpacked: Path | None
) -> Iterator[tuple[Path, Iterator[Decision]]]:
    place = place_of_decisions(source)
    yield place, _in_force(place)
    if unpacked:
        yield unpacked / FILE, _in_force(unpacked / FILE)
    if not source.is_dir():
        return
    start = f"{source.resolve().name}/"
    place = _above_of(source)
    yield (
        place,
        (
            _below(one, start)
            for one in _in_force(place)
            if one.path.startswith(f"{start}{one.old_label}/")
        ),
    )
    for _, name in parts:
        if name.endswith("/"):
            yield source / name / FILE, _of_part(source, name)


def _above_of(source: Path) -> Path:
    return source.resolve().parent / FILE


def _of_part(source: Path, name: str) -> Iterator[Decision]:
    return (
        _above(one, source, name)
        for one in _in_force(source / name / FILE)
        if one.path.startswith(f"{one.old_label}/")
    )


def _in_force(place: Path) -> Iterator[Decision]:
    for one in DecisionTable.read(place).decisions:
        if one.in_force:
            yield one


def _below(one: Decision, start: str) -> Decision:
    """A decision as the part of the data set has it whose names begin so in the whole."""
    copies = [at.removeprefix(start) for at in one.copies_at if at.startswith(start)]
    noted = BETWEEN.join(copies) if one.copies_at else one.copies
    return replace(one, path=one.path.removeprefix(start), copies=noted)


def _above(one: Decision, source: Path, start: str) -> Decision:
    """A decision as the whole data set has it, of whose part the names begin so. What copies lie
    in the other parts was not noted, so it stays with its path."""
    there = os.path.lexists(source / start / one.path)
    noted = BETWEEN.join(f"{start}{at}" for at in one.copies_at) or one.copies
    return replace(one, path=f"{start}{one.path}", copies=noted if there else MANY)
