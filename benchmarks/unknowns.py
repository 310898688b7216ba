"""Is what a model says of labels it was never shown true? Its own figure against what is reached.

Each label of a data set is left out entirely. The model of the others says with which AUROC one
more label would be told apart (`evaluation/left_out.py`); the label left out says what is reached:
all its pictures, against pictures of the model's own labels that were judged out of fold ("alike"),
and against the test pictures ("test"), which for groceries are from other shops. Then the same for
random parts of a data set with three to seven labels. A table has the mean of what is said and
reached, and how often a label lies below and above the interval that was said.

With `--energy`, another table: what more weight for the free energy, one of the five scores of
`novelty`, brings for a label of the same kind, and what it costs with pictures of another data set.

    python benchmarks/unknowns.py [--quality fast good] [--parts 12] [--energy]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from measure import machine, print_table
from novelty import Pictures

from tellapart.assess import pictures as gathered
from tellapart.evaluation.metrics import roc_auc
from tellapart.evaluation.unknowns import Unknowns
from tellapart.head.novelty import (
    Exemplars,
    Novelty,
    combined,
    fit_novelty,
    thresholds_of,
)
from tellapart.training.findings import without_a_label
from tellapart.training.fit import Fitted, fit
from tellapart.training.options import TrainOptions

SETS = ("flowers", "clothing", "groceries")
SIZES = (3, 4, 5, 7)  # labels that are known, where a part of a data set is taken
WEIGHTS = (1, 3, 10)
OTHERS = ("heroes (caught)", "the two other sets (caught)")

HEADS = (
    "left out of",
    "quality",
    "times",
    "said",
    "alike",
    "off by",
    "below",
    "above",
    "width",
    "held out told",
    "said then",
    "test",
    "off by then",
)

Row = tuple[str, Unknowns, float, float]  # of what kind, what is said, reached alike, in the test


class Model:
    """What `train` makes of some pictures, and what its novelty says of any."""

    def __init__(self, data: Pictures, known: np.ndarray) -> None:
        rows = np.flatnonzero(known)
        labels, truth = np.unique(data.labels[rows], return_inverse=True)
        digests = tuple(data.digests[rows].tolist())
        self.pictures = gathered.Pictures(
            labels=tuple(labels.tolist()),
            names=digests,
            paths=tuple(map(Path, digests)),
            truth=truth,
            vectors=data.vectors[rows].astype(np.float32),
            digests=digests,
            keys=digests,
            held_out=data.test[rows],
            unknown=(),
        )
        self.fitted: Fitted = fit(self.pictures, TrainOptions())
        vectors = self.pictures.vectors[self.pictures.learnt]
        self.novelty: Novelty = fit_novelty(vectors, self.fitted.logits, self.fitted.fold)
        self.usual = np.zeros((len(vectors), 5))  # each measured against the other folds
        for number in np.unique(self.fitted.fold):
            outside = self.fitted.fold == number
            exemplars = Exemplars.among(vectors[~outside])
            self.usual[outside] = exemplars.scores(vectors[outside], self.fitted.logits[outside])
        self.tested = self.scores(self.pictures.vectors[self.pictures.tested])

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """The five scores `[N,5]`."""
        return self.novelty.exemplars.scores(vectors, self.fitted.head.logits(vectors))

    def of(self, scores: np.ndarray, energy: float = 1.0) -> np.ndarray:
        """Novelty `[N]` of the five scores, with so much weight for the free energy."""
        centre = self.novelty.centre.copy()
        centre[2] -= self.novelty.spread[2] * np.log(energy)
        return combined(scores, centre, self.novelty.spread)


def area(known: np.ndarray, strangers: np.ndarray) -> float:
    both = np.concatenate([known, strangers])
    return roc_auc(both, np.arange(len(both)) >= len(known)).value


def judged(kind: str, data: Pictures, labels: Sequence[str], left_out: str) -> Row:
    """One label of some left out."""
    model = Model(data, np.isin(data.labels, labels) & (data.labels != left_out))
    said = without_a_label(model.pictures, model.fitted)
    assert said
    strangers = model.of(model.scores(data.vectors[data.labels == left_out].astype(np.float32)))
    alike, tested = model.of(model.usual), model.of(model.tested)
    return kind, said, area(alike, strangers), area(tested, strangers)


def every(name: str, data: Pictures, parts: int) -> Iterator[Row]:
    """Each label left out, and then one of each of some parts."""
    labels = sorted(set(data.labels.tolist()))
    for label in labels:
        yield judged(f"{name}, all others known", data, labels, label)
    lot = np.random.default_rng(0)
    for size in SIZES:
        for _ in range(parts if size + 1 < len(labels) else 0):
            some = lot.choice(labels, size + 1, replace=False).tolist()
            yield judged(f"{name}, {min(SIZES)} to {max(SIZES)} known", data, some, some[0])


def summary(quality: str, kind: str, rows: Sequence[Row]) -> list[str]:
    """A line of the table: means, and how often one more label lies beside what was said."""
    said = np.array([one.area.value for _, one, _, _ in rows])
    told = [one.held_out for _, one, _, _ in rows]
    expected = np.where([one is None for one in told], said, [one or 0.0 for one in told])
    alike, tested = (np.array([row[at] for row in rows]) for at in (2, 3))
    lows, highs = np.array([one.area.interval for _, one, _, _ in rows]).T
    return [
        kind,
        quality,
        str(len(rows)),
        f"{said.mean():.3f}",
        f"{alike.mean():.3f}",
        f"{(said - alike).mean():+.3f}",
        f"{(alike < lows).mean():.0%}",
        f"{(alike > highs).mean():.0%}",
        f"{(highs - lows).mean():.2f}",
        f"{len(told) - told.count(None)} of {len(rows)}",
        f"{expected.mean():.3f}",
        f"{tested.mean():.3f}",
        f"{(expected - tested).mean():+.3f}",
    ]


def weighed(
    name: str, data: Pictures, others: dict[str, Pictures], quality: str
) -> list[list[str]]:
    """A line for each weight of the energy: what is said and reached for a label left out, and
    reached for the pictures of other data sets, with how many of those are caught."""
    labels = sorted(set(data.labels.tolist()))
    models = {label: Model(data, data.labels != label) for label in labels}
    whole = Model(data, np.ones(len(data.labels), bool))
    lines = []
    for weight in WEIGHTS:
        near = [
            area(
                model.of(model.tested, weight),
                model.of(model.scores(data.vectors[data.labels == label]), weight),
            )
            for label, model in models.items()
        ]
        (limit,) = thresholds_of(whole.of(whole.usual, weight), [0.99])
        far, caught = [], []
        for other in others.values():
            strange = whole.of(whole.scores(other.vectors), weight)
            far.append(area(whole.of(whole.tested, weight), strange))
            caught.append(float((strange > limit).mean()))
        lines.append([f"{name}, energy x {weight}", quality, f"{np.mean(near):.3f}"])
        for part in (slice(1), slice(1, None)):
            lines[-1].append(f"{np.mean(far[part]):.3f} ({np.mean(caught[part]):.0%})")
    return lines


def claims(asked: argparse.Namespace) -> list[list[str]]:
    """The lines of the table of what is said and what is reached."""
    lines = []
    for quality in asked.quality:
        for name in SETS:
            by_kind: dict[str, list[Row]] = {}
            for row in every(name, Pictures(asked.data / name, quality), asked.parts):
                by_kind.setdefault(row[0], []).append(row)
            lines += [summary(quality, kind, rows) for kind, rows in by_kind.items()]
    return lines


def weights(asked: argparse.Namespace) -> list[list[str]]:
    """The lines of the table of weights; strangers are all other data sets, heroes first."""
    lines = []
    for quality in asked.quality:
        found = {name: Pictures(asked.data / name, quality) for name in ("heroes", *SETS)}
        for name in SETS:
            others = {other: data for other, data in found.items() if other != name}
            lines += weighed(name, found[name], others, quality)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--quality", nargs="+", default=["fast", "good"])
    parser.add_argument("--parts", type=int, default=12, help="random parts of each size")
    parser.add_argument("--energy", action="store_true", help="weigh the free energy instead")
    asked = parser.parse_args()
    with machine():
        if asked.energy:
            print_table(["model", "quality", "a label left out", *OTHERS], weights(asked))
        else:
            print_table(HEADS, claims(asked))


if __name__ == "__main__":
    main()
