"""How well are strangers told from a model's own kind? Held-out flowers, and flowers for heroes.

Prints a table: the area under the ROC curve of `novelty` for strangers against the model's own test
pictures, the share of those own pictures that the 99 % threshold refuses, and of the strangers that
it catches. Each flower is left out of training in turn; that is the hard case.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tellapart.dataset import read_dataset
from tellapart.dataset.split import folds
from tellapart.embeddings import Embedder, embed_all
from tellapart.head import Regression, cross_validate, temperature
from tellapart.metrics import roc_auc
from tellapart.novelty import ADMITTED, fit_novelty
from tellapart.training import build_network
from tellapart.training.options import TrainOptions


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


def judge(known: Pictures, of_known: np.ndarray, strangers: np.ndarray) -> tuple[float, ...]:
    """Area, share of own test pictures refused, share of strangers caught."""
    train, own = of_known & ~known.test, of_known & known.test
    names = sorted(set(known.labels[train]))
    truth = np.array([names.index(label) for label in known.labels[train]])
    vectors = known.vectors[train]
    fold = folds(known.digests[train].tolist(), known.labels[train].tolist(), 5)
    found = cross_validate(vectors, truth, len(names), fold)
    assert found.strength is not None
    heat = temperature(found.logits, truth)
    head = Regression(vectors, truth, len(names)).fit(found.strength).cooled(heat)
    novelty = fit_novelty(vectors, found.logits / heat, fold)
    ours, theirs = (novelty.of(v, head.logits(v)) for v in (known.vectors[own], strangers))
    positive = np.arange(len(ours) + len(theirs)) >= len(ours)
    area = roc_auc(np.concatenate([ours, theirs]), positive, np.ones((1, len(positive))))
    threshold = novelty.thresholds[ADMITTED.index(0.99)]
    return float(area[0]), float((ours > threshold).mean()), float((theirs > threshold).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--quality", nargs="+", default=["fast", "good", "best"])
    given = parser.parse_args()
    print("| quality | known | strangers | AUROC | own refused | strangers caught |")
    print("|---|---|---|---|---|---|")
    for quality in given.quality:
        heroes = Pictures(given.data / "heroes", quality)
        flowers = Pictures(given.data / "flowers", quality)
        all_heroes, all_flowers = (np.ones(len(p.labels), bool) for p in (heroes, flowers))
        rows = [
            ("heroes", "flowers", judge(heroes, all_heroes, flowers.vectors)),
            ("flowers", "heroes", judge(flowers, all_flowers, heroes.vectors)),
        ]
        for label in sorted(set(flowers.labels)):
            left_out = flowers.labels == label
            found = judge(flowers, ~left_out, flowers.vectors[left_out])
            rows.append((f"flowers without {label}", label, found))
        mean = np.mean([found for _, _, found in rows[2:]], axis=0)
        rows.append(("flowers without one", "that one, mean", tuple(mean)))
        for known, strangers, (area, refused, caught) in rows:
            figures = f"{area:.3f} | {refused:.1%} | {caught:.1%}"
            print(f"| {quality} | {known} | {strangers} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
