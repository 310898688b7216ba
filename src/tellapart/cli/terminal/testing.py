"""Results of tests and comparisons -> text for a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ...text import first_few, in_order, label_words, natural, shown
from .console import (
    COMMONEST,
    FIGURES,
    MOST,
    READABLE,
    WIDE,
    figures,
    print_labels,
    print_mistakes,
    print_proportion,
    print_rest,
    print_skipped,
    print_sure,
    stdout,
    table_of,
)
from .layout import print_table, say

if TYPE_CHECKING:
    from ...assess.comparing import Comparison
    from ...assess.testing import TestResult
    from ...evaluation.judged import Evaluation


def print_test(result: TestResult, page: Path | None = None) -> None:
    """Print the result of a test, and where its page is."""
    console = stdout()
    evaluation = result.evaluation
    print_proportion(console, "accuracy", evaluation.accuracy)
    print_proportion(console, COMMONEST, evaluation.baseline)
    if result.refused.correct:
        print_proportion(console, "none of these", result.refused)
        console.print(f"{'':18}Those are judged all the same, by their likeliest label.")
    if result.caution:
        say(console, f"\nNote: {result.caution}")
    for note in result.notes:
        say(console, f"\nNote: {note}")
    console.print()
    print_sure(console, {"tested": evaluation})
    console.print()
    rows = [(label_words(row.label), f"{row.n:,}", *figures(row)) for row in evaluation.per_label]
    f1 = [row.f1 for row in evaluation.per_label]
    print_labels(console, ("label", "tested", *FIGURES), rows, f1)
    if not page:
        console.print("All figures with their intervals: --json or --report FILE.", style="dim")
    _print_confusion(console, evaluation)
    print_mistakes(console, "Wrong", evaluation, result.dataset)
    print_skipped(console, result.skipped, result.dataset.hidden)
    for sentence in result.unjudged:
        console.print(f"\n{sentence}")
    if result.missing:
        missing = [label_words(label) for label in sorted(result.missing, key=natural)]
        say(console, f"\nNo test pictures of: {first_few(missing)}.")


def print_comparison(result: Comparison, names: tuple[str, str]) -> None:
    """Print which of two models is better, and whether the pictures can tell."""
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
    p = f"{result.p:.2f}" if result.p >= 0.01 else f"{result.p:.1g}"
    by_chance = f"differ this much by chance (p = {p})."
    if result.better is None:
        console.print(
            "These pictures are too few to tell which is better: two equally good models would "
            f"often {by_chance}"
        )
    else:
        better = names[0] if result.better == "first" else names[1]
        console.print(
            f"{shown(better)} is better: two equally good models would rarely {by_chance}"
        )
    for name, caution in zip(names, result.cautions, strict=True):
        if caution:
            console.print(f"\nNote on {shown(name)}: {caution}")


def _print_confusion(console: Console, evaluation: Evaluation) -> None:
    """Print which labels were confused: a table, or the commonest pairs if it is too wide."""
    room = console.width if console.is_terminal else READABLE
    if len(evaluation.labels) < room:
        table = _confusion_table(evaluation)
        if console.measure(table, options=console.options.update(width=WIDE)).maximum <= room:
            console.print()
            print_table(console, table)
            return
    pairs = evaluation.confusions
    if pairs:
        console.print("\nMost often confused:")
    for label, predicted, count in pairs[:MOST]:
        console.print(f"  {label_words(label)} taken for {label_words(predicted)}: {count:,}")
    print_rest(console, len(pairs))


def _confusion_table(evaluation: Evaluation) -> Table:
    order = in_order(evaluation.labels)
    names = [label_words(evaluation.labels[k]) for k in order]
    table = table_of("is \\ taken for", *names)
    for name, row in zip(names, evaluation.confusion[order][:, order].tolist(), strict=True):
        table.add_row(name, *(f"{count:,}" if count else "·" for count in row))
    return table
