"""How right a model is in Frigate: on pictures made square as Frigate does, in 8-bit integers.

Each row trains on a data set's pictures and is judged on those of its test; a picture that is
called none of the labels is not right. "whole" is the model on the pictures as they are; "square"
the same model on what Frigate makes of them; "refitted" a model whose head was fitted to training
pictures made square so; "frigate" what `export --to frigate` wrote, asked through its own program;
"object" that on their central squares, as Frigate cuts tracked objects out; "apart" the largest
difference of a score that the proof of the export found, and for how many of 100 training pictures
it has the same label. Then what is called none: of these pictures, and of another data set's. The
last row adds up what is right.

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
from tellapart.exporters.frigate_feed import squashed
from tellapart.exporters.proof import example_answers
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
    "apart",
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


def row(
    data: Path, name: str, quality: str, others: Sequence[np.ndarray]
) -> tuple[list[str], np.ndarray]:
    """One model's figures; and how many pictures are right in each of five ways, and are asked."""
    learnt, asked = readable(data / name / "train"), readable(data / name / "test")
    truth = [label for _, label, _ in asked]
    pixels = [picture for *_, picture in asked]
    squares = [squashed(picture, SIDE) for picture in pixels]
    model = tellapart.train(data / name / "train", quality=quality).classifier
    refitted = tellapart.train(
        [(squashed(picture, SIDE), label) for _, label, picture in learnt], quality=quality
    ).classifier

    def right(answers: Sequence[str]) -> int:
        return sum(one == two for one, two in zip(answers, truth, strict=True))

    def none(answers: Sequence[str]) -> str:
        return f"{answers.count(NONE) / len(answers):.1%}"

    with tempfile.TemporaryDirectory() as place:
        result = export(model, "frigate", Path(place, "out"), [path for path, *_ in learnt])
        as_shown = exported(result.folder, pixels)
        of_objects = exported(result.folder, [*map(central, pixels)])
        of_others = exported(result.folder, others)
    square = said(model, squares)
    whole = said(model, [path for path, *_ in asked])
    ways = (whole, square, said(refitted, squares), as_shown, of_objects)
    counts = [*map(right, ways), len(truth)]
    cells = [
        f"{name}, {quality}",
        *(f"{count / len(truth):.1%}" for count in counts[:-1]),
        f"{result.proof.largest_difference:.2f} ({result.proof.same_label})",
        none(square),
        none(as_shown),
        none(said(model, [squashed(picture, SIDE) for picture in others])),
        none(of_others),
    ]
    return cells, np.array(counts)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quality", choices=QUALITIES, action="append", help="both otherwise")
    given = parser.parse_args()
    with machine():
        rows, total = [], np.zeros(6, int)
        for at, name in enumerate(SETS):
            other = [picture for *_, picture in readable(given.data / SETS[at - 1] / "test")[:100]]
            for quality in given.quality or QUALITIES:
                cells, counts = row(given.data, name, quality, other)
                rows.append(cells)
                total += counts
                print(*cells, sep="  ", file=sys.stderr)
        *right, asked = total
        rows.append([f"all, of {asked:,}", *(f"{count:,}" for count in right), *[""] * 5])
        print_table(["data, quality", *HEADINGS], rows)


if __name__ == "__main__":
    main()
