"""The smallest part of a picture that its answer depends on, found by hiding.

A region is hidden by blurring it beyond recognition, which makes no edges and adds no new colour.
To test whether a region alone keeps the answer, all else becomes mid-grey, so that nothing else of
the picture is left. Measurements decided both ways (benchmarks/sweeping.py). The search runs on a
small copy of the picture; `what_if` confirms what it finds on the picture itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from ..images.decode import Picture, read_picture
from ..model.classifier import Classifier
from ..model.observe import BATCH, Observation, Observer
from ..model.prediction import Prediction
from ..text import label_words, percent
from ..workers.local import Each, batches_of, local_map
from ..workers.pausing import pause
from .changes import Blank, Blur, Change, WhatIf, what_if
from .places import place
from .regions import WHOLE, Color, Outside, Region
from .search import GRID, Measured, smallest

LARGEST = 0.5  # of the picture: what flips only with more of it hidden hangs on no one region
KEPT = 0.9  # of its score is what a region alone must reach to keep an answer
GREY: Color = (127, 127, 127)
_ENOUGH = 300  # pixels of the shorter side, in the search
_ROUNDS_TO_LOSE, _ROUNDS_TO_KEEP = 7, 3  # of measuring; what keeps an answer is found soon
_LOOKS = 32  # in a round, by one backbone at one view of a picture
_FEWEST, _MOST = 6, 28  # pictures in a round
_TRIES = 4  # of what was found on the small copy, on the picture itself
_TINY = 1e-12  # of a score, so that it has a logarithm

_Value = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Scores `[N,K]` and novelty `[N]` -> values `[N]`: above 0 for what is looked for."""

_Judge = Callable[[Sequence[np.ndarray]], tuple[np.ndarray, np.ndarray]]
"""Pictures -> scores `[N,K]` and novelty `[N]`."""

Progress = Callable[[int, int], None]
"""Is told how many pictures were judged, and of about how many."""


@dataclass(frozen=True)
class Finding:
    """A region, and what the model said with it hidden, or with all else hidden."""

    region: Region
    after: Prediction


@dataclass(frozen=True)
class Sweep:
    """What the answer for one picture depends on.

    `flip` is the smallest region found that changes the label when it is hidden; if none of up to
    `LARGEST` does, the one that came closest. `keep` is the smallest region found that alone keeps
    the label, with at least `KEPT` of its score, and without becoming unknown; None if there is no
    such region. `nothing` is the answer for a grey picture: if that has the same label, no region
    keeps it, and none is searched for. `tried` counts the pictures that the network ran on.
    """

    before: Prediction
    nothing: Prediction
    flip: Finding
    keep: Finding | None
    tried: int

    @property
    def flips(self) -> bool:
        """Whether hiding `flip` changes the label."""
        return self.flip.after.label != self.before.label

    @property
    def kept_by_nothing(self) -> bool:
        """Whether an empty picture gets the same answer."""
        return self.nothing.label == self.before.label

    @property
    def regions(self) -> str:
        """The regions, as they are given to `what-if`."""
        alone = f"; alone: {self.keep.region}" if self.keep else ""
        return f"hidden: {self.flip.region}{alone}"

    @property
    def words(self) -> str:
        """Two sentences: what flips the answer, and what alone keeps it."""
        label = label_words(self.before.label)
        region, after = self.flip.region, self.flip.after
        if self.flips:
            first = (
                f"If {_part(region)} is hidden, the answer is {label_words(after.label)} "
                f"{after.score:.2f}."
            )
        else:
            first = (
                f"Hiding a region of up to {percent(LARGEST, 0)} never changed the answer. Hiding "
                f"{_part(region)} came closest and left {label} {after.score:.2f}."
            )
        if self.kept_by_nothing:
            return (
                f"{first} An empty grey picture already gets {label} {self.nothing.score:.2f}, so "
                f"this cannot say which part keeps the answer."
            )
        if self.keep is None:
            return f"{first} No part alone keeps the answer."
        region, after = self.keep.region, self.keep.after
        return f"{first} {_part(region)} alone keeps {label} {after.score:.2f}."


def hidden(region: Region) -> Change:
    """How a region is hidden."""
    return Blur(region)


def alone(region: Region) -> Change:
    """How all else than a region is hidden."""
    return Blank(Outside(region), GREY)


