"""`tellapart guess`."""

from __future__ import annotations

import sys
from itertools import chain, islice
from typing import Annotated

import typer

from ...errors import PictureError, UsageError
from .options import Admit, Always, Links, Model, Strict, admitting, check_strict, complain_of


def guess(
    model: Model,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(metavar="PICTURE...", help="Files, folders, patterns, or - for stdin."),
    ] = None,
    lists: Annotated[
        list[str] | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Guess what is named in a file, one picture a line; - for stdin.",
        ),
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Show only the N likeliest labels.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print one CSV row per picture, with names unchanged.")
    ] = False,
    evidence: Annotated[
        bool,
        typer.Option("--evidence", help="With --json: a map for each label, where it was seen."),
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
    find /archive -name '*.jpg' -print0 | tellapart guess heroes --list - --json

    --csv is for programs: it leaves a name that begins with = + - or @ as it is, and a spreadsheet
    may read such a name as a formula. The results.csv that sort writes is for spreadsheets.

    "none of these (closest: elsa, score = 1.00)" means that the picture is unlike everything the
    model learnt from. The score beside it only compares the labels with each other: the closest
    label is elsa.
    """
    from ...dataset.given import expand
    from ...dataset.sources import SkippedFile
    from ...model.classifier import load
    from .. import answers as guessing

    given, listed = pictures or [], lists or []
    if not given and not listed:
        raise UsageError("Missing argument 'PICTURE...'.", hint="Give pictures, or --list FILE.")
    if [*given, *listed].count("-") > 1:
        raise UsageError(
            "Standard input can be read once only.", hint="Give - once, as PICTURE or as --list."
        )
    if as_json and as_csv:
        raise UsageError("--json does not go with --csv.")
    if evidence and not as_json:
        raise UsageError(
            "--evidence goes with --json only.",
            hint="To look at the maps, type: tellapart explain MODEL PICTURE --open.",
        )
    if top and as_csv:
        raise UsageError(
            "--top does not go with --csv, which has a column for every label.",
            hint="Leave out one of them.",
        )
    classifier = admitting(load(model), admit, always_choose)
    shut: list[SkippedFile] = []
    found = expand(given, follow_links=follow_links, lists=listed, shut=shut)
    first = [*islice(found, 1 if listed else 2)]  # a list may come slowly
    alone = len(first) == 1 and not listed
    named = chain(first, found)
    answers = guessing.guess(classifier, named, evidence=evidence)
    if as_json:
        lines = guessing.json_lines(answers, top)
    elif as_csv:
        lines = guessing.csv_lines(answers, classifier.labels)
    else:
        lines = guessing.text_lines(answers, top, alone=alone)
    counts = guessing.write(lines, sys.stdout)
    complain_of(shut)
    check_strict(strict, shut)
    if counts.unreadable and (strict or not counts.read):
        raise typer.Exit(PictureError.exit_code)
