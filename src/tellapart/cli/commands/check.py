"""`tellapart check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from .options import (
    AsJson,
    Links,
    On,
    Quality,
    Quiet,
    Strict,
    Together,
    aside,
    check_place,
    check_strict,
    show,
)


def check(
    source: Annotated[
        str,
        typer.Argument(metavar="PHOTOS", help="Labelled pictures, in any form that train takes."),
    ],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with the pictures, too."),
    ] = None,
    quality: Annotated[
        Quality,
        typer.Option(help="fast, good or best, as for train; auto is not for this."),
    ] = Quality.good,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="Labelled pictures to test on: is any a copy of one in PHOTOS?"
        ),
    ] = None,
    every: Annotated[
        bool,
        typer.Option("--all", help="Rank all pictures by how likely their label is wrong."),
    ] = False,
    fail_on: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS",
            help="Exit with 1 if there are findings of these kinds, such as "
            "conflicts,leaks,wrong-labels.",
        ),
    ] = None,
    groups: Together = "auto",
    on: On = "threads",
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say what is wrong with labelled pictures, what it costs, and how to mend it.

    \b
    tellapart check photos/
    tellapart check photos/ --html check.html
    tellapart check photos/ --fail-on conflicts,leaks,wrong-labels

    check needs no model. It looks for wrong labels, copies (under one label, under several, or of
    test pictures), pictures of one occasion, pictures that show none of the labels, labels that
    cannot be told apart, labels that are two, shortcuts, training pictures that do harm, and dark,
    overexposed, blurred, tiny, enlarged, empty or oddly shaped pictures and screenshots. What
    costs most points of accuracy comes first, each with the command that mends it. Nothing is
    changed; tellapart fix goes through what was found.
    """
    from ...assess.check.checking import check as run
    from ...assess.check.checking import rest_of
    from ...assess.check.health import kinds_of
    from ...to_json.check import checked, in_pieces
    from ...workers.places import working_on
    from ..terminal import console as terminal
    from ..terminal.check import print_health

    if quality is Quality.auto:
        raise UsageError("--quality auto is for train.", hint="Choose fast, good or best.")
    failing = kinds_of(fail_on, "fail_on") if fail_on is not None else ()
    check_place(html, "html")
    with terminal.progress_bar("Reading pictures", quiet) as progress:
        with working_on(on, aside(quiet)):
            health = run(
                source,
                quality=quality.value,
                test=test,
                every=every,
                groups=groups,
                follow_links=follow_links,
                progress=progress,
            )
        if html:
            from ...pages.render import write_page
            from ...report.check_page import check_page

            progress.doing("Writing the page")
            write_page(check_page(health), html, "html")
    page = str(html) if html else None
    if as_json and health.more:
        for piece in in_pieces(health, rest_of(health), page):
            typer.echo(piece, nl=False)
    elif as_json:
        show(checked(health, page), as_json, lambda: None)
    else:
        print_health(health, html)
    if health.likely(*failing):
        raise typer.Exit(1)
    check_strict(strict, health.skipped)
