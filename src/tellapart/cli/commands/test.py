"""`tellapart test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...text import shown
from .options import (
    Admit,
    AsJson,
    Links,
    Model,
    On,
    Quiet,
    Strict,
    admitting,
    aside,
    check_place,
    check_strict,
    fraction,
    show,
)


def test(
    model: Model,
    source: Annotated[
        str,
        typer.Argument(metavar="PHOTOS", help="Labelled pictures, in any form that train takes."),
    ],
    fail_under: Annotated[
        str | None,
        typer.Option(metavar="FRACTION", help="Exit with 1 below this accuracy, such as 95%."),
    ] = None,
    max_refused: Annotated[
        str | None,
        typer.Option(
            metavar="FRACTION",
            help='Exit with 1 if more of the pictures than this are "none of these".',
        ),
    ] = None,
    admit: Admit = None,
    on: On = "threads",
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an HTML page that shows the mistakes."),
    ] = None,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test a model on labelled pictures: how often is it right?

    \b
    tellapart test heroes photos-i-kept-back/
    tellapart test heroes photos-i-kept-back/ --fail-under 95%
    tellapart test heroes photos-i-kept-back/ --report test.html

    Prints the accuracy with its interval, the precision and recall of each label, which labels
    the model confuses, and the pictures it got wrong. Labels are matched by name. If the folder
    has train/ and test/, only test/ is used.
    """
    from ...assess.testing import evaluate
    from ...model.classifier import load
    from ...to_json import results as to_json
    from ...workers.places import working_on
    from ..terminal import console as terminal
    from ..terminal.testing import print_test

    check_place(report, "report")
    wanted = fraction(fail_under, "--fail-under", whole=True) if fail_under else None
    most = fraction(max_refused, "--max-refused", whole=True) if max_refused else None
    classifier = admitting(load(model), admit, always_choose=False)
    with (
        terminal.progress_bar("Testing", quiet) as progress,
        working_on(on, aside(quiet)),
    ):
        result = evaluate(classifier, source, follow_links=follow_links, progress=progress)
    show(to_json.tested(result), as_json, lambda: print_test(result, report))
    if report:
        from ...pages.render import write_page
        from ...report.gathering import content_of_test
        from ...report.page import report_page
        from ...report.reasons import with_reasons

        with terminal.progress_bar("Writing the report", quiet):
            content = with_reasons(
                content_of_test(classifier, result, str(model)), of_training=False
            )
            write_page(report_page(content), report, "report")
        if not as_json:
            terminal.stdout().print(f"\nWritten: {shown(report)}", soft_wrap=True)
    check_strict(strict, result.skipped)
    accuracy, refused = result.evaluation.accuracy.value, result.refused.value
    failed = []
    if wanted is not None and accuracy < wanted:
        failed.append(f"Accuracy {accuracy:.4f} is below {wanted:g}.")
    if most is not None and refused > most:
        failed.append(f'The fraction called "none of these", {refused:.4f}, is above {most:g}.')
    for sentence in failed:
        terminal.stderr().print(sentence)
    if failed:
        raise typer.Exit(1)
