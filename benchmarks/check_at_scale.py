"""What each finder of a check takes, from 2,000 pictures to a million: time, and peak memory.

The embeddings are drawn into a file, and so are labels, wrong labels (2 %), copies with the same
bytes (0.5 %), copies with the same hash (0.5 %), bursts of four (4 %), strangers (0.1 %) and bad
pictures. A process of its own goes through each number of pictures, finder by finder: seconds of
all cores together, and the peak of memory that is not a file's ("anonymous"), above what the
process had before it began.

A second table: of pictures of the real sets, and of copies that are mirrored and cropped, how many
of the three nearest of each meet in buckets, by their cosine and by how many buckets there are.

    python benchmarks/check_at_scale.py [--pictures 2000 10000 100000] [--values 64] [--labels 100]
        [--each 150]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from measure import Memory, anonymous, arguments, machine, print_table, run

from tellapart.assess.check import checking
from tellapart.assess.check.looked import Looked
from tellapart.assess.grouping import Grouping
from tellapart.assess.pictures import Pictures
from tellapart.backbones.embed import Embedder
from tellapart.backbones.graph import network_of
from tellapart.backbones.rows import quality as quality_row
from tellapart.dataset.sources import Dataset, Items
from tellapart.health.buckets import near
from tellapart.health.directions import unit
from tellapart.images.decode import read_picture
from tellapart.images.properties import HASH, PROPERTIES
from tellapart.report.check_page import check_page
from tellapart.to_json.check import checked
from tellapart.workers.local import one_thread_each

WRONG, SAME, AGAIN, BURSTS, STRANGE, DARK = 0.02, 0.005, 0.005, 0.04, 0.001, 0.001
BLOCK = 10_000
SETS = ("heroes", "flowers", "clothing", "groceries")
SIZES = (400, 100, 25)  # pictures of a bucket
BANDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)  # of cosines


def draw(place: Path, pictures: int, values: int, labels: int) -> Pictures:
    """Pictures that are known by their embeddings alone; these lie in a file."""
    lot = np.random.default_rng(0)
    centres = lot.standard_normal((labels, values), np.float32)
    shown = lot.integers(0, labels, pictures)
    shape = (pictures, values)
    vectors = np.lib.format.open_memmap(place, "w+", np.float32, shape)
    for begin in range(0, pictures, BLOCK):
        own = shown[begin : begin + BLOCK]
        block = centres[own] + 1.6 * lot.standard_normal((len(own), values), np.float32)
        some = int(BURSTS * len(own)) // 4 * 4
        for part in range(1, 4):  # of each four, the last three are near the first
            block[part:some:4] = block[:some:4]
            own[part:some:4] = own[:some:4]
        block[:some] += 0.3 * lot.standard_normal((some, values), np.float32)
        copies = int((SAME + AGAIN) * len(own))
        block[-copies:] = block[some : some + copies]
        own[-copies:] = own[some : some + copies]
        odd = int(STRANGE * len(own))
        block[some + copies :][:odd] = 2.0 * lot.standard_normal((odd, values), np.float32)
        vectors[begin : begin + BLOCK] = block / np.linalg.norm(block, axis=1, keepdims=True)
    truth = np.where(lot.random(pictures) < WRONG, lot.integers(0, labels, pictures), shown)
    digests = [f"{number:064x}" for number in lot.permutation(pictures).tolist()]
    properties = drawn_properties(pictures, lot)
    for begin in range(0, pictures, BLOCK):
        end = min(pictures, begin + BLOCK)
        some, copies = int(BURSTS * (end - begin)) // 4 * 4, int((SAME + AGAIN) * (end - begin))
        same = int(SAME * (end - begin))
        for at in range(copies):
            if at < same:
                digests[end - copies + at] = digests[begin + some + at]
            properties[end - copies + at, -len(HASH) :] = properties[
                begin + some + at, -len(HASH) :
            ]
    names = tuple(f"{k}/{number:07d}.jpg" for number, k in enumerate(truth.tolist()))
    return Pictures(
        labels=tuple(f"{k:05d}" for k in range(labels)),
        names=names,
        paths=tuple(Path(name) for name in names),
        truth=truth,
        vectors=np.load(place, mmap_mode="r"),
        digests=tuple(digests),
        keys=tuple(digests),
        held_out=np.zeros(pictures, bool),
        unknown=(),
        properties=properties,
        grouping=Grouping((None,) * pictures),
    )


def drawn_properties(pictures: int, lot: np.random.Generator) -> np.ndarray:
    """What is usual, and of a few that they are dark."""
    found = lot.uniform(0.4, 0.6, (pictures, len(PROPERTIES))).astype(np.float32)
    column = {name: at for at, name in enumerate(PROPERTIES)}
    found[:, [column["width"], column["height"]]] = 240
    found[:, column["file type"]] = 0
    found[:, column["sharpness"]] = found[:, column["detail"]] = 0.9
    found[:, column["lightest"]] = 0.9
    found[lot.random(pictures) < DARK, column["lightest"]] = 0.1
    found[:, column["bands"]] = 0
    found[:, -len(HASH) :] = lot.integers(0, 2**16, (pictures, len(HASH)))
    return found


@contextmanager
def watched(row: dict[str, Any], name: str) -> Iterator[None]:
    """Puts seconds of all cores and the peak of memory of what is done inside into a row."""
    memory, begin = Memory(), time.process_time()
    yield
    seconds = time.process_time() - begin
    row[name] = [seconds, memory.end() - row["before"]]


def whole(pictures: int, values: int, labels: int) -> None:
    """In a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(Path(folder, "drawn.npy"), pictures, values, labels)
        dataset = Dataset(Path("drawn"), Items())
        row: dict[str, Any] = {"before": anonymous()}
        found: Counter[str] = Counter()
        with watched(row, "cross-validation"):
            looked = checking.look(dataset, drawn)
        with watched(row, "wrong labels (judges)"), one_thread_each():
            _ = looked.label_errors
        with watched(row, "whether in bursts"), one_thread_each():
            _ = looked.bursts

        def watch(finder: Callable[[Looked], Any]) -> Callable[[Looked], Any]:
            def find(looked: Looked) -> Any:
                with watched(row, finder.__name__):
                    listed = list(finder(looked))
                found.update(one.kind for one in listed)
                return listed

            return find

        checking.FINDERS = tuple(map(watch, checking.FINDERS))
        with watched(row, "all finders"):
            health = checking.examine(looked)
        with watched(row, "page"):
            check_page(health)
        with watched(row, "json"):
            text = json.dumps(checked(health))
        row["json MB"] = len(text) / 1e6
        row["accuracy"] = health.accuracy.value
        print(json.dumps({"row": row, "found": found}))


