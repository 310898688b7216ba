"""How right a model is in Frigate: on pictures made square as Frigate does, in 8-bit integers.

Each row trains on a data set's pictures and is judged on those of its test; a picture that is
called none of the labels is not right. "whole" is the model on the pictures as they are; "square"
the same model on what Frigate makes of them; "refitted" a model whose head was fitted to training
pictures made square so; "frigate" what `export --to frigate` wrote, asked through its own program;
"object" that on their central squares, as Frigate cuts tracked objects out. Then what is called
none: of these pictures, and of another data set's.

    .venv-tensorflow/bin/python benchmarks/frigate.py     # needs tellapart[tensorflow]
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from measure import arguments, machine, print_table
from PIL import Image

import tellapart
from tellapart.errors import PictureError
from tellapart.exporters.export import export
from tellapart.exporters.frigate import NONE, SIDE, WHOLE_PICTURE
from tellapart.exporters.proof import example_answers
from tellapart.images.bilinear import squashed
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier

SETS = ("heroes", "flowers", "groceries", "clothing")
QUALITIES = ("fast", "good")
HEADINGS = (
    "whole",
    "square",
    "refitted",
    "frigate",
    "object",
    "own none: model",
    "frigate",
    "others' none: model",
    "frigate",
)


def readable(folder: Path) -> list[tuple[Path, str, np.ndarray]]:
    """The path, the label and the pixels `[H,W,3]` of each picture that can be read."""
    found = []
    for path in sorted(folder.glob("*/*")):
        try:
            found.append((path, path.parent.name, read_picture(path, enough=WHOLE_PICTURE)))
        except PictureError:
            continue
    return found


def said(model: Classifier, pictures: Iterable[np.ndarray | Path]) -> list[str]:
    """The label of each picture, or `none`."""
    return [NONE if one.unknown else one.label for one in model.predict_many(pictures)]


def exported(folder: Path, pictures: Sequence[np.ndarray]) -> list[str]:
    """The same of an export's program."""
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place, f"{number}.png") for number in range(len(pictures))]
        for path, pixels in zip(paths, pictures, strict=True):
            Image.fromarray(pixels).save(path, compress_level=1)
        return [max(row, key=lambda line: row[line]) for row in example_answers(folder, paths)]


def central(picture: np.ndarray) -> np.ndarray:
    """The central square."""
    height, width, _ = picture.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def row(data: Path, name: str, quality: str, others: Sequence[np.ndarray]) -> list[str]:
    """One model's figures."""
    learnt, asked = readable(data / name / "train"), readable(data / name / "test")
    truth = [label for _, label, _ in asked]
    pixels = [picture for *_, picture in asked]
    squares = [squashed(picture, SIDE) for picture in pixels]
    model = tellapart.train(data / name / "train", quality=quality).classifier
    refitted = tellapart.train(
        [(squashed(picture, SIDE), label) for _, label, picture in learnt], quality=quality
    ).classifier

    def right(answers: Sequence[str]) -> str:
        return f"{np.mean([one == two for one, two in zip(answers, truth, strict=True)]):.1%}"

    def none(answers: Sequence[str]) -> str:
        return f"{answers.count(NONE) / len(answers):.1%}"

    with tempfile.TemporaryDirectory() as place:
        folder = export(model, "frigate", Path(place, "out"), [path for path, *_ in learnt]).folder
        as_shown, of_objects = exported(folder, pixels), exported(folder, [*map(central, pixels)])
        of_others = exported(folder, others)
    square = said(model, squares)
    return [
        f"{name}, {quality}",
        right(said(model, [path for path, *_ in asked])),
        right(square),
        right(said(refitted, squares)),
        right(as_shown),
        right(of_objects),
        none(square),
        none(as_shown),
        none(said(model, [squashed(picture, SIDE) for picture in others])),
        none(of_others),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quality", choices=QUALITIES, action="append", help="both otherwise")
    given = parser.parse_args()
    with machine():
        rows = []
        for at, name in enumerate(SETS):
            other = [picture for *_, picture in readable(given.data / SETS[at - 1] / "test")[:100]]
            for quality in given.quality or QUALITIES:
                rows.append(row(given.data, name, quality, other))
                print(*rows[-1], sep="  ", file=sys.stderr)
        print_table(["data, quality", *HEADINGS], rows)


if __name__ == "__main__":
    main()
