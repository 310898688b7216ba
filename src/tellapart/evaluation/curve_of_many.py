"""Would more pictures help, of very many? Accuracy at growing fractions of them, by their sums.

A discriminant needs no more of its pictures than their sums, and those of a fraction are what it
has more than a smaller one added to that: one pass over three quarters of the pictures outside of a
fold gives the heads of all fractions. They are judged on some of that fold, as is the head that
learnt from all outside of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..dataset.split import position
from ..head.blocks import Rows, Vectors, block, evenly
from ..head.cross_validation import OutOfFold
from ..head.kinds import DISCRIMINANT
from ..head.ready import label_weights
from ..head.summed import Summed
from ..head.sums import Chunk, Sums, sums_by_fold
from ..workers.local import Map, local_map
from .learning_curve import FRACTIONS, MORE, LearningCurve, curve_of, first_fraction

_JUDGED = 5_000  # pictures: a share of one in a hundred that is wrong is known to a seventh then
_JUDGED_VALUES = 50_000_000  # of these pictures times labels, that are held
_FEWEST_JUDGED = 500


def curve_of_many(
    vectors: Vectors,
    truth: np.ndarray,
    labels: Sequence[str],
    keys: Sequence[str],
    fold: np.ndarray,
    found: OutOfFold,
    run: Map[Chunk, dict[int, Sums]] = local_map,
) -> LearningCurve | None:
    """The learning curve of embeddings `[N,D]` too many for memory, as `learning_curve` gives that
    of fewer; the forecast is of a tenth more. `run` says where sums are made. None of a head that
    is not made of sums alone, or where a label is in one fold alone.
    """
    recipe = found.recipe
    if recipe is None or recipe.kind != DISCRIMINANT or not found.heads:
        return None
    number, whole = next(iter(found.heads.items()))
    inside = np.flatnonzero(fold != number)
    place = np.array([position(keys[i], "curve/") for i in inside.tolist()])
    first = first_fraction(place, truth[inside])
    some = np.flatnonzero(first < len(FRACTIONS))  # the whole is known
    rows = inside[some]
    weights = label_weights(truth, len(labels)) if recipe.balanced else None
    added = sums_by_fold(Rows(vectors, rows), truth[rows], first[some], weights, run)

    outside = np.flatnonzero(fold == number)
    most = min(_JUDGED, max(_FEWEST_JUDGED, _JUDGED_VALUES // len(labels)))
    outside = outside[evenly(len(outside), most)]
    judged, own = block(vectors, outside), truth[outside]
    sizes, right = [], []
    sums: Sums | None = None
    for at, part in added.items():
        sums = part if sums is None else sums + part
        if len(sums.labels) < len(labels):
            continue  # a label is in no other fold
        learnt = rows[first[some] <= at]
        ready = Summed(Rows(vectors, learnt), truth[learnt], len(labels), sums, weights)
        sizes.append(len(learnt))
        right.append(recipe.fit(ready).logits(judged).argmax(axis=1) == own)
    if not sizes:
        return None
    sizes.append(len(inside))
    right.append(whole.logits(judged).argmax(axis=1) == own)
    more = max(MORE, _rounded(len(truth) // 10))
    return curve_of(sizes, np.stack(right), own, labels, len(truth), more)


def _rounded(count: int) -> int:
    """Down to one digit and zeros."""
    zeros = len(str(count)) - 1
    return int(str(count)[0] + "0" * zeros)
