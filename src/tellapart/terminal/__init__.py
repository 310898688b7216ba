"""Results -> quiet, legible text for a terminal. Computes nothing."""

from __future__ import annotations

import math
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ..dataset import Skipped
from ..wording import label_words, percent, several, shown

if TYPE_CHECKING:
    from ..cache import SpaceInfo
    from ..comparing import Comparison
    from ..dataset import Dataset
    from ..evaluation import Evaluation
    from ..exporters import ExportResult, Target
    from ..metrics import LabelScore, Share
    from ..model import Classifier
    from ..report.story import Story
    from ..sgd import SgdStep
    from ..sorting import SortResult, Step, UndoResult
    from ..tensorflow_settings import Epoch
    from ..testing import TestResult
    from ..training import TrainResult

COMMONEST = "always commonest"  # how often the commonest label is the right one
MOST = 10  # of anything listed; the rest is counted and found with --json
_EXAMPLES = 3  # of the files that were not read for one reason
_WIDE = 10_000  # columns where nobody looks on: what is piped is never wrapped
_READABLE = 100  # columns of a table that is piped

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
        console.width = _WIDE
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
        TextColumn(what),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")

        def update(done: int, total: int | None) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.0f} a second" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield update


def print_training(result: TrainResult, folder: Path) -> None:
    """What training says: the labels, how good it is, what was wrong, and what to type next."""
    from ..model import REPORT_FILE

    console = stdout()
    manifest = result.classifier.manifest
    learnt = sum(manifest.counts)
    held = result.held_out.accuracy.n if result.held_out else 0
    console.print(
        f"{shown(result.dataset.source)}: {several(learnt, 'picture')} to learn from, "
        f"{held:,} held out, {several(len(manifest.labels), 'label')}"
    )
    console.print()
    console.print(_labels_table(result))
    console.print()
    for name, found in result.evaluations.items():
        _print_share(console, name, found.accuracy)
    _print_share(console, COMMONEST, next(iter(result.evaluations.values())).baseline)
    if result.learning:
        console.print(f"\n{result.learning.words}")
    for name, found in result.evaluations.items():
        _print_mistakes(console, f"Wrong, {name}", found, result.dataset)
    print_skipped(console, result.skipped, result.dataset.hidden)
    for note in result.notes:
        console.print(f"\nNote: {note}")
    for cue in result.cues:
        console.print(f"\nNote: {cue.words}")
        for what, names in cue.shelves.items():
            console.print(f"  {what}: {', '.join(map(shown, names))}")
        console.print(f"  {cue.advice}")
    size = _megabytes(len(result.classifier.content))
    console.print(f"\nWritten: {shown(folder)} ({size})", soft_wrap=True)
    console.print(f"Report:  {shown(folder / REPORT_FILE)}", soft_wrap=True)
    console.print(f"Next:    {command('guess', folder)} PICTURE", soft_wrap=True)


def _labels_table(result: TrainResult) -> Table:
    """One row a label; precision, recall and F1 are cross-validated, or of the validation."""
    table = _table("label", "learnt", "held out", *_FIGURES)
    held, judged = result.held_out, next(iter(result.evaluations.values()))
    for k, row in enumerate(judged.per_label):
        table.add_row(
            label_words(row.label),
            f"{result.classifier.manifest.counts[k]:,}",
            f"{held.per_label[k].n:,}" if held else "0",
            *_figures(row),
        )
    return table


