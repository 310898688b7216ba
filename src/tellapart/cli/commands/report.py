"""`tellapart report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from ...text import shown
from .options import AsJson, Model, Quiet, check_folder, check_place, show


def report(
    model: Model,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The page to write. [report.html in MODEL]"
        ),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Look for pictures here too: a folder, tars, Parquet files, an address.",
        ),
    ] = None,
    no_pictures: Annotated[
        bool,
        typer.Option(
            "--no-pictures", help="Leave out pictures, and the names and folders of files."
        ),
    ] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model's report again: how good it is, what it got wrong, how it was made.

    \b
    tellapart report heroes --open
    tellapart report heroes -o heroes.html --pictures moved-photos/
    tellapart report heroes -o to-share.html --no-pictures

    train has written one already. tellapart looks for the pictures where they were, and then in
    --pictures by their content. If some are gone, it says so and writes the page without them.
    """
    from ...model.classifier import load
    from ...model.folder import REPORT_FILE
    from ...pages.render import write_page
    from ...report.gathering import content_of_training, without_pictures
    from ...report.page import report_page
    from ...report.reasons import with_reasons
    from ...to_json import results as to_json
    from ..terminal import console as terminal
    from ..terminal.models import print_report

    check_folder(pictures, "--pictures")
    page = output or (model if model.is_dir() else model.parent) / REPORT_FILE
    check_place(output)
    classifier = load(model)
    record = classifier.required_record()
    check_place(page)
    told = classifier.private() if no_pictures else classifier
    with terminal.progress_bar("Writing the report", quiet):
        found = record.locate(*([pictures] if pictures else []))
        content = with_reasons(content_of_training(told, found), of_training=True)
        if record.elsewhere and not (content.paths or no_pictures or output) and page.exists():
            raise UsageError(
                f"The pictures lie in {shown(record.elsewhere)}, so the report would be without "
                f"them. {shown(page)} was left as it is.",
                hint="Say where they are with --pictures, or another file with -o.",
            )
        write_page(report_page(without_pictures(content) if no_pictures else content), page)
    value = to_json.written_report(str(page), content)
    show(value, as_json, lambda: print_report(page, content, no_pictures))
    if open_it:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
