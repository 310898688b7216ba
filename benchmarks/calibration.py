"""Do scores mean what they say, on pictures that were not learnt from?

For flowers, and for heroes learnt from a fifth: many splits, each trained, calibrated out of fold
and scored on the rest. One test set of 150 pictures cannot tell an error of 0.03 from luck; all
splits together can. Prints the calibration error of a split on average, what luck alone would do
there, the error of all splits' scores taken together, and the log loss: of heads as they are
calibrated, and with one more temperature, the one that fits best out of fold.
"""

from __future__ import annotations

import numpy as np
from measure import arguments, machine, print_table
from novelty import Pictures

from tellapart.evaluation.metrics import calibration_error, calibration_luck
from tellapart.head.calibration import fit_temperature
from tellapart.head.linear import log_loss, softmax

SETS = {"flowers": 1 / 3, "heroes": 0.8}  # and the share that is kept back
SPLITS = 20
WAYS = ("calibrated", "best out of fold")
HEADS = (
    "data",
    "quality",
    "scores",
    "of a split",
    "by luck",
    "of all",
    "surer than right",
    "log loss",
)


def judged(pictures: Pictures, truth: np.ndarray) -> dict[str, np.ndarray]:
    """The logits `[N,K]` of the pictures kept back, in each of the `WAYS`."""
    rows = np.flatnonzero(~pictures.test)
    fitted = pictures.learnt(rows)
    logits = fitted.head.logits(pictures.vectors[pictures.test])
    heats = (1.0, fit_temperature(fitted.logits, truth[rows]))
    return {way: logits / temperature for way, temperature in zip(WAYS, heats, strict=True)}


def error_of(scores: np.ndarray, truth: np.ndarray) -> float:
    """The calibration error of scores `[N,K]`."""
    return float(calibration_error(scores, truth, np.ones((1, len(truth))))[0])


def figures_of(runs: list[tuple[np.ndarray, np.ndarray]]) -> list[str]:
    """Of logits `[N,K]` and truths `[N]` of many splits: what the table says of them."""
    scores, truths = [softmax(logits) for logits, _ in runs], [truth for _, truth in runs]
    every, right = np.concatenate(scores), np.concatenate(truths)
    surer = every.max(axis=1).mean() - (every.argmax(axis=1) == right).mean()
    return [
        f"{np.mean([error_of(s, t) for s, t in zip(scores, truths, strict=True)]):.3f}",
        f"{np.mean([calibration_luck(s).mean() for s in scores]):.3f}",
        f"{error_of(every, right):.3f}",
        f"{surer:+.3f}",
        f"{np.mean([log_loss(*run) for run in runs]):.4f}",
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quality", nargs="+", default=["fast", "good", "best"])
    given = parser.parse_args()
    rows = []
    with machine():
        for name, share in SETS.items():
            for quality in given.quality:
                pictures = Pictures(given.data / name, quality)
                truth = np.unique(pictures.labels, return_inverse=True)[1]
                runs = []
                for number in range(SPLITS):
                    pictures.split(number, share)
                    runs.append((judged(pictures, truth), truth[pictures.test]))
                for way in WAYS:
                    found = figures_of([(logits[way], right) for logits, right in runs])
                    rows.append([name, quality, way, *found])
        print_table(HEADS, rows)


if __name__ == "__main__":
    main()
