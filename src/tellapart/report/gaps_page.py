"""What the data lacks -> one HTML page (see `pages`), pictures first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ..assess.gaps import Example, Gaps
from ..assess.gaps_words import advice_words, unknown_words, worth_words, wrong_words
from ..evaluation.sentences import absence_words, title
from ..health.subgroups import Subgroup
from ..pages.render import environment, file_name, render
from ..pages.thumbnails import Wanted, thumbnails
from ..text import several

if TYPE_CHECKING:
    import jinja2

LARGE, SMALL = 180, 112  # pixels, the longer side
PICTURES = 4_000_000  # characters that all pictures together may take, of a page below 5 MB
MOST_OF_ADVICE = 12  # pieces of advice that are shown
ON_A_SHEET = 12  # pictures of a subgroup, in its advice
IN_A_STRIP = 8  # pictures of a subgroup, among all subgroups
FEW = 3  # labels whose subgroups are open at once
MOST_UNKNOWN = 24  # pictures unlike everything learnt


def gaps_page(gaps: Gaps) -> str:
    """The page, with as many of its pictures as can be found and as fit."""
    everything = itertools.chain(
        gaps.unknown, *(gaps.pictures(subgroup) for subgroup in gaps.subgroups)
    )
    paths = {_key(one): one.path for one in everything if one.path}
    made = thumbnails(list(dict.fromkeys(_wanted(gaps))), paths, PICTURES)
    values = {
        "gaps": gaps,
        "title": title(gaps.labels),
        "by_label": _by_label(gaps),
        "picture": lambda one, side: made.get((_key(one), side), ""),
    }
    return render(_environment(), "gaps.html", ["report.css", "gaps.css"], values)


def _by_label(gaps: Gaps) -> list[tuple[str, list[Subgroup]]]:
    """Each label with its subgroups, the largest first."""
    return [
        (
            label,
            sorted(
                (one for one in gaps.subgroups if one.label == k),
                key=lambda subgroup: -subgroup.size,
            ),
        )
        for k, label in enumerate(gaps.labels)
    ]


def _wanted(gaps: Gaps) -> Iterator[Wanted]:
    """All pictures of the page with the sizes they are shown at, the most telling first."""
    for subgroup in gaps.advice[:MOST_OF_ADVICE]:
        yield from ((_key(one), LARGE) for one in _sheet(gaps, subgroup))
    yield from ((_key(one), SMALL) for one in gaps.unknown[:MOST_UNKNOWN])
    for subgroup in gaps.maybe:
        yield from ((_key(one), SMALL) for one in _strip(gaps, subgroup))
    for subgroup in gaps.subgroups:
        yield from ((_key(one), SMALL) for one in _strip(gaps, subgroup))


def _sheet(gaps: Gaps, subgroup: Subgroup) -> list[Example]:
    return gaps.telling(subgroup)[:ON_A_SHEET]


def _strip(gaps: Gaps, subgroup: Subgroup) -> list[Example]:
    return gaps.pictures(subgroup)[:IN_A_STRIP]


def _key(one: Example) -> str:
    """A picture's name, told from one of the same name on the other side."""
    return f"{'tested' if one.tested else 'learnt'}/{one.name}"


def _marks(subgroup: Subgroup) -> list[str]:
    """What is to be said of a subgroup in a word."""
    found = {"missing": subgroup.missing, "often wrong": subgroup.hard, "thin": subgroup.thin}
    return [word for word, so in found.items() if so]


@cache
def _environment() -> jinja2.Environment:
    filters = {"marks": _marks, "file": file_name}
    names = {
        "several": several,
        "absence_words": absence_words,
        "advice_words": advice_words,
        "worth_words": worth_words,
        "unknown_words": unknown_words,
        "wrong_words": wrong_words,
        "sheet": _sheet,
        "strip": _strip,
        "FEW": FEW,
        "LARGE": LARGE,
        "SMALL": SMALL,
        "MOST": MOST_OF_ADVICE,
        "MOST_UNKNOWN": MOST_UNKNOWN,
    }
    return environment(filters, names)
