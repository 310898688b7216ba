"""What is done with a model: `guess`, `test`, `compare`, `sort`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..errors import PictureError, UsageError
from .options import (
    Admit,
    Always,
    AsJson,
    Links,
    Model,
    Quiet,
    Strict,
    admitting,
    check_strict,
    show,
)


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
    as_csv: Annotated[bool, typer.Option("--csv", help="A CSV row a picture.")] = False,
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
    """
    from .. import guessing
    from ..model import load

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot both be had.")
    classifier = admitting(load(model), admit, always_choose)
    named = guessing.expand(pictures, follow_links=follow_links)
    answers = guessing.guess(classifier, named)
    if as_json:
        lines = guessing.json_lines(answers, top)
    elif as_csv:
        lines = guessing.csv_lines(answers, classifier.labels)
    else:
        lines = guessing.text_lines(answers, top, alone=len(named) == 1)
    counts = guessing.write(lines, sys.stdout)
    if counts.unreadable and (strict or not counts.read):
        raise typer.Exit(PictureError.exit_code)


def test(
    model: Model,
    source: Annotated[
        Path,
        typer.Argument(metavar="PHOTOS", help="Labelled pictures, in any form that train takes."),
    ],
    fail_under: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SHARE", help="Exit with 1 below this accuracy."),
    ] = None,
    max_refused: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="SHARE", help="Exit with 1 if more are called none of these."
        ),
    ] = None,
    admit: Admit = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with the mistakes: a .html.")
    ] = None,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test a model on labelled pictures: how often is it right?

    \b
    tellapart test heroes photos-i-kept-back/
    tellapart test heroes photos-i-kept-back/ --fail-under 0.95
    tellapart test heroes photos-i-kept-back/ --report test.html

    Prints accuracy with its interval, precision and recall of each label, who was taken for whom,
    and the pictures it got wrong. Labels are matched by name. Of a folder with train/ and test/,
    only test/ is looked at.
    """
    from .. import as_json as summaries
    from .. import terminal
    from ..model import load
    from ..testing import evaluate

    classifier = admitting(load(model), admit, always_choose=False)
    with terminal.progress_bar("Testing", quiet or as_json) as progress:
        result = evaluate(classifier, source, follow_links=follow_links, progress=progress)
    if report:
        from ..pages import write_page
        from ..report import report_page
        from ..report.reasons import with_reasons
        from ..report.story import story_of_test

        story = with_reasons(story_of_test(classifier, result, str(model)), of_training=False)
        write_page(report_page(story), report)
    show(summaries.tested(result), as_json, lambda: terminal.print_test(result))
    check_strict(strict, result.skipped)
    accuracy, refused = result.evaluation.accuracy.value, result.refused.value
    failed = []
    if fail_under is not None and accuracy < fail_under:
        failed.append(f"Accuracy {accuracy:.4f} is below {fail_under:g}.")
    if max_refused is not None and refused > max_refused:
        failed.append(f"The share called none of these, {refused:.4f}, is above {max_refused:g}.")
    for sentence in failed:
        terminal.stderr().print(sentence)
    if failed:
        raise typer.Exit(1)


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A model.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    source: Annotated[
        Path, typer.Argument(metavar="PHOTOS", help="Labelled pictures that neither learnt from.")
    ],
    follow_links: Links = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare two models on the same labelled pictures.

    \b
    tellapart compare heroes-fast heroes-best photos-i-kept-back/

    Says which is better, by how much, and whether these pictures are enough to tell (McNemar's
    exact test on those that only one of the two had right).
    """
    from .. import as_json as summaries
    from .. import comparing, terminal
    from ..model import load
    from ..testing import evaluate

    results = []
    for path in (first, second):
        with terminal.progress_bar(f"Testing {path}", quiet or as_json) as progress:
            test = evaluate(load(path), source, follow_links=follow_links, progress=progress)
            results.append(test)
    found = comparing.compare(*results)
    names = (str(first), str(second))
    show(summaries.compared(found), as_json, lambda: terminal.print_comparison(found, names))


def sort(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A model folder, or its model.onnx.")
    ] = None,
    inbox: Annotated[
        Path | None, typer.Argument(metavar="INBOX", help="The folder of pictures to sort.")
    ] = None,
    destination: Annotated[
        Path | None, typer.Argument(metavar="DEST", help="The folder to sort them into.")
    ] = None,
    undo: Annotated[
        Path | None,
        typer.Option("--undo", metavar="DEST", help="Take back all that was sorted into DEST."),
    ] = None,
    into_folders: Annotated[
        bool, typer.Option("--into-folders", help="One folder a label below DEST.")
    ] = False,
    unsure_below: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SCORE", help="Lower scores go to unsure/."),
    ] = 0.0,
    link: Annotated[bool, typer.Option("--link", help="Link instead of copying.")] = False,
    move: Annotated[bool, typer.Option("--move", help="Move instead of copying.")] = False,
    admit: Admit = None,
    always_choose: Always = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be done.")
    ] = False,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Sort a folder of pictures by what is in them, by copying.

    \b
    tellapart sort heroes inbox/ sorted/
    tellapart sort heroes inbox/ sorted/ --into-folders --unsure-below 0.8
    tellapart sort heroes inbox/ sorted/ --dry-run
    tellapart sort --undo sorted/

    Pictures that are none of the labels go to none-of-these/.
    A picture becomes <label>-<score>.<its own extension>; sorted/results.csv has every score.
    Nothing is ever overwritten.
    Stopped half-way? Type the same again to go on, or --undo to take it back.
    """
    from .. import as_json as summaries
    from .. import sorting, terminal
    from ..model import load

    if undo:
        if model or dry_run or link or move:
            raise UsageError("--undo takes the folder only: tellapart sort --undo DEST.")
        taken = sorting.undo(undo)
        show(summaries.undone(taken), as_json, lambda: terminal.print_undo(taken))
        raise typer.Exit(1 if taken.unfinished else 0)
    if not (model and inbox and destination):
        raise UsageError("Give a model, a folder of pictures and a folder to sort them into.")
    if link and move:
        raise UsageError("--link and --move cannot both be had.")
    options = sorting.SortOptions(
        how="link" if link else "move" if move else "copy",
        into_folders=into_folders,
        unsure_below=unsure_below,
        follow_links=follow_links,
    )
    classifier = admitting(load(model), admit, always_choose)
    if dry_run:
        for step in sorting.plan(classifier, inbox, destination, options):
            show(
                summaries.planned(step), as_json, partial(terminal.print_step, step), in_lines=True
            )
        return
    with terminal.progress_bar("Sorting", quiet or as_json) as progress:
        result = sorting.sort(
            classifier,
            inbox,
            destination,
            options,
            progress=lambda done: progress(done, None),
        )
    show(summaries.sorted_(result), as_json, lambda: terminal.print_sort(result))
    check_strict(strict, result.unreadable)
