"""Does `gaps` name what is missing? Looks are removed from the training pictures, and searched for.

The looks removed are found independently of what is judged: by k-means, on embeddings of a network
that the model does not use, while `gaps` groups by Ward's method on the model's own. All pictures
of a data set are pooled; of the others a fifth of each label is kept back, and mixed with the
removed ones into a test folder. A piece of advice names the removed look if at least half of its
pictures are of it. Chance is a random order of the looks that `gaps` found in the same folder.

Also prints how well two measures rank the removed pictures before the others of their label (the
area under the ROC curve): the distance to the nearest picture learnt from, and the ratio of
densities that `gaps` uses. And how many errors were said to be mended, and how many were: half of a
removed look is kept out of the test folder, added to the training pictures, and the head is fitted
again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from pathlib import Path

import measure
import numpy as np
from sklearn.cluster import KMeans

from tellapart.assess.pictures import Pictures
from tellapart.backbones.embed import Embedder, embed_all
from tellapart.backbones.graph import Network
from tellapart.backbones.rows import BACKBONES
from tellapart.dataset.sources import read_dataset
from tellapart.evaluation.metrics import Proportion, roc_auc
from tellapart.head.linear import softmax
from tellapart.head.novelty import ADMITTED, fit_novelty
from tellapart.health.directions import unit
from tellapart.health.grouping import scarcity, subgroups
from tellapart.health.subgroups import FEWEST, Sample, Subgroup, find_subgroups
from tellapart.model.classifier import ADMIT
from tellapart.training.engines import build_network
from tellapart.training.fit import fit
from tellapart.training.options import TrainOptions

LOOKS = 5  # that a label's pictures are divided into for removal
SMALLEST, LARGEST = 8, 0.4  # pictures of a look to remove; and the share of its label
MANY = 5000  # pictures of a label, for the time it takes
FEW, LEFT = 8, 3  # pictures in the test folder; left to learn from without one


@dataclass(frozen=True)
class Data:
    """All different pictures of a data set, as the model and as another network sees them."""

    labels: tuple[str, ...]
    truth: np.ndarray
    vectors: np.ndarray
    others: np.ndarray
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """Rows of `Data`: the look removed, and those kept back from the other pictures."""

    removed: np.ndarray
    kept: np.ndarray
    lot: np.random.Generator


def read(folder: Path, quality: str) -> Data:
    """Embed with the model's network, and with one that it does not use."""
    dataset = read_dataset(folder)
    paths = [item.path for item in dataset.items]
    other = "lite2" if quality == "fast" else "lite0"
    found = embed_all(paths, Embedder(build_network(TrainOptions(quality))))
    network = Network("other", (BACKBONES[other].trunk(),), ("squash",))
    others = embed_all(paths, Embedder(network))
    once = np.sort(np.unique(found.digests, return_index=True)[1])
    labels = np.array([dataset.items[i].label for i in found.positions])
    names, truth = np.unique(labels, return_inverse=True)
    return Data(
        tuple(names.tolist()),
        truth[once],
        found.vectors[once],
        unit(others.vectors[once]),
        tuple(found.digests[i] for i in once),
    )


