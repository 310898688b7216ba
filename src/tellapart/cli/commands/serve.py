"""`tellapart serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError


def serve(
    models: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]MODEL...", help="Model folders, each under a name."),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")
    ] = 8000,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to bind to.")] = (
        "127.0.0.1"
    ),
) -> None:
    """Answer programs over HTTP: a picture in, the answer of guess --json out.

    \b
    tellapart serve heroes
    tellapart serve cats=models/cats dogs=models/dogs --port 8080
    curl --data-binary @picture.jpg http://127.0.0.1:8000/v1/guess

    The first line on stdout is the address, printed when it is ready to answer.
    """
    from ...server.config import Config
    from ...server.models import Models
    from ...server.running import serve as serving

    places: dict[str, Path] = {}
    for given in models:
        name, path = named(given)
        if name in places:
            raise UsageError(
                f"Two models are called {name}.", hint="Give them names: cats=A dogs=B."
            )
        places[name] = path
    serving(Models(places), Config(host=host, port=port), ready=_say)


def named(given: str) -> tuple[str, Path]:
    """`NAME=MODEL`, or a model alone, which has the name of its folder."""
    name, equals, place = given.partition("=")
    if equals and not Path(given).exists():
        return name, Path(place)
    path = Path(given)
    resolved = path.resolve()
    return (resolved.parent.name if resolved.suffix == ".onnx" else resolved.name), path


def _say(address: str) -> None:
    typer.echo(address)
