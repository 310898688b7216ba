"""`tellapart compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, Links, Quiet, show


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="A model.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another model.")],
    source: Annotated[
        str, typer.Argument(metavar="PHOTOS", help="Labelled pictures that neither learnt from.")
    ],
    follow_links: Links = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare two models on the same labelled pictures.

    \b
    tellapart compare heroes-fast heroes-best photos-i-kept-back/

    Says which model is better, by how much, and whether these pictures are enough to tell
    (McNemar's exact test on the pictures that only one of the two got right).
    """
    from ...assess import comparing
    from ...assess.testing import evaluate
    from ...model.classifier import load
    from ...to_json import results as to_json
    from ..terminal import console as terminal
    from ..terminal.testing import print_comparison

    results = []
    for path in (first, second):
        with terminal.progress_bar(f"Testing {path}", quiet) as progress:
            test = evaluate(load(path), source, follow_links=follow_links, progress=progress)
            results.append(test)
    found = comparing.compare(*results)
    names = (str(first), str(second))
    show(to_json.compared(found), as_json, lambda: print_comparison(found, names))
