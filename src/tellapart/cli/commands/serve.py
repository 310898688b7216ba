"""`tellapart serve`."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...images.budget import MAX_PIXELS
from ...server.config import Config, others_may_read, token_in
from ...text import several, shown
from .. import interrupts

if TYPE_CHECKING:
    from ...server.models import Models

_MB = 2**20
_MILLION = 10**6


class LogForm(str, Enum):
    """The form of a line of the log."""

    json = "json"
    text = "text"


def serve(
    models: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]MODEL...", help="Model folders, each under a name."),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")
    ] = Config.port,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to bind to.")
    ] = Config.host,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ask for the token in this file: one line of text."),
    ] = None,
    no_auth: Annotated[
        bool, typer.Option("--no-auth", help="Ask for no token, though others can reach it.")
    ] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Let pages of this origin ask from a browser, such as https://example.org. May be "
            "repeated.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:PORT]",
            help="Answer to this name too, besides its address: behind a proxy, say. May be "
            "repeated.",
        ),
    ] = None,
    max_pictures: Annotated[
        int, typer.Option(min=1, max=1024, metavar="N", help="The most pictures in one request.")
    ] = Config.most,
    max_body: Annotated[
        int, typer.Option(min=1, max=1024, metavar="MB", help="The largest body of a request.")
    ] = Config.largest // _MB,
    max_pixels: Annotated[
        int,
        typer.Option(
            min=1,
            max=MAX_PIXELS // _MILLION,
            metavar="MILLIONS",
            help="The largest picture, in millions of pixels. A JPEG may be larger: it is unpacked "
            "no larger than it is needed.",
        ),
    ] = Config.pixels // _MILLION,
    max_connections: Annotated[
        int, typer.Option(min=1, metavar="N", help="The most connections at once.")
    ] = Config.connections,
    queue: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="How many pictures may wait; more are refused, with 503."
        ),
    ] = Config.waiting,
    deadline: Annotated[
        float,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            help="Refuse, with 503, what is not answered so long after it has come.",
        ),
    ] = Config.deadline,
    client_timeout: Annotated[
        float,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            help="How long a client may take for its headers, or pause within a body or an answer.",
        ),
    ] = Config.patience,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes that answer; at most one a core.")
    ] = Config.workers,
    log: Annotated[
        LogForm | None,
        typer.Option(
            help="The form of the log on stderr; by default text at a terminal, and else json."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Log warnings only, not every request.")
    ] = False,
) -> None:
    """Answer programs over HTTP: a picture in, the answer of guess --json out.

    \b
    tellapart serve heroes
    tellapart serve cats=models/cats dogs=models/dogs --port 8080
    curl --data-binary @picture.jpg http://127.0.0.1:8000/v1/guess
    tellapart serve heroes --host 0.0.0.0 --token-file token

    The first line on stdout is the address, printed when it is ready to answer. Ctrl-C ends it.
    """
    interrupts.end_quietly()  # until the server hears signals itself
    from ...server.models import Models
    from ...server.names import places_of
    from ...server.process.running import serve as serving
    from ...server.records.access_log import log_to_stderr

    as_json = None if log is None else log is LogForm.json
    config = Config(
        host=host,
        port=port,
        token=_token(token_file),
        no_auth=no_auth,
        origins=tuple(allow_origin or ()),
        names=tuple(allow_host or ()),
        waiting=queue,
        deadline=deadline,
        largest=max_body * _MB,
        most=max_pictures,
        pixels=max_pixels * _MILLION,
        connections=max_connections,
        patience=client_timeout,
        workers=workers,
    )
    served = Models(places_of(models))
    at_terminal = sys.stderr.isatty()

    def ready(address: str) -> None:
        typer.echo(address)
        if at_terminal:
            typer.echo(_welcome(served, address), err=True)

    def ending(answering: int) -> None:
        if at_terminal:
            being = "request is" if answering == 1 else "requests are"
            typer.echo(f"Ending: {answering} {being} still being answered.", err=True)

    serving(served, config, log_to_stderr(as_json, quiet), ready, ending)


def _welcome(models: Models, address: str) -> str:
    """What is served, and what to try; the address of all its addresses is none to ask."""
    found = [(name, len(models.model(name).classifier.labels)) for name in models.names]
    names = ", ".join(f"{name} ({several(labels, 'label')})" for name, labels in found)
    asked = address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    return f"{names}. Try: curl --data-binary @picture.jpg {asked}/v1/guess\nCtrl-C ends it."


def _token(path: Path | None) -> str:
    """The token in a file, if there is one to be asked for."""
    if not path:
        return ""
    token = token_in(path)
    if others_may_read(path):
        typer.echo(
            f"Note: others on this computer may read {shown(path)}; chmod 600 keeps it yours.",
            err=True,
        )
    return token
