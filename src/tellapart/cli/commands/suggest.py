"""Which pictures to label next: `suggest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, Links, Model, Quiet, Strict, check_strict, show


def suggest(
    model: Model,
    folder: Annotated[
        Path, typer.Argument(metavar="UNLABELLED", help="A folder of pictures without labels.")
    ],
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, metavar="N", help="How many to suggest.")
    ] = 50,
    copy_to: Annotated[
        Path | None,
        typer.Option("--copy-to", metavar="DIR", help="Copy them there, to be labelled."),
    ] = None,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say which pictures to label next: those that would teach the model most.

    \b
    tellapart suggest heroes unlabelled/ -n 20
    tellapart suggest heroes unlabelled/ -n 20 --copy-to to-label/

    \b
    Then move each into the folder of its label, and train again:
      mv to-label/IMG_0012.jpg photos/elsa/
      tellapart train photos/ -o heroes
      tellapart suggest heroes unlabelled/ -n 20 --copy-to to-label-next/

    Chosen are pictures that the model is unsure of, that stand for many others, and that are unlike
    each other. "settles" is the share of all doubt about these pictures that its label would take
    away. Pictures that the model has learnt from, and copies, are never suggested. Nothing in
    UNLABELLED is changed, and nothing in DIR is overwritten.
    """
    from ...assess import suggesting
    from ...model.classifier import load
    from ...to_json.suggest import suggested
    from ..terminal import console as terminal
    from ..terminal import suggest as terminal_suggest

    classifier = load(model)
    with terminal.progress_bar("Looking at pictures", quiet) as progress:
        found = suggesting.suggest(
            classifier, folder, count, follow_links=follow_links, progress=progress
        )
    copied = suggesting.copy_to(copy_to, found.suggestions) if copy_to else None
    value = suggested(found, copied)
    show(value, as_json, lambda: terminal_suggest.print_suggestions(found, copied))
    check_strict(strict, (*found.unreadable, *(copied.skipped if copied else ())))
