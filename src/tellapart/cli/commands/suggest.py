"""`tellapart suggest`: which pictures to label next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, Links, Model, Quiet, Strict, check_strict, on_disk, show


def suggest(
    model: Model,
    folder: Annotated[
        Path,
        typer.Argument(
            parser=on_disk, metavar="UNLABELLED", help="A folder of pictures without labels."
        ),
    ],
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, metavar="N", help="How many pictures to suggest.")
    ] = 50,
    copy_to: Annotated[
        Path | None,
        typer.Option("--copy-to", metavar="DIR", help="Copy the suggested pictures there."),
    ] = None,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Suggest which pictures to label next: the ones that would teach the model most.

    \b
    tellapart suggest heroes unlabelled/ -n 20
    tellapart suggest heroes unlabelled/ -n 20 --copy-to to-label/

    \b
    Then move each into the folder of its label, and train again:
      mv to-label/IMG_0012.jpg photos/elsa/
      tellapart train photos/ -o heroes
      tellapart suggest heroes unlabelled/ -n 20 --copy-to to-label-next/

    tellapart chooses pictures that the model is unsure of, that resemble many others, and that
    differ from each other. "settles" says how much of all doubt about these pictures goes away
    once you label this one. Pictures that the model learnt from, and copies, are never suggested.
    No file in UNLABELLED is changed, and none in DIR is overwritten.
    """
    from ...assess import suggesting
    from ...model.classifier import load
    from ...to_json.suggest import suggested
    from ..terminal import console as terminal
    from ..terminal import suggest as terminal_suggest

    classifier = load(model)
    with terminal.progress_bar("Reading pictures", quiet) as progress:
        found = suggesting.suggest(
            classifier, folder, count, follow_links=follow_links, progress=progress
        )
    copied = suggesting.copy_to(copy_to, found.suggestions) if copy_to else None
    value = suggested(found, copied)
    show(value, as_json, lambda: terminal_suggest.print_suggestions(found, copied))
    check_strict(strict, (*found.unreadable, *(copied.skipped if copied else ())))
