"""`tellapart.csv`, the table of decisions about pictures -> decisions, and back, losing nothing.

A decision is one line: a picture's path below the source, the sha256 of its content, what was
decided, its label in the source, the new label or the group, when, and why. A decision that another
took the place of stays, marked with the time of that, so that undo can bring it back; so does one
that was carried out. Lines are in the order of their paths, so the same decisions in any order give
the same bytes. What a spreadsheet makes of the file is read too: other columns, another order,
another separator or encoding; these are kept where the file is written again.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DatasetError, DestinationError
from ..files.atomic import write_atomically
from ..files.locks import is_still, open_lock, take
from ..files.system import WINDOWS
from ..text import csv_text, shown
from .decision import KINDS, Decision
from .paths import trimmed
from .tables import encoding_of, header_of, is_spaced

_CALLED: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "file_name"),
    "digest": ("sha256", "digest", "hash"),
    "decision": ("decision",),
    "old_label": ("old_label",),
    "new_label": ("new_label",),
    "when": ("when",),
    "why": ("why",),
    "superseded": ("superseded",),
    "carried_out": ("carried_out",),
    "copies": ("copies",),
}
"""What the column of each field may be called; the first is what we write."""
_NEEDED = ("path", "digest", "decision")
_FORMULA = re.compile(r"(^\s*|;\s*)('*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
_MOVES = re.compile(r"'*[\t\r]")  # what a spreadsheet takes for a step to another cell
_LOCK = ".tellapart-decisions.lock"
_MOST_BYTES = 2**28  # of a table; a decision is about 200
_PATIENCE = 10.0  # seconds to wait for another run that is writing


@dataclass
class Line:
    """A line of the table with all its cells, those of unknown columns too; a comment has no
    decision."""

    cells: list[str]
    decision: Decision | None = None
    number: int = 0  # in the file, from 1; 0 is new


@dataclass
class DecisionTable:
    """The table as it is in its file.

    Attributes:
        place: the file.
        lines: its lines, comments too.
        columns: the names of its columns, as they are written.
        head: what comes before these.
        delimiter: what is between two cells.
        newline: how a line ends.
        encoding: of the file.
    """

    place: Path
    lines: list[Line] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    head: str = ""
    delimiter: str = ","
    newline: str = "\n"
    encoding: str = "utf-8"

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return tuple(line.decision for line in self.lines if line.decision)

    @classmethod
    def read(cls, place: Path) -> DecisionTable:
        """The table of a file, empty where there is none.

        Raises:
            DatasetError: a line is no decision, or the file is no such table.
        """
        table = cls(place)
        _check_place(place)
        try:
            content = place.read_bytes()
            table.encoding = encoding_of(content)
            text = content.decode(table.encoding)
        except FileNotFoundError:
            return table
        except UnicodeDecodeError as error:
            raise DatasetError(
                f"{shown(place)} cannot be read: it is not UTF-8 text.",
                hint="Save it as UTF-8; spreadsheets call that CSV UTF-8.",
            ) from error
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise DatasetError(f"{shown(place)} cannot be read: {reason}.") from error
        try:
            table._parse(text)
        except csv.Error as error:
            raise DatasetError(f"{shown(place)} is not a CSV file: {error}.") from error
        return table

    def _parse(self, text: str) -> None:
        before, header, self.delimiter = header_of(text)
        if not header:
            return
        self.newline = "\r\n" if "\r\n" in text else "\n"
        stream = io.StringIO(text, newline="")
        for _ in range(before):
            self.head += stream.readline()
        spaced = is_spaced(text, self.delimiter)
        reader = csv.reader(stream, delimiter=self.delimiter, skipinitialspace=spaced)
        self.columns = next(reader)
        places = _places(self.columns)
        for name in _NEEDED:
            if name not in places:
                raise DatasetError(
                    f"{shown(self.place)} has no column {_CALLED[name][0]}; its columns are: "
                    f"{', '.join(map(shown, self.columns))}.",
                    hint="It is the table of decisions about the pictures. If this is another "
                    "table, give it another name.",
                )
        first = before + reader.line_num + 1
        for cells in reader:
            number, first = first, before + reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if cells[0].startswith("#") and not any(cell.strip() for cell in cells[1:]):
                self.lines.append(Line(cells))
            else:
                values = {name: cells[at] for name, at in places.items() if at < len(cells)}
                self.lines.append(Line(cells, _decision(values, self.place, number), number))

    def add(self, decision: Decision) -> None:
        """A new line in its place: the order of paths, and after what is older of one path."""
        self._insert(Line([], decision))

    def change(self, changed: Callable[[Decision], Decision]) -> None:
        """Another decision in place of each, where its path belongs."""
        moved = []
        for line in self.lines:
            if old := line.decision:
                line.decision = new = changed(old)
                if new.path != old.path:
                    moved.append(line)
        if moved:
            away = set(map(id, moved))
            self.lines = [line for line in self.lines if id(line) not in away]
            for line in moved:
                self._insert(line)

    def _insert(self, line: Line) -> None:
        decision = line.decision
        assert decision
        key = _key(decision)
        before = (
            at
            for at, other in enumerate(self.lines)
            if other.decision and _key(other.decision) <= key
        )
        self.lines.insert(max(before, default=-1) + 1, line)

    def write(self) -> None:
        """Write the file, in one step. A table without lines that is all ours is taken away.

        Raises:
            DestinationError: it cannot be written.
        """
        place = Path(os.path.realpath(self.place))
        try:
            if self.lines or self.head or self.columns not in ([], _ours()):
                write_atomically(place, self._text().encode(self.encoding))
            else:
                place.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot_write(place, error) from error

    def _text(self) -> str:
        known = _places(self.columns)
        widths = (len(_filled(line.cells)) for line in self.lines if line.decision)
        unnamed = max(widths, default=0) - len(self.columns)  # cells beyond the last column
        if len(known) < len(_CALLED):
            self.columns = self.columns + [""] * unnamed
        columns = self.columns + [n[0] for name, n in _CALLED.items() if name not in known]
        places = _places(columns)
        rows = [columns]
        for line in self.lines:
            cells = list(line.cells)
            if line.decision:
                cells = _filled(cells)
                cells += [""] * (len(columns) - len(cells))
                for name, at in places.items():
                    value = str(getattr(line.decision, name))
                    if _meant(cells[at]) != value:  # as a person wrote it, where that says the same
                        cells[at] = _written(value)
            rows.append(cells)
        lines = (self.delimiter.join(map(self._quoted, row)) + self.newline for row in rows)
        return self.head + "".join(lines)

    def _quoted(self, cell: str) -> str:
        """A cell in quotes where it needs them, also around spaces and a lone carriage return,
        which Python's own writer leaves bare."""
        bare = cell == cell.strip() and not any(mark in cell for mark in ('"', "\r", "\n"))
        if bare and self.delimiter not in cell:
            return cell
        return '"' + cell.replace('"', '""') + '"'


