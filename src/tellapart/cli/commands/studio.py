"""`tellapart studio`."""

from __future__ import annotations

import os
import sys
import threading
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...text import shown
from .. import interrupts

if TYPE_CHECKING:
    from ...files.workspaces import Workspace

DEMO = Path("tellapart-studio")


class Quality(str, Enum):
    """The rows of `rows.QUALITIES`: it trains after each change, so there is no comparing them."""

    fast = "fast"
    good = "good"
    best = "best"


def studio(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="A folder of pictures, labelled or not."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, metavar="N", help="The port. [8321, or another that is free]"
        ),
    ] = None,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the link, and open no browser.")
    ] = False,
    quality: Annotated[
        Quality | None,
        typer.Option(
            help="What it trains with, as in train. [what was chosen in the page, or good]"
        ),
    ] = None,
) -> None:
    """Open a page on a folder of pictures: collect, label, train, test, ask why, mend, share.

    \b
    tellapart studio               # pictures that it draws itself, to play with
    tellapart studio photos/

    The folder stays an ordinary one, which the other commands can use at the same time: a label is
    a folder in it, pictures that lie loose in it have no label yet, test/ is kept for testing, and
    set-aside/ is left alone. The page moves pictures and deletes none, and Undo takes everything
    back.

    The first line on stdout is the link, printed when the page is ready. Only this computer can
    open it, and only with the link. Ctrl-C ends it; the page goes on when it is started again.
    """
    interrupts.end_quietly()  # until the server hears signals itself
    from ...demo.playing import draw_to_play
    from ...server.records.access_log import log_to_stderr
    from ...studio.running import check_studio_folder, open_studio
    from ..terminal import console as terminal

    root = folder or DEMO
    if not folder:
        with terminal.progress_bar("Drawing pictures to play with", quiet=False):
            draw_to_play(DEMO)
    check_studio_folder(root)
    kept: list[Workspace] = []

    def ready(link: str) -> None:
        typer.echo(link)
        if not folder:
            typer.echo(f"The pictures to play with are in {shown(root.resolve())}")
        sys.stdout.flush()
        if sys.stderr.isatty():
            typer.echo("Ctrl-C ends it.", err=True)
        if not no_open and _has_screen():
            kept.append(_opened(link))

    log = log_to_stderr(None, quiet=True)
    open_studio(root.resolve(), port, quality.value if quality else None, log, ready)
    for workspace in kept:
        workspace.remove()


def _has_screen() -> bool:
    """Whether a browser has a window to open in: one for terminals would take this one over."""
    elsewhere = sys.platform in ("win32", "darwin")
    return elsewhere or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _opened(link: str) -> Workspace:
    """Have a browser open the link, beside what else there is to be done; what is returned holds
    the page that leads it there."""
    import webbrowser

    from ...studio.running import leading_to

    page, workspace = leading_to(link)
    threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()
    return workspace
