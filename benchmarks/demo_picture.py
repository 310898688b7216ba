"""Draws docs/demo.png from what `tellapart demo DIR` left: pictures as sorted, and the hard one."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from tellapart import load

MISTAKEN = ("IMG_0001.jpg",)  # of the inbox, whose labels only who looks at it knows
CELL, GAP, TEXT = 132, 10, 22
GREEN, RED, INK = (46, 125, 80), (179, 56, 44), (40, 46, 56)


def draw(demo: Path) -> Image.Image:
    """Two rows of sorted pictures, and one of kept-back ones that training does not cover."""
    with (demo / "sorted" / "results.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["label"]]
    shelves: list[tuple[str, list[tuple[Path, str, bool]]]] = []
    for label in ("dark_knight", "ice_queen"):
        own = [row for row in rows if row["label"] == label][:6]
        cells = [
            (
                demo / "sorted" / row["sorted_as"],
                f"{float(row['score']):.3f}",
                row["path"] not in MISTAKEN,
            )
            for row in own
        ]
        shelves.append((f"sorted as {label.replace('_', ' ')}", cells))
    classifier = load(demo / "model")
    hard = [
        path
        for label in ("ice_queen", "dark_knight")
        for path in sorted((demo / "pictures" / "kept-back" / label).glob("*-*.jpg"))
    ]
    answers = [(path, classifier.predict(path)) for path in hard]
    shelves.append(
        (
            "kept back, unlike anything it was shown",
            [
                (path, f"{a.label.replace('_', ' ')} {a.score:.2f}", a.label == path.parent.name)
                for path, a in answers
            ],
        )
    )
    return _sheet(shelves)


def _sheet(shelves: Sequence[tuple[str, Sequence[tuple[Path, str, bool]]]]) -> Image.Image:
    columns = max(len(cells) for _, cells in shelves)
    height = CELL + 2 * TEXT + GAP
    size = (columns * (CELL + GAP) + GAP, len(shelves) * height + GAP)
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (title, cells) in enumerate(shelves):
        top = GAP + row * height
        pen.text((GAP, top), title, INK, font)
        for column, (path, words, right) in enumerate(cells):
            left = GAP + column * (CELL + GAP)
            with Image.open(path) as picture:
                square = ImageOps.fit(picture.convert("RGB"), (CELL, CELL), centering=(0.5, 0.4))
            sheet.paste(square, (left, top + TEXT))
            pen.text((left, top + TEXT + CELL + 2), words, GREEN if right else RED, font)
    return sheet


if __name__ == "__main__":
    draw(Path(sys.argv[1])).save(Path(__file__).parents[1] / "docs" / "demo.png", optimize=True)