def trials(data: Data, seeds: int) -> Iterator[Trial]:
    """Each look of each label removed in turn, `seeds` times with other pictures kept back."""
    for k in range(len(data.labels)):
        own = np.flatnonzero(data.truth == k)
        group = KMeans(LOOKS, n_init=5, random_state=0).fit_predict(data.others[own])
        for number in range(LOOKS):
            removed = own[group == number]
            if not SMALLEST <= len(removed) <= LARGEST * len(own):
                continue
            for seed in range(seeds):
                lot = np.random.default_rng(seed)
                kept = []
                for label in range(len(data.labels)):
                    rest = np.setdiff1d(np.flatnonzero(data.truth == label), removed)
                    kept.append(lot.choice(rest, len(rest) // 5, replace=False))
                yield Trial(removed, np.concatenate(kept), lot)


def judge(
    data: Data, learn: np.ndarray, test: np.ndarray, known: bool
) -> tuple[tuple[Sample, Sample], np.ndarray]:
    """Train on some rows; both sides as `gaps` takes them, and the rows that it tests: without
    labels it sets strangers aside."""
    rows = np.concatenate([learn, test])
    names = tuple(data.digests[i] for i in rows)
    pictures = Pictures(
        labels=data.labels,
        names=names,
        paths=tuple(Path(name) for name in names),
        truth=data.truth[rows],
        vectors=data.vectors[rows],
        digests=names,
        keys=names,
        held_out=np.arange(len(rows)) >= len(learn),
        unknown=(),
    )
    fitted = fit(pictures, TrainOptions())
    if not known:
        novelty = fit_novelty(data.vectors[learn], fitted.logits, fitted.fold)
        limit = novelty.thresholds[ADMITTED.index(ADMIT)]
        logits = fitted.head.logits(data.vectors[test].astype(np.float64))
        test = test[novelty.of(data.vectors[test], logits) <= limit]
    scores = softmax(fitted.head.logits(data.vectors[test].astype(np.float64)))
    truth = data.truth[test] if known else scores.argmax(axis=1)
    both = (
        _sample(data, learn, data.truth[learn], softmax(fitted.logits)),
        _sample(data, test, truth, scores, known),
    )
    return both, test


def _sample(
    data: Data, rows: np.ndarray, labels: np.ndarray, scores: np.ndarray, known: bool = True
) -> Sample:
    digests = tuple(data.digests[i] for i in rows)
    return Sample(data.vectors[rows], labels, scores, digests, np.ones(len(rows), bool), known)


def searched(data: Data, trial: Trial, case: str) -> tuple[list[Subgroup], list[bool]]:
    """The advice, and whether each piece of it names the removed look."""
    everything = np.arange(len(data.truth))
    hidden, test = trial.removed, np.concatenate([trial.removed, trial.kept])
    if case.startswith(f"{FEW} of"):
        hidden = trial.lot.choice(trial.removed, FEW, replace=False)
        test = np.concatenate([hidden, trial.kept])
    if case == "no test folder":
        hidden = trial.lot.choice(trial.removed, LEFT, replace=False)
        learn = np.concatenate([np.setdiff1d(everything, trial.removed), hidden])
        (sample, _), _ = judge(data, learn, learn[:0], known=True)
        found = [
            subgroup
            for subgroup in find_subgroups(sample, None, len(data.labels))
            if subgroup.size >= FEWEST
        ]
        rows = [learn[subgroup.learnt] for subgroup in found]
    elif case == "nothing removed":
        learn = np.setdiff1d(everything, trial.kept)
        both, _ = judge(data, learn, trial.kept, known=True)
        return list(find_subgroups(*both, len(data.labels))), []
    else:
        learn = np.setdiff1d(everything, np.concatenate([trial.removed, trial.kept]))
        both, test = judge(data, learn, test, known="not labelled" not in case)
        found = [
            subgroup
            for subgroup in find_subgroups(*both, len(data.labels))
            if len(subgroup.tested) >= FEWEST
        ]
        rows = [test[subgroup.tested] for subgroup in found]
    return found, [bool(np.isin(row, hidden).mean() >= 0.5) for row in rows]


def chance(hits: list[bool], tries: int) -> float:
    """How likely one of the first is a hit in a random order."""
    n, missed = len(hits), len(hits) - sum(hits)
    return 1 - comb(missed, tries) / comb(n, tries) if n >= tries else float(any(hits))


def mended(data: Data, trial: Trial) -> tuple[float, int, int] | None:
    """Errors said to be mended, those mended, and those before, in the look that was named."""
    half = trial.lot.permutation(trial.removed)
    shown, added = half[: len(half) // 2], half[len(half) // 2 :]
    test = np.concatenate([shown, trial.kept])
    learn = np.setdiff1d(np.arange(len(data.truth)), np.concatenate([trial.removed, trial.kept]))
    before, _ = judge(data, learn, test, known=True)
    for subgroup in find_subgroups(*before, len(data.labels))[:3]:
        if len(subgroup.tested) >= FEWEST and np.isin(test[subgroup.tested], shown).mean() >= 0.5:
            (_, after), _ = judge(data, np.concatenate([learn, added]), test, known=True)
            wrong = before[1].errors[subgroup.tested].sum(), after.errors[subgroup.tested].sum()
            said = subgroup.mended.value * len(test) / 100
            return said, int(wrong[0] - wrong[1]), int(wrong[0])
    return None


def ranking(data: Data, trial: Trial) -> tuple[float, float]:
    """Areas under the ROC curve of distance, and of scarcity, for the removed pictures."""
    k = data.truth[trial.removed[0]]
    kept = trial.kept[data.truth[trial.kept] == k]
    test = np.concatenate([trial.removed, kept])
    learn = np.setdiff1d(np.flatnonzero(data.truth == k), test)
    away = 1 - (unit(data.vectors[test]) @ unit(data.vectors[learn]).T).max(axis=1)
    removed = np.arange(len(test)) < len(trial.removed)
    areas = [
        roc_auc(scores, removed).value
        for scores in (away, scarcity(data.vectors[test], data.vectors[learn]))
    ]
    return areas[0], areas[1]


def row(name: str, data: Data, seeds: int, case: str) -> list[str]:
    """One line of the table."""
    tried = [searched(data, trial, case) for trial in trials(data, seeds)]
    first = Proportion(sum(hits[:1] == [True] for _, hits in tried), len(tried))
    three = Proportion(sum(any(hits[:3]) for _, hits in tried), len(tried))
    told = sum(any(h and one.stands_out for one, h in zip(*t, strict=True)) for t in tried)
    by_chance = [np.mean([chance(hits, n) for _, hits in tried]) for n in (1, 3)]
    return [
        name,
        case,
        str(len(tried)),
        f"{first.value:.0%} ({first.interval[0]:.0%} to {first.interval[1]:.0%})",
        f"{three.value:.0%} ({three.interval[0]:.0%} to {three.interval[1]:.0%})",
        f"{by_chance[0]:.0%}, {by_chance[1]:.0%}",
        f"{told / len(tried):.0%}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--quality", nargs="+", default=["fast", "good"])
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    cases = ["whole look", f"{FEW} of it", f"{FEW} of it, not labelled", "no test folder"]
    found, ranked, alarms, mending = [], [], [], []
    for quality in given.quality:
        for name in ("heroes", "flowers"):
            data = read(given.data / name, quality)
            title = f"{name}, {quality}"
            found += [row(title, data, given.seeds, case) for case in cases]
            areas = np.mean([ranking(data, t) for t in trials(data, given.seeds)], axis=0)
            ranked.append([title, *(f"{area:.3f}" for area in areas)])
            quiet = [searched(data, t, "nothing removed")[0] for t in trials(data, given.seeds)]
            alarms.append(
                [
                    title,
                    str(len(quiet)),
                    f"{np.mean([any(subgroup.missing for subgroup in one) for one in quiet]):.0%}",
                    f"{np.mean([sum(subgroup.hard for subgroup in one) for one in quiet]):.1f}",
                ]
            )
            pairs = [pair for t in trials(data, given.seeds) if (pair := mended(data, t))]
            sums = np.sum(pairs, axis=0) if pairs else np.zeros(3)
            mending.append(
                [title, str(len(pairs)), f"{sums[2]:.0f}", f"{sums[0]:.0f}", f"{sums[1]:.0f}"]
            )
    with measure.machine():
        heads = ["data", "in the test folder", "trials", "named first", "in three", "by chance"]
        measure.print_table([*heads, "stands out"], found)
        print()
        measure.print_table(["removed pictures ranked by", "distance", "density ratio"], ranked)
        print()
        measure.print_table(["nothing removed", "trials", "missing said", "hard looks"], alarms)
        print()
        heads = ["look added again", "trials", "errors before", "said to be mended", "mended"]
        measure.print_table(heads, mending)
        vectors = np.random.default_rng(0).normal(size=(MANY, 1280))
        begin = time.perf_counter()
        subgroups(vectors, [f"{i:06d}" for i in range(MANY)])
        print(f"\nLooks of {MANY:,} pictures of a label: {time.perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
