"""What a check costs: 500 to 20,000 drawn pictures of 10 labels, embeddings known.

A first `check --quality fast` fills the cache, the second is measured as a whole process: seconds,
seconds of all cores, and the largest resident size. The pictures of a label are much alike, 2 % of
the labels are wrong, and 1 % of the pictures are copies saved again, so that all finders have work.

    python benchmarks/checking.py [--pictures 500 5000 20000] [--labels 10]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import print_table, run
from PIL import Image

WRONG, COPIES = 0.02, 0.01


def draw(folder: Path, labels: int, pictures: int) -> None:
    """Blocks of colour, of each label much alike; some under another label, some saved twice."""
    for k in range(labels):
        (folder / f"{k + 1}").mkdir(parents=True)
    for number in range(pictures):
        lot = np.random.default_rng([labels, number])
        k = number % labels
        base = np.random.default_rng(k).integers(0, 256, (5, 5, 3))
        blocks = 0.6 * base + 0.4 * lot.integers(0, 256, base.shape)
        blocks = np.clip(blocks + lot.normal(0, 25, base.shape), 0, 255).astype(np.uint8)
        picture = Image.fromarray(blocks).resize((96, 80), Image.Resampling.BICUBIC)
        own = (k + 1) % labels if lot.random() < WRONG else k
        picture.save(folder / f"{own + 1}" / f"{number:06d}.jpg", quality=90)
        if lot.random() < COPIES:
            picture.save(folder / f"{own + 1}" / f"{number:06d}-again.jpg", quality=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, nargs="+", default=[500, 5_000, 20_000])
    parser.add_argument("--labels", type=int, default=10)
    asked = parser.parse_args()
    rows = []
    for pictures in asked.pictures:
        with tempfile.TemporaryDirectory() as name:
            photos, cache = Path(name, "photos"), Path(name, "cache")
            draw(photos, asked.labels, pictures)
            asks: list[str | Path] = ["check", photos, "--quality", "fast", "--json", "--quiet"]
            command: list[str | Path] = [sys.executable, "-m", "tellapart", *asks]
            known = {"XDG_CACHE_HOME": str(cache)}
            first = run(command, known)
            again = run(command, known)
            findings = json.loads(again.output)["findings"]
            kinds = {one["kind"] for one in findings}
        rows.append(
            [
                f"{pictures:,}",
                f"{first.seconds:.0f}",
                f"{again.seconds:.1f}",
                f"{again.cpu_seconds:.1f}",
                f"{again.peak:.0f}",
                f"{len(findings):,}",
                f"{len(kinds)}",
            ]
        )
    heads = ["pictures", "first s", "embeddings known s", "core s", "MB", "findings", "kinds"]
    print_table(heads, rows)


if __name__ == "__main__":
    main()
