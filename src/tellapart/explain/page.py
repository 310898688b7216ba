"""Explanations -> one HTML page: maps over the pictures, training pictures, sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ..dataset.sources import SkippedFile
from ..evaluation.sentences import absence_words, title
from ..files.stored import Place
from ..pages.charts import score_bar
from ..pages.outlines import outlined
from ..pages.overlays import common_scale, jpeg, laid_over, shrunk
from ..pages.render import environment, file_name, render
from ..pages.thumbnails import Wanted, thumbnails
from ..text import label_words, several
from . import Argument, Explanation, Neighbour, Sweep

if TYPE_CHECKING:
    import jinja2

MOST_PANELS = 100  # pictures on one page
LARGE, SMALL = 560, 112  # pixels, the longer side
MOST_SCORES = 5
MOST_LISTED = 60  # of files not read
THUMBNAILS = 6_000_000  # characters that all training pictures together may take


@dataclass(frozen=True)
class HangsOn:
    """What a sweep found: the regions outlined, as a `data:` URL, in words, and in figures."""

    picture: str
    lines: str
    words: str
    regions: str


@dataclass(frozen=True)
class Panel:
    """One explained picture as the page shows it.

    Attributes:
        name: what the picture is called.
        label: the label it got.
        rival: the label that this is compared with.
        sentences: why it got its label.
        scores: the highest scores, by label.
        pictures: (what it shows, `data:` URL) of the picture, the winner's map, the rival's map and
            the difference.
        nearest: the closest training pictures.
        arguments: (for, against) by label; of two labels only one, because what argues for one
            argues as much against the other.
        missing: the reason for each part that could not be made.
        own: the label that the picture really has, if that is known.
        hangs_on: what a sweep found.
        mend: the command that mends its own label, if that is wrong; may be empty.
    """

    name: str
    label: str
    rival: str
    sentences: tuple[str, ...]
    scores: Mapping[str, float]
    pictures: tuple[tuple[str, str], ...]
    nearest: tuple[Neighbour, ...]
    arguments: Mapping[str, tuple[tuple[Argument, ...], tuple[Argument, ...]]]
    missing: str
    own: str = ""
    hangs_on: HangsOn | None = None
    mend: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the picture is known to be another label."""
        return bool(self.own) and self.own != self.label

    @property
    def required_record(self) -> Iterator[int]:
        """The training pictures that are shown, by their row in the training record."""
        yield from (one.index for one in self.nearest)
        for sides in self.arguments.values():
            yield from (one.index for side in sides for one in side)


def panel(name: str, explanation: Explanation, found: Sweep | None = None, mend: str = "") -> Panel:
    """Draw the maps of one picture, all of them on one scale, and what a sweep found."""
    label, rival = explanation.label, explanation.rival
    pixels = shrunk(explanation.pixels, LARGE)
    maps = {
        f"for {label_words(label)}": explanation.map_of(label),
        f"for {label_words(rival)}": explanation.map_of(rival),
        "the difference": explanation.lead,
    }
    scale = common_scale(maps.values())
    drawn = {what: jpeg(laid_over(pixels, each, scale)) for what, each in maps.items()}
    return Panel(
        name=name,
        label=label,
        rival=rival,
        sentences=explanation.sentences,
        scores=dict(list(explanation.scores.items())[:MOST_SCORES]),
        pictures=(("the picture", jpeg(pixels)), *drawn.items()),
        nearest=explanation.nearest,
        arguments={
            each: (explanation.cases[each].most_for, explanation.cases[each].most_against)
            for each in ((label, rival) if len(explanation.labels) > 2 else (label,))
            if each in explanation.cases
        },
        missing=explanation.missing,
        own=explanation.own,
        hangs_on=_hangs_on(pixels, found) if found else None,
        mend=mend,
    )


def _hangs_on(pixels: np.ndarray, found: Sweep) -> HangsOn:
    lines = "solid line: hiding this " + (
        "changes the answer" if found.flips else "comes closest to changing the answer"
    )
    if found.keep:
        lines += "; dashed line: this alone keeps it"
    return HangsOn(jpeg(_outlined(pixels, found)), lines, found.words, found.regions)


def _outlined(pixels: np.ndarray, found: Sweep) -> np.ndarray:
    """The region that flips the answer with a solid line, the one that keeps it with a dashed."""
    height, width = pixels.shape[:2]
    drawn = outlined(pixels, found.flip.region.box(height, width))
    if found.keep:
        drawn = outlined(drawn, found.keep.region.box(height, width), dashed=True)
    return drawn


def chosen(panels: Iterable[Panel]) -> list[Panel]:
    """Those that the page shows, in its order: mistakes first, and no more than `MOST_PANELS`."""
    return sorted(panels, key=lambda one: not one.wrong)[:MOST_PANELS]


def shown_words(on_page: int, explained: int) -> str:
    """Which pictures the page shows, if it does not show all."""
    if on_page == explained:
        return ""
    return f"{on_page:,} of {several(explained, 'picture')}, mistakes first"


def why_page(
    labels: Sequence[str],
    panels: Sequence[Panel],
    paths: Mapping[int, Place],
    skipped: Sequence[SkippedFile] = (),
    explained: int | None = None,
    *,
    private: bool = False,
    elsewhere: str = "",
) -> str:
    """The page. `paths` say where training pictures are now, by their row in the training record;
    `explained` is how many pictures were explained, where these are not all of them. A `private`
    model does not know where its pictures are, and `elsewhere` is the address or archive of those
    that are not found."""
    wanted: list[Wanted] = [(str(index), SMALL) for one in panels for index in one.required_record]
    where = {str(index): path for index, path in paths.items()}
    made = thumbnails(list(dict.fromkeys(wanted)), where, THUMBNAILS)
    values = {
        "title": title(tuple(labels)),
        "panels": panels,
        "skipped": skipped,
        "wrong": sum(one.wrong for one in panels),
        "known": sum(bool(one.own) for one in panels),
        "shown_words": shown_words(len(panels), explained or len(panels)),
        "missing": len({index for one in panels for index in one.required_record} - paths.keys()),
        "private": private,
        "elsewhere": elsewhere,
        "thumbnail": lambda index: made.get((str(index), SMALL), ""),
    }
    return render(_environment(), "why.html", ["report.css", "why.css"], values)


@cache
def _environment() -> jinja2.Environment:
    from markupsafe import Markup

    def bar(score: float) -> str:
        return Markup(score_bar(score))

    filters = {"bar": bar, "file": file_name}
    return environment(
        filters,
        {
            "several": several,
            "absence_words": absence_words,
            "SMALL": SMALL,
            "MOST_LISTED": MOST_LISTED,
        },
    )
