"""`tellapart gaps`: what the data lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import (
    AsJson,
    Links,
    Model,
    Quiet,
    Strict,
    check_folder,
    check_place,
    check_strict,
    show,
)


def gaps(
    model: Model,
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[PHOTOS]",
            help="Pictures to test on: labelled, in any form that train takes, or any folder of "
            "pictures. [those held out by train]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write an HTML page that shows them."),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Look for training pictures here too: a folder, tars, Parquet files, an address.",
        ),
    ] = None,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what the data lacks: which pictures to take next, and how many.

    \b
    tellapart gaps heroes photos-of-this-year/
    tellapart gaps heroes photos-of-this-year/ -o gaps.html
    tellapart gaps heroes

    \b
    Then take such pictures, put them into the folder of their label, and train again:
      mv new/*.jpg photos/elsa/
      tellapart train photos/ -o heroes
      tellapart gaps heroes photos-of-this-year/

    gaps divides the pictures of each label into subgroups of pictures that look alike. A subgroup
    is missing if PHOTOS has more of it, compared with the training pictures, than chance explains.
    It is hard if the model gets it wrong more often than the rest of its label. The subgroup in
    which more pictures would prevent most errors comes first. A folder of pictures cannot show
    what is not in it: give PHOTOS like those the model will meet, labelled if you can.
    """
    from ...assess import gaps as lacking
    from ...model.classifier import load
    from ...to_json.gaps import gaps as as_values
    from ..terminal import console as terminal
    from ..terminal import gaps as terminal_gaps

    check_folder(pictures, "--pictures")
    check_place(output)
    classifier = load(model)
    with terminal.progress_bar("Reading pictures", quiet) as progress:
        found = lacking.find_gaps(
            classifier,
            source,
            pictures=[pictures] if pictures else [],
            follow_links=follow_links,
            progress=progress,
        )
        if output:
            from ...pages.render import write_page
            from ...report.gaps_page import gaps_page

            progress.doing("Writing the page")
            write_page(gaps_page(found), output)
    value = as_values(found, str(output) if output else None)
    show(value, as_json, lambda: terminal_gaps.print_gaps(found, output))
    check_strict(strict, found.skipped)
