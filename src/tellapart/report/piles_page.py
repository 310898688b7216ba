"""Piles of unlabelled pictures -> one HTML page: a contact sheet of each (see `pages`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ..assess.piling import Piles
from ..pages.render import environment, file_name, render
from ..pages.thumbnails import Wanted, thumbnails
from ..text import several

if TYPE_CHECKING:
    import jinja2

SIDE = 112  # pixels, the longer side
PICTURES = 8_000_000  # characters that all pictures together may take
TYPICAL = 12  # pictures of a pile that show what it is
OTHERS = 6  # the least typical ones, which show what else is in it
MOST_APART = 48  # pictures of no pile


def piles_page(piles: Piles) -> str:
    """The page, with as many of its pictures as can be read and as fit."""
    every = [one for pile in piles.piles for one in pile.pictures] + [*piles.apart]
    paths = {one.name: one.path for one in every}
    made = thumbnails(list(dict.fromkeys(_wanted(piles))), paths, PICTURES)
    values = {"piles": piles, "picture": lambda one: made.get((one.name, SIDE), "")}
    return render(_environment(), "piles.html", ["report.css", "gaps.css"], values)


def _wanted(piles: Piles) -> Iterator[Wanted]:
    """All pictures of the page, the most typical of every pile first."""
    for at in range(TYPICAL):
        for pile in piles.piles:
            yield from ((one.name, SIDE) for one in pile.pictures[at : at + 1])
    yield from ((one.name, SIDE) for one in piles.apart[:MOST_APART])
    for pile in piles.piles:
        yield from ((one.name, SIDE) for one in pile.pictures[TYPICAL:][-OTHERS:])


@cache
def _environment() -> jinja2.Environment:
    names = {"several": several, "TYPICAL": TYPICAL, "OTHERS": OTHERS, "MOST_APART": MOST_APART}
    return environment({"file": file_name}, names)
