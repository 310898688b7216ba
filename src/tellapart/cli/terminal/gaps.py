"""What the data lacks -> text for a terminal. Computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...assess.gaps_words import advice_words, unknown_words, worth_words, wrong_words
from ...evaluation.sentences import absence_words
from ...text import label_words, several, shown
from .console import MOST, print_skipped, stdout

if TYPE_CHECKING:
    from rich.console import Console

    from ...assess.gaps import Gaps
    from ...health.subgroups import Subgroup


def print_gaps(gaps: Gaps, page: Path | None) -> None:
    """Print which pictures to take next; those that would prevent most errors come first."""
    console = stdout()
    learnt = several(len(gaps.learnt.names), "training picture")
    subgroups = several(len(gaps.subgroups), "subgroup")
    tested = f", {len(gaps.tested.names):,} {gaps.what_tested}" if gaps.tested else ""
    guessed = "" if gaps.known else " (labels guessed by the model)"
    console.print(f"{learnt}{tested}{guessed}; {subgroups}")
    if not gaps.advice:
        console.print("\nNothing stands out.")
    for number, subgroup in enumerate(gaps.advice[:MOST], start=1):
        console.print(f"\n{number:>2}  {advice_words(gaps, subgroup)}")
        console.print(f"    {worth_words(gaps, subgroup)}", style="dim")
        _print_examples(console, gaps, subgroup)
    if len(gaps.advice) > MOST:
        console.print(f"\nand {len(gaps.advice) - MOST:,} more (all with --json)")
    if gaps.maybe:
        console.print("\nPerhaps also these, but they are too few to rule out chance:")
    for subgroup in gaps.maybe:
        console.print(
            f"    {label_words(gaps.label(subgroup))}: "
            + several(len(subgroup.learnt), "training picture")
            + (f", {len(subgroup.tested):,} tested" if gaps.tested else "")
            + f"; {wrong_words(gaps, subgroup)}"
        )
        _print_examples(console, gaps, subgroup)
    for sentence in unknown_words(gaps):
        console.print(f"\n{sentence}")
    for one in gaps.unknown[:MOST]:
        console.print(f"      {shown(gaps.place(one))}", style="dim")
    if len(gaps.unknown) > MOST:
        console.print(f"      and {len(gaps.unknown) - MOST:,} more (all with --json)", style="dim")
    for note in gaps.notes:
        console.print(f"\nNote: {note}")
    for label, count in gaps.other_labels.items():
        pictures = several(count, "picture")
        console.print(f"\nLeft out: {pictures} of {shown(label)}, which the model does not know.")
    print_skipped(console, gaps.skipped, gaps.hidden)
    if gaps.tested is None and not gaps.unknown:
        console.print(
            "\nThis used only the training pictures, which cannot show what they lack. Give "
            "pictures to test on: tellapart gaps MODEL PHOTOS"
        )
    if page:
        if gaps.missing_pictures:
            absent = absence_words(
                gaps.missing_pictures,
                "--pictures DIR",
                private=gaps.private,
                elsewhere=gaps.elsewhere,
            )
            console.print(f"\n{absent}")
        console.print(f"\nWritten: {shown(page)}")


def _print_examples(console: Console, gaps: Gaps, subgroup: Subgroup) -> None:
    for one in gaps.examples(subgroup):
        taken = f"  taken for {label_words(one.predicted)}" if one.wrong else ""
        unknown = "  unlike everything learnt" if one.unknown else ""
        console.print(f"      {shown(gaps.place(one))}{taken}{unknown}", style="dim")
