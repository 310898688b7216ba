"""What many labels cost: 10, 100, 300 and 1,000 labels of 20 drawn pictures each.

For each number of labels a `train` that fills the cache, then one from it, as whole processes:
seconds, seconds of all cores, and the largest resident size.

    python benchmarks/many_labels.py [--labels 10 100 300 1000] [--pictures 20]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import print_table
from PIL import Image


def draw(folder: Path, labels: int, pictures: int) -> None:
    """Blocks of colour, of each label much alike: a model tells most of them."""
    for k in range(labels):
        shelf = folder / f"{k + 1}"
        shelf.mkdir(parents=True)
        base = np.random.default_rng(k).integers(0, 256, (5, 5, 3))
        for number in range(pictures):
            lot = np.random.default_rng([k, number])
            blocks = 0.75 * base + 0.25 * lot.integers(0, 256, base.shape)
            blocks = np.clip(blocks + lot.normal(0, 25, base.shape), 0, 255).astype(np.uint8)
            Image.fromarray(blocks).resize((80, 64), 3).save(shelf / f"{number}.jpg", quality=90)


def train(folder: Path, cache: Path) -> tuple[float, float, float]:
    """Seconds, seconds of all cores, and the largest resident size in MB."""
    began = time.perf_counter()
    model = folder.parent / "model"
    process = subprocess.Popen(
        [sys.executable, "-m", "tellapart", "train", folder, "-o", model, "--quality", "fast"],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"train ended with {os.waitstatus_to_exitcode(status)}")
    cores = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - began, cores, usage.ru_maxrss / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 100, 300, 1000])
    parser.add_argument("--pictures", type=int, default=20)
    asked = parser.parse_args()
    rows = []
    for labels in asked.labels:
        with tempfile.TemporaryDirectory() as name:
            photos, cache = Path(name, "photos"), Path(name, "cache")
            draw(photos, labels, asked.pictures)
            first, _, _ = train(photos, cache)
            seconds, cores, size = train(photos, cache)
        rows.append(
            [
                f"{labels:,}",
                f"{labels * asked.pictures:,}",
                f"{first:.0f}",
                f"{seconds:.1f}",
                f"{cores:.1f}",
                f"{1000 * seconds / labels:.0f}",
                f"{size:.0f}",
            ]
        )
    heads = ["labels", "pictures", "cold s", "from the cache s", "core s", "ms a label", "MB"]
    print_table(heads, rows)


if __name__ == "__main__":
    main()
