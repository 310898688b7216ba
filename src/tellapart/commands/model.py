"""What is done to a model: `export`, `report`, `info`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from .options import AsJson, Model, show


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
        typer.Option(metavar="DIR", help="Prove it on these. [the training pictures]"),
    ] = None,
    cdn: Annotated[
        bool, typer.Option("--cdn", help="Of a web page: link to a public network's onnxruntime.")
    ] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the forms there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a model in another form, and prove that it gives the same answers.

    \b
    tellapart export --list
    tellapart export heroes --to onnx -o heroes-onnx

    What is written is a folder with the model, its labels, a minimal program and a README. It is
    kept only if that program, in a fresh process, agrees with the model on real pictures.
    """
    from .. import as_json as summaries
    from .. import exporters, terminal
    from ..dataset import pictures_below
    from ..model import load

    if show_list:
        targets = list(exporters.TARGETS.values())
        show(summaries.targets(targets), as_json, lambda: terminal.print_targets(targets))
        return
    if not (model and to):
        raise UsageError("Give a model and a form: tellapart export MODEL --to NAME.")
    classifier = load(model)
    if pictures:
        found = [path for path, _ in pictures_below(pictures)[0]]
    else:
        found = list(classifier.memory.locate().values()) if classifier.memory else []
    folder = output or Path(f"{model.resolve().name}-{to}")
    result = exporters.export(classifier, to, folder, found, cdn=cdn)
    show(summaries.exported(result), as_json, lambda: terminal.print_export(result))


def report(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="[report.html in the model's folder]"),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Look for moved pictures here too.")
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a model's report again: how good it is, what it got wrong, how it was made.

    \b
    tellapart report heroes --open
    tellapart report heroes -o heroes.html --pictures moved-photos/

    train has written one already. Pictures are found where they were, or below --pictures by
    their content; those that are gone are said to be, and the page still comes.
    """
    from .. import as_json as summaries
    from .. import terminal
    from ..model import REPORT_FILE, load
    from ..pages import write_page
    from ..report import report_page
    from ..report.reasons import with_reasons
    from ..report.story import story_of_training

    classifier = load(model)
    memory = classifier.remembered()
    found = memory.locate(*([pictures] if pictures else []))
    page = output or (model if model.is_dir() else model.parent) / REPORT_FILE
    story = with_reasons(story_of_training(classifier, found), of_training=True)
    write_page(report_page(story), page)
    value = summaries.written_report(str(page), story)
    show(value, as_json, lambda: terminal.print_report(page, story))
    if open_it:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())


def info(model: Model, as_json: AsJson = False) -> None:
    """Say what a model is: its labels, how it was made, and with what.

    \b
    tellapart info heroes
    """
    from .. import as_json as summaries
    from .. import terminal
    from ..model import load

    classifier = load(model)
    show(summaries.described(classifier), as_json, lambda: terminal.print_info(classifier))
