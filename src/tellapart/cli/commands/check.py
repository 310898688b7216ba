"""`tellapart check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, Links, Quality, Quiet, Strict, check_strict, show


def check(
    source: Annotated[
        Path,
        typer.Argument(metavar="PHOTOS", help="Labelled pictures, in any form that train takes."),
    ],
    quality: Annotated[
        Quality, typer.Option(help="fast, good or best, as for train.")
    ] = Quality.good,
    test: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A labelled folder to test on: are its pictures new?"),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Rank every picture by how likely its label is wrong."),
    ] = False,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what is wrong with labelled pictures, what it costs, and how to mend it.

    \b
    tellapart check photos/
    """
    from ...assess.check.checking import check as run
    from ...to_json.check import checked
    from ..terminal import console as terminal
    from ..terminal.check import print_health

    with terminal.progress_bar("Reading pictures", quiet) as progress:
        health = run(
            source,
            quality=quality.value,
            test=test,
            every=every,
            follow_links=follow_links,
            progress=progress,
        )
    show(checked(health), as_json, lambda: print_health(health, None))
    check_strict(strict, health.skipped)
