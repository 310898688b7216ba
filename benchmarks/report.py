"""What judging a model and writing its report cost, and how large the report is.

Trains with `--quality fast` on `heroes` and on generated pictures of ten labels, with embeddings at
hand. Everything that says how good a model is counts as evaluation: the learning curve, and all
figures with their intervals. The pictures are photographs of `flowers`, each tinted for its label
and cut at random, so that no two are the same and labels can be told apart, though not always.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import arguments, machine, print_table
from PIL import Image

PICTURES, LABELS = 3000, 10
MB = 1e6


@dataclass(frozen=True)
class Round:
    """Seconds that each part took, and the page's size in bytes."""

    evaluation: float
    report: float
    size: int


def draw(folder: Path, data: Path) -> Path:
    """Write `PICTURES` JPEGs of 500 x 375 or less below `folder`."""
    sources = sorted((data / "flowers" / "train").rglob("*.jpg"))
    lot = random.Random(0)
    for number in range(PICTURES):
        k = number % LABELS
        place = folder / f"label_{k}"
        place.mkdir(parents=True, exist_ok=True)
        with Image.open(lot.choice(sources)) as opened:
            width, height = opened.size
            left, top = lot.randrange(width // 4), lot.randrange(height // 4)
            picture = opened.convert("RGB").crop((left, top, width - left // 2, height - top // 2))
        hue = Image.new("HSV", picture.size, (k * 255 // LABELS, 200, 200)).convert("RGB")
        tinted = Image.blend(picture, hue, lot.uniform(0.05, 0.4))
        tinted.save(place / f"{number:04d}.jpg", quality=88)
    return folder


def measure(photos: Path, runs: int) -> Round:
    """Medians of what comes after the embeddings, which are computed by the first run."""
    import numpy as np

    from tellapart.evaluation import Evaluation
    from tellapart.learning_curve import learning_curve
    from tellapart.report import report_page
    from tellapart.report.story import evaluations_of, story_of_training
    from tellapart.to_json import evaluation as all_figures
    from tellapart.training import train

    result = train(photos, quality="fast")
    memory, manifest = result.classifier.memory, result.classifier.manifest
    assert memory
    assert manifest.strength
    rows = ~memory.held_out
    fold = np.arange(rows.sum()) % 5
    judging, writing, size = [], [], 0
    paths = memory.locate()
    for _ in range(runs):
        begin = time.perf_counter()
        found = evaluations_of(result.classifier)
        main: Evaluation = found["cross-validated"]
        learning_curve(
            memory.vectors[rows].astype(np.float64),
            memory.labels[rows],
            manifest.labels,
            [memory.digests[i] for i in np.flatnonzero(rows)],
            fold,
            main.predicted,
            manifest.strength,
        )
        for each in found.values():
            all_figures(each)
        judging.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        page = report_page(story_of_training(result.classifier, paths))
        writing.append(time.perf_counter() - begin)
        size = len(page.encode())
    return Round(median(judging), median(writing), size)


def main() -> None:
    options = arguments(__doc__, runs=3).parse_args()
    with machine(), tempfile.TemporaryDirectory() as folder:
        os.environ["TELLAPART_CACHE"] = str(Path(folder, "cache"))
        heroes = measure(options.data / "heroes", options.runs)
        many = measure(draw(Path(folder, "photos"), options.data), options.runs)
        lines = (
            ("evaluation of heroes, seconds", heroes.evaluation, 1.5),
            ("report of heroes, seconds", heroes.report, 5.0),
            ("report of heroes, MB", heroes.size / MB, 5.0),
            (f"evaluation of {PICTURES}, {LABELS} labels, seconds", many.evaluation, 10.0),
            (f"report of {PICTURES}, {LABELS} labels, seconds", many.report, 5.0),
            (f"report of {PICTURES}, {LABELS} labels, MB", many.size / MB, 5.0),
        )
        print_table(
            ["report", f"median of {options.runs}", "target", "met"],
            [
                [what, f"{value:.2f}", f"<= {most:g}", "yes" if value <= most else "NO"]
                for what, value, most in lines
            ],
        )


if __name__ == "__main__":
    main()
