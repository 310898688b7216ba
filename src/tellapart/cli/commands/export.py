"""`tellapart export`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from ...text import shown
from .options import AsJson, Quiet, show


def export(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A model folder, or its model.onnx.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="NAME", help="The form to write it in.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="A new folder. [MODEL-NAME]"),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Pictures to prove it on. [the training pictures]"),
    ] = None,
    cdn: Annotated[
        bool, typer.Option("--cdn", help="For a web page: link to onnxruntime-web on a public CDN.")
    ] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the forms.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model in another form, and prove that it gives the same answers.

    \b
    tellapart export --list
    tellapart export heroes --to onnx -o heroes-onnx

    export writes a folder with the model, its labels, a minimal program and a README. It keeps the
    folder only if that program, in a fresh process, agrees with the model on real pictures.

    A web page carries onnxruntime-web, which npm downloads from its registry once (33 MB). Nothing
    else is downloaded, and nothing is sent.
    """
    from ...exporters import export as exporters
    from ...model.classifier import load
    from ...to_json import results as to_json
    from ..terminal import console as terminal
    from ..terminal.models import print_export, print_fetching, print_targets

    if show_list:
        targets = list(exporters.TARGETS.values())
        show(to_json.targets(targets), as_json, lambda: print_targets(targets))
        return
    if not (model and to):
        raise UsageError("Give a model and a form: tellapart export MODEL --to NAME.")
    classifier = load(model)
    if pictures:
        found = _given(pictures)
    else:
        found = classifier.training_record.files() if classifier.training_record else []
    folder = output or Path(f"{model.resolve().name}-{to}")
    with ExitStack() as shown_meanwhile:  # one or the other: a terminal has one moving line
        fetching = None
        if to == "web" and not cdn:
            fetching = shown_meanwhile.enter_context(print_fetching())
        else:
            shown_meanwhile.enter_context(terminal.progress_bar("Writing and proving it", quiet))
        result = exporters.export(classifier, to, folder, found, cdn=cdn, fetching=fetching)
    show(to_json.exported(result), as_json, lambda: print_export(result))


def _given(pictures: Path) -> list[Path]:
    """The pictures of a folder, or the one of a file."""
    from ...dataset.sources import pictures_below

    if not pictures.exists():
        raise UsageError(
            f"{shown(pictures)} does not exist.",
            hint="Give --pictures a folder of pictures, or one picture.",
        )
    if not pictures.is_dir():
        return [pictures]
    found = [path for path, _ in pictures_below(pictures)[0]]
    if not found:
        raise UsageError(f"{shown(pictures)} has no pictures in it.")
    return found
