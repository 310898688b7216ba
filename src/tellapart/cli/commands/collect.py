"""`tellapart collect`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from ...text import shown
from .options import AsJson, Quiet, Strict, check_strict, show

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def collect(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="SOURCE", help="A list of addresses, a video, a folder or an archive."
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Argument(metavar="INTO", help="The folder of labelled pictures to add to."),
    ] = None,
    undo: Annotated[
        Path | None,
        typer.Option("--undo", metavar="INTO", help="Undo all collecting into INTO."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="LABEL", help="The label of what names none itself."),
    ] = None,
    max_side: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Save larger pictures anew, as JPEG, to fit this."),
    ] = None,
    max_bytes: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Do not fetch a larger picture. [20MB]"),
    ] = None,
    per_host: Annotated[
        int | None,
        typer.Option(metavar="N", help="Ask each host for so many pictures at a time. [2]"),
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(metavar="N", help="Ask again so often where that may help. [3]"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Give up on an answer after so long. [60]"),
    ] = None,
    allow_private: Annotated[
        bool,
        typer.Option("--allow-private", help="Also ask this machine and private networks."),
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Look at a frame of a video so often. [0.5]"),
    ] = None,
    differ: Annotated[
        float | None,
        typer.Option(metavar="X", help="Keep frames that differ by this, 0 to 1. [0.12]"),
    ] = None,
    strict: Strict = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Collect pictures from the web, a video, a folder or an archive.

    \b
    tellapart collect addresses.csv photos/
    tellapart collect roses.txt photos/ --label rose --max-side 1024
    tellapart collect walk.mp4 photos/ --label garden
    tellapart collect more.zip photos/
    tellapart collect --undo photos/

    A list is a CSV file with the columns label and url, and licence if you know it; or a text file
    with one address a line. Pictures go to INTO/<label>/. A picture that is there already, even
    saved again or resized, is left out. photos/collected.csv says where each picture comes from,
    and what did not come and why. Type the same command again to go on, or to try those again.

    Only the hosts in your list are asked, and those that they redirect to, and nothing is sent but
    the request. collect asks few pictures of a host at a time, waits where a server wants it, and
    says who it is. It does not read robots.txt, which is for programs that choose addresses by
    themselves, and it uses no proxy.
    Without --allow-private it asks no private, loopback or link-local address.

    A video needs: pip install "tellapart[video]". The frames are kept that differ from all others.
    """
    from ...collecting import collect as collecting
    from ...to_json import collecting as to_json
    from ...to_json import results
    from ..terminal import console as terminal
    from ..terminal.collecting import print_collected
    from ..terminal.sorting import print_undo

    given = {
        "label": label,
        "max_side": max_side,
        "max_bytes": _size(max_bytes) if max_bytes is not None else None,
        "per_host": per_host,
        "retries": retries,
        "timeout": timeout,
        "every": every,
        "differ": differ,
        "allow_private": allow_private or None,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    if undo:
        others = {"SOURCE": source, **{f"--{n.replace('_', '-')}": v for n, v in chosen.items()}}
        for name in (name for name, value in others.items() if value is not None):
            raise UsageError(
                f"{name} does not go with --undo, which takes the folder only.",
                hint="Type: tellapart collect --undo INTO.",
            )
        taken = collecting.undo(undo)
        show(results.undone(taken), as_json, lambda: print_undo(taken))
        raise typer.Exit(1 if taken.unfinished else 0)
    if not (source and into):
        raise UsageError("Give what to collect from, and a folder of labelled pictures to add to.")
    with terminal.progress_bar("Collecting", quiet) as progress:
        result = collecting.collect(source, into, progress=progress, **chosen)  # type: ignore[arg-type]
    show(to_json.collected(result), as_json, lambda: print_collected(result))
    check_strict(strict, [*result.unread, *result.not_come])


def _size(text: str) -> int:
    """`20MB`, `500 kB`, `1000`: bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMG]?B?)", text.strip().upper())
    unit = found[2] if found else ""
    unit = f"{unit}B" if unit in ("K", "M", "G") else unit
    if not found or unit not in _UNITS:
        raise UsageError(
            f"--max-bytes {shown(text)} is not a size.", hint="Give a size such as 20MB or 500kB."
        )
    return int(float(found[1]) * _UNITS[unit])
