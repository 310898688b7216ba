"""Results of training, and its logs -> text for a terminal."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from ...evaluation.sentences import headline_words, unknown_words
from ...text import label_words, several, shown
from .console import (
    COMMONEST,
    FIGURES,
    command,
    figures,
    folder_size,
    megabytes,
    print_labels,
    print_mistakes,
    print_occasions,
    print_proportion,
    print_skipped,
    print_sure,
    stderr,
    stdout,
)
from .layout import say

if TYPE_CHECKING:
    from ...head.sgd import SgdStep
    from ...model.replacing import Change
    from ...training.result import TrainResult
    from ...training.tensorflow_settings import Epoch


def print_found(result: TrainResult) -> None:
    """Print the result of training: the labels, how good it is, and what it got wrong."""
    console = stdout()
    manifest = result.classifier.manifest
    learnt = sum(manifest.counts)
    held = result.held_out.accuracy.n if result.held_out else 0
    console.print(
        f"{result.dataset.called}: {several(learnt, 'training picture')}, "
        f"{held:,} held out, {several(len(manifest.labels), 'label')}"
    )
    if expected := headline_words(result.evaluations, result.bursts):
        say(console, expected)
    console.print()
    _print_labels(console, result)
    console.print()
    for name, found in result.evaluations.items():
        print_proportion(console, name, found.accuracy)
    print_occasions(console, result.bursts)
    print_proportion(console, COMMONEST, next(iter(result.evaluations.values())).baseline)
    console.print()
    print_sure(console, result.evaluations, result.bursts)
    if result.unknowns:
        say(console, f"\n{unknown_words(result.unknowns, manifest.counts)}")
    if result.bursts.parted:  # the first sentence says what to expect
        say(console, f"\n{result.bursts.why}")
    if result.learning:
        say(console, f"\n{result.learning.words}")
    for name, found in result.evaluations.items():
        print_mistakes(console, f"Wrong, {name}", found, result.dataset)
    print_skipped(console, result.skipped, result.dataset.hidden)
    for note in result.notes:
        say(console, f"\nNote: {note}")
    for shortcut in result.shortcuts:
        say(console, f"\nNote: {shortcut.words}")
        for what, names in shortcut.shelves.items():
            console.print(f"  {what}: {', '.join(map(shown, names))}")
        console.print(f"  {shortcut.advice}")


def print_written(folder: Path, changed: Change | None = None) -> None:
    """Print where the model was written, what differs from the one that it replaced, and what to
    type next."""
    from ...model.folder import REPORT_FILE

    console = stdout()
    size = megabytes(folder_size(folder))
    console.print(f"\nWritten: {shown(folder)} ({size})", soft_wrap=True)
    if changed:
        console.print(f"Changed: {changed.words}", soft_wrap=True)
    if changed and changed.kept:
        console.print(f"Old one: {shown(changed.kept)}", soft_wrap=True)
    console.print(f"Report:  {shown(folder / REPORT_FILE)}", soft_wrap=True)
    console.print(f"Next:    {command('guess', folder)} PICTURE", soft_wrap=True)


def _print_labels(console: Console, result: TrainResult) -> None:
    """One row a label; precision, recall and F1 are cross-validated, or of the validation."""
    held, (name, judged) = result.held_out, next(iter(result.evaluations.items()))
    rows = [
        (
            label_words(row.label),
            f"{result.classifier.manifest.counts[k]:,}",
            f"{held.per_label[k].n:,}" if held else "0",
            *figures(row),
        )
        for k, row in enumerate(judged.per_label)
    ]
    f1 = [row.f1 for row in judged.per_label]
    print_labels(console, ("label", "learnt", "held out", *FIGURES), rows, f1)
    of = "of the validation" if name == "validation" else name
    console.print(f"Precision, F1 and recall are {of}.", style="dim", soft_wrap=True)


def print_sgd_step(step: SgdStep) -> None:
    """A line of the original's training log, on stderr."""
    line = (
        f"step {step.step:5}: train accuracy {step.train_accuracy:6.1%}, "
        f"cross entropy {step.cross_entropy:.6f}"
    )
    if not math.isnan(step.validation_accuracy):
        line += f", validation accuracy {step.validation_accuracy:6.1%}"
    stderr().print(line)


def print_epoch(epoch: Epoch) -> None:
    """A line of the log of fine-tuning, on stderr."""
    line = f"epoch {epoch.number:3}: "
    if not math.isnan(epoch.train_loss):
        line += f"train accuracy {epoch.train_accuracy:6.1%}, loss {epoch.train_loss:.4f}, "
    line += (
        f"validation accuracy {epoch.validation_accuracy:6.1%}, loss {epoch.validation_loss:.4f}"
    )
    stderr().print(line)
