"""Draws docs/why.png, and prints what docs/why.md says of the demo's own pictures.

Draws the demo, learns it, and asks of one dress from behind what the experiment of 2016 asked of a
photograph: why is it misjudged, what would change that, and what do the training pictures lack?
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import print_table
from PIL import Image, ImageDraw, ImageFont

import tellapart
from tellapart.demo.walk import DemoPictures, draw_demo
from tellapart.explain import Brightness, Change, Oval, Paint, Region, explain, sweep, what_if
from tellapart.explain.sweeping import hidden
from tellapart.model.classifier import Classifier
from tellapart.model.prediction import Prediction
from tellapart.pages.outlines import outlined
from tellapart.pages.overlays import laid_over
from tellapart.text import label_words

WHICH = "dress-from-behind-3.jpg"
EYES = tuple(
    change
    for left in (0.18, 0.34)
    for change in (
        Paint(Oval(Region(left, 0.06, 0.1, 0.1)), (255, 255, 255)),
        Paint(Oval(Region(left + 0.03, 0.085, 0.05, 0.06)), (20, 20, 30)),
    )
)
MORE_SEEDS = (11, 12, 13, 14)  # of other demos, whose dresses from behind are learnt from at last
HEIGHT, GAP, TEXT = 210, 12, 40
GREEN, RED, INK = (46, 125, 80), (179, 56, 44), (40, 46, 56)


@dataclass(frozen=True)
class Panel:
    """A picture, what was done to it, and what the model says of it."""

    title: str
    pixels: np.ndarray
    answer: Prediction

    @property
    def words(self) -> str:
        return f"{label_words(self.answer.label)} {self.answer.score:.2f}"


def panels(folder: Path) -> list[Panel]:
    """The story in six pictures."""
    pictures = draw_demo(folder / "demo")
    picture = next(path for path in pictures.hard if path.name == WHICH)
    classifier = tellapart.train(pictures.photos, quality="fast").classifier
    told, found = explain(classifier, picture), sweep(classifier, picture)
    print(f"explain: {told.words}\nsweep:   {found.words}\n")
    pixels = told.pixels
    height, width = pixels.shape[:2]
    box = found.flip.region.box(height, width)
    before = classifier.predict(pixels)

    def changed(title: str, changes: Sequence[Change], by: Classifier = classifier) -> Panel:
        result = what_if(by, pixels, *changes)
        return Panel(title, result.pixels_after, result.after)

    return [
        Panel("as it is", pixels, before),
        Panel("evidence: orange for dark knight", laid_over(pixels, told.lead), before),
        Panel(
            f"{found.flip.region.area:.1%} of it hidden",
            outlined(hidden(found.flip.region).apply(pixels), box),
            found.flip.after,
        ),
        changed("twice as bright", [Brightness(2)]),
        changed("two eyes painted on", EYES),
        changed("taught such dresses", [], _taught(pictures, folder)),
    ]


def _taught(pictures: DemoPictures, folder: Path) -> Classifier:
    """The same, having learnt from dresses from behind too: those of other demos."""
    photos = folder / "more"
    shutil.copytree(pictures.photos, photos)
    added = 0
    for seed in MORE_SEEDS:
        for path in draw_demo(folder / f"demo-{seed}", pictures=2, seed=seed).hard:
            if path.parent.name == "ice_queen":
                shutil.copy(path, photos / "ice_queen" / f"{seed}-{path.name}")
                added += 1
    print(f"taught: {added} more pictures of dresses from behind\n")
    return tellapart.train(photos, quality="fast").classifier


def sheet(row: Sequence[Panel]) -> Image.Image:
    """All panels side by side, each with its title and its answer."""
    pictures = []
    for panel in row:
        image = Image.fromarray(panel.pixels)
        width = round(image.width * HEIGHT / image.height)
        pictures.append(image.resize((width, HEIGHT), Image.Resampling.LANCZOS))
    across = 3
    wide = max(picture.width for picture in pictures) + 40
    rows = -(-len(pictures) // across)
    size = (across * (wide + GAP) + GAP, rows * (HEIGHT + TEXT + GAP) + GAP)
    drawn = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(drawn), ImageFont.load_default(14)
    for number, (panel, picture) in enumerate(zip(row, pictures, strict=True)):
        left = GAP + number % across * (wide + GAP)
        top = GAP + number // across * (HEIGHT + TEXT + GAP)
        drawn.paste(picture, (left, top))
        right = panel.answer.label == "ice_queen"
        pen.text((left, top + HEIGHT + 3), panel.title, INK, font)
        pen.text((left, top + HEIGHT + 20), panel.words, GREEN if right else RED, font)
    return drawn


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        content = panels(Path(scratch))
    unknown = {True: "none of these", False: ""}
    rows = [[one.title, one.words, unknown[one.answer.unknown]] for one in content]
    print_table(("the dress from behind", "answer", ""), rows)
    target = Path(__file__).parents[1] / "docs" / "why.png"
    sheet(content).save(target, optimize=True)


if __name__ == "__main__":
    main()
