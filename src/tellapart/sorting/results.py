"""What was sorted -> results.csv: every score, and what could not be read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ..dataset.sources import SkippedFile
from ..files.journal import Journal
from ..files.record import Entry
from ..text import csv_cell, shown
from .journal import answer, request_of

RESULTS = "results.csv"
_COLUMNS = ("path", "sorted_as", "label", "score", "unknown", "error")


def write_results(
    journal: Journal, placed: Sequence[Entry], unreadable: Sequence[SkippedFile]
) -> Path:
    """The table of all that is sorted: one row a picture or unreadable file, by path."""

    def write(stream: TextIO) -> None:
        _write_rows(stream, journal, placed, unreadable)

    return journal.write_table(RESULTS, write)


def _write_rows(
    stream: TextIO, journal: Journal, placed: Sequence[Entry], unreadable: Sequence[SkippedFile]
) -> None:
    """The scores come from the journal."""
    labels = request_of(journal).labels
    rows: list[tuple[str, str, Entry | SkippedFile]] = [
        *((entry.source, entry.target, entry) for entry in placed),
        *((one.name, "", one) for one in unreadable),
    ]
    rows.sort(key=lambda row: row[:2])
    heads = [f"score of {label}" if label in _COLUMNS else label for label in labels]
    table = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow([*_COLUMNS[:4], *map(_cell, heads), *_COLUMNS[4:]])
    for source, target, what in rows:
        if isinstance(what, SkippedFile):
            table.writerow([_cell(source), *[""] * (4 + len(labels)), _cell(what.reason)])
            continue
        given = answer(journal, what)
        scores = [given.scores.get(label) for label in labels]
        table.writerow(
            [
                _cell(source),
                _cell(target),
                _cell(given.label),
                f"{given.score:.5f}",
                *("" if score is None else f"{score:.5f}" for score in scores),
                "yes" if given.unknown else "no",
                "",
            ]
        )


def _cell(text: str) -> str:
    """Text as one line that no spreadsheet takes for a formula."""
    return csv_cell(shown(text))
