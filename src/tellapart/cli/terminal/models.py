"""A model, its report and exports, and the cache -> text for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...cache.folder import address_of, cache_folder
from ...evaluation.sentences import absence_words, compared_words, head_words, unknown_words
from ...exporters.npm import LONGEST
from ...model.judged import evaluations_of
from ...text import label_words, several, shown
from .console import (
    megabytes,
    print_labels,
    print_occasions,
    print_proportion,
    print_sure,
    stderr,
    stdout,
    table_of,
)
from .layout import bare_table, print_table, say

if TYPE_CHECKING:
    from rich.status import Status

    from ...cache.folder import SpaceInfo
    from ...exporters.export import ExportResult, Target
    from ...exporters.npm import Fetching
    from ...model.classifier import Classifier
    from ...model.record import TrainingRecord
    from ...report.content import ReportContent

_A_LINE_EVERY = 5  # seconds
_FEW = 5  # damaged files that are named


def print_report(path: Path, content: ReportContent, no_pictures: bool) -> None:
    """Print where the report is, and what it cannot show, unless nobody asked for pictures."""
    console = stdout()
    if content.missing and not no_pictures:
        absent = absence_words(
            content.missing, "--pictures DIR", private=content.private, elsewhere=content.elsewhere
        )
        console.print(absent)
    console.print(f"Written: {shown(path)}", soft_wrap=True)


def print_targets(targets: Sequence[Target]) -> None:
    """Print the forms that a model can be written in."""
    table = bare_table()
    for name in ("name", "what is written", "read by", "needs", "run it, in its folder"):
        table.add_column(name, overflow="fold")
    for row in targets:
        table.add_row(row.name, row.writes, row.read_by, row.needs or "·", row.run)
    print_table(stdout(), table)


def print_export(result: ExportResult) -> None:
    """Print where an export is, and how it was proved."""
    console, proof = stdout(), result.proof
    if proof.pictures:
        console.print(
            f"Proved on {several(proof.pictures, 'picture')}: it gives the same label for "
            f"{proof.same_label:,}, and scores at most {proof.largest_difference:.2g} apart."
        )
    if proof.note:
        console.print(proof.note)
    console.print(f"Written: {shown(result.folder)} ({megabytes(result.size)})", soft_wrap=True)
    place = shlex.quote(shown(result.folder))
    console.print(f"Run it:  cd {place} && {result.target.run}", soft_wrap=True)


@contextmanager
def print_fetching() -> Iterator[Callable[[Fetching], None]]:
    """Print what npm will download, and then its progress; in a file or a pipe, in single lines."""
    console = stderr()
    lines = 0
    with ExitStack() as stack:
        status: list[Status] = []

        def tell(fetching: Fetching) -> None:
            nonlocal lines
            so_far = f"{fetching.done / 1e6:.0f} of {megabytes(fetching.size)}"
            if not fetching.seconds:
                console.print(
                    f"npm downloads {fetching.package} from its registry, once "
                    f"({megabytes(fetching.size)}, {LONGEST // 60} minutes at most).",
                    soft_wrap=True,
                )
            elif console.is_terminal:
                if not status:
                    status.append(stack.enter_context(console.status("")))
                status[0].update(f"{so_far}, {fetching.seconds:.0f} s")
            elif fetching.seconds >= _A_LINE_EVERY * (lines + 1):
                lines += 1
                console.print(f"  {so_far}, {fetching.seconds:.0f} s")

        yield tell


def print_info(classifier: Classifier) -> None:
    """Print what a model is: labels, accuracy, settings."""
    console, manifest = stdout(), classifier.manifest
    rows = [
        (label_words(manifest.labels[k]), f"{manifest.counts[k]:,}")
        for k in range(len(manifest.labels))
    ]
    lower = "learnt from fewer pictures"
    print_labels(console, ("label", "learnt from"), rows, manifest.counts, lower)
    console.print()
    if classifier.training_record:
        evaluations = evaluations_of(classifier)
        for name, found in evaluations.items():
            print_proportion(console, name, found.accuracy)
        bursts = classifier.training_record.run.bursts
        print_occasions(console, bursts)
        print_sure(console, evaluations, bursts)
    say(console, unknown_words(manifest.unknowns, manifest.counts))
    console.print()
    record = classifier.training_record
    for name, value in {
        "quality": f"{manifest.quality} ({' and '.join(manifest.backbones)})",
        "views": ", ".join(manifest.views),
        "head": head_words(manifest.parts),
        "log loss": compared_words(manifest.compared),
        "network": f"sha256 {manifest.network}",
        "size": megabytes(len(classifier.content)),
        "training.npz": _kept(record) if record else "not here",
        "written by": f"tellapart {manifest.version}, format {manifest.format}",
    }.items():
        if value:
            console.print(f"{name:13} {value}")


def _kept(record: TrainingRecord) -> str:
    """How many pictures it keeps, and of how many."""
    if record.left_out is None:
        return several(len(record.names), "picture")
    return f"{len(record.names):,} of {several(record.count, 'picture')}"


def print_spaces(spaces: Sequence[SpaceInfo]) -> None:
    """Print what the cache holds, which files are damaged, and of which copy all that is."""
    console = stdout()
    if address := address_of(cache_folder()):
        console.print(
            f"The cache is at {shown(address)}. These are the figures of this machine's copy, "
            f"{shown(cache_folder())}:",
            soft_wrap=True,
        )
    table = table_of("kept for", "pictures", "files", "size", "damaged")
    for space in spaces:
        table.add_row(
            space.space,
            f"{space.pictures:,}",
            f"{space.shards:,}",
            megabytes(space.size),
            f"{space.damaged:,}" if space.damaged else "·",
        )
    if spaces:
        print_table(console, table)
    else:
        console.print("The copy is empty." if address else "The cache is empty.")
    damaged = [path for space in spaces for path in space.damaged_files]
    for path in damaged[:_FEW]:
        console.print(f"Damaged: {shown(path)}", soft_wrap=True)
    if len(damaged) > _FEW:
        console.print(f"And {len(damaged) - _FEW:,} more.")
    if damaged:
        console.print(
            "Nothing is lost: what is damaged is never used, and is made again when it is needed. "
            "Delete these files, or leave them.",
            soft_wrap=True,
        )
