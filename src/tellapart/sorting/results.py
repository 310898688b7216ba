"""What was sorted -> results.csv: every score, and what could not be read."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..dataset.sources import Skipped
from ..files.atomic import sync
from ..files.transfer import content_of, part_beside, take_place
from ..text import csv_cell, shown
from .journal import Entry, Journal

RESULTS = "results.csv"
_COLUMNS = ("path", "sorted_as", "label", "score", "unknown", "error")


def write_results(journal: Journal, placed: Sequence[Entry], unreadable: Sequence[Skipped]) -> Path:
    """The table of all that is sorted; a file of that name that is the user's is left."""
    folder = journal.destination
    part = part_beside(folder / RESULTS, journal.token)
    try:
        _write_rows(part, journal, placed, unreadable)
        digest = content_of(part).sha256
        for number in itertools.count(1):
            path = folder / (f"results-{number}.csv" if number > 1 else RESULTS)
            if os.path.lexists(path) and not journal.is_own_table(path):
                continue
            if os.path.lexists(path) and content_of(path).sha256 == digest:
                return path
            journal.append([{"results": path.name, "sha256": digest}], synced=True)
            with suppress(FileExistsError):
                if os.path.lexists(path):
                    os.replace(part, path)
                else:
                    take_place(part, path, journal.token)
                sync(folder)
                return path
    finally:
        part.unlink(missing_ok=True)
    raise AssertionError("there is always another number")


def _write_rows(
    path: Path, journal: Journal, placed: Sequence[Entry], unreadable: Sequence[Skipped]
) -> None:
    """One row a picture or unreadable file, by path; the scores come from the journal."""
    labels = journal.request.labels
    rows: list[tuple[str, str, Entry | Skipped]] = [
        *((entry.source, entry.target, entry) for entry in placed),
        *((one.name, "", one) for one in unreadable),
    ]
    rows.sort(key=lambda row: row[:2])
    heads = [f"score of {label}" if label in _COLUMNS else label for label in labels]
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        table.writerow([*_COLUMNS[:4], *map(_cell, heads), *_COLUMNS[4:]])
        for source, target, what in rows:
            if isinstance(what, Skipped):
                table.writerow([_cell(source), *[""] * (4 + len(labels)), _cell(what.reason)])
                continue
            given = journal.answer(what)
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
        stream.flush()
        os.fsync(stream.fileno())


def _cell(text: str) -> str:
    """Text as one line that no spreadsheet takes for a formula."""
    return csv_cell(shown(text))
