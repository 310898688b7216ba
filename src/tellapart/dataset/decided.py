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

from .decision_table import BETWEEN, FILE, MANY, Decision, DecisionTable, place_of_decisions


def decisions_about(
    source: Path, parts: Sequence[tuple[str, str]] = (), unpacked: Path | None = None
) -> tuple[Decision, ...]:
    """All that is in force; `parts` are those of a data set in a folder, and `unpacked` is the
    folder in which the data set of an archive lies.

    Raises:
        DatasetError: a line is no decision; the message has its number.
    """
    tables = [list(table) for table in _tables(source, parts, unpacked)]
    latest: dict[tuple[str, str, str], tuple[str, int]] = {}
    for number, table in enumerate(tables):
        for one in table:
            key = (one.path, one.digest, one.matter)
            latest[key] = max(latest.get(key, ("", 0)), (one.when, number))
    return tuple(
        one
        for number, table in enumerate(tables)
        for one in table
        if latest[one.path, one.digest, one.matter][1] == number
    )


def _tables(
    source: Path, parts: Sequence[tuple[str, str]], unpacked: Path | None
) -> Iterator[Iterator[Decision]]:
    yield _in_force(place_of_decisions(source))
    if unpacked:
        yield _in_force(unpacked / FILE)
    if not source.is_dir():
        return
    here = source.resolve()
    yield (
        _below(one, f"{here.name}/")
        for one in _in_force(here.parent / FILE)
        if one.path.startswith(f"{here.name}/{one.old_label}/")
    )
    for _, name in parts:
        yield (
            _above(one, source, name)
            for one in (_in_force(source / name / FILE) if name.endswith("/") else ())
            if one.path.startswith(f"{one.old_label}/")
        )


def _in_force(place: Path) -> Iterator[Decision]:
    return (one for one in DecisionTable.read(place).decisions if one.in_force)


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
