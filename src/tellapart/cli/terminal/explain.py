"""Explanations -> text for a terminal. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...dataset.sources import SkippedFile
from ...text import several, shown
from .console import print_skipped, stdout

if TYPE_CHECKING:
    from ...explain.files import Explained


def print_explanation(explained: Explained) -> None:
    """Print the explanation of one picture under its name."""
    console = stdout()
    mark = "  wrong" if explained.explanation.wrong else ""
    console.print(f"{shown(explained.name)}{mark}", style="bold")
    for sentence in explained.explanation.sentences:
        console.print(f"  {sentence}")
    if explained.mend:
        console.print(f"  If its label is wrong: {explained.mend}", style="dim", soft_wrap=True)
    if explained.sweep:
        console.print(f"  {explained.sweep.words}")
        console.print(f"  {explained.sweep.regions}", style="dim")
    if explained.explanation.missing:
        console.print(f"  {explained.explanation.missing}", style="dim")
    console.print()


def print_written(
    skipped: Sequence[SkippedFile],
    page: Path | None,
    overlays: Sequence[Path],
    on_page: str,
    *,
    anything: bool,
    private: bool,
) -> None:
    """Print what was written. `on_page` says which pictures the page shows, if not all of them;
    `anything` is true if any picture could be read. A `private` model does not know where the
    pictures it learnt from are."""
    console = stdout()
    print_skipped(console, skipped, 0)
    if overlays:
        console.print(f"Written: {several(len(overlays), 'map')} in {shown(overlays[0].parent)}")
    if page:
        console.print(f"Written: {shown(page)}{f', with {on_page}' if on_page else ''}")
    elif anything and not overlays:
        what = "the maps" if private else "the maps and the training pictures"
        more = " For the training pictures too, add --pictures DIR." if private else ""
        console.print(f"To see {what}, add --open or -o why.html.{more}")