def sweep(classifier: Classifier, picture: Picture, *, progress: Progress | None = None) -> Sweep:
    """Find the smallest region whose hiding flips the answer, and the one that alone keeps it.

    The same picture gives the same regions, however many cores there are. It takes seconds, and
    pauses (see `workers.pausing`) before each picture that is judged, about a hundred.

    Raises:
        PictureError: the picture cannot be read; the message says why.
    """
    pixels = read_picture(picture)
    before = classifier.predict(pixels)
    label = classifier.labels.index(before.label)
    limit = math.inf if before.unknown else classifier.unknown_above

    def losing(scores: np.ndarray, novelty: np.ndarray) -> np.ndarray:
        return -_lead(scores, label)

    def keeping(scores: np.ndarray, novelty: np.ndarray) -> np.ndarray:
        ratio = np.log(np.maximum(scores[:, label], _TINY) / (KEPT * before.score))
        sure = np.minimum(_lead(scores, label), ratio)
        return np.asarray(np.minimum(sure, limit - novelty))

    def is_kept(found: WhatIf) -> bool:
        after = found.after
        known = before.unknown or not after.unknown
        return not found.flipped and known and after.score >= KEPT * before.score

    small = _reduced(pixels)
    blurry, grey = hidden(WHOLE).apply(small), Blank(WHOLE, GREY).apply(small)
    nothing = classifier.predict(grey)
    guide = _guide(classifier, small, label)
    batch = _batch(classifier)
    rounds = _ROUNDS_TO_LOSE + (_ROUNDS_TO_KEEP if nothing.label != before.label else 0)
    with _judging(classifier, batch * rounds, progress) as judge:
        flips = _searched(judge, (small, blurry), losing, guide, LARGEST, _ROUNDS_TO_LOSE, batch)
        keeps = None
        if nothing.label != before.label:
            keeps = _searched(judge, (grey, small), keeping, guide, 1.0, _ROUNDS_TO_KEEP, batch)
    flip = _confirmed(classifier, pixels, flips, hidden, lambda found: found.flipped)
    if flip is None:
        region = _region(flips.closest())
        flip = Finding(region, what_if(classifier, pixels, hidden(region)).after)
    keep, tried = None, len(flips.values)
    if keeps:
        keep = _confirmed(classifier, pixels, keeps, alone, is_kept)
        tried += len(keeps.values)
    return Sweep(before=before, nothing=nothing, flip=flip, keep=keep, tried=tried)


def _searched(
    judge: _Judge,
    pictures: tuple[np.ndarray, np.ndarray],
    value: _Value,
    guide: np.ndarray,
    largest: float,
    rounds: int,
    batch: int,
) -> Measured:
    """Search for the region of the second picture that, laid over the first, brings it above 0."""
    under, over = pictures

    def measure(rectangles: np.ndarray) -> np.ndarray:
        laid = []
        for rectangle in rectangles:
            box = _region(rectangle).box(*under.shape[:2])
            laid.append(under.copy())
            laid[-1][box] = over[box]
        return value(*judge(laid))

    return smallest(
        measure,
        float(value(*judge([under]))[0]),
        guide,
        rounds=rounds,
        batch=batch,
        largest=largest,
    )


def _confirmed(
    classifier: Classifier,
    pixels: np.ndarray,
    measured: Measured,
    change: Callable[[Region], Change],
    holds: Callable[[WhatIf], bool],
) -> Finding | None:
    """The smallest region found of which it holds on the picture itself too."""
    for rectangle in measured.best_first()[:_TRIES]:
        region = _region(rectangle)
        result = what_if(classifier, pixels, change(region))
        if holds(result):
            return Finding(region, result.after)
    return None


def _batch(classifier: Classifier) -> int:
    """How many pictures a round has."""
    looks = len(classifier.manifest.views) * len(classifier.manifest.backbones)
    return min(max(_LOOKS // looks, _FEWEST), _MOST)


@contextmanager
def _judging(classifier: Classifier, total: int, progress: Progress | None) -> Iterator[_Judge]:
    """Judges round after round, with what that needs opened once."""
    observer = Observer(classifier)
    observer.start()
    done = 0

    def observe(picture: np.ndarray) -> Observation:
        pause()
        return observer.observe(picture)

    def judge(pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        nonlocal done
        found: list[Observation] = []
        for one in local_map(Each(observe), batches_of(pictures, BATCH)):
            found.append(one)
            done += 1
            if progress:
                progress(min(done, total), total)
        return np.array([one.scores for one in found]), np.array([one.novelty for one in found])

    try:
        yield judge
    finally:
        observer.finish()


def _lead(scores: np.ndarray, label: int) -> np.ndarray:
    """The log of how many times likelier a label is than the likeliest other, `[N]`."""
    logs = np.log(np.maximum(scores.astype(np.float64), _TINY))
    return np.asarray(logs[:, label] - np.delete(logs, label, axis=1).max(axis=1))


def _guide(classifier: Classifier, pixels: np.ndarray, label: int) -> np.ndarray:
    """What each cell of the grid adds to a label's lead over the runner-up, by the evidence."""
    from PIL import Image

    scores, evidence = classifier.run(pixels, ["scores", "evidence"])
    other = next(k for k in np.argsort(-scores) if k != label)
    lead = Image.fromarray((evidence[label] - evidence[other]).astype(np.float32))
    return np.asarray(lead.resize((GRID, GRID), Image.Resampling.BICUBIC)) / GRID**2


def _reduced(pixels: np.ndarray) -> np.ndarray:
    """A copy whose shorter side is `_ENOUGH` pixels, or the picture itself if it has no more."""
    from PIL import Image

    height, width = pixels.shape[:2]
    times = _ENOUGH / min(height, width)
    if times >= 1:
        return pixels
    size = (round(width * times), round(height * times))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _region(rectangle: np.ndarray) -> Region:
    top, bottom, left, right = (int(edge) / GRID for edge in rectangle)
    return Region(left, top, right - left, bottom - top)


def _part(region: Region) -> str:
    """`6.0 % of it at the top left`; of a large one only the fraction."""
    inside = region.mask(np.zeros((GRID, GRID, 3)))
    return f"{percent(region.area)} of it {place(inside.astype(np.float64))}".rstrip()
