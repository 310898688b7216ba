"""Why a picture gets its label: `explain`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import PictureError
from .options import (
    AsJson,
    Links,
    Model,
    Quiet,
    Strict,
    check_folder,
    check_place,
    check_strict,
    complain_of,
    show,
)

if TYPE_CHECKING:
    from ...explain.page import Panel
    from ...to_json.results import Json


def explain(
    model: Model,
    pictures: Annotated[
        list[str],
        typer.Argument(metavar="PICTURE...", help="Files, folders, patterns, or - for stdin."),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write an HTML page with maps."),
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", metavar="DIR", help="Write the maps as PNG files.")
    ] = None,
    photos: Annotated[
        str | None,
        typer.Option(
            "--pictures",
            metavar="DIR",
            help="Look for training pictures here too: a folder, tars, Parquet files, an address.",
        ),
    ] = None,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Find the smallest region that the answer depends on.")
    ] = False,
    open_it: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say why pictures get their labels: where, because of which pictures, and in words.

    \b
    tellapart explain heroes picture.jpg
    tellapart explain heroes picture.jpg --open
    tellapart explain heroes mistakes/ -o why.html
    tellapart explain heroes picture.jpg --png maps/
    tellapart explain heroes picture.jpg --sweep

    For each picture, the page shows where the evidence lies for the label it got and for the
    runner-up, and the training pictures that argue most for and against. All of it is exact: the
    mean of a map is the label's logit, and so is the sum of the training pictures' shares.

    The training.npz beside the model lists the training pictures; the page shows those that are
    still where it says, in tars and Parquet files too. If you explain a training picture, a head
    that never saw it judges it, as in cross-validation. An answer counts as wrong where the
    training record has another label for the picture, or where the picture's folder has the name of
    another label. The page shows mistakes first, and at most 100 pictures.

    --png never overwrites a file. --sweep hides regions of many sizes, some hundred times per
    picture, and finds the smallest one that changes the answer when it is hidden, and the smallest
    one that keeps the answer when all else is hidden.
    """
    from ...dataset.given import expand
    from ...dataset.sources import SkippedFile
    from ...explain.files import explain_files, locate
    from ...explain.page import chosen, shown_words, why_page
    from ...model.classifier import load
    from ...pages.render import write_page
    from ...to_json import explain as to_json
    from ..terminal import console as terminal
    from ..terminal import explain as terminal_explain

    check_folder(photos, "--pictures")
    check_place(output)
    classifier = load(model)
    shut: list[SkippedFile] = []
    found = expand(pictures, follow_links=follow_links, files_only=True, shut=shut)
    named = [str(path) for path in found]
    complain_of(shut)
    values: list[Json] = []
    panels: list[Panel] = []
    skipped: list[SkippedFile] = []
    overlays: list[Path] = []
    read = 0
    with terminal.progress_beside_output("Explaining", quiet) as progress:
        for done, told in enumerate(
            explain_files(
                classifier, named, page=bool(output or open_it), overlays=png, sweeping=sweep
            ),
            start=1,
        ):
            progress(done, len(named))
            if isinstance(told, SkippedFile):
                skipped.append(told)
                continue
            read += 1
            overlays += told.overlays
            if told.panel:
                panels = chosen([*panels, told.panel])
            if as_json:
                values.append(to_json.explained(told))
            else:
                terminal_explain.print_explanation(told)
    page, record = None, classifier.training_record
    private = record is not None and record.run.private
    if panels:
        page = output or Path(tempfile.mkdtemp(prefix="tellapart-")) / "why.html"
        paths = locate(classifier, panels, photos)
        elsewhere = record.elsewhere if record else ""
        told_all = why_page(
            classifier.labels, panels, paths, skipped, read, private=private, elsewhere=elsewhere
        )
        write_page(told_all, page)
    value = to_json.all_explained(values, skipped, page, len(panels))
    said = shown_words(len(panels), read)
    show(
        value,
        as_json,
        lambda: terminal_explain.print_written(
            skipped, page, overlays, said, anything=read > 0, private=private and not photos
        ),
    )
    if open_it and page:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    check_strict(strict, shut)
    if skipped and (strict or len(skipped) == len(named)):
        raise typer.Exit(PictureError.exit_code)
