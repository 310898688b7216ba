"""What judging a model and writing its report cost, and how large the report is.

Trains with `--quality fast` on `heroes` and on generated pictures of ten labels, with embeddings in
the cache. All of that is held against what evaluation alone may take: reading the pictures' bytes,
cross-validation, the learning curve, novelty, cues, and all figures with their intervals. The
pictures are photographs of `flowers`, each tinted for its label and cut at random, so that no two
are the same. Most are taken for another label: the hard case, in which fits and lists are long.
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
    """Medians of a training whose embeddings are all in the cache, cross-validation and every
    figure of `--json` included, and of the report as `train` writes it, reasons and all."""
    from tellapart.report.gathering import content_of_training
    from tellapart.report.page import report_page
    from tellapart.report.reasons import with_reasons
    from tellapart.to_json.training import trained
    from tellapart.training.train import train

    train(photos, quality="fast")  # fills the cache
    judging, writing, size = [], [], 0
    for _ in range(runs):
        begin = time.perf_counter()
        result = train(photos, quality="fast")
        trained(result, "model")
        judging.append(time.perf_counter() - begin)
        record = result.classifier.required_record()
        begin = time.perf_counter()
        content = content_of_training(result.classifier, record.locate())
        page = report_page(with_reasons(content, of_training=True))
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
            ("train heroes, warm, seconds", heroes.evaluation, 1.5),
            ("report of heroes, seconds", heroes.report, 5.0),
            ("report of heroes, MB", heroes.size / MB, 5.0),
            (f"train {PICTURES}, {LABELS} labels, warm, seconds", many.evaluation, 10.0),
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
