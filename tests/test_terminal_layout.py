"""What a narrow terminal shows: numbers stay whole, and labels give way first."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from tellapart.cli.terminal.layout import print_figures, say

HEADS = ("label", "learnt", "held out", "precision", "F1", "recall", "95 % interval")
LEAST = ("precision", "F1", "held out", "learnt")
ROWS = [
    (
        "a very long label of many words",
        "1,204",
        "133",
        "99.1 %",
        "98.7 %",
        "98.3 %",
        "94.8 to 99.8",
    ),
    ("白雪公主和七个小矮人", "7", "0", "100.0 %", "·", "100.0 %", "54.1 to 100.0"),
]


def lines(width: int, *, terminal: bool = True) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    print_figures(console, HEADS, ROWS, LEAST)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_number_is_broken_or_cut(width: int) -> None:
    found = lines(width)
    text = "\n".join(found)
    assert all(cell_len(line) <= width for line in found)
    for whole in ("98.3 %", "94.8 to 99.8", "54.1 to 100.0"):
        assert whole in text
    assert "…" not in text
    assert ("precision" in text) == (width >= 80)
    assert re.search(r"\d\n|%\n *%", text.replace("99.8\n", "").replace("100.0\n", "")) is None


def test_a_table_in_a_file_has_no_spaces_at_the_ends_of_its_lines() -> None:
    found = lines(10_000, terminal=False)
    assert found
    assert all(line == line.rstrip() for line in found)


@pytest.mark.parametrize("width", [40, 60])
def test_a_sentence_does_not_part_a_number_from_its_unit(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system=None)
    text = "Sure on 71.0 % of pictures (213 of 300), right on 99.5 % (95 % interval 97.4 to 99.9)."
    for shift in range(20):
        say(console, "x" * shift + " " + text)
    for line in stream.getvalue().splitlines():
        assert len(line) <= width
        assert not re.search(r"\d$", line)
        assert not line.startswith(("%", "of ", "to "))
