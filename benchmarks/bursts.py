"""What training says of pictures that come in bursts, against a test on other occasions; and that
it says nothing of the kind of pictures that do not.

The sets with a `train/` and a `test/` are trained in each quality. Then bursts are made of the
flowers in known number: of each of some pictures several, each cut, lit and compressed a little
otherwise, tested on the flowers' own test folder.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from measure import arguments, machine, print_table
from PIL import Image, ImageEnhance

import tellapart
from tellapart.assess.pictures import Pictures, gather
from tellapart.assess.sides import choose_sides
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import network_of
from tellapart.backbones.rows import quality as quality_row
from tellapart.dataset.in_python import read_source
from tellapart.evaluation.metrics import Proportion
from tellapart.health.occasions import closeness
from tellapart.training.result import TrainResult

QUALITIES = ("fast", "good", "best")
STEPS = (1, 2, 5)  # pictures of a burst
OCCASIONS = 24  # of a label


def percent(found: Proportion) -> str:
    """`98.6 % (97.1 to 99.4)`."""
    low, high = found.interval
    return f"{100 * found.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def covered(result: TrainResult, tested: Proportion) -> str:
    """Whether what training says covers the test, as far as chance lets one tell."""
    assert result.cross_validated
    low, high = result.cross_validated.accuracy.interval
    if result.bursts.low is not None and result.bursts.high is not None:
        low, high = result.bursts.low, result.bursts.high
    return "yes" if low <= tested.interval[1] and tested.interval[0] <= high else "NO"


def rows_of(data: Path, kind: str, qualities: Sequence[str]) -> Iterator[list[str]]:
    for quality in qualities:
        result = tellapart.train(data / kind, quality=quality)
        assert result.cross_validated
        assert result.held_out
        tested = result.held_out.accuracy
        yield [
            kind,
            quality,
            f"{share(data / kind, quality):.2f}",
            "yes" if result.bursts.found else "no",
            percent(result.cross_validated.accuracy),
            " ".join(f"{one.groups} {100 * one.accuracy.value:.1f}" for one in result.bursts.apart),
            result.bursts.range or "-",
            percent(tested),
            covered(result, tested),
        ]


def share(source: Path, quality: str) -> float:
    """Of the pictures to learn from, those with another of their label far closer than usual."""
    dataset = choose_sides(read_source(source))
    embedder = Embedder(network_of(quality_row(quality)), None)
    embeddings = embed_all([item.path for item in dataset.items], embedder)
    pictures: Pictures = gather(dataset, embeddings, 0.0)
    rows = pictures.learnt
    return closeness(pictures.vectors[rows], pictures.truth[rows], pictures.groups(rows)).share


def another(picture: Image.Image, lot: np.random.Generator) -> bytes:
    """A picture as the next one of a burst shows it: cut, lit and compressed a little otherwise."""
    width, height = picture.size
    part = float(lot.uniform(0.82, 0.95))
    left, top = lot.uniform(0, 1 - part, 2) * (width, height)
    cut = picture.crop((int(left), int(top), int(left + part * width), int(top + part * height)))
    lit = ImageEnhance.Brightness(cut).enhance(float(lot.uniform(0.85, 1.15)))
    file = io.BytesIO()
    lit.save(file, "JPEG", quality=int(lot.integers(70, 95)))
    return file.getvalue()


def draw(flowers: Path, root: Path, steps: int, *, named: bool) -> int:
    """Bursts of the flowers' training pictures; returns of how many occasions they are."""
    lot = np.random.default_rng(0)
    labels = sorted((flowers / "train").iterdir())
    for label in labels:
        folder = root / label.name
        folder.mkdir(parents=True)
        for number, path in enumerate(sorted(label.iterdir())[:OCCASIONS]):
            with Image.open(path) as opened:
                picture = opened.convert("RGB")
            for step in range(steps):
                name = f"IMG_{number * steps + step:04d}" if named else f"{lot.integers(2**40):x}"
                (folder / f"{name}.jpg").write_bytes(another(picture, lot))
    return OCCASIONS * len(labels)


def drawn_rows(flowers: Path) -> Iterator[list[str]]:
    for steps in STEPS:
        for named in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                drawn = draw(flowers, Path(folder, "bursts"), steps, named=named)
                photos = Path(folder, "bursts")
                result = tellapart.train(photos, test=flowers / "test", quality="fast")
                assert result.cross_validated
                assert result.held_out
                tested = result.held_out.accuracy
                yield [
                    f"{steps}",
                    "in turn" if named else "by lot",
                    f"{drawn}",
                    "yes" if result.bursts.found else "no",
                    f"{result.bursts.occasions or '-'}",
                    result.bursts.kept or "-",
                    percent(result.cross_validated.accuracy),
                    result.bursts.range or "-",
                    percent(tested),
                    covered(result, tested),
                ]


def main(given: Sequence[str] | None = None) -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quality", nargs="+", default=QUALITIES, choices=QUALITIES)
    options = parser.parse_args(given)
    kinds = sorted(folder.parent.name for folder in options.data.glob("*/train"))
    with machine():
        heads = ["data", "quality", "far closer", "bursts", "cross-validated"]
        heads += ["kept together", "other occasions", "test", "covered"]
        print_table(
            heads, [row for kind in kinds for row in rows_of(options.data, kind, options.quality)]
        )
        print()
        heads = ["of a burst", "names", "occasions", "bursts", "found", "kept together by"]
        heads += ["cross-validated", "other occasions", "test", "covered"]
        print_table(heads, list(drawn_rows(options.data / "flowers")))


if __name__ == "__main__":
    main()
