"""`tellapart split`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from .options import AsJson, Links, Quiet, Strict, check_strict, fraction, on_disk, show


def split(
    source: Annotated[
        Path | None,
        typer.Argument(
            parser=on_disk, metavar="DATA", help="Labelled pictures, in any form that train takes."
        ),
    ] = None,
    destination: Annotated[
        Path | None,
        typer.Argument(metavar="OUT", help="The folder for train/, val/ and test/."),
    ] = None,
    undo: Annotated[
        Path | None, typer.Option("--undo", metavar="OUT", help="Undo all splitting into OUT.")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION|none",
            help="What is for testing, of all pictures. [what DATA marks as test, or else 10%]",
        ),
    ] = None,
    val: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION|none",
            help="What is for validation, of all pictures. [what DATA marks as that, or else 10%]",
        ),
    ] = None,
    link: Annotated[
        bool,
        typer.Option(
            "--link",
            help="Link instead of copying: hard links, and across disks symbolic ones.",
        ),
    ] = False,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Split labelled pictures into folders to learn from, validate and test on, by copying.

    \b
    tellapart split photos/ parts/
    tellapart split photos/ parts/ --test 20% --val none --link
    tellapart split --undo parts/

    It makes parts/train/<label>/, parts/val/<label>/ and parts/test/<label>/, for tellapart and
    other programs; parts/labels.csv names all of them, with their labels and groups. The content of
    the files decides, as in train. Equal files, and the pictures of a group, are never parted; to
    find copies that were saved again, ask tellapart check. What DATA marks as test stays test.
    When you have more pictures, type the same command again: it adds them, and moves none of those
    that are there. split never overwrites a file, and never changes DATA.
    """
    from ...exchange import splitting
    from ...to_json import exchange as to_json
    from ...to_json.results import undone
    from ..terminal import console as terminal
    from ..terminal.exchange import print_split
    from ..terminal.sorting import print_undo

    if undo:
        others = {
            "DATA": source,
            "--test": test,
            "--val": val,
            "--link": link,
            "--follow-links": follow_links,
            "--strict": strict,
        }
        for name in (name for name, value in others.items() if value):
            raise UsageError(
                f"{name} does not go with --undo, which takes the folder only.",
                hint="Type: tellapart split --undo OUT.",
            )
        taken = splitting.undo(undo)
        show(undone(taken), as_json, lambda: print_undo(taken))
        raise typer.Exit(1 if taken.unfinished else 0)
    if not (source and destination):
        raise UsageError("Give labelled pictures and a folder to split them into.")
    with terminal.progress_bar("Splitting", quiet) as progress:
        result = splitting.split(
            source,
            destination,
            test=_share(test, "--test"),
            validation=_share(val, "--val"),
            how="link" if link else "copy",
            follow_links=follow_links,
            progress=progress,
        )
    show(to_json.split(result), as_json, lambda: print_split(result))
    check_strict(strict, result.skipped)


def _share(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    return 0.0 if text.lower() == "none" else fraction(text, option)
