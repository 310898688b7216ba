"""What reading decisions costs: a folder of pictures without any, with 20, and with one more of a
picture that is not there, for which all files are read.

Rounds are interleaved: plain, decided, stale, plain, ...; the seconds of all cores are of this
process, and ratios are taken round by round.

    python benchmarks/decisions.py FOLDER [FOLDER ...] [--rounds 7]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import print_table

from tellapart.dataset.decisions import FILE, decide
from tellapart.dataset.sources import read_dataset

DECIDED = 20


def cpu_seconds(source: Path) -> float:
    begun = time.process_time()
    read_dataset(source)
    return time.process_time() - begun


def measured(folder: Path, rounds: int) -> list[str]:
    with tempfile.TemporaryDirectory() as place:
        photos = Path(place, "photos")
        shutil.copytree(folder, photos)
        items = read_dataset(photos).items
        tables = {"plain": b""}
        chosen = [item.name for item in items[:: max(1, len(items) // DECIDED)]][:DECIDED]
        decide(photos, chosen, keep=True)
        tables["decided"] = (photos / FILE).read_bytes()
        gone = hashlib.sha256(b"gone").hexdigest()
        tables["stale"] = tables["decided"] + f"gone.jpg,{gone},keep,,,,,,\n".encode()
        spent: dict[str, list[float]] = {name: [] for name in tables}
        for _ in range(rounds):
            for name, table in tables.items():
                (photos / FILE).unlink(missing_ok=True)
                if table:
                    (photos / FILE).write_bytes(table)
                spent[name].append(cpu_seconds(photos))
    plain, decided, stale = (np.array(spent[name]) for name in tables)
    size = sum(item.file.stat().st_size for item in read_dataset(folder).items)
    return [
        folder.parent.name if folder.name == "train" else folder.name,
        f"{len(items):,}",
        f"{size / 2**20:.0f}",
        f"{1000 * np.median(plain):.0f}",
        f"{1000 * np.median(decided):.0f}",
        f"{np.median(decided / plain):.2f}",
        f"{1000 * np.median(stale):.0f}",
        f"{np.median(stale / plain):.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    rows = [measured(folder, asked.rounds) for folder in asked.folders]
    heads = ["set", "pictures", "MB", "plain ms", "20 decided ms", "times", "1 stale ms", "times"]
    print_table(heads, rows)
    print(f"Core milliseconds; load {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
