"""Wrong labels among very many pictures: all are ranked, block by block, in memory for a block.

Two judges say what each picture shows: the heads that never saw its fold, which were fitted on all
others; and, where these are not sure of its label, its nearest neighbours in a sample. What labels
are like and what the list is worth is found out with that sample (label_noise.py, label_errors.py).
Of a picture only a few numbers are kept: how likely its own label is, and the likeliest other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..files.columns import taken
from ..head.blocks import Vectors, block, evenly
from ..head.linear import softmax
from .by_label import rows_by_label
from .directions import unit
from .judges import NEIGHBOURS, Judges, Settings, trust, voted
from .label_errors import CERTAIN, EACH, FEWEST, LabelErrors, Trial, in_order, ranked, try_planted
from .label_noise import Noise, label_noise, label_rate
from .neighbours import nearest_of
from .sample import MOST, parts, sampled

_BELIEVED = 0.95  # the score of its own label from which a picture's neighbours are not asked
_DIRECTIONS = 256  # along which pictures of the sample differ most, in which neighbours are near
_LABELS = 200  # of more, no table says which is taken for which, and a trial is made with some


@dataclass(frozen=True)
class Many:
    """N pictures, those held out too, and what is known of them.

    Attributes:
        vectors: embeddings `[N,D]`.
        labels: int `[N]`, of K.
        logits: `[N,K]`, by heads that never saw their folds.
        fold: int `[N]`, of those learnt from; -1 of the others.
        groups: int `[N]`, equal for pictures that may not be parted.
        digests: of their contents.
        certain: bool `[N]`, of which nothing is to be said.
    """

    vectors: Vectors
    labels: np.ndarray
    logits: Vectors
    fold: np.ndarray
    groups: np.ndarray
    digests: Sequence[str]
    certain: np.ndarray


def wrong_of_many(many: Many, settings: Settings) -> LabelErrors:
    """Rank all pictures by how likely their labels are wrong; see `find_label_errors`."""
    learnt = np.flatnonzero(many.fold >= 0)
    sample = learnt[sampled(taken(many.digests, learnt), many.labels[learnt])]
    panel = _Panel(many, sample)
    doubtful = _doubtful(many, learnt) & ~many.certain
    noise = panel.noise()
    count = len(many.labels)
    own, other, odds = np.zeros((3, count), np.float32)
    suggested, agreed = np.zeros(count, np.int32), np.zeros(count, bool)
    for some in parts(count, panel.count):
        labels, each = many.labels[some], np.arange(len(many.labels[some]))
        judged = panel.judge(np.arange(some.start, some.stop))
        own[some] = judged.mixture[each, labels]
        odds[some] = noise.odds(judged.mixture, labels)
        judged.mixture[each, labels] = -1
        suggested[some] = judged.mixture.argmax(axis=1)
        other[some] = judged.mixture[each, suggested[some]]
        agreed[some] = judged.all_say(suggested[some])
    odds = np.where(doubtful, odds.astype(np.float64), CERTAIN)
    trial, tried = _trial(many, learnt, sample, settings, doubtful)
    order = in_order(odds, own.astype(np.float64), other.astype(np.float64))
    return ranked(order, odds, suggested, agreed, trial, tried)


def _doubtful(many: Many, learnt: np.ndarray) -> np.ndarray:
    """Whose label has enough groups to learn from that something can be said, bool `[N]`."""
    pairs = np.unique(many.labels[learnt] * (int(many.groups.max()) + 1) + many.groups[learnt])
    of_label = np.bincount(pairs // (int(many.groups.max()) + 1), minlength=many.logits.shape[1])
    return np.asarray(of_label[many.labels] >= FEWEST)


@dataclass(frozen=True)
class _Judged:
    """What judges say of a block of pictures: the heads, their neighbours where these were asked
    (`rows`), and both together, `[B,K]`."""

    heads: np.ndarray
    rows: np.ndarray
    neighbours: np.ndarray
    mixture: np.ndarray

    def all_say(self, label: np.ndarray) -> np.ndarray:
        """Whether each judge is for a label int `[B]`, bool `[B]`."""
        said = self.heads[np.arange(len(label)), label] >= EACH
        there = np.zeros(len(label), bool)
        there[self.rows] = self.neighbours[np.arange(len(self.rows)), label[self.rows]] >= EACH
        return np.asarray(said & there)


class _Panel:
    """The judges, made ready."""

    def __init__(self, many: Many, sample: np.ndarray) -> None:
        self.many, self.sample, self.count = many, sample, many.logits.shape[1]
        held = block(many.vectors, sample)
        self.centre = held.mean(axis=0)
        self.ways = _widest(held - self.centre)
        self.points = unit((held - self.centre) @ self.ways)
        self.labels = many.labels[sample]
        self.shares = np.bincount(self.labels, minlength=self.count) / len(sample)
        self.weights: np.ndarray | None = None
        self.weights = np.concatenate(
            [
                trust(self.judge(sample[some]).mixture, self.labels[some])
                for some in parts(len(sample), self.count)
            ]
        )

    def judge(self, rows: np.ndarray) -> _Judged:
        heads = softmax(np.array(self.many.logits[rows], np.float64))
        own = heads[np.arange(len(rows)), self.many.labels[rows]]
        asked = np.flatnonzero(own < _BELIEVED)
        points = unit((block(self.many.vectors, rows[asked]) - self.centre) @ self.ways)
        groups = self.many.groups
        near = nearest_of(points, self.points, NEIGHBOURS, groups[rows[asked]], groups[self.sample])
        neighbours = voted(near, self.labels, self.shares, self.weights)
        mixture = heads.copy()
        mixture[asked] = (mixture[asked] + neighbours) / 2
        return _Judged(heads, asked, neighbours, mixture)

    def noise(self) -> Noise:
        """How labels of the sample came about."""
        if self.count <= _LABELS:
            return label_noise(self.judge(self.sample).mixture, self.labels)
        return label_rate(
            (self.judge(self.sample[some]).mixture, self.labels[some])
            for some in parts(len(self.sample), self.count)
        )


def _widest(points: np.ndarray) -> np.ndarray:
    """The directions `[D,d]` along which points `[M,D]` are spread most."""
    if points.shape[1] <= _DIRECTIONS:
        return np.eye(points.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.eigh(points.T @ points)[1][:, -_DIRECTIONS:], np.float32)


def _trial(
    many: Many,
    learnt: np.ndarray,
    sample: np.ndarray,
    settings: Settings,
    doubtful: np.ndarray,
) -> tuple[Trial, int]:
    """What comes of labels planted wrong in the sample, or where its labels are too many, among
    pictures of some of them; and among how many pictures that was."""
    chosen, rows = np.unique(many.labels[sample]), sample
    if len(chosen) > _LABELS:
        counts = np.bincount(many.labels[learnt])
        able = np.flatnonzero(counts >= FEWEST)
        if len(able) < 2:
            return Trial(), 0
        chosen = able[evenly(len(able), _LABELS)]
        of_chosen = rows_by_label(_places(many.labels[learnt], chosen), len(chosen))
        each = max(FEWEST, MOST // _LABELS)
        rows = learnt[np.concatenate([own[evenly(len(own), each)] for own in of_chosen])]
    labels = np.searchsorted(chosen, many.labels[rows])
    judges = Judges(
        block(many.vectors, rows),
        many.groups[rows],
        np.ones(len(rows), bool),
        len(chosen),
        settings,
        [many.fold[rows]],
    )
    mixture = judges.judge(labels).mean(axis=0)
    odds = label_noise(mixture, labels).odds(mixture, labels)
    known = doubtful[rows] & judges.tested(labels, FEWEST)
    odds = np.where(known, odds, CERTAIN)
    digests = [many.digests[row] for row in rows.tolist()]
    return try_planted(judges, mixture, labels, odds, digests), len(rows)


def _places(labels: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Where labels int `[M]` are among those chosen, in order; as many as these where they are
    not."""
    at = np.minimum(np.searchsorted(chosen, labels), len(chosen) - 1)
    return np.where(chosen[at] == labels, at, len(chosen))
