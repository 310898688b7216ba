"""How well are strangers told from a model's own kind? Held-out flowers, and flowers for heroes.

Prints a table: the area under the ROC curve of `novelty` for strangers against the model's own test
pictures, the share of those own pictures that the 99 % threshold refuses, and of the strangers that
it catches. Each flower is left out of training in turn; that is the hard case. Beside them stands
the area of two plain scores: the cosine distance to the nearest training picture, and the largest
logit. With `--folder`, each label of that folder is left out in turn instead, for five splits:
pictures that nothing was chosen by are the fairer judge.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tellapart.assess import pictures as gathered
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.split import kept_back
from tellapart.evaluation.metrics import roc_auc
from tellapart.head.novelty import ADMITTED, fit_novelty
from tellapart.training.engines import build_network
from tellapart.training.fit import Fitted, fit
from tellapart.training.options import TrainOptions

KEPT_BACK = 0.3  # of each label of a folder of one's own
SPLITS = 5

Row = tuple[str, str, tuple[float, ...]]  # known, strangers, figures


class Pictures:
    """A data set's embeddings, labels and splits."""

    def __init__(self, folder: Path, quality: str) -> None:
        dataset = read_dataset(folder)
        embedder = Embedder(build_network(TrainOptions(quality)))
        found = embed_all([item.path for item in dataset.items], embedder)
        items = [dataset.items[i] for i in found.positions]
        self.vectors = found.vectors.astype(np.float64)
        self.digests = np.array(found.digests)
        self.labels = np.array([item.label for item in items])
        self.test = np.array([item.split == "test" for item in items])

    def learnt(self, rows: np.ndarray) -> Fitted:
        """What `train` makes of the pictures `rows`, all of them to learn from."""
        labels, truth = np.unique(self.labels[rows], return_inverse=True)
        digests = tuple(self.digests[rows].tolist())
        return fit(
            gathered.Pictures(
                labels=tuple(labels.tolist()),
                names=digests,
                paths=tuple(map(Path, digests)),
                truth=truth,
                vectors=self.vectors[rows].astype(np.float32),
                digests=digests,
                keys=digests,
                held_out=np.zeros(len(rows), bool),
                unknown=(),
            ),
            TrainOptions(),
        )

    def split(self, number: int, share: float) -> None:
        """Keep another share of the pictures back for testing."""
        keys, labels = self.digests.tolist(), self.labels.tolist()
        self.test = kept_back(keys, labels, share, f"{number}/")


def judge(known: Pictures, of_known: np.ndarray, strangers: np.ndarray) -> tuple[float, ...]:
    """Area, share of own test pictures refused, share of strangers caught; the area of the
    nearest picture's distance, and of the largest logit."""
    learnt, own = np.flatnonzero(of_known & ~known.test), of_known & known.test
    vectors, fitted = known.vectors[learnt], known.learnt(learnt)
    novelty = fit_novelty(vectors.astype(np.float32), fitted.logits, fitted.fold)
    both = np.concatenate([known.vectors[own], strangers])
    logits = fitted.head.logits(both)
    strange = novelty.of(both, logits)
    scores = np.stack([strange, apart(both, vectors), -logits.max(axis=1)])
    positive = np.arange(len(both)) >= own.sum()
    areas = [roc_auc(s, positive).value for s in scores]
    caught = strange > novelty.thresholds[ADMITTED.index(0.99)]
    return areas[0], float(caught[~positive].mean()), float(caught[positive].mean()), *areas[1:]


def apart(vectors: np.ndarray, training: np.ndarray) -> np.ndarray:
    """The cosine distance `[N]` of each embedding `[N,D]` to the nearest of `[M,D]`."""
    ours, theirs = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (vectors, training))
    return 1 - np.asarray((ours @ theirs.T).max(axis=1))


def left_out(known: Pictures, name: str) -> list[Row]:
    """A row for each label as the stranger, and their mean."""
    rows = []
    for label in sorted(set(known.labels)):
        others = known.labels != label
        found = judge(known, others, known.vectors[~others])
        rows.append((f"{name} without {label}", label, found))
    mean = np.mean([found for _, _, found in rows], axis=0)
    return [*rows, (f"{name} without one", "that one, mean", tuple(mean))]


def of_both(data: Path, quality: str) -> list[Row]:
    """Heroes and flowers as each other's strangers, and each flower as the others'."""
    heroes = Pictures(data / "heroes", quality)
    flowers = Pictures(data / "flowers", quality)
    all_heroes, all_flowers = (np.ones(len(p.labels), bool) for p in (heroes, flowers))
    return [
        ("heroes", "flowers", judge(heroes, all_heroes, flowers.vectors)),
        ("flowers", "heroes", judge(flowers, all_flowers, heroes.vectors)),
        *left_out(flowers, "flowers"),
    ]


def of_folder(folder: Path, quality: str) -> list[Row]:
    """Each label of a folder as the others' stranger, the mean over all splits."""
    pictures = Pictures(folder, quality)
    runs = []
    for number in range(SPLITS):
        pictures.split(number, KEPT_BACK)
        runs.append(left_out(pictures, folder.name))
    return [
        (*of_one[0][:2], tuple(np.mean([figures for _, _, figures in of_one], axis=0)))
        for of_one in zip(*runs, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--folder", type=Path, help="leave out each of its labels instead")
    parser.add_argument("--quality", nargs="+", default=["fast", "good", "best"])
    given = parser.parse_args()
    print(
        "| quality | known | strangers | AUROC | own refused | strangers caught | nearest | logit |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for quality in given.quality:
        rows = of_folder(given.folder, quality) if given.folder else of_both(given.data, quality)
        for known, strangers, (area, refused, caught, nearest, logit) in rows:
            figures = f"{area:.3f} | {refused:.1%} | {caught:.1%} | {nearest:.3f} | {logit:.3f}"
            print(f"| {quality} | {known} | {strangers} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
