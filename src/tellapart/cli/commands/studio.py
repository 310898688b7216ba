"""`tellapart studio`."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ...errors import DatasetError
from ...text import shown
from .. import interrupts


def studio(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder of pictures, labelled or not.")
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the link, and open no browser.")
    ] = False,
    quality: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What it trains with: fast, good or best. [what was chosen in the page, or good]",
        ),
    ] = None,
) -> None:
    """Open a page on a folder of pictures: collect, label, train, test, ask why, mend, share.

    \b
    tellapart studio photos/

    The first line on stdout is the link, printed when the page is ready. Ctrl-C ends it.
    """
    interrupts.end_quietly()  # until the server hears signals itself
    from ...server.records.access_log import log_to_stderr
    from ...studio.running import config_for, open_studio

    if not folder.is_dir():
        raise DatasetError(
            f"{shown(folder)} is no folder.", hint="Give a folder; it may be an empty one."
        )

    def ready(link: str) -> None:
        typer.echo(link)
        if not no_open:
            webbrowser.open(link)

    open_studio(folder.resolve(), config_for(port), quality, log_to_stderr(None, quiet=True), ready)
