"""Does the learning curve's forecast come true? Flowers drawn by lot, against many draws of more.

What `train` says that `MORE` pictures would bring, from `--pictures` of `flowers`, is held against
the accuracy that many draws of so many more really bring, on pictures neither learnt from.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

import numpy as np
from measure import arguments, machine, print_table
from novelty import Pictures

from tellapart.dataset.split import folds
from tellapart.evaluation.learning_curve import MORE, LearningCurve, learning_curve
from tellapart.evaluation.metrics import Proportion
from tellapart.head.cross_validation import cross_validate
from tellapart.head.prepared import Prepared
from tellapart.head.regression import ROUGH, Regression

JUDGED = 100  # pictures a draw is judged on
C = 0.01  # about what cross-validation chooses here


def accuracy(pictures: Pictures, truth: np.ndarray, size: int, lot: np.random.Generator) -> float:
    """The accuracy of a head that learnt from `size` pictures drawn by lot, on others."""
    order = lot.permutation(len(truth))
    learnt, judged = order[:size], order[size : size + JUDGED]
    count = int(truth.max()) + 1
    head = Regression(Prepared(pictures.vectors[learnt], truth[learnt], count)).fit(C, ROUGH)
    found = head.logits(pictures.vectors[judged]).argmax(axis=1) == truth[judged]
    return float(found.mean())


def curve(
    pictures: Pictures, truth: np.ndarray, size: int, lot: np.random.Generator
) -> LearningCurve:
    """What the learning curve says of `size` pictures drawn by lot."""
    drawn = lot.permutation(len(truth))[:size]
    vectors, labels = pictures.vectors[drawn], truth[drawn]
    keys, names = pictures.digests[drawn].tolist(), sorted(set(pictures.labels))
    fold = folds(keys, [names[k] for k in labels], 5)
    found = cross_validate(vectors, labels, len(names), fold)
    return learning_curve(vectors, labels, names, keys, fold, found)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--draws", type=int, default=40, help="sets of pictures to forecast from")
    parser.add_argument("--truths", type=int, default=400, help="draws that say what comes")
    given = parser.parse_args()
    with machine():
        lot = np.random.default_rng(0)
        pictures = Pictures(given.data / "flowers", "fast")
        truth = np.unique(pictures.labels, return_inverse=True)[1]
        before, after = (
            np.array([accuracy(pictures, truth, size, lot) for _ in range(given.truths)])
            for size in (given.pictures, given.pictures + MORE)
        )
        came = after.mean() - before.mean()
        doubt = np.hypot(before.std(), after.std()) / np.sqrt(given.truths)
        told = [curve(pictures, truth, given.pictures, lot).gain for _ in range(given.draws)]
        gains = [gain for gain in told if gain]
        held = sum(gain.interval[0] <= came <= gain.interval[1] for gain in gains)
        low, high = Proportion(held, len(gains)).interval
        print_table(
            ["flowers, fast", "points"],
            [
                [f"what {MORE} more than {given.pictures} brought", f"{100 * came:+.2f}"],
                ["one standard error of that", f"{100 * doubt:.2f}"],
                ["forecast, on average", f"{100 * np.mean([g.value for g in gains]):+.2f}"],
                ["forecasts made, of draws", f"{len(gains)} of {given.draws}"],
                [
                    "their intervals held what came",
                    f"{held} of {len(gains)} ({100 * low:.0f} to {100 * high:.0f} %)",
                ],
            ],
        )


if __name__ == "__main__":
    main()
