"""`tellapart sort`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from .options import (
    Admit,
    Always,
    AsJson,
    ByLink,
    ByMove,
    IntoFolders,
    KeepNames,
    Links,
    On,
    Quiet,
    Strict,
    UnsureBelow,
    admitting,
    aside,
    check_strict,
    on_disk,
    show,
    sort_options,
)


def sort(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A model folder, or its model.onnx.")
    ] = None,
    inbox: Annotated[
        Path | None,
        typer.Argument(parser=on_disk, metavar="INBOX", help="The folder of pictures to sort."),
    ] = None,
    destination: Annotated[
        Path | None, typer.Argument(metavar="DEST", help="The folder to sort them into.")
    ] = None,
    undo: Annotated[
        Path | None,
        typer.Option("--undo", metavar="DEST", help="Undo all sorting into DEST."),
    ] = None,
    into_folders: IntoFolders = False,
    keep_names: KeepNames = False,
    unsure_below: UnsureBelow = None,
    link: ByLink = False,
    move: ByMove = False,
    admit: Admit = None,
    always_choose: Always = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what sort would do.")
    ] = False,
    on: On = "threads",
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Sort a folder of pictures by what is in them, by copying.

    \b
    tellapart sort heroes inbox/ sorted/
    tellapart sort heroes inbox/ sorted/ --into-folders --unsure-below 0.8
    tellapart sort heroes inbox/ sorted/ --dry-run
    tellapart sort --undo sorted/

    Pictures that are unlike everything the model learnt from go to none-of-these/.
    The name of a copy is <label>-<score>.<extension>; sorted/results.csv has every score.
    With --keep-names it is <label>-<score>-<own name>, or with --into-folders just its own name.
    A copy keeps the time of its original; its owner and permissions are those of a new file.
    A move keeps everything. If it goes to another disk, sort says what that disk cannot keep.
    results.csv is for spreadsheets: a cell that would begin a formula gets an apostrophe first.
    sort never overwrites a file.
    If it was stopped half-way, type the same command again to go on, or --undo to take it back.
    """
    from ...dataset.sources import SkippedFile
    from ...model.classifier import load
    from ...sorting import sort as sorting
    from ...to_json import results as to_json
    from ...workers.places import working_on
    from ..terminal import console as terminal
    from ..terminal.sorting import print_sort, print_undo, step_printer

    if undo:
        others = {
            "MODEL": model,
            "--into-folders": into_folders,
            "--keep-names": keep_names,
            "--unsure-below": unsure_below,
            "--link": link,
            "--move": move,
            "--admit": admit,
            "--always-choose": always_choose,
            "--dry-run": dry_run,
            "--follow-links": follow_links,
            "--strict": strict,
        }
        for name in (name for name, value in others.items() if value):
            raise UsageError(
                f"{name} does not go with --undo, which takes the folder only.",
                hint="Type: tellapart sort --undo DEST.",
            )
        taken = sorting.undo(undo)
        show(to_json.undone(taken), as_json, lambda: print_undo(taken))
        raise typer.Exit(1 if taken.unfinished else 0)
    if not (model and inbox and destination):
        raise UsageError("Give a model, a folder of pictures and a folder to sort them into.")
    options = sort_options(
        link=link,
        move=move,
        into_folders=into_folders,
        keep_names=keep_names,
        unsure_below=unsure_below,
        follow_links=follow_links,
    )
    classifier = admitting(load(model), admit, always_choose)
    if dry_run:
        skipped = []
        print_step = step_printer(inbox)
        with working_on(on, aside(quiet)):
            for step in sorting.plan(classifier, inbox, destination, options):
                show(to_json.planned(step), as_json, partial(print_step, step), in_lines=True)
                if isinstance(step, SkippedFile):
                    skipped.append(step)
        check_strict(strict, skipped)
        return
    with (
        terminal.progress_bar("Sorting", quiet) as progress,
        working_on(on, aside(quiet)),
    ):
        result = sorting.sort(
            classifier,
            inbox,
            destination,
            options,
            progress=progress,
        )
    show(to_json.sorted_(result), as_json, lambda: print_sort(result))
    check_strict(strict, result.unreadable)
