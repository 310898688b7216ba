"""Pictures that likely show none of the labels: far from the means of all, and claimed by none.

Strangers are often alike (screenshots, or pictures of another collection), so the distance to the
nearest picture, by which a model tells the unknown, hardly finds them. Distances here are of
embeddings at length 1 to the *means* of labels, and from means that the picture itself is no part
of.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..head.blocks import Vectors, block
from ..head.linear import softmax
from .by_label import label_sums
from .directions import unit
from .sample import parts

FAR = 3.0  # robust deviations from the middle of all distances, from which a picture is far away
BELIEVED = 0.9  # a score, from which a label claims a picture
FEWEST = 20  # pictures that may be judged by what is usual
_ALIKE = 1.4826  # a median absolute deviation times that is a standard deviation, of a bell curve


@dataclass(frozen=True)
class Said:
    """What heads that never saw them say of N pictures.

    Attributes:
        label: int `[N]`, the likeliest.
        score: its score, `[N]`.
        own: the score of each picture's own label, `[N]`.
    """

    label: np.ndarray
    score: np.ndarray
    own: np.ndarray


def said_of(logits: Vectors, truth: np.ndarray, rows: np.ndarray) -> Said:
    """What out-of-fold logits `[N,K]` say of the pictures in `rows` int `[M]`, whose labels are
    among `truth` int `[N]`."""
    label = np.empty(len(rows), np.int64)
    score, own = np.empty((2, len(rows)))
    for some in parts(len(rows), logits.shape[1]):
        scores = softmax(np.array(logits[rows[some]]))
        label[some] = scores.argmax(axis=1)
        score[some] = scores.max(axis=1)
        own[some] = scores[np.arange(len(scores)), truth[rows[some]]]
    return Said(label, score, own)


@dataclass(frozen=True)
class Strangers:
    """How far N pictures are from all labels.

    `distance` `[N]` is the cosine distance to the nearest label's mean, out of fold, in robust
    deviations from what is usual; `rows` are the pictures that are far and that no label claims,
    the strangest first.
    """

    distance: np.ndarray
    rows: np.ndarray


def strangers(
    vectors: Vectors, truth: np.ndarray, said: Said, count: int, fold: np.ndarray
) -> Strangers:
    """Pictures that likely show none of the labels: from embeddings `[N,D]`, labels `[N]` of so
    many, and what heads that never saw their `fold` `[N]` say of them."""
    if len(vectors) < FEWEST:
        return Strangers(np.zeros(len(vectors)), np.zeros(0, np.int64))
    apart = _from_means(vectors, truth, count, fold)
    middle = np.median(apart)
    deviation = _ALIKE * float(np.median(np.abs(apart - middle)))
    if deviation < 1e-9:
        return Strangers(np.zeros(len(apart)), np.zeros(0, np.int64))
    far = (apart - middle) / deviation
    rows = np.flatnonzero((far > FAR) & (said.score < BELIEVED))
    own = said.own[rows]  # what is said to be claimed by its own label comes last
    return Strangers(far, rows[np.argsort(-(far[rows] - FAR * own), kind="stable")])


def _from_means(vectors: Vectors, truth: np.ndarray, count: int, fold: np.ndarray) -> np.ndarray:
    """The cosine distance of each picture to the nearest of the labels' means without the
    pictures of its fold, `[N]`."""
    numbers, place = np.unique(fold, return_inverse=True)
    sums = np.zeros((count, vectors.shape[1]), np.float32)
    of_fold = np.zeros((len(numbers), *sums.shape), np.float32)
    blocks = parts(len(truth), count)
    for some in blocks:
        points = unit(block(vectors, some))
        sums += label_sums(points, truth[some], count)
        for number in range(len(numbers)):
            own = place[some] == number
            of_fold[number] += label_sums(points[own], truth[some][own], count)
    counts = np.bincount(truth, minlength=count)
    means = []
    for number in range(len(numbers)):
        left = counts - np.bincount(truth[place == number], minlength=count)
        mean = (sums - of_fold[number]) / np.maximum(left, 1).astype(np.float32)[:, None]
        means.append((unit(mean).T, left == 0))
    apart = np.zeros(len(truth))
    for some in blocks:
        points = unit(block(vectors, some))
        for number, (mean, empty) in enumerate(means):
            own = np.flatnonzero(place[some] == number)
            likeness = points[own] @ mean
            likeness[:, empty] = -1.0
            apart[some.start + own] = 1 - likeness.max(axis=1)
    return apart
