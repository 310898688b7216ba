"""Suggestions -> text for a terminal. Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rich.table import Table

from ...text import label_words, percent, several, shown
from .console import print_skipped, stdout
from .layout import print_table, say

if TYPE_CHECKING:
    from ...assess.suggesting import Copied, Suggestions


def print_suggestions(result: Suggestions, copied: Copied | None) -> None:
    """Print the pictures to label next, in order, and what to do with them."""
    console = stdout()
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in ("", "picture", "likely", "score", "settles", "because"):
        justify: Literal["left", "right"] = "right" if name in ("", "score", "settles") else "left"
        table.add_column(name, overflow="fold", justify=justify, no_wrap=justify == "right")
    for number, one in enumerate(result.suggestions, start=1):
        figures = f"{one.score:.2f}", percent(one.settles)
        table.add_row(f"{number}", shown(one.path), label_words(one.label), *figures, one.reason)
    if result.suggestions:
        print_table(console, table)
        settled = sum(one.settles for one in result.suggestions)
        console.print(
            f"\nLabelling {'them' if len(result.suggestions) > 1 else 'it'} would settle about "
            f"{percent(settled, 0)} of the doubt about these pictures."
        )
    else:
        console.print("Nothing to suggest: the model knows all of these pictures.")
    for count, words in (
        (result.learnt, "that the model learnt from"),
        (result.tested, "that the model was tested on"),
        (result.twice, "that are copies of others"),
    ):
        if count:
            console.print(f"Left out: {several(count, 'picture')} {words}.")
    print_skipped(console, result.unreadable, result.hidden)
    for note in result.notes:
        say(console, f"\nNote: {note}")
    if copied:
        there = f"; {copied.there:,} were already there" if copied.there else ""
        copies = several(copied.copied, "picture")
        console.print(f"\nCopied: {copies} to {shown(copied.folder)}{there}.")
        print_skipped(console, copied.skipped, 0)
    if result.suggestions:
        console.print("\nNext:    put each picture into the folder of its label, and train again.")
