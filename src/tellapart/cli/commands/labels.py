"""`tellapart labels`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from .options import AsJson, Links, Strict, check_strict, on_disk, show


class FormName(str, Enum):
    """The rows of `exchange.labels.FORMS`, for --help and completion."""

    csv = "csv"
    jsonl = "jsonl"
    imagefolder = "imagefolder"
    labelstudio = "labelstudio"
    fiftyone = "fiftyone"


def labels(
    source: Annotated[
        Path,
        typer.Argument(
            parser=on_disk, metavar="DATA", help="Labelled pictures, in any form that train takes."
        ),
    ],
    to: Annotated[
        FormName | None,
        typer.Option("--to", metavar="FORM", help="Write the labels in this form."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file to write them to."),
    ] = None,
    given: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FILE", help="Take over the labels of this file, as decisions."
        ),
    ] = None,
    follow_links: Links = False,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Write labels for other tools, and take over what people corrected there.

    \b
    tellapart labels photos/ --to csv -o photos/labels.csv
    tellapart labels photos/ --to labelstudio -o tasks.json
    tellapart labels photos/ --from corrected.json
    tellapart train tasks.json -o heroes

    \b
    csv, jsonl     path, label, split, group, sha256, decision, old_label
    imagefolder    metadata.csv or metadata.jsonl, in the folder of the pictures: Hugging Face
    labelstudio    tasks that are annotated, with the pictures as local files
    fiftyone       labels.json of a FiftyOneImageClassificationDataset

    Decisions about pictures are applied. The file names pictures from its own folder on; every
    command reads it, and what Label Studio and FiftyOne export, in place of DATA. Nothing is
    overwritten. --from writes no picture and no label of yours: where a label in FILE differs, it
    notes that beside DATA as a decision, which can be taken back. FILE may also be the
    tellapart.csv of somebody who has the same pictures.
    """
    from ...exchange.corrections import read_labels
    from ...exchange.labels import write_labels
    from ...to_json import exchange as to_json
    from ..terminal.exchange import print_labels_read, print_labels_written

    if given:
        if to or output:
            raise UsageError("--from does not go with --to and -o.")
        read = read_labels(source, given, follow_links=follow_links)
        show(to_json.labels_read(read), as_json, lambda: print_labels_read(read))
        check_strict(strict, read.skipped)
        return
    if not (to and output):
        raise UsageError(
            "Say what to do with the labels.",
            hint="Give --to FORM -o FILE to write them, or --from FILE to take over others.",
        )
    written = write_labels(source, to.value, output, follow_links=follow_links)
    show(to_json.labels_written(written), as_json, lambda: print_labels_written(written))
    check_strict(strict, written.skipped)
