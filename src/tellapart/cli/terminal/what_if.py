"""A changed picture -> text for a terminal: what the model said before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...text import label_words, several, shown
from .console import MOST, stdout
from .layout import print_figures

if TYPE_CHECKING:
    from ...explain import WhatIf


def print_what_if(result: WhatIf, written: Path | None) -> None:
    """Print the scores side by side, in their order after the change, and a sentence."""
    console = stdout()
    before, after = result.before.scores, result.after.scores
    rows = [
        (label_words(label), f"{before[label]:.5f}", f"{after[label]:.5f}")
        for label in list(after)[:MOST]
    ]
    print_figures(console, ("label", "before", "after"), rows)
    if len(after) > MOST:
        console.print(f"and {several(len(after) - MOST, 'label')} more (all with --json)")
    console.print(f"\n{result.words}")
    if written:
        console.print(f"Written: {shown(written)}")
