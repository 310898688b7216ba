"""What is wrong with labelled pictures -> one HTML page (see `pages`), pictures first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ..assess.check.groups import Group, by_kind, cost_words
from ..assess.check.health import KINDS, Finding, Health
from ..assess.check.mending import MOST_NAMED
from ..evaluation.sentences import bounds, title
from ..pages.render import environment, file_name, render
from ..pages.thumbnails import Wanted, thumbnails
from ..text import percent, several

if TYPE_CHECKING:
    import jinja2

LARGE, SMALL = 200, 128  # pixels, the longer side
BUDGET = 4_000_000  # characters that all pictures together may take, of a page below 5 MB
MOST_FINDINGS = 24  # of a kind that are shown with their pictures
LONG = 160  # letters of a command that stands with its finding
MOST_PICTURES = 8  # of a finding
MOST_ALONE = 24  # of the only finding of its kind


def check_page(health: Health) -> str:
    """The page, with as many of its pictures as fit."""
    wanted = list(dict.fromkeys(_wanted(health)))
    names = {name for name, _ in wanted}
    places = zip(health.pictures.names, health.pictures.paths, strict=True)
    made = thumbnails(wanted, {name: path for name, path in places if name in names}, BUDGET)
    values = {
        "health": health,
        "title": title(health.pictures.labels),
        "groups": by_kind(health),
        "picture": lambda name, side: made.get((name, side), ""),
        "walk": health.walk,
    }
    return render(_environment(), "check.html", ["report.css", "check.css"], values)


def are_cards(group: Group) -> bool:
    """Whether each finding of a kind is of one picture, so that they stand side by side."""
    return all(len(one.paths) == 1 for one in group.findings) and group.kind != "unreadable"


def _wanted(health: Health) -> Iterator[Wanted]:
    """All pictures of the page with the sizes they are shown at, the dearest first."""
    for group in by_kind(health):
        for one in group.findings[:MOST_FINDINGS]:
            side = LARGE if are_cards(group) else SMALL
            yield from ((name, side) for name in _strip(one, len(group.findings)))


def _strip(one: Finding, findings: int) -> tuple[str, ...]:
    """The pictures of a finding that are shown; of one with two sides, those of each are apart."""
    if one.sides:
        return tuple(name for side in one.sides for name in side)
    return one.paths[: MOST_ALONE if findings == 1 else MOST_PICTURES]


@cache
def _environment() -> jinja2.Environment:
    filters = {
        "bounds": bounds,
        "are_cards": are_cards,
        "file": file_name,
        "percent": percent,
        "points": cost_words,
    }
    names = {
        "several": several,
        "strip": _strip,
        "KINDS": KINDS,
        "LARGE": LARGE,
        "LONG": LONG,
        "MOST_NAMED": MOST_NAMED,
        "SMALL": SMALL,
        "MOST": MOST_FINDINGS,
    }
    return environment(filters, names)
