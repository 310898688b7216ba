"""What a check found -> text for a terminal. Computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...text import several, shown
from .console import MOST, print_proportion, print_skipped, stdout
from .layout import say

if TYPE_CHECKING:
    from ...assess.check.health import Health


def print_health(health: Health, page: Path | None) -> None:
    """Print how accurate a model is now, and what is wrong with the pictures, the dearest first."""
    console = stdout()
    pictures = health.pictures
    console.print(
        f"{health.dataset.called}: {several(len(pictures.names), 'picture')}, "
        f"{several(len(pictures.labels), 'label')}\n"
    )
    print_proportion(console, "cross-validated", health.accuracy)
    if not health.findings:
        console.print("\nNothing was found.")
    for one in health.findings[:MOST]:
        console.print()
        say(console, f"{one.words}")
        if one.mend:
            console.print(f"  {one.mend}", style="dim", soft_wrap=True)
    if len(health.findings) > MOST:
        console.print(f"\nand {len(health.findings) - MOST:,} more (all with --json)")
    print_skipped(console, health.dataset.skipped, health.dataset.hidden)
    for note in health.notes:
        say(console, f"\nNote: {note}")
    if page:
        console.print(f"\nWritten: {shown(page)}", soft_wrap=True)
