"""`tellapart guess`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ...errors import PictureError, UsageError
from .options import Admit, Always, Links, Model, Strict, admitting, check_strict, complain_of


def guess(
    model: Model,
    pictures: Annotated[
        list[str],
        typer.Argument(metavar="PICTURE...", help="Files, folders, patterns, or - for stdin."),
    ],
    top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the N likeliest labels.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object a line.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="A CSV row a picture, with names as they are.")
    ] = False,
    admit: Admit = None,
    always_choose: Always = False,
    follow_links: Links = False,
    strict: Strict = False,
) -> None:
    """Say what is in pictures, the likeliest label first.

    \b
    tellapart guess heroes picture.jpg
    tellapart guess heroes inbox/ --top 1
    tellapart guess heroes 'inbox/*.png' --json
    curl -s https://example.org/p.jpg | tellapart guess heroes -

    --csv is for programs: a name that begins with = + - or @ stays so, and a spreadsheet may take
    it for a formula. results.csv, which sort writes, is for spreadsheets.

    "none of these (closest: elsa, score = 1.00)" is a picture unlike all that the model learnt
    from. The score beside it only weighs the labels against each other: of these, elsa it would be.
    """
    from ...dataset.given import expand
    from ...dataset.sources import Skipped
    from ...model.classifier import load
    from .. import answers as guessing

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot both be had.")
    if top and as_csv:
        raise UsageError(
            "--top does not go with --csv, which has a column for every label.",
            hint="Leave out one of them.",
        )
    classifier = admitting(load(model), admit, always_choose)
    shut: list[Skipped] = []
    named = expand(pictures, follow_links=follow_links, shut=shut)
    complain_of(shut)
    answers = guessing.guess(classifier, named)
    if as_json:
        lines = guessing.json_lines(answers, top)
    elif as_csv:
        lines = guessing.csv_lines(answers, classifier.labels)
    else:
        lines = guessing.text_lines(answers, top, alone=len(named) == 1)
    counts = guessing.write(lines, sys.stdout)
    check_strict(strict, shut)
    if counts.unreadable and (strict or not counts.read):
        raise typer.Exit(PictureError.exit_code)