def _filled(cells: list[str]) -> list[str]:
    """Cells without the empty ones at their end."""
    return cells[: max((at for at, cell in enumerate(cells, 1) if cell), default=0)]


def _check_place(place: Path) -> None:
    """Whether a table may be read and written: what came with somebody's pictures may be anything.

    Raises:
        DatasetError: it is a link to another folder, no file, or far too large.
    """
    inside = Path(os.path.realpath(place)).is_relative_to(os.path.realpath(place.parent))
    if place.is_symlink() and not inside:
        raise DatasetError(
            f"{shown(place)} is a link that leads out of its folder, so it is not read.",
            hint="Put the table itself there, or take the link away.",
        )
    try:
        found = place.stat()
    except OSError:
        return  # none, or what reading it says
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise DatasetError(
            f"{shown(place)} is no file, and a table of decisions is one.",
            hint="Give it another name.",
        )
    if stat.S_ISREG(found.st_mode) and found.st_size > _MOST_BYTES:
        raise DatasetError(
            f"{shown(place)} is too large for a table of decisions: {found.st_size / 1e6:,.0f} MB.",
            hint="If it is another table, give it another name.",
        )


def _cannot_write(place: Path, error: OSError) -> DestinationError:
    reason = (error.strerror or type(error).__name__).lower()
    return DestinationError(
        f"{shown(place)} cannot be written: {reason}.",
        hint="No decision was changed. Free some space, or make that folder one that can be "
        "written to.",
    )


