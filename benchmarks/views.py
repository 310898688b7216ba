"""Every backbone with every choice of views, each cross-validated over several deals of the folds.

An embedding is a mean over views, so each picture is embedded once a view and the means are taken
here. Cost is the time of all cores together, measured while they were embedded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measure import print_table

from tellapart.assess.pictures import FOLDS
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import VIEWS, Network
from tellapart.backbones.rows import BACKBONES
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.split import folds, tie
from tellapart.head.cross_validation import cross_validate
from tellapart.head.linear import log_loss
from tellapart.head.prepared import Prepared

DEALS = 4  # ways to deal the pictures into folds
CHOICES: Mapping[str, Sequence[str]] = {
    "crop": ("crop",),
    "squash": ("squash",),
    "squash + crop-mirrored": ("squash", "crop-mirrored"),
    "all four": tuple(VIEWS),
}


@dataclass(frozen=True)
class Embedded:
    """The embeddings `[N,D]` of one trunk and view, and the milliseconds of one core
    that a picture took."""

    vectors: np.ndarray
    milliseconds: float


class Pictures:
    """A data set with a train and a test folder, and its embeddings by trunk and view."""

    def __init__(self, source: Path, cache: Path) -> None:
        self.items = read_dataset(source).items
        names = sorted({item.label for item in self.items})
        self.count = len(names)
        self.labels = np.array([names.index(item.label) for item in self.items])
        self.tested = np.array([item.split == "test" for item in self.items])
        self.by_view = {
            (backbone, view): self._embed(backbone, view, cache)
            for backbone in BACKBONES
            for view in VIEWS
        }

    def _embed(self, backbone: str, view: str, cache: Path) -> Embedded:
        network = Network(f"{backbone}-{view}", (BACKBONES[backbone].trunk(),), (view,))
        embedder = Embedder(network, cache)
        begin = time.process_time()
        found = embed_all([item.path for item in self.items], embedder)
        milliseconds = 1000 * (time.process_time() - begin) / len(self.items)
        assert not found.unreadable
        self.keys = tie(found.digests, [item.group for item in self.items])
        return Embedded(found.vectors.astype(np.float64), milliseconds)

    def row(self, backbones: Sequence[str], choice: str) -> list[str]:
        """How right one choice is: cross-validated on the training folder, and on the test's."""
        chosen = [[self.by_view[name, view] for view in CHOICES[choice]] for name in backbones]
        vectors = np.concatenate(
            [np.mean([one.vectors for one in views], axis=0) for views in chosen], axis=1
        )
        train = np.flatnonzero(~self.tested)
        inputs, truth = vectors[train], self.labels[train]
        keys, labels = [self.keys[i] for i in train], [self.items[i].label for i in train]
        right, losses, recipes = [], [], []
        for seed in range(DEALS):
            found = cross_validate(inputs, truth, self.count, folds(keys, labels, FOLDS, seed))
            right.append(np.mean(found.logits.argmax(axis=1) == truth))
            losses.append(log_loss(found.logits, truth))
            recipes.append(found.recipe)
        assert recipes[0]
        head = recipes[0].fit(Prepared(inputs, truth, self.count))
        logits, tested = head.logits(vectors[self.tested]), self.labels[self.tested]
        return [
            f"{' + '.join(backbones)}, {choice}",
            f"{100 * np.mean(right):.2f} %",
            f"{100 * min(right):.1f} to {100 * max(right):.1f}",
            f"{np.mean(losses):.4f}",
            f"{np.sum(logits.argmax(axis=1) == tested)}/{len(tested)}",
            f"{log_loss(logits, tested):.4f}",
            f"{sum(one.milliseconds for views in chosen for one in views):.1f}",
        ]


if __name__ == "__main__":
    for kind in ("heroes", "flowers"):
        with tempfile.TemporaryDirectory() as folder:
            pictures = Pictures(Path(sys.argv[1]) / kind, Path(folder))
        print_table(
            [
                kind,
                "cross-validated",
                f"of {DEALS} deals",
                "log loss",
                "test",
                "log loss",
                "core ms a picture",
            ],
            [
                pictures.row(backbones, choice)
                for backbones in [[name] for name in BACKBONES] + [["lite0", "lite2"]]
                for choice in CHOICES
            ],
        )
        print()