def recall(data: Path, each: int) -> None:
    """What buckets find of what a table of all pairs has."""
    embedder = Embedder(network_of(quality_row("fast")))
    embedder.start()
    found = []
    for name in SETS:
        paths = [path for path in sorted((data / name).glob("*/*/*")) if path.is_file()]
        for path in paths[:: max(1, len(paths) // each)]:
            pixels = read_picture(path)
            height, width = pixels.shape[:2]
            cut = pixels[height // 16 : -height // 20, width // 12 : -width // 10][:, ::-1]
            pair = [embedder.embed(picture).vector for picture in (pixels, cut.copy())]
            found += [vector for vector in pair if vector is not None]
    vectors = np.stack(found)
    centre = vectors.mean(axis=0)
    units = unit(vectors - centre)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -1)
    best = np.argpartition(-cosines, 2, axis=1)[:, :3]
    highest = np.take_along_axis(cosines, best, axis=1)
    rows = []
    for size in SIZES:
        met = near(vectors, centre, 3, BANDS[0], size).rows
        pairs = {(row, int(other)) for row in range(len(met)) for other in met[row]}
        cells = []
        for low, high in pairwise(BANDS):
            ones, columns = np.nonzero((highest >= low) & (highest < high))
            there = [
                (one, other) in pairs or (other, one) in pairs
                for one, other in zip(ones.tolist(), best[ones, columns].tolist(), strict=True)
            ]
            cells.append(f"{sum(there):,} of {len(there):,}")
        rows.append([f"{len(vectors) // size}", *cells])
    heads = [f"{low} to {min(high, 1)}" for low, high in pairwise(BANDS)]
    print_table([f"buckets of {len(vectors):,}", *heads], rows)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--each", type=int, default=150, help="pictures of each real set")
    parser.add_argument("--pictures", type=int, nargs="+", default=[2_000, 10_000, 100_000])
    parser.add_argument("--values", type=int, default=64)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        whole(asked.pictures[0], asked.values, asked.labels)
        return
    with machine():
        if asked.data.is_dir() and asked.each:
            recall(asked.data, asked.each)
            print()
        columns = []
        for pictures in asked.pictures:
            sizes = (pictures, asked.values, asked.labels)
            flags = ("--pictures", "--values", "--labels")
            words = [w for pair in zip(flags, map(str, sizes), strict=True) for w in pair]
            columns.append(json.loads(run([sys.executable, __file__, *words, "--alone"]).output))
        steps = [name for name, cell in columns[0]["row"].items() if isinstance(cell, list)]
        cells = [
            [f"{c['row'][name][0]:.1f} s, {c['row'][name][1]:.0f} MB" for c in columns]
            for name in steps
        ]
        rows = [[name, *own] for name, own in zip(steps, cells, strict=True)]
        rows.append(["findings", *(f"{sum(c['found'].values()):,}" for c in columns)])
        rows.append(["accuracy", *(f"{c['row']['accuracy']:.3f}" for c in columns)])
        print_table([f"{asked.values} values", *(f"{n:,}" for n in asked.pictures)], rows)
        for pictures, column in zip(asked.pictures, columns, strict=True):
            print(f"{pictures:,}: {column['found']}")


if __name__ == "__main__":
    main()
