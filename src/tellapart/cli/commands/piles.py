"""`tellapart piles`: a heap of unlabelled pictures into folders to be named."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from .options import AsJson, Links, Quality, Quiet, Strict, check_strict, on_disk, show


def piles(
    heap: Annotated[
        Path | None,
        typer.Argument(parser=on_disk, metavar="HEAP", help="A folder of pictures without labels."),
    ] = None,
    destination: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Make the folders of the piles there."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--count",
            min=1,
            metavar="N",
            help="How many piles. [as many as there seem to be]",
        ),
    ] = None,
    undo: Annotated[
        Path | None,
        typer.Option("--undo", metavar="DIR", help="Take back the piles made in DIR."),
    ] = None,
    quality: Annotated[
        Quality, typer.Option(help="fast, good or best, as for train.")
    ] = Quality.good,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Group unlabelled pictures into piles that look alike, for you to name.

    \b
    tellapart piles heap/ -o piles/
    tellapart piles heap/ -o piles/ -n 12
    tellapart piles --undo piles/

    \b
    Look at piles/index.html, name the piles, and train:
      mv piles/pile-01 piles/rose
      mv piles/pile-02/* piles/rose/
      tellapart train piles/ -o flowers

    Each pile is a folder of links to the pictures, or of copies where links cannot be made.
    piles.csv says for every picture which pile it is in, and how typical of it. Pictures that are
    unlike every pile go to set-aside/, which train passes over. Without -n, tellapart chooses the
    number, and that is a rough guess: from 60, 150 and 400 pictures of four sets it chose 2 to 14
    for 2 labels, 5 to 14 for 5, 4 to 19 for 10 and 7 to 12 for 12, the worst from the fewest. Ask
    for more piles than there are kinds: two piles can get one name. Folders of piles that are in
    HEAP are passed over.
    Look through the piles before you train: a model of piles that nobody looked through only learns
    to repeat them, and its accuracy says only how well it does that.
    No file in HEAP is changed, and none in DIR is overwritten.
    """
    from ...sorting import piles as piling
    from ...to_json.piles import piled
    from ...to_json.results import undone
    from ..terminal import console as terminal
    from ..terminal.piles import print_piles
    from ..terminal.sorting import print_undo

    if undo:
        others = {
            "HEAP": heap,
            "-o": destination,
            "-n": count,
            "--follow-links": follow_links,
            "--strict": strict,
        }
        for name in (name for name, value in others.items() if value):
            raise UsageError(
                f"{name} does not go with --undo, which takes the folder only.",
                hint="Type: tellapart piles --undo DIR.",
            )
        taken = piling.undo(undo)
        show(undone(taken), as_json, lambda: print_undo(taken))
        raise typer.Exit(1 if taken.unfinished else 0)
    if not (heap and destination):
        raise UsageError(
            "Give a folder of pictures and a folder for the piles.",
            hint="Type: tellapart piles HEAP -o DIR.",
        )
    with terminal.progress_bar("Reading pictures", quiet) as progress:
        found = piling.piles(
            heap,
            destination,
            count,
            quality=quality.value,
            follow_links=follow_links,
            progress=progress,
        )
    show(piled(found), as_json, lambda: print_piles(found))
    check_strict(strict, found.unreadable)
