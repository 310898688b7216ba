"""Lines and tables that fit a terminal: a number stays with its unit, and no number is cut.

In a file or a pipe nothing is wrapped, and no line ends in spaces.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

_GAP = 3  # columns between two of a table
_NARROWEST = 10  # columns that a label keeps where figures have to go
_WITH_UNIT = re.compile(r"(?<=\d) (?=%|(?:[kMG]?B|points?|pictures?|labels?|seconds?|minutes?)\b)")
_RANGE = re.compile(r"(?<=[\d%]) (to|of) (?=[-+\d])")


def say(console: Console, text: str, indent: str = "") -> None:
    """Print text in lines that fit; what belongs together stays on one line."""
    if not console.is_terminal:
        console.print(text, soft_wrap=True)
        return
    glued = _RANGE.sub("\u00a0\\1\u00a0", _WITH_UNIT.sub("\u00a0", text))
    for paragraph in glued.split("\n"):
        lines = textwrap.wrap(
            paragraph,
            max(20, console.width - 1),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in lines or [""]:
            console.print(line.replace("\u00a0", " "), soft_wrap=True)


def bare_table() -> Table:
    """A table without lines, and no columns yet."""
    return Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")


def print_table(console: Console, table: Table) -> None:
    """Print a table; in a file or a pipe, without the spaces that fill its last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        console.print(line.rstrip(), soft_wrap=True)


def print_figures(
    console: Console,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    least: Sequence[str] = (),
) -> None:
    """Print a table with words in the first column and figures in the others.

    Words are folded if necessary, figures never. If there is no room for the figures, the columns
    named in `least` are left out, in that order.
    """
    widths = [max(cell_len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    kept = list(range(len(heads)))

    def needed() -> int:
        return min(widths[0], _NARROWEST) + sum(_GAP + widths[at] for at in kept[1:])

    for name in least:
        if needed() > console.width and name in heads:
            kept.remove(heads.index(name))
    table = bare_table()
    table.add_column(heads[0], overflow="fold")
    for at in kept[1:]:
        table.add_column(heads[at], justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(row[at] for at in kept))
    print_table(console, table)
