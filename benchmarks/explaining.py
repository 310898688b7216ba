"""Explaining 100 pictures against guessing them: the same pictures, one process, one model.

"guessing" is `predict_many`; "explaining" is `explain_many`: maps, all training pictures' shares,
the nearest ones, sentences; "with a page" draws all maps and renders the page of `explain -o` too.
Each is run once to warm up; then they take turns, so that a busy machine is as unkind to all of
them, and medians are printed. "Mistakes" are training pictures that were judged wrong out of
fold, again and again: each is explained by the head that never saw it. "Maps off by" is how
far the mean of a label's evidence plus its bias is from the log of its score, after taking away
what softmax cannot tell; "shares off by" how far the sum of all training pictures' shares plus
their constant is from the logit: the largest of all.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command line does

import numpy as np
from measure import arguments, machine, print_table

import tellapart
from tellapart.dataset.sources import SkippedFile
from tellapart.explain import Asked, Explanation, explain_many
from tellapart.explain.files import explain_files, locate
from tellapart.explain.page import why_page
from tellapart.model.classifier import Classifier

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
    parser = arguments(__doc__, runs=3)
    parser.add_argument("--quality", nargs="+", default=["fast", "good", "best"])
    options = parser.parse_args()
    rows = []
    with machine():
        for data in ("heroes", "flowers"):
            found = sorted((options.data / data / "test").glob("*/*"))
            asked = [Asked(path, name=str(path)) for path in (found * PICTURES)[:PICTURES]]
            for quality in options.quality:
                with tempfile.TemporaryDirectory() as scratch:
                    result = tellapart.train(options.data / data / "train", quality=quality)
                    classifier = tellapart.load(result.save(Path(scratch) / "model"))
                    figures = _measured(classifier, asked, options.runs)
                rows.append([f"{data}, {quality}", *figures])
                wrong = _mistakes(classifier)
                rows.append(
                    [f"{data}, {quality}, mistakes", *_measured(classifier, wrong, options.runs)]
                )
        print_table(HEADS, rows)


def _mistakes(classifier: Classifier) -> list[Asked]:
    """`PICTURES` of those judged wrong out of fold, each as often as it takes."""
    record = classifier.training_record
    assert record
    wrong = np.flatnonzero(~record.held_out & (record.scores.argmax(axis=1) != record.labels))
    where = record.locate(only=wrong.tolist())
    labels = [classifier.labels[k] for k in record.labels]
    asked = [Asked(where[i], labels[i], i, str(where[i])) for i in wrong.tolist()]
    return (asked * PICTURES)[:PICTURES]


def _measured(classifier: Classifier, asked: list[Asked], runs: int) -> list[str]:
    names = [one.name for one in asked]
    ways: dict[str, Callable[[], object]] = {
        "guessing": lambda: list(classifier.predict_many(names)),
        "explaining": lambda: sum(1 for _ in explain_many(classifier, asked)),
        "page": lambda: _page(classifier, names),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(1 + runs):
        for way, work in ways.items():
            begin = time.perf_counter()
            work()
            taken[way].append(time.perf_counter() - begin)
    guessing, explaining, page = (median(seconds[1:]) for seconds in taken.values())
    maps, shares = _off_by(classifier, asked)
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
    panels = [one.panel for one in told if not isinstance(one, SkippedFile) and one.panel]
    return why_page(classifier.labels, panels, locate(classifier, panels, None))


def _judged(classifier: Classifier, asked: list[Asked]) -> Iterator[np.ndarray]:
    """The scores `[K]` that each explanation is of."""
    answers = classifier.predict_many(one.picture for one in asked)
    for one, answer in zip(asked, answers, strict=True):
        if one.index is None:
            yield np.array([answer.scores[label] for label in classifier.labels])
        else:
            assert classifier.training_record
            yield classifier.training_record.scores[one.index]


def _off_by(classifier: Classifier, asked: list[Asked]) -> tuple[float, float]:
    maps = shares = 0.0
    judged = _judged(classifier, asked)
    for given, found in zip(judged, explain_many(classifier, asked), strict=True):
        assert isinstance(found, Explanation)
        scores = np.log(np.maximum(given, 1e-7))
        sure = scores > np.log(1e-5)  # of scores next to nothing the logarithm is all rounding
        apart = (found.evidence.mean(axis=(1, 2)) + found.bias - scores)[sure]
        maps = max(maps, float(np.ptp(apart)))
        for case in found.cases.values():
            logit = found.logits[found.labels.index(case.label)]
            shares = max(shares, abs(float(case.shares.sum()) + case.constant - logit))
    return maps, shares


if __name__ == "__main__":
    main()
