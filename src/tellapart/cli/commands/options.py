"""Options that several commands have, and what they do with their results."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import PictureError, UsageError
from ...text import as_fraction, shown

if TYPE_CHECKING:
    from ...dataset.sources import SkippedFile
    from ...model.classifier import Classifier
    from ...sorting.plan import SortOptions
    from ...to_json.results import Json


class Quality(str, Enum):
    """The rows of `rows.QUALITIES`, for --help and completion; and to have one chosen."""

    fast = "fast"
    good = "good"
    best = "best"
    auto = "auto"


class Solver(str, Enum):
    """How the head is fitted."""

    exact = "exact"
    sgd = "sgd"


class HeadKind(str, Enum):
    """The kinds of head, `kinds.KINDS`."""

    regression = "regression"
    discriminant = "discriminant"
    mean = "mean"


class Engine(str, Enum):
    """What runs and trains the network."""

    onnxruntime = "onnxruntime"
    tensorflow = "tensorflow"


class ClassWeights(str, Enum):
    """Whether labels with few pictures weigh as much as those with many."""

    none = "none"
    balanced = "balanced"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of text.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 if any picture could not be read.")
]
Links = Annotated[bool, typer.Option("--follow-links", help="Follow links to folders.")]
On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="PLACE",
        help="Where pictures are read: threads, processes, processes:N, ray, or ray://HOST:PORT.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress.")]
Together = Annotated[
    str,
    typer.Option(
        "--groups",
        metavar="BY",
        help="Never part pictures of one occasion when judging: auto (times, folders, then names), "
        "none, folder, time:60s, name:REGEX or alike:0.9.",
    ),
]
Admit = Annotated[
    str | None,
    typer.Option(
        metavar="FRACTION",
        help="Admit this fraction of pictures of the model's own labels; less familiar ones are "
        '"none of these". [99%]',
    ),
]
Always = Annotated[
    bool,
    typer.Option("--always-choose", help='Always name the closest label, never "none of these".'),
]
IntoFolders = Annotated[
    bool, typer.Option("--into-folders", help="Make one folder per label in DEST.")
]
KeepNames = Annotated[
    bool,
    typer.Option("--keep-names", help="Keep each picture's own name after its label and score."),
]
UnsureBelow = Annotated[
    str | None,
    typer.Option(metavar="SCORE", help="Put pictures with a lower score, say 0.8, into unsure/."),
]
ByLink = Annotated[bool, typer.Option("--link", help="Link instead of copying.")]
ByMove = Annotated[bool, typer.Option("--move", help="Move instead of copying.")]
Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model folder, or its model.onnx alone.")
]


def on_disk(text: str) -> Path:
    """A path, for what moves, links or decides: at an address it cannot.

    Raises:
        UsageError: it is an address.
    """
    from ...files.on_disk import check_pictures_here

    check_pictures_here(text)
    return Path(text)


def fraction(text: str, option: str, *, whole: bool = False) -> float:
    """`20%`, `20 %` or `0.2`; all of it, `100%` or `1`, only where `whole` is allowed."""
    number = as_fraction(text)
    if not (0 <= number < 1 or (whole and number == 1)):
        problem = "neither a fraction nor a folder" if option == "--test" else "not a fraction"
        raise UsageError(
            f"{option} {text} is {problem}.",
            hint="Give a fraction such as 10% or 0.1.",
        )
    return number


def seconds(text: str, option: str) -> float:
    """`90s`, `2m`, `1.5h`: a whole time in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([smh])", text.strip())
    if not found:
        raise UsageError(
            f"{option} {shown(text)} is not a time.", hint="Give a time such as 90s, 2m or 1h."
        )
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def admitting(classifier: Classifier, admit: str | None, always_choose: bool) -> Classifier:
    if admit and always_choose:
        raise UsageError("--admit does not go with --always-choose.")
    if always_choose:
        return classifier.admitting(1)
    return classifier.admitting(fraction(admit, "--admit")) if admit else classifier


def sort_options(
    *,
    link: bool,
    move: bool,
    into_folders: bool,
    keep_names: bool,
    unsure_below: str | None,
    follow_links: bool,
) -> SortOptions:
    """What was asked of `sort` or `watch`."""
    from ...sorting.plan import SortOptions

    if link and move:
        raise UsageError("--link does not go with --move.")
    return SortOptions(
        how="link" if link else "move" if move else "copy",
        into_folders=into_folders,
        keep_names=keep_names,
        unsure_below=fraction(unsure_below or "0", "--unsure-below", whole=True),
        follow_links=follow_links,
    )


def check_folder(path: str | None, option: str) -> None:
    """Refuse a folder that is not there and nothing else that holds pictures, before any work is
    done."""
    from ...dataset.stored.members import holds_members

    if path and not os.path.isdir(path) and not holds_members(path):
        what = "no folder" if os.path.exists(path) else "not there"
        raise UsageError(
            f"{option} {shown(path)} is {what}.", hint="Give the folder that the pictures are in."
        )


def check_place(path: Path | None, setting: str = "destination") -> None:
    """Refuse a page that cannot be written there, before any work is done for it."""
    if path:
        from ...pages.render import check_page_writable

        check_page_writable(path, setting)


def check_strict(strict: bool, skipped: Sequence[SkippedFile]) -> None:
    if strict and skipped:
        raise typer.Exit(PictureError.exit_code)


def show(
    value: Json, as_json: bool, as_text: Callable[[], None], *, in_lines: bool = False
) -> None:
    """A result as JSON or as text, whichever was asked for."""
    if not as_json:
        as_text()
        return
    from ...to_json.results import text

    typer.echo(text(value, indent=None if in_lines else 2))


def complain(message: str, hint: str) -> None:
    sys.stderr.write(f"{message}\n" + (f"{hint}\n" if hint else ""))


def aside(quiet: bool) -> Callable[[str], None]:
    """What prints a sentence on stderr while something is under way, or drops it."""
    from ..terminal.console import print_aside

    return (lambda sentence: None) if quiet else print_aside


def complain_of(shut: Sequence[SkippedFile]) -> None:
    """Name the folders that could not be opened, with the reason for each."""
    for folder in shut:
        complain(f"{shown(folder.name)}: {shown(folder.reason)}", "")
