"""Does the evidence show what the answer rests on? Deletion and insertion curves (Petsiuk et al.
2018, arXiv:1806.07421) for the model's own maps and for others.

Every saliency ranks all pixels of a test picture; the first 20 % of them are hidden, and what that
takes from the predicted label's score and log-odds is printed: the more, the more faithful. To hide
is to blur beyond recognition, as `explain --sweep` does (or, with --hide mean, to fill with the
picture's mean colour). "Deletion" is the area under the label's score while ever more is hidden,
from the strongest on (lower is better), "insertion" that while ever more is shown (higher is
better). "Evidence takes more" is how much more of the log-odds goes with the evidence hidden than
with this saliency's, picture by picture. Intervals are 95 %, by the bootstrap over pictures.

With one linear head over a mean, Grad-CAM is our evidence less what argues against the label, and
less what laying several views on one grid rounds off: the two must be alike, and are.

evidence     the map of the winning label, as the model gives it
lead         that map minus the runner-up's: what `explain` shows as the difference
Grad-CAM     and Eigen-CAM: computed from feature maps in saliency.py, not by tellapart
occlusion    49 windows hidden in turn, in saliency.py too: it may look at the network's answers
random       patches of the same area at random places, the mean of three
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from measure import arguments, machine, print_table
from saliency import (
    Exposed,
    eigen_cam,
    grad_cam,
    judged,
    log_odds,
    occlusion,
    over,
    random_patches,
)

import tellapart
from tellapart.explain.changes import blurred
from tellapart.images.decode import read_picture
from tellapart.model.classifier import Classifier

HIDDEN = 0.2
SHARES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0)
AT = SHARES.index(HIDDEN)
LONGEST = 320  # pixels of a picture's longer side; more is only slower
RANDOM = 3
RESAMPLES = 2000
HEADS = (
    "data, quality, saliency",
    f"score, {HIDDEN:.0%} hidden",
    "log-odds taken",
    "evidence takes more",
    "deletion",
    "insertion",
)

Curves = dict[str, list[tuple[np.ndarray, np.ndarray]]]
"""By saliency, of each picture: log-odds taken and score kept `[2,S]`, hiding and showing."""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--quality", nargs="+", default=["fast", "good"])
    parser.add_argument("--pictures", type=int, default=50, help="of each test folder at most")
    parser.add_argument("--hide", choices=["blur", "mean"], default="blur")
    parser.add_argument("--no-occlusion", action="store_true", help="it is the slow one")
    options = parser.parse_args()
    rows = []
    with machine():
        for data in ("heroes", "flowers"):
            paths = sorted((options.data / data / "test").glob("*/*"))
            chosen = np.linspace(0, len(paths) - 1, min(options.pictures, len(paths)))
            for quality in options.quality:
                with tempfile.TemporaryDirectory() as scratch:
                    result = tellapart.train(options.data / data / "train", quality=quality)
                    classifier = tellapart.load(result.save(Path(scratch) / "model"))
                curves = _curves(
                    classifier,
                    [paths[int(index)] for index in chosen],
                    blurred if options.hide == "blur" else _mean,
                    with_occlusion=not options.no_occlusion,
                )
                rows += _rows(f"{data}, {quality}", curves)
        print_table(HEADS, rows)


def _curves(
    classifier: Classifier,
    paths: Sequence[Path],
    hide: Callable[[np.ndarray], np.ndarray],
    *,
    with_occlusion: bool,
) -> Curves:
    exposed, lot = Exposed(classifier), np.random.default_rng(0)
    curves: Curves = {}
    for path in paths:
        pixels = _small(read_picture(path))
        scores, evidence = classifier.run(pixels, ["scores", "evidence"])
        label, other = (int(k) for k in np.argsort(-scores)[:2])
        size = pixels.shape[:2]
        maps = {
            "evidence": over(evidence[label], *size),
            "lead": over(evidence[label] - evidence[other], *size),
            "Grad-CAM": grad_cam(exposed, pixels, label),
            "Eigen-CAM": eigen_cam(exposed, pixels, label),
        }
        if with_occlusion:
            maps["occlusion"] = occlusion(classifier, pixels, label)
        grid = evidence.shape[-1]
        maps |= {f"random {n}": random_patches(lot, grid, pixels) for n in range(RANDOM)}
        for name, (taken, kept) in _judge(classifier, pixels, hide(pixels), maps, label).items():
            curves.setdefault(name, []).append((taken, kept))
    return curves


def _judge(
    classifier: Classifier,
    pixels: np.ndarray,
    hidden: np.ndarray,
    maps: Mapping[str, np.ndarray],
    label: int,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The log-odds taken by hiding, and the scores by hiding and by showing `[2,S]`."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for name, saliency in maps.items():
        order = np.argsort(-saliency, axis=None, kind="stable")
        changed = []
        for base, laid in ((pixels, hidden), (hidden, pixels)):
            for share in SHARES:
                picture = base.copy().reshape(-1, 3)
                first = order[: round(share * len(order))]
                picture[first] = laid.reshape(-1, 3)[first]
                changed.append(picture.reshape(pixels.shape))
        scores = judged(classifier, changed)
        odds = log_odds(scores, label)
        pair = odds[0] - odds[AT], scores[:, label].reshape(2, -1)
        found.setdefault(name.partition(" ")[0], []).append(pair)
    return {
        name: (np.mean([one for one, _ in each]), np.mean([two for _, two in each], axis=0))
        for name, each in found.items()
    }


def _rows(what: str, curves: Curves) -> list[list[str]]:
    own = np.array([taken for taken, _ in curves["evidence"]])
    rows = []
    for name, each in curves.items():
        taken, scores = np.array([one for one, _ in each]), np.array([two for _, two in each])
        deletion, insertion = _area_below(scores).T
        rows.append(
            [
                f"{what}, {name}",
                _interval(scores[:, 0, AT]),
                _interval(taken),
                "" if name == "evidence" else _interval(own - taken),
                _interval(deletion),
                _interval(insertion),
            ]
        )
    return rows


def _area_below(scores: np.ndarray) -> np.ndarray:
    """The area under curves `[..., S]` over `SHARES`, by the trapezoidal rule."""
    return np.asarray((scores[..., 1:] + scores[..., :-1]) @ np.diff(SHARES) / 2)


def _interval(values: np.ndarray) -> str:
    """The mean with its interval."""
    lot = np.random.default_rng(0)
    means = values[lot.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def _mean(pixels: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.rint(pixels.mean(axis=(0, 1))).astype(np.uint8), pixels.shape)


def _small(pixels: np.ndarray) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((LONGEST, LONGEST), Image.Resampling.BICUBIC)
    return np.asarray(image)


if __name__ == "__main__":
    main()
