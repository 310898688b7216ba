"""How well wrong labels are found: flips planted in real pictures, against cleanlab.

2, 5, 10 and 30 % of the labels of each set are flipped, to any other label or to the one that is
most like it, `--runs` times each. cleanlab is given the same out-of-fold probabilities: those that
our ranking goes by, the same before the second round, and those of the regression alone. Only what
was planted counts as wrong, so errors that a set has itself (clothing has some) count against each.

    pip install "cleanlab==2.9.*"
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores
from measure import arguments, machine, print_table

from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import network_of
from tellapart.backbones.rows import quality
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.split import folds
from tellapart.head.cross_validation import cross_validate
from tellapart.health.judges import Judges, Settings
from tellapart.health.label_errors import FIRST, find_label_errors
from tellapart.workers.local import one_thread_each

RATES = (0.02, 0.05, 0.1, 0.3)
WAYS = ("at random", "to the most similar")
OURS = "ours"
_STUDENT = 2.09  # standard errors in half of a 95 % interval of 20 runs; of fewer there are more
METHODS = ("self_confidence", "normalized_margin")


@dataclass(frozen=True)
class Data:
    """A set: embeddings `[N,D]`, labels int `[N]`, and contents."""

    name: str
    vectors: np.ndarray
    truth: np.ndarray
    labels: tuple[str, ...]
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Average precision by ranking; and of our list how many are wrong and were said to be, among
    the first 20 and in all, and how many of the sure ones are right."""

    precision: Mapping[str, float]
    first: tuple[float, float]
    whole: tuple[float, float]
    sure: tuple[int, int]


class Kept(Judges):
    """Judges that keep what they said first."""

    said: np.ndarray | None = None
    before: np.ndarray | None = None

    def judge(self, labels: np.ndarray, deals: int | None = None) -> np.ndarray:
        found = super().judge(labels, deals)
        if self.said is None:
            self.said = found
            every = range(len(self._deals))
            self.before = self._opinions(labels, [self._fit(deal, labels) for deal in every])
        return np.asarray(found)


def read(folder: Path, name: str) -> Data:
    """The training pictures of a set."""
    dataset = read_dataset(folder / "train")
    found = embed_all([item.path for item in dataset.items], Embedder(network_of(quality(name))))
    items = [dataset.items[at] for at in found.positions]
    labels = tuple(sorted({item.label for item in items}))
    truth = np.array([labels.index(item.label) for item in items])
    return Data(folder.name, found.vectors, truth, labels, tuple(found.digests))


def plant(data: Data, rate: float, way: str, seed: int) -> np.ndarray:
    """The labels with a share of them flipped."""
    lot = np.random.default_rng([seed, int(100 * rate), WAYS.index(way)])
    count = len(data.labels)
    means = np.stack([data.vectors[data.truth == k].mean(axis=0) for k in range(count)])
    means -= data.vectors.mean(axis=0)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    likeness = means @ means.T
    np.fill_diagonal(likeness, -np.inf)
    rows = lot.choice(len(data.truth), max(1, round(rate * len(data.truth))), replace=False)
    found = data.truth.copy()
    if way == WAYS[0]:
        found[rows] = (found[rows] + lot.integers(1, count, len(rows))) % count
    else:
        found[rows] = likeness[found[rows]].argmax(axis=1)
    return np.asarray(found)


