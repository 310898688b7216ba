"""`tellapart watch`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import interrupts
from .options import (
    Admit,
    Always,
    AsJson,
    ByLink,
    ByMove,
    IntoFolders,
    KeepNames,
    Links,
    Model,
    UnsureBelow,
    admitting,
    on_disk,
    seconds,
    show,
    sort_options,
)


def watch(
    model: Model,
    inbox: Annotated[
        Path, typer.Argument(parser=on_disk, metavar="INBOX", help="The folder to watch.")
    ],
    destination: Annotated[
        Path, typer.Argument(metavar="DEST", help="The folder to sort its pictures into.")
    ],
    into_folders: IntoFolders = False,
    keep_names: KeepNames = False,
    unsure_below: UnsureBelow = None,
    link: ByLink = False,
    move: ByMove = False,
    admit: Admit = None,
    always_choose: Always = False,
    follow_links: Links = False,
    quiet_time: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="Take a file for whole if it did not change for so long."
        ),
    ] = "2s",
    as_json: AsJson = False,
) -> None:
    """Sort pictures as they arrive in a folder, until Ctrl-C.

    \b
    tellapart watch heroes inbox/ sorted/
    tellapart watch heroes inbox/ sorted/ --move --into-folders
    tellapart watch heroes /mnt/camera sorted/ --quiet-time 10s
    tellapart sort --undo sorted/

    What lies in the folder and what arrives is sorted as tellapart sort does it, with the same
    names, the same results.csv and the same undo. Each command goes on where the other stopped.
    A picture is sorted when it is whole: its file has not changed for 2 seconds, or was renamed
    from a name that says it is being written, such as x.tmp, x.part or .x.
    A file that cannot be read is named once, with the reason, and tried again when it changes.
    If the folder or the disk goes away, watch waits for it. If you train the model again, or add
    pictures to it, the new one is used from then on.
    With --json there is a line for each picture, as of sort --dry-run --json, and one at the end.
    """
    from ...dataset.sources import SkippedFile
    from ...model.classifier import load
    from ...model.on_disk import ModelOnDisk
    from ...sorting.plan import SortStep
    from ...sorting.sort import SortResult
    from ...sorting.watching import Told, WatchNotice
    from ...sorting.watching import watch as watching
    from ...to_json import results as to_json
    from ..terminal.sorting import print_notice, print_sort, step_printer

    options = sort_options(
        link=link,
        move=move,
        into_folders=into_folders,
        keep_names=keep_names,
        unsure_below=unsure_below,
        follow_links=follow_links,
    )
    loaded = ModelOnDisk(model, lambda path: admitting(load(path), admit, always_choose))
    classifier = loaded.load()
    quiet = seconds(quiet_time, "--quiet-time")
    print_step = step_printer(inbox)

    def tell(told: Told) -> None:
        if isinstance(told, SortResult):
            show(to_json.sorted_(told), as_json, partial(print_sort, told), in_lines=True)
        elif isinstance(told, SortStep | SkippedFile):
            show(to_json.planned(told), as_json, partial(print_step, told), in_lines=True)
        else:
            print_notice(told)

    with interrupts.Ending() as ending:
        for told in watching(
            classifier,
            inbox,
            destination,
            options,
            quiet_time=quiet,
            stop=ending,
            renewed=loaded.newer,
        ):
            try:
                tell(told)
            except OSError:
                if not ending.is_set():
                    raise  # else its terminal was closed, and there is nobody to be told
            if isinstance(told, WatchNotice) and told.kind == "ending":
                ending.take_time()
