"""Do the warnings of `train` about spurious cues come when they should, and only then?

For each data set: how well each cue alone tells a label from all others (the label told best, its
95 % interval), and whether that is warned of. Then how often anything is warned of in random halves
of the pictures, with their own labels and with labels dealt at random, where any warning is false;
and in halves where a cue was planted in the traits of one label's pictures, how often it is named.
Last, what it costs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from measure import arguments, machine, print_table

from tellapart.assess.pictures import FOLDS
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.split import folds
from tellapart.health.shortcuts import BY_NAME, Shortcut, Tried, find_shortcuts, try_shortcuts
from tellapart.images.decode import decode_with_sides
from tellapart.images.properties import PROPERTIES, properties_of
from tellapart.training.engines import build_network
from tellapart.training.options import TrainOptions

DRAWS = 100
# What is planted in one label's pictures: column of traits -> factor and what is added. Others are
# made half as bright where light is planted: brightening dark pictures may only make them usual.
PLANTS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "brightness": {"brightness": (0.5, 0.5), "border brightness": (0.5, 0.5)},
    "border": {"border brightness": (0, 1), "border contrast": (0, 0)},
    "size": {"width": (3, 0), "height": (3, 0)},
    "aspect": {"width": (0.4, 0)},
    "file type": {"file type": (0, 1)},
}


@dataclass(frozen=True)
class Pictures:
    """The training pictures of a data set: traits `[N,T]`, truth `[N]`, names."""

    properties: np.ndarray
    truth: np.ndarray
    names: tuple[str, ...]
    labels: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> Pictures:
        dataset = read_dataset(folder).only("train")
        found = embed_all(
            [i.path for i in dataset.items], Embedder(build_network(TrainOptions("fast")))
        )
        items = [dataset.items[i] for i in found.positions]
        truth = np.array([dataset.labels.index(item.label) for item in items])
        return cls(found.properties, truth, tuple(item.name for item in items), dataset.labels)

    def half(self, lot: np.random.Generator) -> Pictures:
        rows = np.sort(lot.choice(len(self.truth), len(self.truth) // 2, replace=False))
        names = tuple(self.names[row] for row in rows)
        return replace(
            self, properties=self.properties[rows].copy(), truth=self.truth[rows], names=names
        )

    @property
    def fold(self) -> np.ndarray:
        return folds(self.names, [self.labels[k] for k in self.truth], FOLDS)

    def shortcuts(self) -> tuple[Shortcut, ...]:
        return find_shortcuts(self.properties, self.names, self.truth, self.labels, self.fold)

    def tried(self) -> list[Tried]:
        return list(try_shortcuts(self.properties, self.names, self.truth, self.labels, self.fold))

    def planted(self, what: str, label: int) -> Pictures:
        properties = self.properties.copy()
        for name, (factor, added) in PLANTS[what].items():
            column = properties[:, PROPERTIES.index(name)]
            column[self.truth == label] = column[self.truth == label] * factor + added
            if what == "brightness":
                column[self.truth != label] *= 0.5
        return replace(self, properties=properties)


def rates(pictures: Pictures) -> list[str]:
    """How often something is warned of in halves, as they are and with labels dealt at random."""
    lot = np.random.default_rng(0)
    own = dealt = 0
    for _ in range(DRAWS):
        half = pictures.half(lot)
        own += bool(half.shortcuts())
        dealt += bool(replace(half, truth=lot.permutation(half.truth)).shortcuts())
    found = []
    for what in PLANTS:
        named = 0
        for draw in range(DRAWS):
            half = pictures.half(lot).planted(what, draw % len(pictures.labels))
            sort = BY_NAME[what].what
            named += any(BY_NAME[shortcut.shortcut].what == sort for shortcut in half.shortcuts())
        found.append(f"{named} of {DRAWS}")
    return [f"{own} of {DRAWS}", f"{dealt} of {DRAWS}", *found]


def main() -> None:
    options = arguments(__doc__, runs=20).parse_args()
    with machine():
        sets = {kind: Pictures.read(options.data / kind) for kind in ("heroes", "flowers")}
        rows = []
        for kind, pictures in sets.items():
            for tried in pictures.tried():
                low, high = (100 * bound for bound in tried.told.interval)
                told = f"{100 * tried.told.value:.0f} % ({low:.0f} to {high:.0f})"
                warned = "yes" if tried.is_telling else "no"
                label = pictures.labels[tried.label]
                rows.append([f"{kind}, {tried.kind.name}", label, told, warned])
        print_table(["cue", "label told best", "told (95 % interval)", "warned of"], rows)
        print()
        heads = [
            "warned of, in halves",
            "as it is",
            "labels dealt",
            *(f"{p} planted" for p in PLANTS),
        ]
        print_table(heads, [[kind, *rates(pictures)] for kind, pictures in sets.items()])
        print()
        rows = []
        for kind, pictures in sets.items():
            seconds = []
            for _ in range(options.runs):
                fold = pictures.fold  # which training has at hand
                begin = time.perf_counter()
                find_shortcuts(
                    pictures.properties, pictures.names, pictures.truth, pictures.labels, fold
                )
                seconds.append(time.perf_counter() - begin)
            rows.append(
                [
                    f"{kind}: finding cues among {len(pictures.truth)}, ms",
                    f"{1e3 * median(seconds):.1f}",
                ]
            )
            paths = sorted((options.data / kind / "train").rglob("*.jpg"))[:100]
            contents = [path.read_bytes() for path in paths]
            read = [(decode_with_sides(content), content) for content in contents]
            begin = time.perf_counter()
            for picture, content in read:
                properties_of(picture, content)
            each = (time.perf_counter() - begin) / len(read)
            rows.append([f"{kind}: measuring a picture, ms", f"{1e3 * each:.3f}"])
        print_table(["cost", f"median of {options.runs}"], rows)


if __name__ == "__main__":
    main()
