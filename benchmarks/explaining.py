"""Explaining 100 pictures against guessing them: the same pictures, one process, one model.

"guessing" is `predict_many`; "explaining" is `explain_many`: maps, all training pictures' shares,
the nearest ones, sentences; "with a page" draws all maps and renders the page of `explain -o` too.
Each is run once to warm up; then they take turns, so that a busy machine is as unkind to all of
them, and medians are printed. "Maps off by" is how far the mean of a label's evidence plus its bias
is from the log of its score, after taking away what softmax cannot tell; "shares off by" how far
the sum of all training pictures' shares plus their constant is from the logit: the largest of all.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

import numpy as np
from measure import arguments, machine, print_table

import tellapart
from tellapart.dataset import Skipped
from tellapart.explain import Explanation, explain_many
from tellapart.explain.files import explain_files, locate
from tellapart.explain.page import why_page
from tellapart.model import Classifier

PICTURES = 100
HEADS = (
    "data, quality",
    "guessing",
    "explaining",
    "times",
    "with a page",
    "times",
    "maps off by",
    "shares off by",
)


def main() -> None:
    options = arguments(__doc__, runs=3).parse_args()
    rows = []
    with machine():
        for data in ("heroes", "flowers"):
            found = sorted((options.data / data / "test").glob("*/*"))
            names = [str(path) for path in (found * PICTURES)[:PICTURES]]
            for quality in ("fast", "good", "best"):
                with tempfile.TemporaryDirectory() as scratch:
                    result = tellapart.train(options.data / data / "train", quality=quality)
                    classifier = tellapart.load(result.save(Path(scratch) / "model"))
                    figures = _measured(classifier, names, options.runs)
                rows.append([f"{data}, {quality}", *figures])
        print_table(HEADS, rows)


def _measured(classifier: Classifier, names: list[str], runs: int) -> list[str]:
    ways: dict[str, Callable[[], object]] = {
        "guessing": lambda: list(classifier.predict_many(names)),
        "explaining": lambda: sum(1 for _ in explain_many(classifier, names)),
        "page": lambda: _page(classifier, names),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(1 + runs):
        for way, work in ways.items():
            begin = time.perf_counter()
            work()
            taken[way].append(time.perf_counter() - begin)
    guessing, explaining, page = (median(seconds[1:]) for seconds in taken.values())
    maps, shares = _off_by(classifier, names)
    return [
        f"{guessing:.2f} s",
        f"{explaining:.2f} s",
        f"{explaining / guessing:.2f}",
        f"{page:.2f} s",
        f"{page / guessing:.2f}",
        f"{maps:.1e}",
        f"{shares:.1e}",
    ]


def _page(classifier: Classifier, names: list[str]) -> str:
    told = explain_files(classifier, names, page=True, overlays=None)
    panels = [one.panel for one in told if not isinstance(one, Skipped) and one.panel]
    return why_page(classifier.labels, panels, locate(classifier, panels, None))


def _off_by(classifier: Classifier, names: list[str]) -> tuple[float, float]:
    maps = shares = 0.0
    answers = classifier.predict_many(names)
    for answer, found in zip(answers, explain_many(classifier, names), strict=True):
        assert isinstance(found, Explanation)
        scores = np.log([max(answer.scores[label], 1e-7) for label in found.labels])
        sure = scores > np.log(1e-5)  # of scores next to nothing the logarithm is all rounding
        apart = (found.evidence.mean(axis=(1, 2)) + found.bias - scores)[sure]
        maps = max(maps, float(np.ptp(apart)))
        for case in found.cases.values():
            logit = found.logits[found.labels.index(case.label)]
            shares = max(shares, abs(float(case.shares.sum()) + case.constant - logit))
    return maps, shares


if __name__ == "__main__":
    main()
