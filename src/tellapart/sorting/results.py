"""What was sorted -> results.csv: every score, and what could not be read."""

from __future__ import annotations

import csv
import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from ..files.skipped import SkippedFile
from ..text import csv_cell, shown
from .journal import answer_in, request_of
from .placed import Line, Placed

RESULTS = "results.csv"
_COLUMNS = ("path", "sorted_as", "label", "score", "unknown", "error")


def write_results(placed: Placed, unreadable: Sequence[SkippedFile]) -> Path:
    """The table of all that is sorted: one row a picture or unreadable file, by path."""

    def write(stream: TextIO) -> None:
        _write_rows(stream, placed, unreadable)

    return placed.journal.write_table(RESULTS, write)


def _write_rows(stream: TextIO, placed: Placed, unreadable: Sequence[SkippedFile]) -> None:
    """The scores come from the journal."""
    labels = request_of(placed.journal).labels
    heads = [f"score of {label}" if label in _COLUMNS else label for label in labels]
    table = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    table.writerow([*_COLUMNS[:4], *map(_cell, heads), *_COLUMNS[4:]])
    by_name = sorted(unreadable, key=lambda one: one.name)
    left: Iterator[Line] = ((one.name, "", {"error": one.reason}) for one in by_name)
    for source, target, said in heapq.merge(placed.in_order(), left, key=lambda line: line[:2]):
        if not target:
            table.writerow([_cell(source), *[""] * (4 + len(labels)), _cell(said["error"])])
            continue
        given = answer_in(said)
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
