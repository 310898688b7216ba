"""What was collected -> text for a terminal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...collecting.addresses import NOT_ASKED
from ...text import label_words, natural, several, shown
from .console import command, print_skipped, stdout
from .layout import print_figures, say

if TYPE_CHECKING:
    from ...collecting.collect import Collected


def print_collected(result: Collected) -> None:
    """Print the result of collecting."""
    console = stdout()
    counts = Counter(one.collected_as for one in result.pictures)
    if counts:
        labels = sorted(counts, key=natural)
        rows = [(label_words(label), f"{counts[label]:,}") for label in labels]
        print_figures(console, ("label", "pictures"), rows)
    else:
        console.print("No new pictures.")
    if result.already_done:
        were = "was" if result.already_done == 1 else "were"
        many = several(result.already_done, "other")
        console.print(f"\n{many} {were} dealt with in an earlier run.")
    if result.duplicates:
        one = result.duplicates[0]
        count = several(len(result.duplicates), "picture")
        console.print(
            f"\nLeft out: {count} that {'is' if len(result.duplicates) == 1 else 'are'} there "
            f"already, such as {shown(one.source)} ({shown(one.picture)}).",
            soft_wrap=True,
        )
    print_skipped(console, [*result.unread, *result.not_come], 0)
    if any(one.reason.startswith(NOT_ASKED) for one in result.failed):
        say(console, "\nThis machine and private networks are asked only with --allow-private.")
    for note in result.notes:
        console.print(f"\n{shown(note)}", soft_wrap=True)
    console.print(f"\nWritten: {shown(result.table)}", soft_wrap=True)
    if counts:
        console.print(f"Undo:    {command('collect', '--undo', result.into)}", soft_wrap=True)
