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
from ..head.blocks import Vectors
from ..head.cross_validation import out_of_fold
from ..head.linear import Solver
from ..health.likeness import first_of_each, linked_at
from ..health.occasions import (
    FAR_CLOSER,
    MOST,
    ONE_OCCASION,
    USUAL_SHARE,
    Closeness,
    all_alike,
    closeness,
    mostly_one,
    of_same_moments,
    one_occasion,
    still_in_bursts,
    testable,
)
from ..text import percent
from ..workers.local import one_thread_each
from .pictures import FOLDS, Pictures

COSINES = (0.95, 0.9, 0.875, 0.85)
"""How alike pictures of one occasion are, from surely of one to perhaps of one."""

_PARTS = (FAR_CLOSER, 0.5, 0.6)  # of the usual distance, where the cosines above say nothing
_ENOUGH = 5000  # pictures that are judged for a point: of more, some folds are not left out


@one_thread_each()
def bursts_of(
    pictures: Pictures, right: np.ndarray, judged: np.ndarray, solver: Solver | None
) -> Bursts:
    """Of the R pictures to learn from; `right` and `judged`, bool `[R]`, are what was
    cross-validated. Without a solver nothing is fitted anew."""
    rows, by = pictures.learnt, pictures.grouping.by
    vectors, truth = pictures.vectors_of(rows), pictures.truth[rows]
    groups = first_of_each(pictures.groups(rows))
    share = grouped(right[judged], groups[judged]) if by else _share(right, judged)
    as_judged = Apart(by or "none", len(np.unique(groups)), share)
    found = closeness(vectors, truth, groups)
    bursts = still_in_bursts(vectors, truth, groups, found)
    if not (by or bursts):
        return Bursts(apart=(as_judged,))
    curve = _Curve(pictures, solver)
    points = [*curve.parted(), as_judged] if by else [as_judged]
    tested = len(pictures.tested) > 0 and not of_same_moments(
        pictures.vectors[pictures.tested], pictures.truth[pictures.tested], vectors, truth
    )
    if not bursts:
        words, ends = pictures.grouping.words, share.interval
        return Bursts(True, words, tuple(points), *ends, by, as_judged.count, tested)
    same, other = curve.farther(groups, found.middle)
    low, high = _ends(other)
    return Bursts(
        found=True,
        why=_why(found, groups if by else np.arange(len(groups))),
        apart=(*points, *same, *other),
        low=low,
        high=high,
        occasions=other[0].count if other else None,
        tested=tested,
    )


def occasions_of(
    vectors: Vectors, truth: np.ndarray, groups: np.ndarray, *, known: bool
) -> np.ndarray | None:
    """The occasion of each of N pictures to test on, int `[N]`: where they come in bursts, as alike
    as pictures of one are, and otherwise the `groups`, where these are `known` to be occasions;
    None where each stands alone."""
    groups = first_of_each(groups)
    if still_in_bursts(vectors, truth, groups):
        return one_occasion(vectors, truth, groups)
    return groups if known else None


def _ends(other: Sequence[Apart]) -> tuple[float | None, float | None]:
    """The lowest and the highest accuracy to expect of other occasions; of a single point, its own
    interval."""
    values = [one.accuracy.value for one in other]
    if len(other) == 1:
        return other[0].accuracy.interval
    return min(values, default=None), max(values, default=None)


class _Curve:
    """The accuracy with more and more kept together, by heads of one recipe."""

    def __init__(self, pictures: Pictures, solver: Solver | None) -> None:
        rows = pictures.learnt
        self.vectors, self.truth = pictures.vectors_of(rows), pictures.truth[rows]
        self.digests = [pictures.digests[i] for i in rows]
        self.labels = [pictures.labels[k] for k in self.truth]
        self.count, self.solver = len(pictures.labels), solver

    def parted(self) -> Iterator[Apart]:
        """With nothing kept together but copies."""
        same = np.unique(self.digests, return_inverse=True)[1]
        point = self.point("none", first_of_each(same))
        yield from [point] if point else []

    def farther(self, groups: np.ndarray, usual: float) -> tuple[list[Apart], list[Apart]]:
        """With what is alike kept together, as long as enough labels can be tested and are of
        several groups that count: first with what is of one scene, then with what is of one
        occasion. `groups` stay together too.

        Where all pictures of a label are as alike as that, the cosines go by the `usual` distance
        within a label.
        """
        points = {} if all_alike(usual) else self.at(COSINES, groups)
        other = [one for cosine, one in points.items() if cosine <= ONE_OCCASION]
        if not other:
            relative = [round(1 - part * usual, 3) for part in _PARTS]
            return [], [*self.at(relative, groups).values()]
        return [one for cosine, one in points.items() if cosine > ONE_OCCASION], other

    def at(self, cosines: Sequence[float], groups: np.ndarray) -> dict[float, Apart]:
        """The points at falling cosines, without those that keep no more together, and without
        those where one chain of likeness has most of a label."""
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
            if mostly_one(self.truth, group):
                break
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
        some = np.unique(fold)[: 1 + int(_ENOUGH * (int(fold.max()) + 1) // (len(fold) + 1))]
        found = out_of_fold(self.vectors, self.truth, self.count, fold, self.solver, some)
        judged = several & np.isin(fold, list(found.heads))
        right = found.given == self.truth
        if not judged.any():
            return None
        return Apart(name, len(smallest), grouped(right[judged], group[judged]))


def _share(right: np.ndarray, judged: np.ndarray) -> Proportion:
    return Proportion(int((right & judged).sum()), int(judged.sum()))


def _why(found: Closeness, groups: np.ndarray) -> str:
    """What shows that pictures come in bursts, of which the `groups` keep some together."""
    alone = np.bincount(groups, minlength=len(groups))[groups] == 1
    whose, those = "These pictures come in bursts", found.known
    if (found.known & alone).any() and not alone.all():
        whose = "Some of these pictures are kept together, and the others still come in bursts"
        those = found.known & alone
    share = float((found.far_closer & those).sum() / max(1, those.sum()))
    return (
        f"{whose}: {percent(share, 0)} of them have another one of "
        "their label that is far more alike than is usual there, as pictures taken one after the "
        f"other are; of pictures taken one by one, about {percent(USUAL_SHARE, 0)} have."
    )
