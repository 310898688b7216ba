"""How many copies a check finds, by what was done to them, and what else it takes for copies.

Of each set, so many pictures are changed in each way and put beside their originals, all at once;
then one check of all. A second table: pictures made bad in each way, and good ones that are called
so. A third: what may be copies among many pictures with known embeddings, in a process of its own.

    python benchmarks/duplicates.py [--each 6] [--pictures 5000 20000 50000] [--quality good]
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from measure import arguments, machine, print_table, run
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

import tellapart
from tellapart.health.duplicates import may_be_same
from tellapart.health.looks import find_bad
from tellapart.images.decode import decode_with_sides, read_picture
from tellapart.images.properties import properties_of
from tellapart.workers.local import one_thread_each

SETS = ("heroes", "flowers", "clothing", "groceries")
SIZE = 1408  # numbers of an embedding of `good`


def part(image: Image.Image, left: float, top: float, right: float, low: float) -> Image.Image:
    width, height = image.size
    box = (width * left, height * top, width * (1 - right), height * (1 - low))
    return image.crop(tuple(map(round, box)))  # type: ignore[arg-type]


def scaled(image: Image.Image, by: float) -> Image.Image:
    sides = [max(1, round(side * by)) for side in image.size]
    return image.resize((sides[0], sides[1]), Image.Resampling.BICUBIC)


Change = Callable[[Image.Image], Image.Image]

WAYS: Mapping[str, tuple[Change | None, int]] = {  # and the quality of the JPEG
    "the same file": (None, 0),
    "saved again, quality 75": (lambda image: image, 75),
    "saved again, quality 30": (lambda image: image, 30),
    "at half the size": (lambda image: scaled(image, 0.5), 90),
    "at 0.3 times the size": (lambda image: scaled(image, 0.3), 90),
    "at twice the size": (lambda image: scaled(image, 2), 90),
    "squeezed to a square": (lambda image: image.resize((300, 300)), 90),
    "mirrored": (ImageOps.mirror, 90),
    "lighter by 30 %": (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 90),
    "darker by 30 %": (lambda image: ImageEnhance.Brightness(image).enhance(0.7), 90),
    "in grey": (lambda image: ImageOps.grayscale(image).convert("RGB"), 90),
    "cropped by 5 % a side": (lambda image: part(image, 0.05, 0.05, 0.05, 0.05), 90),
    "cropped by 10 % a side": (lambda image: part(image, 0.1, 0.1, 0.1, 0.1), 90),
    "cropped askew": (lambda image: part(image, 0.08, 0.06, 0.1, 0.04), 90),
    "cropped, mirrored, quality 60": (
        lambda image: ImageOps.mirror(part(image, 0.02, 0.07, 0.06, 0.03)),
        60,
    ),
}


def page(image: Image.Image) -> Image.Image:
    """A page of text instead."""
    text = Image.new("RGB", image.size, "white")
    for top in range(8, image.height - 14, 17):
        ImageDraw.Draw(text).text((9, top), f"{top} lines of words, one below another", "black")
    return text


BAD: Mapping[str, Change] = {
    "dark": lambda image: image.point(lambda value: value // 6),
    "bright": lambda image: image.point(lambda value: 215 + value // 6),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(max(image.size) / 85)),
    "tiny": lambda image: scaled(image, 45 / max(image.size)),
    "enlarged": lambda image: scaled(scaled(image, 120 / max(image.size)), 5),
    "empty": lambda image: Image.new("RGB", image.size, (140, 150, 160)),
    "aspect": lambda image: image.resize((image.width * 3, image.height // 2)),
    "screenshot": page,
}


def saved(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def pictures_of(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*/*/*")) if path.is_file()]


def plant(folder: Path, root: Path, each: int) -> dict[str, tuple[str, str]]:
    """Links to a set's pictures, and copies of some; by the name of a copy, what was done to it,
    and the name of its picture."""
    paths = pictures_of(folder)
    for path in paths:
        to = root / path.relative_to(folder)
        to.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, to) if os.stat(path).st_dev == os.stat(root).st_dev else to.symlink_to(path)
    planted = {}
    chosen = iter(np.random.default_rng(0).permutation(len(paths)).tolist())
    for way, (change, quality) in WAYS.items():
        for number in range(each):
            path = paths[next(chosen)]
            name = path.relative_to(folder)
            copy = name.with_name(f"{way.replace(',', '').replace('%', 'pc')} {number}.jpg")
            image = Image.fromarray(read_picture(path))
            content = path.read_bytes() if change is None else saved(change(image), quality)
            (root / copy).write_bytes(content)
            planted[copy.as_posix()] = (way, name.as_posix())
    return planted


def copies_found(data: Path, each: int, quality: str) -> None:
    found: dict[str, Counter[str]] = {name: Counter() for name in SETS}
    others: dict[str, list[str]] = {}
    for name in SETS:
        with tempfile.TemporaryDirectory() as temporary:
            root = Path(temporary, name)
            root.mkdir()
            planted = plant(data / name, root, each)
            health = tellapart.check(root, quality=quality, follow_links=True)
        sets = [set(one.paths) for one in health.of("duplicate", "conflict", "leak")]
        for copy, (way, original) in planted.items():
            found[name][way] += any({copy, original} <= one for one in sets)
        originals = {original for _, original in planted.values()}
        others[name] = [
            " = ".join(sorted(one)) for one in sets if not one & (originals | planted.keys())
        ]
    rows = [[way, *(f"{found[name][way]} of {each}" for name in SETS)] for way in WAYS]
    rows.append(["not planted", *(f"{len(others[name])}" for name in SETS)])
    print_table(["copies found", *SETS], rows)
    print()
    for name in SETS:
        for one in others[name]:
            print(f"{name}: {one}")


def bad_found(data: Path, each: int) -> None:
    rows = []
    good = []
    found: dict[str, list[str]] = {kind: [] for kind in BAD}
    for name in SETS:
        paths = pictures_of(data / name)
        measured, truth = [], []
        labels = sorted({path.parent.name for path in paths})
        for path in paths:
            content = path.read_bytes()
            measured.append(properties_of(decode_with_sides(content), content))
            truth.append(labels.index(path.parent.name))
        properties, names = np.stack(measured), [path.name for path in paths]
        good.append(str(sum(len(one.rows) for one in find_bad(properties, names, np.array(truth)))))
        chosen = np.random.default_rng(1).choice(len(paths), each * 4, replace=False)
        for kind, change in BAD.items():
            spoilt = properties.copy()
            for row in chosen:
                content = saved(change(Image.fromarray(read_picture(paths[row]))), 90)
                spoilt[row] = properties_of(decode_with_sides(content), content)
            bad = find_bad(spoilt, names, np.array(truth))
            named = {row for one in bad if one.kind == kind for row in one.rows}
            found[kind].append(f"{len(named & set(chosen.tolist()))} of {len(chosen)}")
    rows = [[kind, *found[kind]] for kind in BAD]
    rows.append(["good ones", *good])
    print_table(["called bad", *SETS], rows)


def many(pictures: int) -> None:
    """In a process of its own: a thousand copies among so many pictures in bursts of ten."""
    lot = np.random.default_rng(0)
    copies = pictures // 20
    vectors = np.empty((pictures, SIZE), np.float32)
    for begin in range(0, pictures, 10):
        end = min(pictures, begin + 10)
        vectors[begin:end] = lot.standard_normal(SIZE, np.float32)
        vectors[begin:end] += lot.standard_normal((end - begin, SIZE), np.float32)
    hashes = lot.integers(0, 2**64, pictures, dtype=np.uint64)
    for row in range(copies):
        vectors[-1 - row] = vectors[row] + 0.4 * lot.standard_normal(SIZE, np.float32)
        if row % 2:
            hashes[-1 - row] = hashes[row]
    start, spent = time.perf_counter(), time.process_time()
    with one_thread_each():
        pairs = [*may_be_same(vectors, hashes, [str(row) for row in range(pictures)], 0.7)]
    seconds, core = time.perf_counter() - start, time.process_time() - spent
    got = {(pair.one, pair.other) for pair in pairs}
    right = sum((row, pictures - 1 - row) in got for row in range(copies))
    print(f"{seconds:.1f} {core:.1f} {right} {copies} {len(got)} {vectors.nbytes / 1e6:.0f}")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--each", type=int, default=6, help="pictures that are changed in each way")
    parser.add_argument("--pictures", type=int, nargs="*", default=[5_000, 20_000, 50_000])
    parser.add_argument("--quality", default="good")
    parser.add_argument("--many", type=int, help="only this, for the third table")
    asked = parser.parse_args()
    if asked.many:
        many(asked.many)
        return
    with machine():
        copies_found(asked.data, asked.each, asked.quality)
        print()
        bad_found(asked.data, asked.each)
        print()
        rows = []
        for pictures in asked.pictures:
            process = run([sys.executable, __file__, "--many", str(pictures)])
            seconds, core, right, copies, pairs, held = process.output.split()
            rows.append(
                [
                    f"{pictures:,}",
                    seconds,
                    core,
                    f"{process.peak:.0f}",
                    held,
                    f"{right} of {copies}",
                    f"{int(pairs):,}",
                ]
            )
        heads = ["pictures", "s", "core s", "MB", "of them embeddings", "found", "pairs in all"]
        print_table(heads, rows)


if __name__ == "__main__":
    main()
