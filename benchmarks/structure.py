"""Does check find strangers, labels that are one or two, and what harms? Each planted and counted.

Strangers: 2 and 5 % as many pictures of other sets are put under random labels; the average
precision of the distance from label means that check ranks by and of the novelty that a model has,
how many of them are flagged, and how many others. One label in two: each label is parted at random.
Two in one: pairs of labels are joined. Harm: 5 and 10 % of the labels are flipped; the average
precision of the pushes, the flips among the ten hardest, and what it brings in points, on folds
that had no say, to be without the hardest 5 %, and without as many at random; and what is flagged,
with what that brings. Where nothing is planted, what is flagged is found in the sets as they are.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from measure import arguments, machine, print_table
from novelty import Pictures
from sklearn.metrics import average_precision_score

from tellapart.dataset.split import folds
from tellapart.head.cross_validation import OutOfFold, cross_validate
from tellapart.head.novelty import combined, fit_novelty, usual_of
from tellapart.health.harm import harmful, pushes
from tellapart.health.strangers import said_of, strangers
from tellapart.health.structure import confused, split_labels
from tellapart.workers.local import one_thread_each

SETS = ("heroes", "flowers", "clothing", "groceries")
PAIRS = 20  # joined at most, at random
LEFT_OUT = 0.05


class Trial:
    """A set's training pictures, as arrays."""

    def __init__(self, pictures: Pictures) -> None:
        learnt = ~pictures.test
        self.vectors = pictures.vectors[learnt].astype(np.float32)
        labels, self.truth = np.unique(pictures.labels[learnt], return_inverse=True)
        self.count = len(labels)
        self.fold = folds(pictures.digests[learnt].tolist(), pictures.labels[learnt].tolist(), 5, 0)

    def found(self, truth: np.ndarray, count: int) -> OutOfFold:
        with one_thread_each():
            return cross_validate(self.vectors, truth, count, self.fold)


def of_strangers(trial: Trial, others: np.ndarray, share: float) -> list[str]:
    lot = np.random.default_rng(0)
    planted = round(share * len(trial.truth))
    strange = others[lot.permutation(len(others))[:planted]]
    vectors = np.concatenate([trial.vectors, strange])
    truth = np.concatenate([trial.truth, lot.integers(0, trial.count, planted)])
    fold = np.concatenate([trial.fold, lot.integers(0, 5, planted)])
    with one_thread_each():
        found = cross_validate(vectors, truth, trial.count, fold)
    is_strange = np.arange(len(truth)) >= len(trial.truth)
    said = said_of(found.logits, truth, np.arange(len(truth)))
    ours = strangers(vectors, truth, said, found.logits.shape[1], fold)
    flagged = np.isin(np.arange(len(truth)), ours.rows)
    if not planted:
        return ["", "", "", str(int(flagged.sum()))]
    known = fit_novelty(vectors, found.logits, fold)
    scores = np.zeros((len(truth), 5))
    for number in np.unique(fold):
        outside = fold == number
        exemplars = known.exemplars.among(vectors[~outside])
        scores[outside] = exemplars.scores(vectors[outside], found.logits[outside])
    theirs = combined(scores, *usual_of(scores))
    return [
        f"{average_precision_score(is_strange, ours.distance):.2f}",
        f"{average_precision_score(is_strange, theirs):.2f}",
        f"{int(flagged[is_strange].sum())} of {planted}",
        str(int(flagged[~is_strange].sum())),
    ]


def of_labels(trial: Trial) -> list[str]:
    """Pairs flagged of labels as they are, parted labels that are found, labels flagged as two as
    they are, and joined ones that are found."""
    lot = np.random.default_rng(0)
    truth, count = trial.truth, trial.count
    everyone = np.ones(len(truth), bool)
    as_they_are = len(confused(truth, trial.found(truth, count).logits, everyone))
    parted = 0
    for label in range(count):
        own = np.flatnonzero(truth == label)
        changed = truth.copy()
        changed[lot.permutation(own)[: len(own) // 2]] = count
        pairs = confused(changed, trial.found(changed, count + 1).logits, everyone)
        parted += (label, count) in [pair.labels for pair in pairs]
    two = len(split_labels(trial.vectors, truth, count, trial.fold))
    both = list(combinations(range(count), 2)) if count > 2 else []
    chosen = [both[at] for at in lot.permutation(len(both))[:PAIRS]]
    joined = 0
    for first, second in chosen:
        changed = np.where(truth == second, first, truth)
        changed = np.where(changed > second, changed - 1, changed)
        halves = split_labels(trial.vectors, changed, count - 1, trial.fold)
        joined += first in [one.label for one in halves]
    return [
        str(as_they_are),
        f"{parted} of {count}",
        f"{two} of {count}",
        f"{joined} of {len(chosen)}",
    ]


def of_harm(trial: Trial, share: float) -> list[str]:
    lot = np.random.default_rng(0)
    flipped = lot.random(len(trial.truth)) < share
    truth = trial.truth.copy()
    turned = lot.integers(1, trial.count, int(flipped.sum()))
    truth[flipped] = (truth[flipped] + turned) % trial.count
    found = trial.found(truth, trial.count)
    by_fold = pushes(trial.vectors, truth, trial.fold, found)
    total = np.sum([*by_fold.values()], axis=0)
    assert found.recipe
    right = {"hardest": 0, "random": 0}
    for number, push in by_fold.items():
        inside, outside = np.flatnonzero(trial.fold != number), trial.fold == number
        orders = {
            "hardest": np.argsort(push - total)[: len(truth)],
            "random": lot.permutation(inside),
        }
        for way, order in orders.items():
            gone = order[np.isin(order, inside)][: round(LEFT_OUT * len(inside))]
            kept = np.setdiff1d(inside, gone)
            head = found.recipe.roughly(trial.vectors[kept], truth[kept], trial.count)
            given = head.logits(trial.vectors[outside]).argmax(axis=1)
            right[way] += int((given == truth[outside]).sum())
    before = int((found.logits.argmax(axis=1) == truth).sum())
    gains = [f"{100 * (right[way] - before) / len(truth):+.1f}" for way in right]
    harm = harmful(trial.vectors, truth, trial.fold, found)
    said = f"{len(harm.rows)}, +{100 * harm.more / len(truth):.1f}" if harm else "none"
    if not share:
        return ["", "", *gains, said]
    hardest = np.argsort(-total)[:10]
    precision = average_precision_score(flipped, total)
    return [f"{precision:.2f}", f"{int(flipped[hardest].sum())} of 10", *gains, said]


def main() -> None:
    options = arguments(__doc__).parse_args()
    trials = {name: Trial(Pictures(options.data / name, "good")) for name in SETS}
    names = list(trials)
    with machine():
        rows = []
        for name in names:
            others = np.concatenate([trials[key].vectors for key in names if key != name])
            for share in (0.0, 0.02, 0.05):
                rows.append(
                    [name, f"{100 * share:.0f} %", *of_strangers(trials[name], others, share)]
                )
        heads = ("set", "strangers", "precision", "of novelty", "flagged", "others flagged")
        print_table(heads, rows)
        rows = [
            [name, f"{100 * share:.0f} %", *of_harm(trials[name], share)]
            for name in names
            for share in (0.0, 0.05, 0.1)
        ]
        print()
        print_table(
            ("set", "flipped", "precision", "ten hardest", "without", "at random", "flagged"), rows
        )
        rows = [[name, *of_labels(trials[name])] for name in names]
        print()
        print_table(
            ("set", "confusable", "parted at random: found", "two in one", "joined: found"), rows
        )


if __name__ == "__main__":
    main()
