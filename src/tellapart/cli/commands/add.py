"""`tellapart add`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from ...text import shown
from .options import AsJson, Links, Quiet, Strict, check_strict, show


def add(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="The folder of a model, with its training.npz.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="More labelled pictures, in any form that train takes."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="NEWMODEL", help="The model folder to write. [MODEL]"
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Replace a model of other pictures in NEWMODEL, and keep it beside."
        ),
    ] = False,
    no_pictures: Annotated[
        bool,
        typer.Option(
            "--no-pictures",
            help="Leave out pictures, and names and folders of files. [as MODEL does]",
        ),
    ] = False,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Add pictures, or whole new labels, to a model.

    \b
    tellapart add heroes photos-of-this-week/
    tellapart add heroes photos-of-villains/ -o heroes-and-villains

    The answers are those of a model that is trained on all pictures, the old ones and the new ones,
    with the options of that training. But the old pictures need not be there: the model's own
    training record has what they were learnt by. Pictures that the model knows already, by their
    content, are left out. tellapart says what changed; the old model stays as MODEL.before.
    """
    from ...model.classifier import load
    from ...model.folder import check_replaceable
    from ...to_json.training import trained
    from ...training.adding import add as run
    from ...training.options import Watch
    from ..terminal import console as terminal
    from ..terminal.training import print_found, print_sgd_step, print_written

    if not os.path.isdir(model) and os.path.exists(model):
        raise UsageError(
            f"{shown(model)} is a file: its training record is in the folder around it.",
            hint="Give the folder that tellapart train wrote.",
        )
    folder = output or model
    check_replaceable(folder)
    classifier = load(model)
    private = no_pictures or classifier.required_record().run.private
    replacing = replace or os.path.realpath(folder) == os.path.realpath(model)
    with terminal.progress_bar("Reading pictures", quiet) as progress:
        result = run(
            classifier,
            source,
            follow_links=follow_links,
            watch=Watch(progress, progress.doing, None if quiet or as_json else print_sgd_step),
        )
    changed = result.replaces(folder, replace=replacing, private=private)
    with terminal.progress_bar("Writing the model and its report", quiet):
        result.save(folder, replace=replacing, private=private)
    if not as_json:
        print_found(result)
    show(trained(result, str(folder), changed), as_json, lambda: print_written(folder, changed))
    check_strict(strict, result.skipped)
