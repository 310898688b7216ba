"""Whether pictures to learn from come in bursts, and what a model is worth on other occasions.

Pictures, what cross-validation says of them -> Bursts

The head's recipe stays as it was chosen: the pictures are only dealt into folds anew, so that what
is alike is never parted, for more and more that is alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..dataset import split
from ..dataset.groups import ALIKE
from ..evaluation.metrics import Proportion, grouped
from ..evaluation.occasions import Apart, Bursts
from ..head.cross_validation import out_of_fold
from ..head.linear import Solver
from ..health.likeness import first_of_each, linked_at
from ..health.occasions import (
    FAR_CLOSER,
    MOST,
    ONE_OCCASION,
    USUAL_SHARE,
    Closeness,
    closeness,
    testable,
)
from ..text import percent
from ..workers.local import one_thread_each
from .pictures import FOLDS, Pictures

COSINES = (0.95, 0.9, 0.875, 0.85)
"""How alike pictures of one occasion are, from surely of one to perhaps of one."""

_PARTS = (FAR_CLOSER, 0.5, 0.6)  # of the usual distance, where the cosines above say nothing


@one_thread_each()
def bursts_of(
    pictures: Pictures, right: np.ndarray, judged: np.ndarray, solver: Solver | None
) -> Bursts:
    """Of the R pictures to learn from; `right` and `judged`, bool `[R]`, are what was
    cross-validated. Without a solver nothing is fitted anew."""
    rows, by = pictures.learnt, pictures.grouping.by
    groups = first_of_each(pictures.groups(rows))
    found = closeness(pictures.vectors[rows], pictures.truth[rows], groups)
    share = grouped(right[judged], groups[judged]) if by else _share(right, judged)
    as_judged = Apart(by or "none", len(np.unique(groups)), share)
    if not (by or found.bursts):
        return Bursts(apart=(as_judged,))
    curve = _Curve(pictures, solver)
    points = [*curve.parted(), as_judged] if by else [as_judged]
    if not found.bursts:
        low, high = share.interval
        return Bursts(True, pictures.grouping.words, tuple(points), low, high, by, as_judged.count)
    same, other = curve.farther(groups, float(np.median(found.usual[found.known])))
    values = [one.accuracy.value for one in other]
    return Bursts(
        found=True,
        why=_why(found),
        apart=(*points, *same, *other),
        low=min(values, default=None),
        high=max(values, default=None),
        occasions=other[0].count if other else None,
    )


class _Curve:
    """The accuracy with more and more kept together, by heads of one recipe."""

    def __init__(self, pictures: Pictures, solver: Solver | None) -> None:
        rows = pictures.learnt
        self.vectors, self.truth = pictures.vectors[rows], pictures.truth[rows]
        self.digests = [pictures.digests[i] for i in rows]
        self.labels = [pictures.labels[k] for k in self.truth]
        self.count, self.solver = len(pictures.labels), solver

    def parted(self) -> Iterator[Apart]:
        """With nothing kept together but copies."""
        same = np.unique(self.digests, return_inverse=True)[1]
        point = self.point("none", first_of_each(same))
        yield from [point] if point else []

    def farther(self, groups: np.ndarray, usual: float) -> tuple[list[Apart], list[Apart]]:
        """With what is alike kept together, as long as enough labels can be tested: first with what
        is of one scene, then with what is of one occasion. `groups` stay together too.

        Where all pictures of a label are as alike as that, the cosines go by the `usual` distance
        within a label.
        """
        points = self.at(COSINES, groups)
        other = [one for cosine, one in points.items() if cosine <= ONE_OCCASION]
        if not other:
            relative = [round(1 - part * usual, 3) for part in _PARTS]
            return [], [*self.at(relative, groups).values()]
        return [one for cosine, one in points.items() if cosine > ONE_OCCASION], other

    def at(self, cosines: Sequence[float], groups: np.ndarray) -> dict[float, Apart]:
        """The points at falling cosines, without those that keep no more together."""
        found: dict[float, Apart] = {}
        if self.solver is None:
            return found
        before = len(np.unique(groups))
        for cosine, group in zip(
            cosines, linked_at(self.vectors, self.truth, cosines, groups), strict=True
        ):
            count = len(np.unique(group))
            if count == before:
                continue
            before = count
            point = self.point(f"{ALIKE}:{cosine:g}", group)
            if point is None:
                break
            found[cosine] = point
        return found

    def point(self, name: str, group: np.ndarray) -> Apart | None:
        """Where `group` `[R]` is never parted; None where too few labels can be tested."""
        several = testable(self.truth, group)
        if self.solver is None or several.mean() < MOST:
            return None
        smallest: dict[int, str] = {}
        for root, digest in zip(group.tolist(), self.digests, strict=True):
            smallest[root] = min(digest, smallest.get(root, digest))
        keys = [smallest[root] for root in group.tolist()]
        fold = split.folds(keys, self.labels, min(FOLDS, len(smallest)))
        found = out_of_fold(self.vectors, self.truth, self.count, fold, self.solver)
        judged = several & np.isin(fold, list(found.heads))
        right = found.logits.argmax(axis=1) == self.truth
        return Apart(name, len(smallest), _share(right, judged)) if judged.any() else None


def _share(right: np.ndarray, judged: np.ndarray) -> Proportion:
    return Proportion(int((right & judged).sum()), int(judged.sum()))


def _why(found: Closeness) -> str:
    return (
        f"These pictures come in bursts: {percent(found.share, 0)} of them have another one of "
        "their label that is far more alike than is usual there, as pictures taken one after the "
        f"other are; of pictures taken one by one, about {percent(USUAL_SHARE, 0)} have."
    )
