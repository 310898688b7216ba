"""Are the pictures that `suggest` names worth more than others? Accuracy against pictures labelled.

The training pictures are the pool. A few random ones are labelled first; then, round after round,
the next ones are chosen, labelled, and learnt from: at random, by the least sure alone (margin), or
as `tellapart suggest` does. Each seed begins with other pictures, the same for all three ways, and
all are judged on the test folder. The gain is over random choice, mean over the rounds after the
first, with the 95 % interval over seeds. Everything but the network is done as `train` does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from measure import arguments, machine, print_table
from novelty import Pictures

from tellapart.evaluation.metrics import Z_95
from tellapart.head.linear import Head, softmax
from tellapart.health.selection import choose, doubts

Way = Callable[[np.ndarray, np.ndarray, np.ndarray, int, np.random.Generator], np.ndarray]
"""Pool's embeddings and scores, embeddings of the labelled, how many, chance -> rows."""

WAYS: Mapping[str, Way] = {
    "random": lambda pool, scores, known, n, lot: lot.permutation(len(pool))[:n],
    "least sure": lambda pool, scores, known, n, lot: np.argsort(-doubts(scores), kind="stable")[
        :n
    ],
    "suggest": lambda pool, scores, known, n, lot: choose(pool, doubts(scores), known, n).rows,
}


class Trial:
    """One data set, as arrays: `truth` are indices of labels."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        labels, self.truth = np.unique(pictures.labels, return_inverse=True)
        self.count = len(labels)
        self.pool, self.test = np.flatnonzero(~pictures.test), np.flatnonzero(pictures.test)

    def begin(self, size: int, lot: np.random.Generator) -> np.ndarray:
        """Random pictures of the pool with each label at least once."""
        while True:
            chosen = lot.choice(self.pool, size, replace=False)
            if len(np.unique(self.truth[chosen])) == self.count:
                return np.asarray(chosen)

    def learn(self, rows: np.ndarray) -> Head:
        """Cross-validated, calibrated, fitted on all."""
        return self.pictures.learnt(rows).head

    def curve(self, way: Way, start: int, step: int, end: int, seed: int) -> list[float]:
        """Accuracy on the test folder with `start`, `start` + `step`, ... `end` labelled."""
        lot = np.random.default_rng(seed)
        known, right = self.begin(start, lot), []
        while True:
            head = self.learn(known)
            given = head.logits(self.pictures.vectors[self.test]).argmax(axis=1)
            right.append(float(np.mean(given == self.truth[self.test])))
            if len(known) >= end:
                return right
            rest = np.setdiff1d(self.pool, known)
            pool, learnt = self.pictures.vectors[rest], self.pictures.vectors[known]
            chosen = way(pool, softmax(head.logits(pool)), learnt, step, lot)
            known = np.concatenate([known, rest[chosen]])


def main() -> None:
    parser = arguments(__doc__, runs=1)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--quality", default="fast")
    options = parser.parse_args()
    with machine():
        for kind, start, step, end in (("flowers", 20, 10, 100), ("heroes", 10, 5, 50)):
            trial = Trial(Pictures(options.data / kind, options.quality))
            curves = {
                name: 100
                * np.array([trial.curve(way, start, step, end, s) for s in range(options.seeds)])
                for name, way in WAYS.items()
            }
            rows = []
            for name, found in curves.items():
                gains = (found - curves["random"])[:, 1:].mean(axis=1)
                reach = Z_95 * gains.std(ddof=1) / np.sqrt(len(gains))
                low, mean, high = (gains.mean() + part * reach for part in (-1, 0, 1))
                gain = f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
                rows.append(
                    [
                        name,
                        *(f"{value:.1f}" for value in found.mean(axis=0)),
                        gain if gains.any() else "·",
                    ]
                )
            sizes = [str(n) for n in range(start, end + 1, step)]
            print_table([f"{kind}, pictures labelled", *sizes, "points gained"], rows)
            print()


if __name__ == "__main__":
    main()
