"""Results of splitting and of exchanging labels -> text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text import label_words, natural, several, shown
from .console import command, print_skipped, stdout
from .layout import print_figures, say

if TYPE_CHECKING:
    from ...exchange.splitting import SplitResult


def print_split(result: SplitResult) -> None:
    """Print how many pictures of each label are in each part."""
    console = stdout()
    labels = sorted({label for of in result.counts.values() for label in of}, key=natural)
    rows = [
        (label_words(label), *(f"{of.get(label, 0):,}" for of in result.counts.values()))
        for label in labels
    ]
    print_figures(console, ("label", *result.counts), rows)
    if result.already_there:
        console.print(f"\n{several(result.already_there, 'picture')} of these were already there.")
    print_skipped(console, result.skipped, result.hidden)
    for note in result.notes:
        say(console, f"\nNote: {note}")
    where = shown(result.destination)
    console.print(f"\nSplit into {where}; all labels and groups in {result.table.name} there.")
    console.print(f"Undo:    {command('split', '--undo', result.destination)}", soft_wrap=True)
