"""Are the piles of `tellapart piles` of one label each? Purity and adjusted Rand index, by k-means.

The labelled training pictures are taken for a heap without labels. The piles are made at the true
number of labels and at the number that is chosen; k-means (scikit-learn, ten starts) gets the same
embeddings, at length 1, and the same numbers. Purity is the fraction of pictures that have
the commonest label of their pile; the adjusted Rand index (Hubert & Arabie 1985) does not grow by
making more piles: 1 is perfect, 0 is chance. Each seed takes four fifths of the pictures. The
number is also chosen for random 2, 3, 5 and 8 of the labels, to see whether it follows, and for
random 60, 150 and 400 pictures of all labels, to see how far off it is for a small heap.
Strangers: a fiftieth as many pictures of other sets are mixed in, and it is said how many of these,
and how many others, are in no pile.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from measure import arguments, machine, print_table
from novelty import Pictures
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from tellapart.health.directions import unit
from tellapart.health.piles import number_of, pile_up

SETS = ("heroes", "flowers", "clothing", "groceries")
SEEDS = 5
SIZES = (60, 150, 400)  # pictures of a small heap
HEADS = (
    *("set", "labels", "piles: purity %", "Rand", "k-means: purity %", "Rand", "chosen"),
    *("piles at chosen: purity %", "Rand", "k-means at chosen: purity %", "Rand"),
)


def purity(truth: np.ndarray, pile: np.ndarray) -> float:
    found = (np.bincount(truth[pile == one]).max() for one in np.unique(pile))
    return float(sum(found) / len(truth))


def figures(truth: np.ndarray, pile: np.ndarray) -> tuple[float, float]:
    """Of what is in a pile."""
    kept = pile >= 0
    return purity(truth[kept], pile[kept]), float(adjusted_rand_score(truth[kept], pile[kept]))


def names(count: int) -> list[str]:
    """Stand-ins for digests, by which copies are told."""
    return [f"{number:06d}" for number in range(count)]


def shown(values: Sequence[tuple[float, float]]) -> list[str]:
    return [f"{100 * x:.1f}" if at == 0 else f"{x:.2f}" for at, x in enumerate(np.mean(values, 0))]


def shown_range(numbers: Sequence[int]) -> list[str]:
    return [f"{min(numbers)} to {max(numbers)}", f"{np.median(numbers):g}"]


def main() -> None:
    options = arguments(__doc__).parse_args()
    sets = {}
    for name in SETS:
        pictures = Pictures(options.data / name, "good")
        learnt = ~pictures.test
        truth = np.unique(pictures.labels[learnt], return_inverse=True)[1]
        sets[name] = unit(pictures.vectors[learnt]), truth
    rows, numbers, apart, small = [], [], [], []
    for name, (points, truth) in sets.items():
        count = int(truth.max()) + 1
        ours, theirs, chosen, at_chosen, theirs_at = [], [], [], [], []
        for seed in range(SEEDS):
            lot = np.random.default_rng(seed)
            rows_ = lot.permutation(len(points))[: len(points) * 4 // 5]
            own, labels = points[rows_], truth[rows_]
            ours.append(figures(labels, pile_up(own, names(len(own)), count).pile))
            means = KMeans(count, n_init=10, random_state=seed).fit_predict(own)
            theirs.append(figures(labels, means))
            number = number_of(own)
            chosen.append(number)
            at_chosen.append(figures(labels, pile_up(own, names(len(own)), number).pile))
            means = KMeans(number, n_init=10, random_state=seed).fit_predict(own)
            theirs_at.append(figures(labels, means))
            other = np.concatenate([of for key, (of, _) in sets.items() if key != name])
            strange = other[lot.permutation(len(other))[: len(own) // 50]]
            mixed = pile_up(np.concatenate([own, strange]), names(len(own) + len(strange)))
            out = mixed.pile < 0
            apart.append((name, out[len(own) :].sum(), len(strange), out[: len(own)].sum()))
        low, high = min(chosen), max(chosen)
        rows.append(
            [
                *(name, str(count), *shown(ours), *shown(theirs), f"{low} to {high}"),
                *(*shown(at_chosen), *shown(theirs_at)),
            ]
        )
        for some in (2, 3, 5, 8):
            if some < count:
                for seed in range(SEEDS):
                    lot = np.random.default_rng(seed)
                    kept = np.isin(truth, lot.choice(count, some, replace=False))
                    numbers.append((some, number_of(points[kept])))
        numbers += [(count, number) for number in chosen]
        for size in SIZES:
            lots = [np.random.default_rng(seed).permutation(len(points)) for seed in range(10)]
            of_size = [number_of(points[lot[:size]]) for lot in lots]
            numbers += [(count, number) for number in of_size]
            small.append([name, str(count), str(size), *shown_range(of_size)])
    with machine():
        print_table(
            HEADS,
            rows,
        )
        print_table(("set", "labels", "pictures", "chosen, ten heaps", "median"), small)
        off = np.abs(np.log([chosen / true for true, chosen in numbers]))
        for times in (1.5, 2.0):
            within = np.mean(off <= np.log(times) + 1e-9)
            print(f"chosen within a factor of {times} of {len(numbers)}: {100 * within:.0f} %")
        for name in SETS:
            found, planted, others = np.sum([row[1:] for row in apart if row[0] == name], axis=0)
            print(f"{name}: {found} of {planted} strangers in no pile, and {others} others")


if __name__ == "__main__":
    main()
