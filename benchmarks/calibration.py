"""Do scores mean what they say, on pictures that were not learnt from?

For flowers, and for heroes learnt from a fifth: many splits, each trained, calibrated out of fold
and scored on the rest. One test set of 150 pictures cannot tell an error of 0.03 from luck; all
splits together can. Prints the calibration error of a split on average, what luck alone would do
there, the error of all splits' scores taken together, and the log loss: of heads as they are
calibrated, of heads as they are fitted, and with the temperature that fits best out of fold.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from novelty import Pictures

from tellapart.dataset.split import folds
from tellapart.head import Regression, cross_validate, log_loss, softmax, temperature
from tellapart.metrics import calibration_error, calibration_luck

SETS = {"flowers": 1 / 3, "heroes": 0.8}  # and the share that is kept back
SPLITS = 20
WAYS = ("calibrated", "as fitted", "best out of fold")


def judged(pictures: Pictures, truth: np.ndarray) -> dict[str, np.ndarray]:
    """The logits `[N,K]` of the pictures kept back, in each of the `WAYS`."""
    rows = np.flatnonzero(~pictures.test)
    vectors, labels = pictures.vectors[rows], pictures.labels[rows].tolist()
    fold = folds(pictures.digests[rows].tolist(), labels, 5)
    count = int(truth.max()) + 1
    found = cross_validate(vectors, truth[rows], count, fold)
    assert found.strength is not None
    head = Regression(vectors, truth[rows], count).fit(found.strength)
    logits = head.logits(pictures.vectors[pictures.test])
    heats = (
        temperature(found.logits, truth[rows], least=1),
        1.0,
        temperature(found.logits, truth[rows]),
    )
    return {way: logits / heat for way, heat in zip(WAYS, heats, strict=True)}


def error_of(scores: np.ndarray, truth: np.ndarray) -> float:
    """The calibration error of scores `[N,K]`."""
    return float(calibration_error(scores, truth, np.ones((1, len(truth))))[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--quality", nargs="+", default=["fast", "good", "best"])
    given = parser.parse_args()
    print(
        "| data | quality | scores | of a split | by luck | of all | surer than right | log loss |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, share in SETS.items():
        for quality in given.quality:
            pictures = Pictures(given.data / name, quality)
            names = sorted(set(pictures.labels))
            truth = np.array([names.index(label) for label in pictures.labels])
            runs = []
            for number in range(SPLITS):
                pictures.split(number, share)
                runs.append((judged(pictures, truth), truth[pictures.test]))
            for way in WAYS:
                scores = [softmax(found[way]) for found, _ in runs]
                pairs = [(s, t) for s, (_, t) in zip(scores, runs, strict=True)]
                luck = np.mean([calibration_luck(s).mean() for s in scores])
                every, right = np.concatenate(scores), np.concatenate([t for _, t in runs])
                surer = every.max(axis=1).mean() - (every.argmax(axis=1) == right).mean()
                loss = np.mean([log_loss(found[way], t) for found, t in runs])
                print(
                    f"| {name} | {quality} | {way} | {np.mean([error_of(*p) for p in pairs]):.3f} "
                    f"| {luck:.3f} | {error_of(every, right):.3f} | {surer:+.3f} | {loss:.4f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
