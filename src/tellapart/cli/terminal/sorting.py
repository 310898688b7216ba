"""Results of sorting and undoing -> text for a terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...dataset.sources import SkippedFile
from ...text import label_words, natural, several, shown
from .console import MOST, command, print_aside, print_rest, print_skipped, stdout
from .layout import print_figures, say

if TYPE_CHECKING:
    from rich.console import Console

    from ...sorting.sort import SortResult, SortStep, UndoResult
    from ...sorting.watching import WatchNotice


def step_printer(inbox: Path) -> Callable[[SortStep | SkippedFile], None]:
    """What prints one line of what `sort` would do (`--dry-run`), or of what `watch` did: the file
    as whoever typed `inbox` knows it, and what becomes of it."""
    folder = inbox.parent if inbox.is_file() else inbox
    root = os.path.realpath(folder)  # asked for once: its drive may hang later

    def print_step(step: SortStep | SkippedFile) -> None:
        if isinstance(step, SkippedFile):
            name, becomes = step.name, f"  not read: {shown(step.reason)}"
        else:
            name, becomes = os.path.relpath(step.source, root), f"  ->  {shown(step.target)}"
        stdout().print(f"{shown(folder / name)}{becomes}", soft_wrap=True)

    return print_step


def print_notice(notice: WatchNotice) -> None:
    """Print what happened beside the pictures."""
    how_to_end = " Ctrl-C ends it." if notice.kind == "watching" else ""
    print_aside(notice.text + how_to_end)


def print_sort(result: SortResult) -> None:
    """Print the result of sorting."""
    console = stdout()
    counted = sorted(result.counts.items(), key=lambda pair: natural(pair[0]))
    rows = [(label_words(group), f"{count:,}") for group, count in counted]
    if rows:
        print_figures(console, ("label", "pictures"), rows)
    elif not result.waiting:
        console.print("No pictures to sort.")
    if result.already_done:
        console.print(f"\n{several(result.already_done, 'picture')} of these were already there.")
    if result.waiting:
        is_one = len(result.waiting) == 1
        named = shown(result.waiting[0])
        console.print(
            f"\nNot sorted yet: 1 file ({named}). It is sorted next time."
            if is_one
            else f"\nNot sorted yet: {len(result.waiting):,} files (the first: {named}). "
            "They are sorted next time.",
            soft_wrap=True,
        )
    print_skipped(console, result.unreadable, result.hidden)
    _print_not_kept(console, result.not_kept)
    console.print()
    if result.counts:
        where = shown(result.destination)
        console.print(f"Sorted into {where}; all scores in results.csv there.", soft_wrap=True)
        console.print(f"Undo:    {command('sort', '--undo', result.destination)}", soft_wrap=True)


def print_undo(result: UndoResult) -> None:
    """Print the result of `sort --undo`."""
    console = stdout()
    console.print(f"Taken back: {several(result.taken_back, 'picture')}.")
    if result.elsewhere:
        are = "is not where it was" if result.elsewhere == 1 else "are not where they were"
        rest = several(result.elsewhere, "other")
        say(console, f"{rest} {are} put any more: what you have moved or renamed stays.")
    if result.left:
        console.print(f"\nLeft where they are ({len(result.left):,}):")
        for file in result.left[:MOST]:
            console.print(f"  {shown(file.name)}  {shown(file.reason)}", soft_wrap=True)
        print_rest(console, len(result.left))
    _print_not_kept(console, result.not_kept)


def _print_not_kept(console: Console, what: Sequence[str]) -> None:
    if what:
        console.print(f"\nThe other disk cannot keep: {', '.join(what)}.", soft_wrap=True)
