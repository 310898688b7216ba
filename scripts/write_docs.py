"""Writes docs/cli.md from --help, the table of docs/exports.md from the targets, and the first page
of the docs from the README.

With --check it only says whether they are in step.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import typer.main

from tellapart.cli.app import app
from tellapart.exporters import frigate_words, photoprism_words
from tellapart.exporters.export import TARGETS

TARGET = Path(__file__).parents[1] / "docs" / "cli.md"
FRIGATE = TARGET.with_name("frigate.md")
PHOTOPRISM = TARGET.with_name("photoprism.md")
EXPORTS = TARGET.with_name("exports.md")
INDEX = TARGET.with_name("index.md")
README = TARGET.parents[1] / "README.md"
SOURCE = "https://github.com/tellapart/tellapart/blob/main/"
HEAD = "# The command line\n\nWritten by `scripts/write_docs.py` from `--help`; do not edit.\n"


def page() -> str:
    """All help texts as one page."""
    return HEAD + "".join(map(_section, _calls(typer.main.get_command(app), [])))


def _calls(command: object, call: list[str]) -> Iterator[list[str]]:
    """A command, then those below it, in the order in which --help lists them."""
    yield call
    for name, below in getattr(command, "commands", {}).items():
        yield from _calls(below, [*call, name])


def _section(call: list[str]) -> str:
    os.environ.update(COLUMNS="80", NO_COLOR="1", TERM="dumb")
    said = io.StringIO()
    with redirect_stdout(said):
        app([*call, "--help"], prog_name="tellapart", standalone_mode=False)
    lines = [line.rstrip() for line in said.getvalue().strip().splitlines()]
    title = " ".join(["tellapart", *call])
    return f"\n## {title}\n```\n" + "\n".join(lines) + "\n```\n"


def exports_page(text: str) -> str:
    """docs/exports.md with its table written anew between the marks."""
    before, start, rest = text.partition("<!-- targets -->\n")
    _, end, after = rest.partition("<!-- /targets -->")
    if not (start and end):
        sys.exit(f"{EXPORTS} has lost the marks of its table.")
    rows = [
        "| name | what is written | read by | needs | run it | same labels | scores within |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in TARGETS.values():
        needs = f"`{row.needs}`" if row.needs else "·"
        rows.append(
            f"| `{row.name}` | {row.writes} | {row.read_by} | {needs} | `{row.run}` "
            f"| {row.agreement:.0%} | {row.tolerance:g} |"
        )
    return "".join([before, start, "\n".join(rows), "\n", end, after])


def with_steps(path: Path, steps: str) -> str:
    """A page with the steps between its marks, which the README of an export has too."""
    before, start, rest = path.read_text("utf-8").partition("<!-- steps -->\n")
    _, end, after = rest.partition("<!-- /steps -->")
    if not (start and end):
        sys.exit(f"{path} has lost the marks of its steps.")
    return "".join([before, start, steps, "\n", end, after])


def index_page(readme: str) -> str:
    """README.md as the docs' first page: links to docs/ stay, others lead to the source."""
    head = "<!-- Written by scripts/write_docs.py from README.md; do not edit. -->\n"
    elsewhere = re.sub(r"\]\((?!https?:|#|docs/)", f"]({SOURCE}", readme)
    return head + elsewhere.replace("](docs/", "](")


if __name__ == "__main__":
    pages = {
        TARGET: page(),
        EXPORTS: exports_page(EXPORTS.read_text("utf-8")),
        FRIGATE: with_steps(FRIGATE, frigate_words.STEPS.format(name="heroes")),
        PHOTOPRISM: with_steps(PHOTOPRISM, photoprism_words.STEPS),
        INDEX: index_page(README.read_text("utf-8")),
    }
    for path, text in pages.items():
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.exit(f"{path} is out of step.")
