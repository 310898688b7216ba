"""What a training record keeps where the pictures are too many for all.

All, up to `MOST_PICTURES` and `MOST_SCORES`. Of more, four fifths are drawn by their content, so
that training again keeps mostly the same ones, with two of each label first; and the surest
mistakes are kept beside them. What all have together is kept too, so that the shares of those kept
in a logit are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dataset.split import sample_order_by_lot
from ..head.blocks import Vectors
from ..head.cross_validation import OutOfFold
from ..head.moments import Moments
from ..head.ready import label_weights
from ..head.summed import Summed
from ..head.sums import Sums, sums_by_fold, total
from ..model.left_out import WHOLE, marks_of

MOST_PICTURES = 50_000
MOST_SCORES = 50_000_000  # of pictures times labels
MOST_MEANS = 50_000_000  # values of the labels' means, of all folds
_DRAWN = 0.8


@dataclass(frozen=True)
class Kept:
    """The rows of N pictures that are kept, int `[M]`, rising; which of those were drawn, bool
    `[M]`; and the marks of all, uint64 `[N]`."""

    rows: np.ndarray
    drawn: np.ndarray
    marks: np.ndarray


def most_kept(labels: int) -> int:
    """How many pictures a record of so many labels keeps at most."""
    return min(MOST_PICTURES, MOST_SCORES // labels)


def kept_of(
    digests: Sequence[str], truth: np.ndarray, labels: int, wrong: np.ndarray, sure: np.ndarray
) -> Kept | None:
    """Of N pictures with `truth` int `[N]`; None where all are kept. `wrong` are the rows of
    mistakes, `[W]`, and `sure` their scores."""
    most = most_kept(labels)
    if len(digests) <= most:
        return None
    marks = marks_of(digests)
    surest = wrong[np.argsort(-sure, kind="stable")][: most - int(_DRAWN * most)]
    drawn = np.zeros(len(digests), bool)
    drawn[sample_order_by_lot(marks, truth)[: int(_DRAWN * most)]] = True
    kept = drawn.copy()
    kept[surest] = True
    rows = np.flatnonzero(kept)
    return Kept(rows, drawn[rows], marks)


def moments_of(
    vectors: Vectors, truth: np.ndarray, count: int, fold: np.ndarray, found: OutOfFold
) -> dict[int, Moments]:
    """Of embeddings `[N,D]` with labels int `[N]`, all that a head was fitted on, by `WHOLE`; and
    unless these are too many values, of those that the head of each fold was, by its number, if
    labels were weighed likewise. None of a mean of two heads."""
    recipe = found.recipe
    if recipe is None or len(recipe.parts) > 1:
        return {}
    weights = label_weights(truth, count) if recipe.balanced else None
    sums = found.sums or sums_by_fold(vectors, truth, fold, weights)
    whole = total(sums)

    def of(sums: Sums) -> Moments:
        return Moments.of(Summed(vectors, truth, count, sums, weights))

    moments = {WHOLE: of(whole)}
    few = len(found.heads) * count * vectors.shape[1] <= MOST_MEANS
    if few and (found.sums or not recipe.balanced):
        moments |= {number: of(whole - sums[number]) for number in found.heads}
    return moments