def judge(data: Data, labels: np.ndarray) -> Found:
    """Rank the labels in each way, and hold that to what was planted."""
    names = [data.labels[k] for k in labels]
    deals = [folds(data.digests, names, 5, seed) for seed in range(3)]
    count = len(data.labels)
    found = cross_validate(data.vectors, labels, count, deals[0])
    best = {kind: min(tried, key=tried.__getitem__) for kind, tried in found.losses.items()}
    judges = Kept(
        data.vectors,
        np.unique(data.digests, return_inverse=True)[1],
        np.ones(len(labels), bool),
        count,
        Settings(best["regression"], best["discriminant"]),
        deals,
        found.prepared,
    )
    errors = find_label_errors(judges, labels, data.digests)
    assert judges.said is not None
    assert judges.before is not None
    place = np.empty(len(labels))
    place[errors.order] = np.arange(len(labels))
    wrong = labels != data.truth
    given = {
        "same": judges.said.mean(axis=0),
        "same, first round": judges.before.mean(axis=0),
        "regression": judges.before[1],
    }
    precision = {OURS: average_precision(place, wrong)}
    for name, probabilities in given.items():
        for method in METHODS:
            scores = get_label_quality_scores(labels, probabilities, method=method)
            precision[f"{name}, {method}"] = average_precision(scores, wrong)
    first = errors.order[:FIRST]
    right = errors.suggested[errors.sure] == data.truth[errors.sure]
    return Found(
        precision,
        (float(wrong[first].sum()), errors.expected(FIRST)),
        (float(wrong.sum()), errors.expected()),
        (int(right.sum()), len(right)),
    )


def average_precision(scores: np.ndarray, wrong: np.ndarray) -> float:
    """Of a list with the lowest score first."""
    hits = wrong[np.argsort(scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def difference(ours: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """The mean of the paired differences in points, and half of its 95 % interval."""
    apart = 100 * (np.array(ours) - np.array(others))
    if len(apart) < 2:
        return float(apart.mean()), np.inf
    spread = apart.std(ddof=1) / np.sqrt(len(apart))
    return float(apart.mean()), float(_STUDENT * spread)


def rows_of(
    found: Mapping[tuple[str, float, str], list[Found]],
) -> Iterator[list[str]]:
    """A line for each set, rate and way."""
    for (name, rate, way), runs in found.items():
        ours = [one.precision[OURS] for one in runs]
        cells = [f"{name}, {rate:.0%} {way}", f"{np.mean(ours):.3f}"]
        for other in [key for key in runs[0].precision if key != OURS]:
            mean, half = difference(ours, [one.precision[other] for one in runs])
            cells.append(f"{mean:+.1f} ± {half:.1f}{' worse' if mean + half < 0 else ''}")
        wrong, said = np.mean([one.first for one in runs], axis=0)
        cells.append(f"{said:.1f} ({wrong:.1f})")
        wrong, said = np.mean([one.whole for one in runs], axis=0)
        cells.append(f"{said:.0f} ({wrong:.0f})")
        right, sure = np.sum([one.sure for one in runs], axis=0)
        cells.append(f"{right:.0f} of {sure:.0f}")
        yield cells


def total(found: Mapping[tuple[str, float, str], list[Found]]) -> list[str]:
    """The line of all together; the interval is over the runs, each the mean of all sets."""
    runs = [*zip(*found.values(), strict=True)]

    def mean(key: str) -> list[float]:
        return [float(np.mean([one.precision[key] for one in run])) for run in runs]

    cells = ["all", f"{np.mean(mean(OURS)):.3f}"]
    for other in [key for key in runs[0][0].precision if key != OURS]:
        gain, half = difference(mean(OURS), mean(other))
        cells.append(f"{gain:+.1f} ± {half:.1f}")
    right, sure = np.sum([one.sure for run in runs for one in run], axis=0)
    return [*cells, "", "", f"{right:.0f} of {sure:.0f}"]


def main() -> None:
    parser = arguments(__doc__, runs=20)
    parser.add_argument("--quality", default="good")
    options = parser.parse_args()
    found: dict[tuple[str, float, str], list[Found]] = defaultdict(list)
    with machine(), one_thread_each():
        for folder in sorted(one.parent for one in options.data.glob("*/train")):
            data = read(folder, options.quality)
            for rate in RATES:
                for way in WAYS:
                    for seed in range(options.runs):
                        labels = plant(data, rate, way, seed)
                        found[data.name, rate, way].append(judge(data, labels))
        others = [key for key in next(iter(found.values()))[0].precision if key != OURS]
        heads = ["planted", "ours", *others, f"wrong of first {FIRST}: said (is)"]
        heads += ["in all: said (is)", "sure ones right"]
        print_table(heads, [*rows_of(found), total(found)])


if __name__ == "__main__":
    main()
