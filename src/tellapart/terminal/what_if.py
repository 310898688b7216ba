"""A picture changed -> text for a terminal: what the model said before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from ..wording import label_words, several, shown
from . import MOST, stdout

if TYPE_CHECKING:
    from ..explain import WhatIf


def print_what_if(result: WhatIf, written: Path | None) -> None:
    """The scores side by side, in the order they have afterwards, and a sentence."""
    console = stdout()
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("label", overflow="fold")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    before, after = result.before.scores, result.after.scores
    for label in list(after)[:MOST]:
        table.add_row(label_words(label), f"{before[label]:.5f}", f"{after[label]:.5f}")
    console.print(table)
    if len(after) > MOST:
        console.print(f"and {several(len(after) - MOST, 'label')} more (all with --json)")
    console.print(f"\n{result.words}")
    if written:
        console.print(f"Written: {shown(written)}")
