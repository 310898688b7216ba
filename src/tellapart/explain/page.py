"""Explanations of files -> overlays, and one HTML page (see `pages`): maps over the pictures,
training pictures, sentences."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ..dataset import Skipped
from ..errors import PictureError
from ..files import cannot_write
from ..guessing import STDIN
from ..model import Classifier
from ..naming import safe_name
from ..pages import environment, render
from ..pages.charts import score_bar
from ..pages.outlines import outlined
from ..pages.overlays import common_scale, jpeg, laid_over, png, shrunk
from ..pages.thumbnails import Wanted, thumbnails
from ..sentences import title
from ..wording import label_words, several, shown
from . import Argument, Asked, Explanation, Neighbour, Sweep, sweep, tell_many

if TYPE_CHECKING:
    import jinja2

LARGE, SMALL = 560, 112  # pixels, the longer side
MOST_PANELS = 100  # pictures on one page
MOST_SCORES = 5
MOST_LISTED = 60  # of files not read
THUMBNAILS = 6_000_000  # characters that all training pictures together may take


@dataclass(frozen=True)
class Panel:
    """One explained picture as the page shows it.

    `pictures` are (what it shows, `data:` URL): the picture, the map of the winner, that of its
    rival, and the difference. `arguments` are by label: (for, against), empty where there are none;
    of two labels one is enough, as what argues for one argues as much against the other. `hangs_on`
    is what a sweep found: the regions outlined, as a `data:` URL, and in words.
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
    hangs_on: tuple[str, str] | None = None

    @property
    def remembered(self) -> Iterator[int]:
        """The training pictures that are shown, by their position in the model's memory."""
        yield from (one.index for one in self.nearest)
        for sides in self.arguments.values():
            yield from (one.index for side in sides for one in side)


@dataclass(frozen=True)
class Explained:
    """What is kept of one explanation when its maps are drawn; its own pixels are not.

    `panel` is None where none was wanted, `overlays` are the PNG files that were written, and
    `sweep` is None where that was not asked for.
    """

    name: str
    explanation: Explanation
    panel: Panel | None
    overlays: tuple[Path, ...]
    sweep: Sweep | None = None


def explain_files(
    classifier: Classifier,
    names: Sequence[str],
    *,
    page: bool,
    overlays: Path | None,
    sweeping: bool = False,
) -> Iterator[Explained | Skipped]:
    """Explain pictures by their paths, `-` being stdin, in order, as they come.

    With `page` the first `MOST_PANELS` are drawn for it; with `overlays` all maps are written as
    PNG files into that folder; with `sweeping` it is searched for what each answer hangs on.
    """
    drawn = frozenset(names[:MOST_PANELS]) if page else frozenset()
    asked = (
        Asked(sys.stdin.buffer.read() if name == STDIN else Path(name), name=name) for name in names
    )

    def tell(one: Asked, explanation: Explanation) -> Explained:
        written = write_overlays(one.name, explanation, overlays) if overlays else []
        found = sweep(classifier, explanation.pixels) if sweeping else None
        return Explained(
            name=one.name,
            explanation=replace(explanation, pixels=np.zeros((0, 0, 3), np.uint8)),
            panel=panel(one.name, explanation, found) if one.name in drawn else None,
            overlays=tuple(written),
            sweep=found,
        )

    for name, told in zip(names, tell_many(classifier, asked, tell), strict=True):
        yield Skipped(name, told.message) if isinstance(told, PictureError) else told


def panel(name: str, explanation: Explanation, found: Sweep | None = None) -> Panel:
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
        hangs_on=(jpeg(_outlined(pixels, found)), found.words) if found else None,
    )


def _outlined(pixels: np.ndarray, found: Sweep) -> np.ndarray:
    """The region that flips the answer with a solid line, the one that keeps it with a dashed."""
    height, width = pixels.shape[:2]
    drawn = outlined(pixels, found.flip.region.box(height, width))
    if found.keep:
        drawn = outlined(drawn, found.keep.region.box(height, width), dashed=True)
    return drawn


def locate(classifier: Classifier, panels: Iterable[Panel], folder: Path | None) -> dict[int, Path]:
    """Where the training pictures of a page are now, below `folder` too."""
    if classifier.memory is None:
        return {}
    wanted = {index for one in panels for index in one.remembered}
    return classifier.memory.locate(*([folder] if folder else []), only=wanted)


def why_page(
    labels: Sequence[str],
    panels: Sequence[Panel],
    paths: Mapping[int, Path],
    skipped: Sequence[Skipped] = (),
) -> str:
    """The page. `paths` say where training pictures are now, by their position in the memory."""
    wanted: list[Wanted] = [(str(index), SMALL) for one in panels for index in one.remembered]
    where = {str(index): path for index, path in paths.items()}
    made = thumbnails(list(dict.fromkeys(wanted)), where, THUMBNAILS)
    values = {
        "title": title(tuple(labels)),
        "panels": panels,
        "skipped": skipped,
        "missing": len({index for one in panels for index in one.remembered} - paths.keys()),
        "thumbnail": lambda index: made.get((str(index), SMALL), ""),
    }
    return render(_environment(), "why.html", ["report.css", "why.css"], values)


def write_overlays(name: str, explanation: Explanation, folder: Path) -> list[Path]:
    """Write the maps of one picture as PNG files, in the picture's own size; over nothing.

    `name` is the picture's; the files are called by it and by what they show.

    Raises:
        DestinationError: they cannot be written.
    """
    label, rival = explanation.label, explanation.rival
    maps = {
        label: explanation.map_of(label),
        rival: explanation.map_of(rival),
        f"{label} minus {rival}": explanation.lead,
    }
    scale, stem = common_scale(maps.values()), safe_name(Path(name).stem)
    return [
        _write_new(
            folder, f"{stem}-{safe_name(what)}", png(laid_over(explanation.pixels, each, scale))
        )
        for what, each in maps.items()
    ]


def _file(name: str) -> str:
    """A training picture's name without its folders: its label stands beside it."""
    return shown(PurePosixPath(name).name)


def _write_new(folder: Path, stem: str, content: bytes) -> Path:
    """Write a PNG under the first name that is free."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = folder / (f"{stem}.png" if number == 1 else f"{stem}-{number}.png")
            try:
                with path.open("xb") as stream:
                    stream.write(content)
                return path
            except FileExistsError:
                continue
    except OSError as error:
        raise cannot_write(folder, error) from error
    raise AssertionError  # there are always more numbers


@cache
def _environment() -> jinja2.Environment:
    from markupsafe import Markup

    def bar(score: float) -> str:
        return Markup(score_bar(score))

    filters = {"label_words": label_words, "shown": shown, "bar": bar, "file": _file}
    return environment(filters, {"several": several, "SMALL": SMALL, "MOST_LISTED": MOST_LISTED})
