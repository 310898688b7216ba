"""Results of splitting and of exchanging labels -> text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text import label_words, natural, several, shown
from .console import command, print_skipped, stdout
from .layout import print_figures, say

if TYPE_CHECKING:
    from ...exchange.corrections import LabelsRead
    from ...exchange.labels import LabelsWritten
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


def print_labels_written(result: LabelsWritten) -> None:
    """Print what was written, and what to do with it."""
    console = stdout()
    what = f"{several(result.total, 'picture')} of {several(len(result.counts), 'label')}"
    console.print(f"Written: {shown(result.file)} ({what})", soft_wrap=True)
    print_skipped(console, result.skipped, 0)
    for note in result.notes:
        say(console, f"\n{note}")


def print_labels_read(result: LabelsRead) -> None:
    """Print how many decisions were made, and how to take them back."""
    console = stdout()
    console.print(f"{several(result.same, 'picture')} as in {shown(result.file)} already.")
    for label, count in result.relabelled.items():
        new = " (a new label)" if label in result.new_labels else ""
        console.print(f"Relabelled as {label_words(label)}{new}: {count:,}.")
    for what in ("grouped", "dropped", "kept"):
        if count := getattr(result, what):
            console.print(f"{what.capitalize()}: {count:,}.")
    if result.taken_back:
        console.print(f"Labelled as before the decision, which was undone: {result.taken_back:,}.")
    print_skipped(console, result.skipped, 0)
    if result.decided:
        console.print("\nEvery command reads these decisions from now on. No file was changed.")
