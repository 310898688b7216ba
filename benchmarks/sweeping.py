"""How long `explain --sweep` takes for a picture, how often it finds a flip, and how to hide.

The first table is of the test pictures of both sets, or so many as asked for, with the model
already loaded: median and slowest seconds of `sweep` by picture, and the median of guessing as many
pictures with `predict_many`, which is what the network alone takes on this machine at that moment.
"Flips" are pictures with a region of at most half of it whose hiding changes the answer, "kept"
those with a region that alone keeps it; sizes are medians over these.

With --hiding the second table is printed: ways of hiding a region, on pictures that are judged
right. The strongest place is the rectangle of a fifth of the picture with the most evidence, the
weakest the one with the least: an answer that changes when that is hidden flips for the hiding, not
for what was hidden. "All" hides the whole picture: what is still right then was not hidden.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from measure import arguments, machine, print_table
from saliency import judged, log_odds, over

import tellapart
from tellapart.explain import Blank, Blur, Region, sweep
from tellapart.explain.changes import Change
from tellapart.explain.regions import WHOLE
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier

QUALITIES = ("fast", "good", "best")
HEADS = (
    "data, quality",
    "seconds",
    "slowest",
    "guessing",
    "tried",
    "flips",
    "size",
    "kept",
    "size",
)
HIDING = (
    "data, way of hiding",
    "strongest",
    "random",
    "weakest",
    "all",
    "taken: strongest",
    "random",
)
AREA, PLACES = 0.2, 3
GREY = (127, 127, 127)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pictures", type=int, default=20, help="of each test folder at most")
    parser.add_argument("--quality", nargs="+", default=list(QUALITIES))
    parser.add_argument("--hiding", action="store_true", help="compare ways of hiding instead")
    options = parser.parse_args()
    rows = []
    with machine():
        for data in ("heroes", "flowers"):
            paths = sorted((options.data / data / "test").glob("*/*"))
            chosen = np.linspace(0, len(paths) - 1, min(options.pictures, len(paths)))
            paths = [paths[int(index)] for index in chosen]
            for quality in ["good"] if options.hiding else options.quality:
                with tempfile.TemporaryDirectory() as scratch:
                    result = tellapart.train(options.data / data / "train", quality=quality)
                    classifier = tellapart.load(result.save(Path(scratch) / "model"))
                if options.hiding:
                    rows += [[f"{data}, {way}", *row] for way, row in _hiding(classifier, paths)]
                else:
                    rows.append([f"{data}, {quality}", *_sweeping(classifier, paths)])
        print_table(HIDING if options.hiding else HEADS, rows)


def _sweeping(classifier: Classifier, paths: Sequence[Path]) -> list[str]:
    classifier.predict(paths[0])
    seconds, guessing, found = [], [], []
    for path in paths:
        begin = time.perf_counter()
        found.append(sweep(classifier, path))
        middle = time.perf_counter()
        sum(1 for _ in classifier.predict_many([path] * found[-1].tried))
        seconds.append(middle - begin)
        guessing.append(time.perf_counter() - middle)
    flips = [one.flip.region.area for one in found if one.flips]
    kept = [one.keep.region.area for one in found if one.keep]
    return [
        f"{median(seconds):.2f}",
        f"{max(seconds):.2f}",
        f"{median(guessing):.2f}",
        f"{median(one.tried for one in found):.0f}",
        f"{len(flips)} of {len(found)}",
        f"{median(flips):.1%}" if flips else "·",
        f"{len(kept)} of {len(found)}",
        f"{median(kept):.1%}" if kept else "·",
    ]


def _ways(pixels: np.ndarray) -> dict[str, Callable[[Region], Change]]:
    red, green, blue = (int(value) for value in np.rint(pixels.mean(axis=(0, 1))))
    return {
        "blurred by 20%": Blur,
        "blurred by 10%": lambda region: Blur(region, 0.1),
        "mean colour": lambda region: Blank(region, (red, green, blue)),
        "mean colour of the rest": Blank,
        "grey": lambda region: Blank(region, GREY),
    }


def _hiding(classifier: Classifier, paths: Sequence[Path]) -> list[tuple[str, list[str]]]:
    """Flips and log-odds taken by way of hiding: the strongest place, random ones, the weakest."""
    lot = np.random.default_rng(0)
    flips: dict[str, list[np.ndarray]] = {}
    taken: dict[str, list[np.ndarray]] = {}
    for path in paths:
        pixels = read_picture(path)
        scores, evidence = classifier.run(pixels, ["scores", "evidence"])
        label, other = (int(k) for k in np.argsort(-scores)[:2])
        if classifier.labels[label] != path.parent.name:
            continue
        regions = _regions(evidence[label] - evidence[other], lot)
        for way, hide in _ways(pixels).items():
            changed = [hide(region).apply(pixels) for region in regions]
            found = judged(classifier, [pixels, *changed])
            odds = log_odds(found, label)
            flips.setdefault(way, []).append(found[1:].argmax(axis=1) != label)
            taken.setdefault(way, []).append(odds[0] - odds[1:])
    return [(way, _hiding_row(np.array(flips[way]), np.array(taken[way]))) for way in flips]


def _hiding_row(flips: np.ndarray, taken: np.ndarray) -> list[str]:
    return [
        f"{flips[:, 0].mean():.1%}",
        f"{flips[:, 2:-1].mean():.1%}",
        f"{flips[:, 1].mean():.1%}",
        f"{flips[:, -1].mean():.1%}",
        f"{taken[:, 0].mean():.2f}",
        f"{taken[:, 2:-1].mean():.2f}",
    ]


def _regions(lead: np.ndarray, lot: np.random.Generator) -> list[Region]:
    """The place with the most evidence, that with the least, random ones, and the whole."""
    side, cells = AREA**0.5, 40
    size = round(side * cells)
    table = np.zeros((cells + 1, cells + 1))
    table[1:, 1:] = over(lead, cells, cells).cumsum(axis=0).cumsum(axis=1)
    inside = table[size:, size:] - table[:-size, size:] - table[size:, :-size]
    inside = inside + table[:-size, :-size]
    places = [np.unravel_index(at, inside.shape) for at in (inside.argmax(), inside.argmin())]
    places += [tuple(lot.integers(0, cells - size + 1, 2)) for _ in range(PLACES)]
    length = size / cells
    found = [Region(across / cells, down / cells, length, length) for down, across in places]
    return [*found, WHOLE]


if __name__ == "__main__":
    main()
