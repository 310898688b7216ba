"""Where each collected picture comes from: kept in the journal as it is placed, and as a table,
`collected.csv`, beside the pictures.

Its columns are called so that nobody takes it for a table of labelled pictures.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal, TextIO, TypeAlias, cast, get_args

from ..dataset.tables import Fault, lines_of
from ..errors import DatasetError
from ..files.journal.journal import Journal
from ..files.purpose import Purpose
from ..text import csv_cell, shown

COLLECTED = "collected.csv"
COLLECTING = Purpose(
    hidden=".tellapart-collect",
    done="collected",
    joint="into",
    if_nothing="Give the folder that pictures were collected into.",
)
Outcome: TypeAlias = Literal["collected", "duplicate", "failed"]


@dataclass(frozen=True)
class Origin:
    """One line of `collected.csv`.

    Attributes:
        picture: its path below the folder; of a duplicate, that of the picture that was there.
        sha256: of the file at that path when it was placed; of a duplicate, of its own bytes.
        source: the address it was fetched from; or a file, with the second of a video's frame.
        collected_as: the label that was asked for.
        licence: as the list says it; empty where it says none.
        when: when that was, in UTC.
        outcome: what came of it.
        reason: why it failed, or what it is a duplicate of.
    """

    picture: str
    sha256: str
    source: str
    collected_as: str
    licence: str
    when: str
    outcome: Outcome
    reason: str = ""


_COLUMNS = tuple(field.name for field in fields(Origin))


def noted(origin: Origin) -> dict[str, object]:
    """What the journal keeps with a picture."""
    return {
        "from": origin.source,
        "label": origin.collected_as,
        "licence": origin.licence,
        "when": origin.when,
    }


def journaled(journal: Journal) -> list[Origin]:
    """The pictures that were collected and are still where they were put."""
    found = []
    for entry in journal.live():
        said = journal.extra(entry)
        found.append(
            Origin(
                entry.target,
                entry.content.sha256,
                said["from"],
                said["label"],
                said["licence"],
                said["when"],
                "collected",
            )
        )
    return found


def read_origins(folder: Path, names: Iterable[str]) -> list[Origin]:
    """The lines of the tables of these names in a folder, as far as they are there and are ours."""
    found = []
    for name in dict.fromkeys((COLLECTED, *names)):
        path = folder / name
        try:
            lines = list(lines_of(path, path)) if path.is_file() else []
        except DatasetError:  # another's, and in no encoding that we write
            continue
        for line in lines:
            if not isinstance(line, Fault) and (origin := _origin(line[1])):
                found.append(origin)
    return found


def _origin(cells: Mapping[str, object]) -> Origin | None:
    values = [cells.get(name) for name in _COLUMNS]
    texts = ["" if value is None else str(value) for value in values]
    said = dict(zip(_COLUMNS, texts, strict=True))
    if not said["source"] or said["outcome"] not in get_args(Outcome):
        return None
    outcome = cast(Outcome, said.pop("outcome"))
    return Origin(outcome=outcome, **said)


def write_origins(journal: Journal, origins: Iterable[Origin]) -> Path:
    """The table, by source; it replaces the one that was written before."""

    def write(stream: TextIO) -> None:
        table = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        table.writerow(_COLUMNS)
        for origin in sorted(origins, key=lambda one: (one.source, one.picture)):
            table.writerow([csv_cell(shown(cell)) for cell in astuple(origin)])

    return journal.write_table(COLLECTED, write)