def _ours() -> list[str]:
    return [names[0] for names in _CALLED.values()]


def _key(one: Decision) -> tuple[str, str, str]:
    return one.path, one.digest, one.matter


def _places(columns: list[str]) -> dict[str, int]:
    """Where the column of each field is, as far as there is one."""
    names = [re.sub(r"[\s-]+", "_", trimmed(column).lower()) for column in columns]
    found = {}
    for name, called in _CALLED.items():
        at = next((names.index(one) for one in called if one in names), None)
        if at is not None:
            found[name] = at
    return found


def _decision(values: Mapping[str, str], place: Path, number: int) -> Decision:
    meant = {name: _meant(value) for name, value in values.items()}
    found = Decision(
        **{
            **meant,
            "decision": trimmed(meant.get("decision", "")).lower(),
            "digest": trimmed(meant.get("digest", "")).lower(),
            **{name: meant.get(name, "").strip() for name in ("superseded", "carried_out")},
            "path": meant.get("path", ""),
        }
    )
    wrong = ""
    if not found.path.strip():
        wrong = "has no path"
    elif found.decision not in KINDS:
        wrong = f"has the decision {shown(found.decision)!r}; it may be: {', '.join(KINDS)}"
    elif not re.fullmatch(r"[0-9a-f]{64}", found.digest):
        wrong = "has no sha256 of 64 hexadecimal digits"
    elif found.decision == "relabel" and not found.new_label.strip():
        wrong = "relabels a picture, and has no new_label"
    elif found.decision == "group" and not found.new_label.strip():
        wrong = "puts a picture into a group, and has no new_label, which is the group's name"
    if wrong:
        raise DatasetError(
            f"{shown(place)}, line {number}, {wrong}.",
            hint="Mend that line, or take it out: a decision is never guessed.",
        )
    return found


def _written(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: with one more apostrophe where it, or what
    follows a `;`, could begin one. `_meant` takes it away again."""
    text = csv_text(text)
    if _MOVES.match(text):
        return f"'{text}"
    return _FORMULA.sub(r"\1'\2", text)


def _meant(cell: str) -> str:
    if cell.startswith("'") and _MOVES.match(cell):
        return cell[1:]
    return _FORMULA.sub(lambda found: found[1] + found[2][1:], cell)


@contextmanager
def changing(place: Path) -> Iterator[DecisionTable]:
    """The table, to be changed and written, while no other run does so.

    Raises:
        DestinationError: another run is at work on it, or it cannot be written.
        DatasetError: it is damaged; nothing was changed.
    """
    _check_place(place)
    with _alone(place):
        table = DecisionTable.read(place)
        yield table
        table.write()


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    path = Path(os.path.realpath(place)).with_name(_LOCK)
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            stream = open_lock(path)
        except OSError as error:
            raise _cannot_write(place, error) from error
        if take(stream) is not False and is_still(path, stream):
            break
        stream.close()
        if time.monotonic() > until:
            raise DestinationError(
                f"{shown(place)} is being written by another run.",
                hint="Wait until that has ended.",
            )
        time.sleep(0.02)
    try:
        yield
    finally:
        if WINDOWS:  # which deletes no open file
            stream.close()
        with suppress(OSError):
            path.unlink()
        stream.close()
