"""A story -> the report: one HTML page (see `pages`). Computes nothing.

Cells of the confusion matrix open by HTML's own popovers.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ..evaluation import Mistake
from ..metrics import Estimate
from ..pages import environment, render
from ..pages.charts import learning_chart, reliability_diagram, score_bar
from ..pages.thumbnails import Wanted, thumbnails
from ..sentences import bounds, calibration_words, share_words, title, verdict
from ..wording import label_words, percent, several, shown
from .story import MOST_MISTAKES, Cell, Story

if TYPE_CHECKING:
    import jinja2

LARGE, MEDIUM, SMALL, TINY = 420, 180, 144, 112  # pixels, the longer side; shown smaller
PICTURES = 4_300_000  # characters that all pictures together may take, of a page below 5 MB
FIRST_MISTAKES = 12  # seen at once; the others open below them
MOST_LISTED = 60  # of files not read
MOST_NAMED = 2_000  # mistakes without a picture, a line each


def report_page(story: Story) -> str:
    """The page, with as many of its pictures as can be found and as fit."""
    maps = sum(len(reason.overlay) for reason in story.reasons.values())
    made = thumbnails(list(_wanted(story)), story.paths, PICTURES - maps)
    manifest = story.classifier.manifest
    values = {
        "story": story,
        "manifest": manifest,
        "threshold": manifest.stranger_above(story.classifier.admit),
        "title": title(story.labels),
        "verdict": verdict(story.main, story.name),
        "mistakes": story.mistakes[:MOST_MISTAKES],
        "named": story.mistakes[MOST_MISTAKES:],
        "picture": lambda name, side: made.get((name, side), ""),
    }
    return render(_environment(), "report.html", ["report.css"], values)


def _wanted(story: Story) -> Iterator[Wanted]:
    """All pictures of the page with the sizes they are shown at, the most telling first."""
    yield from ((name, MEDIUM) for _, name in story.faces)
    yield from ((mistake.name, LARGE) for _, mistake in story.mistakes[:MOST_MISTAKES])
    near = (one.key for reason in story.reasons.values() for one in reason.nearest)
    yield from ((key, TINY) for key in near)
    shelves = (names for cue in story.cues for names in cue.shelves.values())
    yield from ((name, MEDIUM) for names in shelves for name in names)
    yield from ((one.name, MEDIUM) for one in (*story.least_sure, *story.surest))
    yield from ((name, MEDIUM) for names in story.examples.values() for name in names)
    every = (cell for cells in story.cells.values() for cell in cells.values())
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


def _range(value: Estimate) -> str:
    low, high = value.interval
    return f"{low:.3f} to {high:.3f}"


@cache
def _environment() -> jinja2.Environment:
    from markupsafe import Markup

    filters = {
        "bounds": bounds,
        "cell_words": _cell_words,
        "label_words": label_words,
        "percent": percent,
        "range": _range,
        "share_words": share_words,
        "shown": shown,
        "telling": _telling,
        "thousands": "{:,}".format,
        "bar": lambda score: Markup(score_bar(score)),
        "reliability": lambda bins: Markup(reliability_diagram(bins)),
        "curve": lambda curve: Markup(learning_chart(curve)),
    }
    names = {
        "several": several,
        "calibration_words": calibration_words,
        "LARGE": LARGE,
        "MEDIUM": MEDIUM,
        "SMALL": SMALL,
        "TINY": TINY,
        "FIRST": FIRST_MISTAKES,
        "MOST_LISTED": MOST_LISTED,
        "MOST_NAMED": MOST_NAMED,
    }
    return environment(filters, names)
