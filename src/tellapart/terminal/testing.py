"""What tests and comparisons say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ..wording import label_words, percent, shown
from . import (
    COMMONEST,
    FIGURES,
    MOST,
    READABLE,
    WIDE,
    figures,
    print_mistakes,
    print_rest,
    print_share,
    print_skipped,
    stdout,
    table_of,
)

if TYPE_CHECKING:
    from ..comparing import Comparison
    from ..evaluation import Evaluation
    from ..testing import TestResult


def print_test(result: TestResult) -> None:
    """What a test says."""
    console = stdout()
    evaluation = result.evaluation
    print_share(console, "accuracy", evaluation.accuracy)
    print_share(console, COMMONEST, evaluation.baseline)
    if result.refused.correct:
        print_share(console, "none of these", result.refused)
    if result.caution:
        console.print(f"\nNote: {result.caution}")
    for note in result.notes:
        console.print(f"\nNote: {note}")
    console.print()
    table = table_of("label", "tested", *FIGURES)
    for row in evaluation.per_label:
        table.add_row(label_words(row.label), f"{row.n:,}", *figures(row))
    console.print(table)
    console.print("Intervals of all figures: --json, or --report FILE.", style="dim")
    _print_confusion(console, evaluation)
    print_mistakes(console, "Wrong", evaluation, result.dataset)
    print_skipped(console, result.skipped, result.dataset.hidden)
    for sentence in result.unjudged:
        console.print(f"\n{sentence}")
    if result.missing:
        console.print(f"\nNo pictures here of: {', '.join(map(label_words, result.missing))}.")


def print_comparison(result: Comparison, names: tuple[str, str]) -> None:
    """Which of two models is better, and whether one can tell."""
    console = stdout()
    width = max(map(len, map(shown, names))) + 2
    for name, found in zip(names, (result.first, result.second), strict=True):
        low, high = found.interval
        console.print(
            f"{shown(name):{width}}{100 * found.value:5.1f} %   ({found.correct:,} of {found.n:,}; "
            f"95 % interval {100 * low:.1f} to {100 * high:.1f})"
        )
    low, high = result.difference.interval
    console.print(
        f"\nOnly {shown(names[0])} is right: {result.only_first:,}; "
        f"only {shown(names[1])}: {result.only_second:,}."
    )
    gain, low, high = (100 * value for value in (result.difference.value, low, high))
    console.print(
        f"{shown(names[1])} against {shown(names[0])}: {gain:+.1f} points "
        f"(95 % interval {low:+.1f} to {high:+.1f})."
    )
    chance = f"chance alone would part equal models so far {percent(result.p)} of the time"
    if result.better is None:
        console.print(f"These pictures are not enough to tell which is better: {chance}.")
    else:
        better = names[0] if result.better == "first" else names[1]
        console.print(f"{shown(better)} is better: {chance}.")
    for name, caution in zip(names, result.cautions, strict=True):
        if caution:
            console.print(f"\nNote on {shown(name)}: {caution}")


def _print_confusion(console: Console, evaluation: Evaluation) -> None:
    """Who was taken for whom: a table, or where that is too wide the commonest pairs."""
    table = _confusion_table(evaluation)
    room = console.width if console.is_terminal else READABLE
    if console.measure(table, options=console.options.update(width=WIDE)).maximum <= room:
        console.print()
        console.print(table)
        return
    pairs = evaluation.confusions
    if pairs:
        console.print("\nMost often taken for another:")
    for label, predicted, count in pairs[:MOST]:
        console.print(f"  {label_words(label)} taken for {label_words(predicted)}: {count:,}")
    print_rest(console, len(pairs))


def _confusion_table(evaluation: Evaluation) -> Table:
    table = table_of("is \\ taken for", *map(label_words, evaluation.labels))
    for label, row in zip(evaluation.labels, evaluation.confusion.tolist(), strict=True):
        table.add_row(label_words(label), *(f"{count:,}" if count else "·" for count in row))
    return table
