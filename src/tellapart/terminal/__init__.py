"""Results -> quiet, legible text for a terminal: what all of it is made of. Computes nothing."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ..dataset import Skipped
from ..wording import label_words, several, shown

if TYPE_CHECKING:
    from ..dataset import Dataset
    from ..evaluation import Evaluation
    from ..metrics import LabelScore, Share

COMMONEST = "always commonest"  # how often the commonest label is the right one
MOST = 10  # of anything listed; the rest is counted and found with --json
_EXAMPLES = 3  # of the files that were not read for one reason
_LONGEST = 200  # letters of a path that is shown as an example
WIDE = 10_000  # columns where nobody looks on: what is piped is never wrapped
FIGURES = ("precision", "F1", "recall", "95 % interval")  # of a label
READABLE = 100  # columns of a table that is piped

Progress = Callable[[int, int | None], None]


def stdout() -> Console:
    """Where results go."""
    return _console(sys.stdout)


def stderr() -> Console:
    """Where progress, notes and errors go."""
    return _console(sys.stderr)


def _console(stream: object) -> Console:
    console = Console(
        file=stream,  # type: ignore[arg-type]
        color_system=None if os.environ.get("NO_COLOR") else "auto",  # rich would still dim
        highlight=False,
        emoji=False,
        markup=False,
    )
    if not console.is_terminal:
        console.width = WIDE
    return console


@contextmanager
def progress_bar(what: str, quiet: bool) -> Iterator[Progress]:
    """A live bar with rate and time left on a terminal; nothing where nobody looks on."""
    console = stderr()
    if quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(shown(what), total=None, rate="")

        def update(done: int, total: int | None) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.0f} a second" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield update


def say_command(*words: str | os.PathLike[str]) -> None:
    """A command of ours as if it had been typed here."""
    stdout().print(f"\n$ {command(*words)}", style="bold", soft_wrap=True)


def command(*words: str | os.PathLike[str]) -> str:
    """What to type, whatever is in the names; to be printed unbroken."""
    return shlex.join(["tellapart", *map(shown, words)])


def print_share(console: Console, name: str, share: Share) -> None:
    if not share.n:
        console.print(f"{name:18}{'·':>7}   (no picture was judged)")
        return
    low, high = share.interval
    console.print(
        f"{name:18}{100 * share.value:5.1f} %   "
        f"({share.correct:,} of {share.n:,}; 95 % interval {100 * low:.1f} to {100 * high:.1f})"
    )


def print_mistakes(console: Console, title: str, evaluation: Evaluation, dataset: Dataset) -> None:
    mistakes = evaluation.mistakes
    if not mistakes:
        return
    console.print(f"\n{title} ({len(mistakes):,}), the surest first:")
    for mistake in mistakes[:MOST]:
        console.print(
            f"  {shown(dataset.place_of(mistake.name))}  is {label_words(mistake.label)}, "
            f"taken for {label_words(mistake.predicted)} ({mistake.score:.2f})",
            soft_wrap=True,
        )
    print_rest(console, len(mistakes))


def print_skipped(console: Console, skipped: Sequence[Skipped], hidden: int) -> None:
    if hidden:
        console.print(f"\nPassed over: {several(hidden, 'hidden or system file')}.")
    if not skipped:
        return
    by_reason: dict[str, list[str]] = {}
    for file in skipped:
        name = shown(file.name)
        if len(name) > _LONGEST:
            name = f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}"
        by_reason.setdefault(file.reason, []).append(name)
    reasons = sorted(by_reason.items(), key=lambda pair: -len(pair[1]))
    table = bare_table()
    table.add_column("reason", overflow="fold")
    table.add_column("files", justify="right")
    table.add_column("such as", overflow="fold")
    for reason, names in reasons[:MOST]:
        table.add_row(reason, f"{len(names):,}", ", ".join(names[:_EXAMPLES]))
    console.print(f"\nNot read ({len(skipped):,}):")
    console.print(table)
    if len(reasons) > MOST:
        rest = several(len(reasons) - MOST, "other reason")
        console.print(f"  and {rest} (all with --json)")


def print_rest(console: Console, count: int) -> None:
    if count > MOST:
        console.print(f"  and {count - MOST:,} more (all with --json)")


def bare_table() -> Table:
    """A table without lines, and no columns yet."""
    return Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")


def table_of(first: str, *others: str) -> Table:
    """A table with words in its first column and figures in the others."""
    table = bare_table()
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right")
    return table


def figures(row: LabelScore) -> Iterator[str]:
    """A label's `FIGURES`; of one interval only, so that it fits into 80 columns."""
    yield from map(_share, (row.precision, row.f1, row.recall))
    low, high = row.found.interval
    yield f"{100 * low:.1f} to {100 * high:.1f}" if row.n else "·"


def _share(value: float) -> str:
    return "·" if math.isnan(value) else f"{100 * value:.1f} %"


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