def print_test(result: TestResult) -> None:
    """What a test says."""
    console = stdout()
    evaluation = result.evaluation
    _print_share(console, "accuracy", evaluation.accuracy)
    _print_share(console, COMMONEST, evaluation.baseline)
    if result.refused.correct:
        _print_share(console, "none of these", result.refused)
    if result.caution:
        console.print(f"\nNote: {result.caution}")
    console.print()
    table = _table("label", "tested", *_FIGURES)
    for row in evaluation.per_label:
        table.add_row(label_words(row.label), f"{row.n:,}", *_figures(row))
    console.print(table)
    console.print("Intervals of all figures: --json, or --report FILE.", style="dim")
    _print_confusion(console, evaluation)
    _print_mistakes(console, "Wrong", evaluation, result.dataset)
    print_skipped(console, result.skipped, result.dataset.hidden)
    for label, count in result.unknown.items():
        pictures = several(count, "picture")
        console.print(f"\nNot judged: {pictures} of {shown(label)}, which the model does not know.")
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


def print_report(path: Path, story: Story) -> None:
    """What writing a report says."""
    console = stdout()
    if story.missing:
        console.print(
            f"{several(story.missing, 'picture')} could not be found any more. If they were moved, "
            f"say where with --pictures."
        )
    console.print(f"Written: {shown(path)}", soft_wrap=True)


def _print_confusion(console: Console, evaluation: Evaluation) -> None:
    """Who was taken for whom: a table, or where that is too wide the commonest pairs."""
    table = _confusion_table(evaluation)
    room = console.width if console.is_terminal else _READABLE
    if console.measure(table, options=console.options.update(width=_WIDE)).maximum <= room:
        console.print()
        console.print(table)
        return
    pairs = evaluation.confusions
    if pairs:
        console.print("\nMost often taken for another:")
    for label, predicted, count in pairs[:MOST]:
        console.print(f"  {label_words(label)} taken for {label_words(predicted)}: {count:,}")
    _print_rest(console, len(pairs))


def _confusion_table(evaluation: Evaluation) -> Table:
    table = _table("is \\ taken for", *map(label_words, evaluation.labels))
    for label, row in zip(evaluation.labels, evaluation.confusion.tolist(), strict=True):
        table.add_row(label_words(label), *(f"{count:,}" if count else "·" for count in row))
    return table


def print_step(step: Step | Skipped) -> None:
    """A line of what `sort --dry-run` would do."""
    if isinstance(step, Skipped):
        stdout().print(f"{shown(step.name)}  not read: {step.reason}", soft_wrap=True)
    else:
        stdout().print(f"{shown(step.source)}  ->  {shown(step.target)}", soft_wrap=True)


def print_sort(result: SortResult) -> None:
    """What sorting says."""
    console = stdout()
    table = _table("label", "pictures")
    for group, count in result.counts.items():
        table.add_row(label_words(group), f"{count:,}")
    console.print(table if result.counts else "There was no picture to sort.")
    if result.already_done:
        console.print(f"\n{several(result.already_done, 'picture')} of these were there before.")
    print_skipped(console, result.unreadable, result.hidden)
    console.print()
    if result.counts:
        where = shown(result.destination)
        console.print(f"Sorted into {where}; all scores in results.csv there.", soft_wrap=True)
    console.print(f"Undo:    {command('sort', '--undo', result.destination)}", soft_wrap=True)


def print_undo(result: UndoResult) -> None:
    """What taking back says."""
    console = stdout()
    console.print(f"Taken back: {several(result.taken_back, 'picture')}.")
    if result.left:
        console.print(f"\nLeft where they are ({len(result.left):,}):")
        for file in result.left[:MOST]:
            console.print(f"  {shown(file.name)}  {file.reason}", soft_wrap=True)
        _print_rest(console, len(result.left))


