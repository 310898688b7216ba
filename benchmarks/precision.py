"""Each quality's networks in floating point and in whole numbers: how right, how fast, how big.

Both see the same pictures, and a head is fitted to the embeddings of each in the same folds: what
counts is how many pictures only one of them has right. The time is that of the networks alone, on
pixels that are ready, in seconds of the process, one after the other in turn; so is their ratio.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from bare import network as bare
from measure import arguments, machine, print_table
from threadpoolctl import threadpool_limits

from tellapart.backbones.graph import Network
from tellapart.backbones.rows import BACKBONES, PRECISIONS, QUALITIES, Quality, Trunk
from tellapart.backbones.runtime import open_session
from tellapart.backbones.session import LazySession
from tellapart.errors import PictureError
from tellapart.head.cross_validation import cross_validate
from tellapart.head.prepared import Prepared
from tellapart.images.decode import read_picture
from tellapart.workers.local import cores

FOLDS, DEALS = 5, 5
TIMED = 40  # pictures
INTERVAL = 1.96  # deviations to either side


@dataclass(frozen=True)
class Judged:
    """What a network has right: in each deal of the folds `[DEALS,N]`, and of the test `[M]`."""

    crossed: np.ndarray
    tested: np.ndarray

    @property
    def both(self) -> np.ndarray:
        """How often each picture was right, `[N+M]`."""
        return np.concatenate([self.crossed.mean(axis=0), self.tested])


def network(row: Quality, precision: str) -> Network:
    """A quality's network in a precision."""
    return Network(row.name, trunks(row, precision), row.views)


def trunks(row: Quality, precision: str) -> tuple[Trunk, ...]:
    """Its trunks."""
    return tuple(BACKBONES[name].trunk(precision=precision) for name in row.backbones)


def embedded(networks: Sequence[Network], folder: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """The embeddings `[N,D]` that each network gives of a folder's pictures, and the numbers of
    their labels `[N]`; without pictures that cannot be read."""
    sessions = [LazySession(each.content) for each in networks]
    folders = sorted(path for path in folder.iterdir() if path.is_dir())
    given = [(path, at) for at, label in enumerate(folders) for path in sorted(label.iterdir())]

    def embed(path: Path) -> list[np.ndarray] | None:
        try:
            image = read_picture(path)[None]
        except PictureError:
            return None
        return [session.run(["embedding"], image)[0][0] for session in sessions]

    with ThreadPoolExecutor(cores()) as pool:
        found = list(pool.map(embed, [path for path, _ in given]))
    labels = [at for (_, at), row in zip(given, found, strict=True) if row is not None]
    rows = [row for row in found if row is not None]
    return [np.stack(columns) for columns in zip(*rows, strict=True)], np.array(labels)


def judged(
    vectors: np.ndarray, test: np.ndarray, *, labels: np.ndarray, answers: np.ndarray
) -> Judged:
    """Fit a head in each deal of the folds, and one for the test pictures."""
    count, crossed = int(labels.max()) + 1, []
    for deal in range(DEALS):
        fold = np.random.default_rng(deal).permutation(len(labels)) % FOLDS
        found = cross_validate(vectors, labels, count, fold)
        crossed.append(found.logits.argmax(axis=1) == labels)
    assert found.recipe
    head = found.recipe.fit(Prepared(vectors, labels, count))
    return Judged(np.array(crossed), head.logits(test).argmax(axis=1) == answers)


def seconds(row: Quality) -> Mapping[str, float]:
    """CPU seconds a picture of each precision's networks alone, run in turn."""
    lot = np.random.default_rng(0)
    ready = {
        precision: [(open_session(bare(trunk)), trunk) for trunk in trunks(row, precision)]
        for precision in PRECISIONS
    }
    taken: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    for _ in range(TIMED):
        sides = {trunk.size for trunk in trunks(row, "float32")}
        pixels = {
            side: np.rint(lot.uniform(-127, 128, (1, 3, side, side))).astype(np.float32) / 128
            for side in sides
        }
        for precision, runs in ready.items():
            begin = time.process_time()
            for session, trunk in runs:
                for _ in row.views:
                    session.run(None, {trunk.input: pixels[trunk.size]})
            taken[precision].append(time.process_time() - begin)
    return {precision: median(times) for precision, times in taken.items()}


def difference(before: Judged, after: Judged) -> list[str]:
    """Pictures that only one has right, and the difference in points with its 95 % interval."""
    change = after.both - before.both
    lost, won = -change[change < 0].sum(), change[change > 0].sum()
    points = 100 * change.mean()
    width = 100 * INTERVAL * change.std() / np.sqrt(len(change))
    return [
        f"{lost:.1f}",
        f"{won:.1f}",
        f"{points:+.2f} ({points - width:+.2f} to {points + width:+.2f})",
    ]


def rows(row: Quality, data: Path) -> list[list[str]]:
    """The lines of one quality."""
    networks = [network(row, precision) for precision in PRECISIONS]
    times, sizes = seconds(row), [len(each.content) / 1e6 for each in networks]
    ratio = times["int8"] / times["float32"]
    costs = [
        " / ".join(f"{1000 * each:.1f}" for each in times.values()),
        f"{ratio:.2f}",
        " / ".join(f"{each:.1f}" for each in sizes),
    ]
    lines, every = [], []
    for kind in sorted(path.name for path in data.iterdir() if (path / "test").is_dir()):
        vectors, labels = embedded(networks, data / kind / "train")
        test, answers = embedded(networks, data / kind / "test")
        pair = [
            judged(*each, labels=labels, answers=answers)
            for each in zip(vectors, test, strict=True)
        ]
        every.append(pair)
        lines.append([row.name, kind, *_accuracies(pair), *difference(*pair), *costs])
    pair = [
        Judged(
            *(
                np.concatenate([getattr(each[at], part) for each in every], axis=-1)
                for part in _PARTS
            )
        )
        for at in range(len(networks))
    ]
    lines.append([row.name, "all", *_accuracies(pair), *difference(*pair), *costs])
    return lines


_PARTS = ("crossed", "tested")


def _accuracies(pair: Sequence[Judged]) -> list[str]:
    return [
        " / ".join(f"{100 * getattr(each, part).mean():.1f}" for each in pair) for part in _PARTS
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quality", nargs="+", choices=QUALITIES, default=list(QUALITIES))
    options = parser.parse_args()
    with machine(), threadpool_limits(1):
        print_table(
            [
                "quality",
                "data",
                "cross-validated, float32 / int8",
                "test, float32 / int8",
                "only float32 right",
                "only int8 right",
                "points (95 % interval)",
                "CPU ms a picture, float32 / int8",
                "ratio",
                "network, MB",
            ],
            [line for name in options.quality for line in rows(QUALITIES[name], options.data)],
        )


if __name__ == "__main__":
    main()
