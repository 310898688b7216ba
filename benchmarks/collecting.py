"""What `collect` leaves out: copies it finds, and different pictures it takes for copies.

Of each set, `--copies` pictures are saved again in nine ways; each copy should be found. Then every
two pictures of the set are compared that have not the same bytes; those taken for one picture are
counted, and named with `--show`. The closest of the others says how far off a mistake is, which
would begin at 1.

    python benchmarks/collecting.py [--data PATH] [--copies 60] [--show]
"""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from measure import print_table
from PIL import Image

from tellapart.collecting import copies
from tellapart.collecting.copies import Look, Seen, look_of
from tellapart.dataset.sources import pictures_below
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture

SETS = ("heroes", "flowers", "clothing", "groceries")
DATA = Path(__file__).parents[2] / "shared" / "data"


def copied(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    """A picture saved again, by the way."""
    width, height = image.size

    def saved(changed: Image.Image, kind: str = "JPEG", **options: int) -> bytes:
        file = io.BytesIO()
        changed.save(file, kind, **options)
        return file.getvalue()

    for quality in (30, 75, 92):
        yield f"JPEG {quality}", saved(image, quality=quality)
    yield "WebP 60", saved(image, "WEBP", quality=60)
    yield "GIF", saved(image.convert("P", palette=Image.Palette.ADAPTIVE), "GIF")
    for times in (0.3, 0.5, 2.0):
        size = (max(1, round(width * times)), max(1, round(height * times)))
        yield f"{times:g} times", saved(image.resize(size, Image.Resampling.BICUBIC), quality=85)
    yield "a square", saved(image.resize((200, 200), Image.Resampling.LANCZOS), quality=85)


def excess(one: Look, other: Look) -> float:
    """How far two pictures are from being taken for one: up to 1, they are."""
    differs = np.abs(one.small.astype(np.int16) - other.small)
    return max(
        (one.hash ^ other.hash).bit_count() / copies._BITS_APART,
        float(differs.mean()) / copies._MEAN_APART,
        float(differs.max()) / copies._MOST_APART,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--copies", type=int, default=60)
    parser.add_argument("--show", action="store_true")
    asked = parser.parse_args()
    rows = []
    for name in SETS:
        pictures: list[tuple[str, str, np.ndarray, Look]] = []
        for path, called in pictures_below(asked.data / name)[0]:
            try:
                pixels = read_picture(path)
            except PictureError:
                continue
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            pictures.append((called, digest, pixels, look_of(pixels)))
        lot = np.random.default_rng(0).permutation(len(pictures))[: asked.copies]
        missed: dict[str, int] = {}
        made = 0
        for place in lot:
            _, digest, pixels, look = pictures[place]
            seen = Seen()
            seen.add("it", digest, look)
            for way, content in copied(Image.fromarray(pixels)):
                made += 1
                if not seen.of_look(look_of(read_picture(content))):
                    missed[way] = missed.get(way, 0) + 1
        pairs, wrong, closest = 0, [], np.inf
        for place, (called, digest, _, look) in enumerate(pictures):
            for other, its_digest, _, its_look in pictures[:place]:
                if digest == its_digest:
                    continue
                pairs += 1
                apart = excess(look, its_look)
                if apart <= 1:
                    wrong.append((called, other))
                else:
                    closest = min(closest, apart)
        found = made - sum(missed.values())
        ways = ", ".join(f"{count} {way}" for way, count in missed.items()) or "none"
        rows.append(
            [
                name,
                f"{found:,} of {made:,}",
                ways,
                f"{len(wrong):,} of {pairs:,}",
                f"{closest:.2f}",
            ]
        )
        if asked.show:
            for one, other in wrong:
                print(f"{name}: {one} and {other}")
    heads = ["set", "copies found", "missed", "pairs taken for one", "the closest other"]
    print_table(heads, rows)


if __name__ == "__main__":
    main()
