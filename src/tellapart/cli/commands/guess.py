"""`tellapart guess`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import PictureError, UsageError
from .options import (
    Admit,
    Always,
    Links,
    Model,
    On,
    Quiet,
    Strict,
    admitting,
    aside,
    check_strict,
    complain_of,
)

if TYPE_CHECKING:
    from ...dataset.counting import Counting
    from ...dataset.sources import SkippedFile
    from ...images.decode import Stored
    from ...model.answers.writing import AnswerOptions, AnswersWritten
    from ...model.classifier import Classifier
    from ..answers import Line


def guess(
    model: Model,
    pictures: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PICTURE...",
            help="Files, folders, patterns, tars, Parquet files, addresses, or - for stdin.",
        ),
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
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Show only the N likeliest labels. As text, 10 of more than 100.",
        ),
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
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DEST",
            help="Write the answers in shards to a folder, or an address such as s3://bucket/dest.",
        ),
    ] = None,
    as_parquet: Annotated[
        bool, typer.Option("--parquet", help="With --to: write Parquet instead of CSV.")
    ] = False,
    embedding: Annotated[
        bool,
        typer.Option(
            "--embedding", help="With --to: write embeddings too, in Parquet, or with --json."
        ),
    ] = False,
    per_part: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="With --to: pictures of a shard. [1024]"),
    ] = None,
    admit: Admit = None,
    always_choose: Always = False,
    on: On = "threads",
    follow_links: Links = False,
    strict: Strict = False,
    quiet: Quiet = False,
) -> None:
    """Say what is in pictures, the likeliest label first.

    \b
    tellapart guess heroes picture.jpg
    tellapart guess heroes inbox/ --top 1
    tellapart guess heroes 'inbox/*.png' --json
    curl -s https://example.org/p.jpg | tellapart guess heroes -
    find /archive -name '*.jpg' -print0 | tellapart guess heroes --list - --json

    With --to the answers about a million pictures go into many files, each of them whole. If it is
    killed, type the same again, and it goes on:

    \b
    tellapart guess heroes --list names.txt --to answers/ --parquet --embedding

    DEST then has part-00000.parquet and so on, each of 1024 pictures and each whole, and _SUCCESS
    once all are there. The same command goes on where the last one ended, also with a list that
    has grown at its end since; another model, list or form is refused. A row has path, sha256,
    label, score, novelty, unknown, error, score_LABEL of every label (over 256 labels: one list,
    scores), and embedding. Without --json and --parquet it is CSV, and with --embedding Parquet.

    --csv is for programs: it leaves a name that begins with = + - or @ as it is, and a spreadsheet
    may read such a name as a formula. The results.csv that sort writes is for spreadsheets.

    "none of these (closest: elsa, score = 1.00)" means that the picture is unlike everything the
    model learnt from. The score beside it only compares the labels with each other: the closest
    label is elsa.
    """
    from ...cache.shared import sharing_trouble
    from ...dataset.counting import Counting
    from ...dataset.given import expand
    from ...model.answers.writing import PER_PART, AnswerOptions
    from ...model.classifier import load
    from ...workers.places import THREADS, working_on
    from .. import answers as guessing
    from ..terminal.console import progress_beside_output

    given, listed = pictures or [], lists or []
    if not given and not listed:
        raise UsageError("Missing argument 'PICTURE...'.", hint="Give pictures, or --list FILE.")
    if [*given, *listed].count("-") > 1:
        raise UsageError(
            "Standard input can be read once only.", hint="Give - once, as PICTURE or as --list."
        )
    form = _form(as_json=as_json, as_csv=as_csv, as_parquet=as_parquet, embedding=embedding)
    if to is None:
        for flag in _of_shards(as_parquet, embedding, per_part):
            raise UsageError(f"{flag} goes with --to only.", hint="Add --to FOLDER.")
    elif evidence:
        raise UsageError("--evidence does not go with --to.", hint="Leave out one of them.")
    if evidence and on != THREADS:
        raise UsageError(
            "--evidence is made by this machine's threads alone: it does not go with --on.",
            hint="Leave out one of them.",
        )
    if evidence and not as_json:
        raise UsageError(
            "--evidence goes with --json only.",
            hint="To look at the maps, type: tellapart explain MODEL PICTURE --open.",
        )
    if top and as_csv and to is None:
        raise UsageError(
            "--top does not go with --csv, which has a column for every label.",
            hint="Leave out one of them.",
        )
    if on == THREADS and (trouble := sharing_trouble()):
        aside(quiet)(f"What is made here is kept on this machine alone: {trouble}.")
    classifier = admitting(load(model), admit, always_choose)
    shut: list[SkippedFile] = []
    found = expand(given, follow_links=follow_links, lists=listed, shut=shut, whole=to is not None)
    counting = Counting(given, listed, follow_links=follow_links)
    with working_on(on, aside(quiet)), counting:
        if to is not None:
            options = AnswerOptions(form, embedding, top, per_part or PER_PART)
            written = _write(classifier, found, to, options, quiet, counting, shut)
            read, unreadable = written.read, written.unreadable
        else:
            first = [*islice(found, 1 if listed else 2)]  # a list may come slowly
            alone = len(first) == 1 and not listed
            answers = guessing.guess(classifier, chain(first, found), evidence=evidence)
            if as_json:
                lines = guessing.json_lines(answers, top)
            elif as_csv:
                lines = guessing.csv_lines(answers, classifier.labels)
            else:
                lines = guessing.text_lines(answers, top, alone=alone)
            with progress_beside_output("Guessing", quiet or alone) as progress:
                told = _telling(lines, lambda done: progress(done, counting.of(done)))
                counts = guessing.write(told, sys.stdout)
            read, unreadable = counts.read, counts.unreadable
    complain_of(shut)
    check_strict(strict, shut)
    if unreadable and (strict or not read):
        raise typer.Exit(PictureError.exit_code)


def _form(*, as_json: bool, as_csv: bool, as_parquet: bool, embedding: bool) -> str:
    """The form that was asked for, or the one that goes with what was."""
    asked = {"json": as_json, "csv": as_csv, "parquet": as_parquet}
    chosen = [form for form, on in asked.items() if on]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} does not go with --{chosen[1]}.")
    return chosen[0] if chosen else "parquet" if embedding else "csv"


def _of_shards(as_parquet: bool, embedding: bool, per_part: int | None) -> list[str]:
    """The flags given that say how shards are written."""
    given = {"--parquet": as_parquet, "--embedding": embedding, "--per-part": per_part is not None}
    return [flag for flag, on in given.items() if on]


def _telling(lines: Iterable[Line], progress: Callable[[int], None]) -> Iterator[Line]:
    """The same lines; `progress` gets how many pictures they have been about."""
    done = 0
    for line in lines:
        yield line
        if line.read is not None:
            done += 1
            progress(done)


def _write(
    classifier: Classifier,
    paths: Iterable[str | Stored],
    to: str,
    options: AnswerOptions,
    quiet: bool,
    counting: Counting,
    shut: Sequence[SkippedFile],
) -> AnswersWritten:
    """Write the answers in shards, and say what was done."""
    from ...model.answers.writing import write_answers
    from ...workers.places import current_place
    from ..answers import pictures_at
    from ..terminal import console as terminal

    at_a_time = f", told {options.per_part:,} at a time" if current_place().is_far else ""
    with terminal.progress_bar(f"Guessing{at_a_time}", quiet) as progress:
        done = 0

        def tell(now: int) -> None:
            nonlocal done
            done = now
            progress(done, counting.of(done))

        counting.told = lambda: tell(done)
        tell(0)  # it may be known already
        written = write_answers(
            classifier,
            pictures_at(paths),
            to,
            options,
            progress=tell,
            passed_over=shut,
        )
    terminal.print_answers(written)
    return written
