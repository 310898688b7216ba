"""Regression, discriminant and their mean, on rooted embeddings of one length and on plain means.

For each data set below the folder: learnt from `train/`, and judged on `test/`; then learnt from
5, 10, 30 and 60 pictures of each label, drawn by lot, and judged on the rest (where the pictures
come in bursts, on `test/`). Every setting is chosen by cross-validation on the pictures learnt
from. "chosen" is the head that `train` takes. Differences are against a regression on plain means,
on the same pictures; their 95 % interval is over the draws.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from measure import arguments, machine, print_table

from tellapart.assess.pictures import FOLDS
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import Network
from tellapart.dataset.sources import read_dataset
from tellapart.dataset.split import folds
from tellapart.head.cross_validation import cross_validate
from tellapart.head.linear import Head, log_loss
from tellapart.head.prepared import Prepared
from tellapart.head.recipe import Recipe
from tellapart.training.engines import build_network
from tellapart.training.options import TrainOptions
from tellapart.workers.local import one_thread_each

IN_BURSTS = ("groceries",)  # what is learnt from tells the rest of its burst
SIZES = (5, 10, 30, 60)  # pictures of a label
DRAWS = 20
KINDS = ("regression", "discriminant", "mean", "chosen")
WAYS = {"plain": "of means", "rooted": "of roots, length 1"}
BASE = ("plain", "regression")


@dataclass(frozen=True)
class Data:
    """Embeddings `[N,D]` in both ways, labels `[N]`, content hashes, and which are in `test/`."""

    name: str
    vectors: Mapping[str, np.ndarray]
    truth: np.ndarray
    digests: np.ndarray
    test: np.ndarray

    @property
    def count(self) -> int:
        return int(self.truth.max()) + 1


@dataclass(frozen=True)
class Judged:
    """The share of wrong answers and the log loss of one head on one draw."""

    wrong: float
    loss: float


def plain(network: Network) -> Network:
    """The same network without roots and lengths."""
    trunks = tuple(replace(trunk, never_negative=False) for trunk in network.trunks)
    return Network(network.name, trunks, network.views)


def read(folder: Path, quality: str) -> Data:
    """One data set, embedded in both ways."""
    dataset = read_dataset(folder)
    network = build_network(TrainOptions(quality))
    paths = [item.path for item in dataset.items]
    found = {"rooted": embed_all(paths, Embedder(network))}
    found["plain"] = embed_all(paths, Embedder(plain(network)))
    items = [dataset.items[i] for i in found["rooted"].positions]
    return Data(
        folder.name,
        {way: one.vectors for way, one in found.items()},
        np.unique([item.label for item in items], return_inverse=True)[1],
        np.array(found["rooted"].digests),
        np.array([item.split == "test" for item in items]),
    )


def heads(data: Data, way: str, rows: np.ndarray, seed: int) -> Iterator[tuple[str, Head]]:
    """The head of each kind on the pictures `rows`, and the one that `train` takes."""
    vectors, truth = data.vectors[way][rows], data.truth[rows]
    fold = folds(data.digests[rows].tolist(), [str(k) for k in truth], FOLDS, seed)
    both = cross_validate(vectors, truth, data.count, fold, kind="mean").recipe
    chosen = cross_validate(vectors, truth, data.count, fold).recipe
    assert both
    assert chosen
    prepared = Prepared(vectors.astype(np.float64), truth, data.count)
    recipes = [Recipe((part,)) for part in both.parts]
    made = {recipe.kind: recipe.fit(prepared) for recipe in (*recipes, both)}
    yield from made.items()
    yield "chosen", made[chosen.kind]
    yield f"chosen: {chosen.kind}", made[chosen.kind]


def judge(head: Head, data: Data, way: str, rows: np.ndarray) -> Judged:
    logits, truth = head.logits(data.vectors[way][rows]), data.truth[rows]
    return Judged(float((logits.argmax(axis=1) != truth).mean()), log_loss(logits, truth))


def draws(data: Data, size: int | None, number: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures to learn from and others to judge by: so many of each label, or `train/`."""
    test = np.flatnonzero(data.test)
    if size is None:
        yield np.flatnonzero(~data.test), test
        return
    pool = ~data.test if data.name in IN_BURSTS else np.ones(len(data.truth), bool)
    for seed in range(number):
        lot = np.random.default_rng(seed)
        own = [lot.permutation(np.flatnonzero(pool & (data.truth == k))) for k in range(data.count)]
        rows = np.concatenate([one[:size] for one in own])
        others = test if data.name in IN_BURSTS else np.setdiff1d(np.arange(len(pool)), rows)
        yield rows, others


def rows_of(data: Data, size: int | None, number: int) -> Iterator[list[str]]:
    """The lines of the table for one size."""
    found: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    taken: Counter[str] = Counter()
    for seed, (rows, others) in enumerate(draws(data, size, number)):
        for way in WAYS:
            for kind, head in heads(data, way, rows, seed):
                if kind in KINDS:
                    found[way, kind].append(judge(head, data, way, others))
                elif way == "rooted":
                    taken[kind.removeprefix("chosen: ")] += 1
    base = found[BASE]
    for way, kind in found:
        own = found[way, kind]
        yield [
            data.name,
            "all of train/" if size is None else f"{size} a label",
            WAYS[way],
            kind if (way, kind) != ("rooted", "chosen") else f"chosen ({told(taken)})",
            f"{100 * np.mean([one.wrong for one in own]):.2f} %",
            difference([100 * (one.wrong - b.wrong) for one, b in zip(own, base, strict=True)]),
            f"{np.mean([one.loss for one in own]):.3f}",
            difference([one.loss - b.loss for one, b in zip(own, base, strict=True)], 3),
        ]


def told(taken: Counter[str]) -> str:
    return ", ".join(f"{kind} {times}" for kind, times in taken.most_common())


def difference(values: list[float], digits: int = 2) -> str:
    mean = f"{np.mean(values):+.{digits}f}"
    if len(values) < 2:
        return mean
    spread = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{mean} ± {spread:.{digits}f}"


def main() -> None:
    parser = arguments(__doc__, runs=DRAWS)
    parser.add_argument("--quality", default="fast")
    options = parser.parse_args()
    folders = sorted(one.parent for one in options.data.glob("*/train"))
    with machine(), one_thread_each():
        lines = [
            line
            for folder in folders
            for data in [read(folder, options.quality)]
            for size in (None, *SIZES)
            for line in rows_of(data, size, options.runs)
        ]
        print_table(
            ["data", "learnt from", "embeddings", "head", "wrong", "points", "log loss", "nats"],
            lines,
        )


if __name__ == "__main__":
    main()
