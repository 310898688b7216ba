"""What PhotoPrism can be asked to show a model, and what each way costs against the files.

It makes a thumbnail, and of it one square. The thumbnail is made here with Pillow in place of
libvips; each way is one that a `vision.yml` can ask for. The model sees all of them through the
same graph. Of the test pictures, how many are right; of them and of pictures of another set, how
many get the answer that `guess` gives for the file, and how many are "none of these".
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from measure import arguments, machine, print_table
from PIL import Image

import tellapart
from tellapart.backbones.session import LazySession
from tellapart.exporters.photoprism import without_black
from tellapart.exporters.photoprism_feed import on_black, thumbnail
from tellapart.images.decode import read_picture
from tellapart.workers.local import cores


def square(picture: np.ndarray, side: int, *, cropped: bool) -> np.ndarray:
    """Its central square, or all of it, `[side,side,3]`: bicubic, as Go's CatmullRom."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    seen = picture[top : top + edge, left : left + edge] if cropped else picture
    return np.asarray(Image.fromarray(seen).resize((side, side), Image.Resampling.BICUBIC))


def colours_repeated(picture: np.ndarray) -> np.ndarray:
    """With colours of 2 x 2 pixels that are one, as Go's decoder of JPEG has them; libjpeg
    smooths."""
    planes = np.asarray(Image.fromarray(picture).convert("YCbCr"))
    height, width = planes.shape[:2]
    halves = np.asarray(Image.fromarray(picture).convert("YCbCr").reduce(2))
    larger = halves.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    joined = np.dstack([planes[..., :1], larger[..., 1:]])
    return np.asarray(Image.fromarray(joined, "YCbCr").convert("RGB"))


WAYS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "the file, as `guess`": lambda picture: picture,
    "fit_720, pad, the black taken off": lambda picture: without_black(
        on_black(thumbnail(picture))
    ),
    "the same, colours as Go decodes": lambda picture: without_black(
        on_black(colours_repeated(thumbnail(picture)))
    ),
    "fit_720, pad, the black left on": lambda picture: on_black(thumbnail(picture))[0].astype("u1"),
    "fit_720, stretch": lambda picture: square(thumbnail(picture), 720, cropped=False),
    "fit_720, center-crop": lambda picture: square(thumbnail(picture), 720, cropped=True),
    "tile_224 (no Resolution)": lambda picture: thumbnail(square(picture, 224, cropped=True)),
}


def rows(data: Path, name: str, other: str, quality: str) -> list[list[str]]:
    """A line for each way, of a model of one set."""
    with tempfile.TemporaryDirectory() as place:
        tellapart.train(data / name, quality=quality).save(Path(place, name))
        classifier = tellapart.load(Path(place, name))
    session = LazySession(classifier.content)
    limit = classifier.unknown_above
    own = sorted(path for path in (data / name / "test").rglob("*") if path.is_file())
    other_set = sorted(path for path in (data / other / "test").rglob("*") if path.is_file())

    def seen(path: Path) -> list[int]:
        """By each way, the number of the label, and 1 where it is none of them."""
        picture, found = read_picture(path), []
        for way in WAYS.values():
            pixels = np.ascontiguousarray(way(picture))[None]
            scores, novelty = session.run(["scores", "novelty"], pixels)
            found += [int(scores[0].argmax()), int(novelty[0] > limit)]
        return found

    with ThreadPoolExecutor(cores()) as pool:
        answers = [np.array([*pool.map(seen, paths)]) for paths in (own, other_set)]
    truth = np.array([classifier.labels.index(path.parent.name) for path in own])
    table = []
    for at, way in enumerate(WAYS):
        (mine, mine_unknown), (_, theirs_unknown) = (
            (found[:, 2 * at], found[:, 2 * at + 1]) for found in answers
        )
        same = [
            np.where(found[:, 2 * at + 1], -1, found[:, 2 * at])
            == np.where(found[:, 1], -1, found[:, 0])
            for found in answers
        ]
        table.append(
            [
                f"{name}, {quality}: {way}",
                f"{(mine == truth).sum()} of {len(own)}",
                f"{same[0].sum()} of {len(own)}",
                f"{mine_unknown.sum()}",
                f"{same[1].sum()} of {len(other_set)}",
                f"{theirs_unknown.sum()}",
            ]
        )
    return table


def main() -> None:
    options = arguments(__doc__)
    options.add_argument("--quality", default="good", help="fast, good or best")
    given = options.parse_args()
    with machine():
        sets = (("heroes", "flowers"), ("flowers", "heroes"))
        print_table(
            ("seen as", "right", "as the file", "unknown", "the other's as the file", "unknown "),
            [row for pair in sets for row in rows(given.data, *pair, given.quality)],
        )


if __name__ == "__main__":
    main()
