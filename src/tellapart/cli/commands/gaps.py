"""What the data lacks: `gaps`."""

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
        Path | None,
        typer.Argument(
            metavar="[PHOTOS]",
            help="Pictures to test on: labelled, in any form that train takes, or any folder of "
            "pictures. [those held out by train]",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write a page with them: a .html."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Look for moved training pictures here too.")
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
    Then photograph what it names, put it into the folder of its label, and train again:
      mv new/*.jpg photos/elsa/
      tellapart train photos/ -o heroes
      tellapart gaps heroes photos-of-this-year/

    The pictures of each label are grouped into looks. A look is missing where PHOTOS has more of
    it than chance explains, against the pictures learnt from; it is hard where it is judged wrong
    more often than the rest of its label. They are ranked by the errors that more of them would
    mend. A folder of pictures cannot tell what is not in it: give PHOTOS that show what the
    model will meet, labelled if you can.
    """
    from ...assess import gaps as lacking
    from ...model.classifier import load
    from ...to_json.gaps import gaps as as_values
    from ..terminal import console as terminal
    from ..terminal import gaps as terminal_gaps

    check_folder(pictures, "--pictures")
    check_place(output)
    classifier = load(model)
    with terminal.progress_bar("Looking at pictures", quiet) as progress:
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
