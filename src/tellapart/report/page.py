"""A story -> the report: one HTML page (see `pages`). Computes nothing.

Cells of the confusion matrix open by HTML's own popovers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ..evaluation.judged import Evaluation, Mistake
from ..evaluation.metrics import Estimate
from ..evaluation.occasions import measure_words
from ..evaluation.sentences import (
    absence_words,
    bounds,
    calibration_words,
    commonest_words,
    headline_words,
    same_score_words,
    sure_words,
    title,
    unknown_words,
    use_words,
    verdict,
    worth_words,
)
from ..pages.charts import coverage_chart, learning_chart, reliability_diagram, score_bar
from ..pages.render import environment, render
from ..pages.thumbnails import Wanted, fitting, thumbnails
from ..text import label_words, percent, several
from .content import FIRST_MISTAKES, FIRST_PAIRS, MOST_MISTAKES, Cell, ReportContent

if TYPE_CHECKING:
    import jinja2

LARGE, MEDIUM, SMALL, TINY = 420, 180, 144, 112  # pixels, the longer side; shown smaller
PAGE = 4_900_000  # bytes that a page may take, with all its pictures
MOST_LISTED = 60  # of files not read


def report_page(content: ReportContent) -> str:
    """The page, with as many of its pictures as can be found and as fit."""
    manifest = content.classifier.manifest
    made: dict[Wanted, str] = {}
    values = {
        "content": content,
        "manifest": manifest,
        "threshold": content.classifier.unknown_above,
        "title": title(tuple(content.labels[k] for k in content.order)),
        "verdict": verdict(content.main, content.name, content.bursts),
        "expected": headline_words(content.evaluations, content.bursts),
        "picture": lambda name, side: made.get((name, side), ""),
    }

    def page() -> str:
        return render(_environment(), "report.html", ["report.css"], values)

    wanted = list(_wanted(content)) if content.paths else []
    found = thumbnails(wanted, content.paths, PAGE)
    made |= found
    whole = page()
    if len(whole.encode()) <= PAGE:
        return whole
    made.clear()
    made |= fitting(found, wanted, PAGE - len(page().encode()))
    return page()


def _wanted(content: ReportContent) -> Iterator[Wanted]:
    """All pictures of the page with the sizes they are shown at, the most telling first."""
    yield from ((name, MEDIUM) for _, name in content.faces)
    yield from ((mistake.name, LARGE) for _, mistake in content.mistakes[:MOST_MISTAKES])
    near = (one.key for reason in content.reasons.values() for one in reason.nearest)
    yield from ((key, TINY) for key in near)
    shelves = (names for shortcut in content.shortcuts for names in shortcut.shelves.values())
    yield from ((name, MEDIUM) for names in shelves for name in names)
    yield from ((one.name, MEDIUM) for one in (*content.least_sure, *content.surest))
    yield from ((name, MEDIUM) for names in content.examples.values() for name in names)
    every = (cell for cells in content.cells.values() for cell in cells.values())
    cells = sorted(every, key=lambda cell: cell.right)
    yield from ((one.name, SMALL) for cell in cells for one in cell.pictures)


def _telling(mistake: Mistake) -> list[tuple[str, float]]:
    """The three highest scores; the last makes way for the picture's own label."""
    rows = list(mistake.scores.items())
    first = rows[:3]
    return (
        first
        if mistake.label in dict(first)
        else [*rows[:2], (mistake.label, mistake.scores[mistake.label])]
    )


def _cell_words(cell: Cell) -> str:
    what = "rightly" if cell.right else f"taken for {label_words(cell.predicted)}"
    return f"{label_words(cell.label)}, {what}: {several(cell.n, 'picture')}"


def _coverage_chart(evaluation: Evaluation) -> str:
    return coverage_chart(evaluation.coverage, evaluation.sure)


def _range(value: Estimate) -> str:
    low, high = value.interval
    return f"{low:.3f} to {high:.3f}"


@cache
def _environment() -> jinja2.Environment:
    from markupsafe import Markup

    filters = {
        "bounds": bounds,
        "cell_words": _cell_words,
        "measure_words": measure_words,
        "percent": percent,
        "range": _range,
        "telling": _telling,
        "thousands": "{:,}".format,
        "bar": lambda score: Markup(score_bar(score)),
        "reliability": lambda bins: Markup(reliability_diagram(bins)),
        "curve": lambda curve: Markup(learning_chart(curve)),
        "coverage": lambda evaluation: Markup(_coverage_chart(evaluation)),
    }
    names = {
        "several": several,
        "absence_words": absence_words,
        "calibration_words": calibration_words,
        "commonest_words": commonest_words,
        "same_score_words": same_score_words,
        "sure_words": sure_words,
        "unknown_words": unknown_words,
        "use_words": use_words,
        "worth_words": worth_words,
        "LARGE": LARGE,
        "MEDIUM": MEDIUM,
        "SMALL": SMALL,
        "TINY": TINY,
        "FIRST": FIRST_MISTAKES,
        "FIRST_PAIRS": FIRST_PAIRS,
        "MOST_LISTED": MOST_LISTED,
    }
    return environment(filters, names)
