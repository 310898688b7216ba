"""What was decided about pictures, and what came of it -> text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ...assess.check.mending import DROP, GROUP, RELABEL, Mend
from ...text import first_few, label_words, shown
from .console import MOST, command, print_rest, print_skipped, stdout
from .layout import bare_table, print_table, say

if TYPE_CHECKING:
    from ...assess.carrying_out import CarriedOut
    from ...assess.deciding import Decided
    from ...dataset.decisions import Decision
    from ...evaluation.metrics import Proportion

_TEXT = 9  # lines of a question that are not pictures
_LOWEST, _HIGHEST = 8, 30  # lines of its pictures
_NARROWEST = 8  # cells of a picture
_GAP = 2  # cells between pictures
_TYPICAL = 3  # pictures of each label to compare with
_MOST = 6  # pictures of one finding that are shown side by side
OTHER_LABEL, ENTER = "l", "enter"  # keys


def accuracy_words(
    before: Proportion | None, after: Proportion | None, *, about: bool = False
) -> str:
    """`97.1 % -> 98.3 % (96.7 to 99.1)`, or `-> about` where it is not what check would say."""
    if not (before and after and after.n):
        return ""
    low, high = after.interval
    interval = f"({100 * low:.1f} to {100 * high:.1f})"
    then = f"{'about ' if about else ''}{100 * after.value:.1f} % {interval}"
    return f"{100 * before.value:.1f} % -> {then}"


def fairer_words(mends: Sequence[Mend], before: Proportion | None, after: Proportion | None) -> str:
    """Why keeping pictures together made the accuracy lower, where it did."""
    if not (before and after and any(one.how == GROUP for one in mends)):
        return ""
    if after.value >= before.value:
        return ""
    return "It was too high: pictures of one occasion were judged by each other."


def print_undo(console: Console, places: Sequence[tuple[Path, int]]) -> None:
    """What takes back so many decisions of each source."""
    for source, count in places:
        undo = command("fix", source, "--undo", f"last-{count}" if count > 1 else "last")
        console.print(f"Undo:    {undo}", soft_wrap=True)


def decision_words(mend: Mend) -> str:
    """What was decided, as a sentence without its end."""
    names = first_few(mend.names, 3)
    if mend.how == RELABEL:
        return f"{names}: now {label_words(mend.value)}"
    if mend.how == GROUP:
        return f"{names}: kept together as {shown(mend.value)}"
    return f"{names}: {'left out' if mend.how == DROP else 'kept as it is'}"


def print_decided(done: Decided, *, back: bool = False) -> None:
    """Print what was decided, or taken back, and what that did to the accuracy."""
    console = stdout()
    for mend in done.mends[:MOST]:
        said = decision_words(mend)
        console.print(f"{'Undone: ' if back else ''}{said}.", soft_wrap=True)
    print_rest(console, len(done.mends))
    if not done.mends:
        console.print("There is nothing to decide.")
        return
    if words := accuracy_words(done.before, done.after, about=done.about):
        console.print(f"cross-validated   {words}")
        if not back and (why := fairer_words(done.mends, done.before, done.after)):
            say(console, why)
    elif done.trouble:
        say(console, f"The accuracy is not known: {done.trouble}")
    if not back:
        print_undo(console, done.places)


def print_list(rows: Sequence[Decision], source: Path) -> None:
    """Print decisions, each with the number by which it can be undone."""
    console = stdout()
    if not rows:
        console.print("Nothing was decided about these pictures.")
        return
    table = bare_table()
    for name in ("row", "picture", "decision", "when", "why"):
        table.add_column(name, overflow="fold", justify="right" if name == "row" else "left")
    for number, row in enumerate(rows, 1):
        said = decision_words(Mend((row.path,), row.decision, row.new_label)).partition(": ")[2]
        done = ", carried out" if row.carried_out else ""
        table.add_row(
            str(number), shown(row.path), said + done, shown(row.when)[:16], shown(row.why)
        )
    print_table(console, table)
    console.print(
        f"\nUndo:    {command('fix', source, '--undo')} ROW (or PICTURE; the rows after one that "
        "is taken back move up)",
        soft_wrap=True,
    )


def print_carried(done: CarriedOut, source: Path) -> None:
    """Print which files were moved, and how to put them back."""
    console = stdout()
    for before, after in done.moved[:MOST]:
        console.print(f"{shown(before)}  ->  {shown(after)}", soft_wrap=True)
    print_rest(console, len(done.moved))
    if not done.moved:
        console.print("There is no file to move.")
    print_skipped(console, done.left, 0)
    if done.moved:
        undo = command("fix", source, "--undo", "carried-out")
        console.print(f"\nUndo:    {undo}", soft_wrap=True)