def print_targets(targets: Sequence[Target]) -> None:
    """The forms that a model can be written in."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in ("name", "what is written", "read by", "needs", "run it, in its folder"):
        table.add_column(name, overflow="fold")
    for row in targets:
        table.add_row(row.name, row.writes, row.read_by, row.needs or "·", row.run)
    stdout().print(table)


def print_export(result: ExportResult) -> None:
    """What exporting says."""
    console, proof = stdout(), result.proof
    if proof.pictures:
        console.print(
            f"Proved on {several(proof.pictures, 'picture')}: the same label for "
            f"{proof.same_label:,}, scores at most {proof.largest_difference:.2g} apart."
        )
    if proof.note:
        console.print(proof.note)
    console.print(f"Written: {shown(result.folder)} ({_megabytes(result.size)})", soft_wrap=True)
    place = shlex.quote(shown(result.folder))
    console.print(f"Run it:  cd {place} && {result.target.run}", soft_wrap=True)


def say_command(*words: str | os.PathLike[str]) -> None:
    """A command of ours as if it had been typed here."""
    stdout().print(f"\n$ {command(*words)}", style="bold", soft_wrap=True)


def command(*words: str | os.PathLike[str]) -> str:
    """What to type, whatever is in the names; to be printed unbroken."""
    return shlex.join(["tellapart", *map(shown, words)])


def print_info(classifier: Classifier) -> None:
    """What a model says of itself."""
    console, manifest = stdout(), classifier.manifest
    table = _table("label", "learnt from")
    for label, count in zip(manifest.labels, manifest.counts, strict=True):
        table.add_row(label_words(label), f"{count:,}")
    console.print(table)
    console.print()
    strength = f", C = {manifest.strength:.3g}" if manifest.strength else ""
    memory = classifier.memory
    for name, value in {
        "quality": f"{manifest.quality} ({' and '.join(manifest.backbones)})",
        "views": ", ".join(manifest.views),
        "head": f"{manifest.solver}{strength}, temperature {manifest.temperature:.3f}",
        "network": f"sha256 {manifest.network}",
        "size": _megabytes(len(classifier.content)),
        "training.npz": several(len(memory.names), "picture") if memory else "not here",
        "written by": f"tellapart {manifest.version}, format {manifest.format}",
    }.items():
        console.print(f"{name:13} {value}")


def print_spaces(spaces: Sequence[SpaceInfo]) -> None:
    """What the cache holds."""
    console = stdout()
    table = _table("kept for", "pictures", "files", "size", "damaged")
    for space in spaces:
        table.add_row(
            space.space,
            f"{space.pictures:,}",
            f"{space.shards:,}",
            _megabytes(space.size),
            f"{space.damaged:,}" if space.damaged else "·",
        )
    console.print(table if spaces else "The cache is empty.")


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


def _print_share(console: Console, name: str, share: Share) -> None:
    if not share.n:
        console.print(f"{name:18}{'·':>7}   (no picture was judged)")
        return
    low, high = share.interval
    console.print(
        f"{name:18}{100 * share.value:5.1f} %   "
        f"({share.correct:,} of {share.n:,}; 95 % interval {100 * low:.1f} to {100 * high:.1f})"
    )


def _print_mistakes(console: Console, title: str, evaluation: Evaluation, dataset: Dataset) -> None:
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
    _print_rest(console, len(mistakes))


def print_skipped(console: Console, skipped: Sequence[Skipped], hidden: int) -> None:
    if hidden:
        console.print(f"\nPassed over: {several(hidden, 'hidden or system file')}.")
    if not skipped:
        return
    by_reason: dict[str, list[str]] = {}
    for file in skipped:
        by_reason.setdefault(file.reason, []).append(shown(file.name))
    reasons = sorted(by_reason.items(), key=lambda pair: -len(pair[1]))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
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


def _print_rest(console: Console, count: int) -> None:
    if count > MOST:
        console.print(f"  and {count - MOST:,} more (all with --json)")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right")
    return table


_FIGURES = ("precision", "F1", "recall", "95 % interval")


def _figures(row: LabelScore) -> Iterator[str]:
    """A label's `_FIGURES`; of one interval only, so that it fits into 80 columns."""
    yield from map(_share, (row.precision, row.f1, row.recall))
    low, high = row.found.interval
    yield f"{100 * low:.1f} to {100 * high:.1f}" if row.n else "·"


def _share(value: float) -> str:
    return "·" if math.isnan(value) else f"{100 * value:.1f} %"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
