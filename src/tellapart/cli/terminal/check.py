"""What a check found -> text for a terminal. Computes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...assess.check.groups import FLATTERS, Group, by_kind, cost_words
from ...assess.check.mending import MOST_NAMED
from ...text import label_words, several, shown
from .console import command, print_occasions, print_proportion, print_skipped, stdout
from .layout import say

if TYPE_CHECKING:
    from rich.console import Console

    from ...assess.check.health import Finding, Health

_FINDINGS = 5  # of a kind
_PICTURES = 3  # of a finding


def print_health(health: Health, page: Path | None) -> None:
    """Print how accurate a model is now, and what is wrong with the pictures, the dearest first."""
    console = stdout()
    pictures = health.pictures
    held = f", {int(pictures.held_out.sum()):,} to test on" if pictures.held_out.any() else ""
    console.print(
        f"{health.dataset.called}: {several(len(pictures.names), 'picture')}{held}, "
        f"{several(len(pictures.labels), 'label')}\n"
    )
    print_proportion(console, "cross-validated", health.accuracy)
    print_occasions(console, health.bursts)
    if health.bursts.parted:
        say(console, f"\n{health.bursts.words}")
    groups = by_kind(health)
    for group in groups:
        _print_group(console, health, group)
    if not groups:
        console.print("\nNothing was found that is wrong with these pictures.")
    if health.label_errors and not health.label_errors.tells:
        say(console, f"\n{health.label_errors.words}")
    print_skipped(console, health.dataset.skipped, health.dataset.hidden)
    for note in health.notes:
        say(console, f"\nNote: {note}")
    if page:
        console.print(f"\nWritten: {shown(page)}", soft_wrap=True)
    if any(one.mend for one in health.findings):
        console.print(f"\nNext:    {command(*shlex.split(health.walk())[1:])}", soft_wrap=True)


def _print_group(console: Console, health: Health, group: Group) -> None:
    cost = cost_words(group.cost, group.kind)
    if cost and group.kind == FLATTERS:
        cost = f"the figure is about {cost}"
    console.print()
    console.print(f"{group.words}{f'   ({cost})' if cost else ''}", style="bold", soft_wrap=True)
    if group.kind == "wrong-label" and health.label_errors:
        say(console, f"  {health.label_errors.words}", "  ")
    for one in group.findings[:_FINDINGS]:
        _print_finding(console, one)
    rest = len(group.findings) - _FINDINGS + group.more
    if rest > 0:
        console.print(f"  and {rest:,} more (all with --json)", style="dim")
    mends = [one.mend for one in group.findings if one.mend]
    if mends:
        alone = len(group.findings) == 1 and len(group.findings[0].paths) <= MOST_NAMED
        mend = mends[0] if alone else health.walk(group.kind)
        console.print(f"  {mend}", style="dim", soft_wrap=True)


def _print_finding(console: Console, one: Finding) -> None:
    if one.suggested is not None and len(one.paths) == 1:
        sure = ", sure" if one.sure else ""
        console.print(
            f"  {shown(one.paths[0])}  is {label_words(one.label or '')}, likely "
            f"{label_words(one.suggested)} ({one.score:.2f}{sure})",
            soft_wrap=True,
        )
        return
    say(console, f"  {one.words}", "  ")
    for what, names in zip(("some: ", "others: "), one.sides, strict=False):
        say(console, f"    {what}{_some(names)}", "    ")
    if one.paths and not one.sides and shown(one.paths[0]) not in one.words:
        say(console, f"    {_some(one.paths)}", "    ")


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _PICTURES:,} more" if len(names) > _PICTURES else ""
    return ", ".join(map(shown, names[:_PICTURES])) + rest
