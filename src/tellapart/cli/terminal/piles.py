"""Piles -> text for a terminal. Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text import several, shown
from .console import command, print_skipped, stdout
from .layout import print_figures, say

if TYPE_CHECKING:
    from ...assess.piling import Piles


def print_piles(result: Piles) -> None:
    """Print the piles, and what to do with them."""
    console = stdout()
    rows = [(pile.name, f"{len(pile.pictures):,}") for pile in result.piles]
    if result.apart:
        rows.append(("unlike every pile", f"{len(result.apart):,}"))
    print_figures(console, ("pile", "pictures"), rows)
    say(console, f"\n{result.words}")
    print_skipped(console, result.unreadable, result.hidden)
    if not result.destination:
        return
    if before := result.before:
        console.print(f"\n{several(before, 'picture')} of these were placed there before.")
    if result.moved:
        say(
            console,
            f"{several(result.moved, 'picture')} of these are no longer where they were put: piles "
            "were renamed, or pictures moved or deleted. None was placed again.",
        )
    if result.copied:
        say(console, "\nThe pictures were copied, because links cannot be made there.")
    console.print()
    console.print(f"Look at: {shown(result.page or result.destination)}", soft_wrap=True)
    console.print("Then:    rename each folder after what it shows, and train on them:")
    console.print(f"         {command('train', result.destination)}", soft_wrap=True)
    console.print(f"Undo:    {command('piles', '--undo', result.destination)}", soft_wrap=True)
