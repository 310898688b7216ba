"""`tellapart what-if`: what if this picture were different?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import PictureError, UsageError
from ..on_disk import OnDisk
from .options import AsJson, Model, show

_KINDS = ("blank", "blur", "paint", "brightness", "crop", "paste")
_ORDER = "order of the changes"

_Texts = list[str] | None


class InOrder(OnDisk):
    """A command that knows in which order its changes were given, whatever their kinds."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        options = args[: args.index("--")] if "--" in args else args
        given = [word.partition("=")[0] for word in options if word.startswith("--")]
        ctx.meta[_ORDER] = [option[2:] for option in given if option[2:] in _KINDS]
        return super().parse_args(ctx, args)


def what_if(
    context: typer.Context,
    model: Model,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="A picture.")],
    blank: Annotated[
        _Texts,
        typer.Option(metavar="PLACE[=COLOUR]", help="Fill it. [the mean colour of the rest]"),
    ] = None,
    blur: Annotated[
        _Texts, typer.Option(metavar="PLACE[=RADIUS]", help="Blur it. [20% of the shorter side]")
    ] = None,
    paint: Annotated[_Texts, typer.Option(metavar="PLACE=COLOUR", help="Paint it.")] = None,
    brightness: Annotated[
        _Texts, typer.Option(metavar="FACTOR", help="Below 1 darker, above 1 lighter.")
    ] = None,
    crop: Annotated[_Texts, typer.Option(metavar="REGION", help="Keep only this.")] = None,
    paste: Annotated[
        _Texts, typer.Option(metavar="REGION=FILE", help="Paste another picture over it.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the changed picture as a PNG file."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change a picture, and see what the model says then.

    \b
    tellapart what-if heroes dress.jpg --blur 30%,0%,40%x25%
    tellapart what-if heroes dress.jpg --brightness 0.7 -o darker.png
    tellapart what-if heroes dress.jpg --paint like:#546a73=white \\
        --paint oval:40%,5%,6%x4%=black --paint oval:54%,5%,6%x4%=black

    A REGION is LEFT,TOP,WIDTHxHEIGHT in percent of the picture. A PLACE is a region, oval:REGION,
    outside:PLACE, or like:COLOUR, which is every pixel of nearly that colour.
    Changes are made in the order you give them. The picture's file stays as it is, and -o never
    overwrites a file. To find the region that the answer depends on: tellapart explain --sweep.
    """
    from ...explain import what_if as ask
    from ...explain.notation import parse_change
    from ...files.atomic import check_free, write_new
    from ...model.classifier import load
    from ...pages.overlays import png
    from ...text import shown
    from ...to_json import explain as to_json
    from ..terminal import what_if as terminal_what_if

    given = dict(zip(_KINDS, (blank, blur, paint, brightness, crop, paste), strict=True))
    texts = {kind: iter(each or ()) for kind, each in given.items()}
    changes = [parse_change(kind, next(texts[kind])) for kind in context.meta[_ORDER]]
    if not changes:
        raise UsageError(
            "No change was given.", hint="Give at least one, such as --blur 30%,0%,40%x25%."
        )
    if output:
        check_free(output)
    classifier = load(model)
    try:
        result = ask(classifier, picture, *changes)
    except PictureError as error:
        raise error.about(shown(picture)) from error
    if output:
        write_new(output, png(result.pixels_after))
    value = to_json.changed(result, output)
    show(value, as_json, lambda: terminal_what_if.print_what_if(result, output))
