"""Building blocks of the text in a terminal: streams, tables and lines. Computes nothing."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ...dataset.sources import SkippedFile
from ...evaluation.sentences import covered_words, sure_words, use_words
from ...files.system import WINDOWS
from ...text import in_order, label_words, several, shown
from .layout import bare_table, print_figures, print_table, say
from .progress import Progress, Silence, shown_on

if TYPE_CHECKING:
    from ...dataset.sources import Dataset
    from ...evaluation.judged import Evaluation
    from ...evaluation.metrics import LabelScore, Proportion
    from ...evaluation.occasions import Bursts
    from ...model.answers.writing import AnswersWritten

COMMONEST = "always commonest"  # how often the commonest label is the right one
MOST = 10  # of anything listed; the rest is counted and found with --json
_EXAMPLES = 3  # of the files that were not read for one reason
_LONGEST = 200  # letters of a path that is shown as an example
WIDE = 10_000  # columns in a file or a pipe, which is never wrapped
FIGURES = ("precision", "F1", "recall", "95 % interval")  # of a label
LEAST = ("precision", "F1", "held out", "learnt", "tested")  # go where a table is too wide
MOST_LABELS = 50  # rows of a table of labels
READABLE = 100  # columns of a table that is piped


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
    """A live bar on a terminal, a line every so often in a file or a pipe; nothing if `quiet`."""
    if quiet:
        yield Silence()
        return
    with shown_on(stderr(), what) as progress:
        yield progress


def progress_beside_output(what: str, quiet: bool) -> AbstractContextManager[Progress]:
    """The same for commands that print results one by one: on a terminal these replace the bar."""
    return progress_bar(what, quiet or stdout().is_terminal)


def print_aside(sentence: str) -> None:
    """Print a sentence on stderr while something is under way."""
    stderr().print(sentence, soft_wrap=True)


def say_command(*words: str | os.PathLike[str]) -> None:
    """Print a command of ours as if somebody had typed it here."""
    stdout().print(f"\n$ {command(*words)}", style="bold", soft_wrap=True)


def command(*words: str | os.PathLike[str]) -> str:
    """What to type, quoted for a shell, whatever is in the names; print it without wrapping."""
    typed = ["tellapart", *map(shown, words)]
    if WINDOWS:  # whose shells all know double quotes
        from subprocess import list2cmdline

        return list2cmdline(typed)
    return shlex.join(typed)


def print_answers(written: AnswersWritten) -> None:
    """How many answers were written, and where."""
    aside = [
        f"{written.unreadable:,} of them could not be read: their rows say why"
        if written.unreadable
        else "",
        f"{written.already_done:,} were there already" if written.already_done else "",
    ]
    said = "; ".join(filter(None, aside))
    stdout().print(
        f"{several(written.total, 'answer')} in {several(written.parts, 'part')}, in "
        f"{shown(written.destination)}" + (f" ({said})." if said else "."),
        soft_wrap=True,
    )


def print_proportion(console: Console, name: str, proportion: Proportion) -> None:
    if not proportion.n:
        console.print(f"{name:18}{'·':>7}   (no picture was judged)")
        return
    low, high = proportion.interval
    say(
        console,
        f"{name:18}{100 * proportion.value:5.1f} %   "
        f"({proportion.correct:,} of {proportion.n:,}; "
        f"95 % interval {100 * low:.1f} to {100 * high:.1f})",
        " " * 10,
    )


def print_occasions(console: Console, bursts: Bursts) -> None:
    """Print what to expect of other occasions than those learnt from, where that is another figure
    than the one before it."""
    if bursts.range and bursts.parted:
        say(
            console,
            f"{'other occasions':18}{bursts.range} %   (pictures that are alike, judged together)",
            " " * 10,
        )


def print_sure(
    console: Console, evaluations: Mapping[str, Evaluation], bursts: Bursts | None = None
) -> None:
    """Print on how many pictures the model is sure, and how often it is right on them.

    The first evaluation chooses the score; the others use the same one.
    """
    (name, first), *others = evaluations.items()
    say(console, sure_words(first))
    if first.sure and bursts and bursts.flatter(name):
        say(console, use_words(first.sure, flatters=True))
    if first.sure:
        for name, other in others:
            found = covered_words(other.coverage.above(first.sure.score))
            say(console, f"{name.capitalize()}: {found[0].lower()}{found[1:]}")


def print_mistakes(console: Console, title: str, evaluation: Evaluation, dataset: Dataset) -> None:
    mistakes = evaluation.mistakes
    if not mistakes:
        return
    console.print(f"\n{title} ({evaluation.wrong:,}), the surest first:")
    for mistake in mistakes[:MOST]:
        place = _from_here(dataset.place_of(mistake.name), dataset.source)
        console.print(
            f"  {shown(place)}  is {label_words(mistake.label)}, "
            f"taken for {label_words(mistake.predicted)} ({mistake.score:.2f})",
            soft_wrap=True,
        )
    print_rest(console, evaluation.wrong)


def _from_here(path: Path, source: Path) -> Path:
    """A path below the working folder as paths were given: relative, where the source is."""
    here = Path.cwd()
    near = path.is_absolute() and not source.is_absolute() and path.is_relative_to(here)
    return path.relative_to(here) if near else path


def print_skipped(console: Console, skipped: Sequence[SkippedFile], hidden: int) -> None:
    if hidden:
        console.print(f"\nPassed over: {several(hidden, 'hidden or system file')}.")
    if not skipped:
        return
    by_reason: dict[str, list[str]] = {}
    for file in skipped:
        name = shown(file.name)
        if len(name) > _LONGEST:
            name = f"{name[: _LONGEST // 2]}…{name[-_LONGEST // 2 :]}"
        by_reason.setdefault(shown(file.reason), []).append(name)
    reasons = sorted(by_reason.items(), key=lambda pair: -len(pair[1]))
    table = bare_table()
    table.add_column("reason", overflow="fold")
    table.add_column("files", justify="right")
    table.add_column("such as", overflow="fold")
    for reason, names in reasons[:MOST]:
        table.add_row(reason, f"{len(names):,}", ", ".join(names[:_EXAMPLES]))
    console.print(f"\nNot read ({len(skipped):,}):")
    print_table(console, table)
    if len(reasons) > MOST:
        rest = several(len(reasons) - MOST, "other reason")
        console.print(f"  and {rest} (all with --json)")


def print_rest(console: Console, count: int) -> None:
    if count > MOST:
        console.print(f"  and {count - MOST:,} more (all with --json)")


def print_labels(
    console: Console,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    scores: Sequence[float],
    lower: str = "with a lower F1",
) -> None:
    """Print one row per label, in natural order; of very many, those with the lowest `scores`, so
    that none of the others is one `lower`."""
    chosen = set(range(len(rows)))
    if len(rows) > MOST_LABELS:
        low = sorted(chosen, key=lambda k: (math.isnan(scores[k]), scores[k]))
        chosen = set(low[:MOST_LABELS])
    order = [k for k in in_order([row[0] for row in rows]) if k in chosen]
    print_figures(console, heads, [rows[k] for k in order], LEAST)
    if len(rows) > MOST_LABELS:
        rest = len(rows) - MOST_LABELS
        console.print(f"  and {rest:,} more, none {lower} (all with --json)", soft_wrap=True)


def table_of(first: str, *others: str) -> Table:
    """A table with words in the first column and figures in the others."""
    table = bare_table()
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right")
    return table


def figures(row: LabelScore) -> Iterator[str]:
    """A label's `FIGURES`, with one interval only, so that they fit into 80 columns."""
    yield from map(_percent_words, (row.precision, row.f1, row.recall))
    low, high = row.found.interval
    yield f"{100 * low:.1f} to {100 * high:.1f}" if row.n else "·"


def _percent_words(value: float) -> str:
    return "·" if math.isnan(value) else f"{100 * value:.1f} %"


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
