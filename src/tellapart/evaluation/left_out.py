"""How well would a label that the model was never shown be told apart? By leaving out its own.

    embeddings, labels, folds, a way to fit a head -> Unknowns

Labels are left out in turn. Head and novelty are fitted anew on the others, without one fold, and
measure what is in that fold: pictures of the other labels, as the model's own kind, and pictures of
the label left out, as unknown ones. The area under the ROC curve says how well novelty parts the
two. So it is that of a model which knows one label less, from four fifths of the pictures.

Where pictures are held out, those of the other labels are measured as well. If they are less
familiar than chance explains, as from another shop or camera, the area against them is told too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dataset.split import position
from ..head.blocks import Vectors, evenly, slices
from ..head.linear import Head, Solver
from ..head.novelty import Exemplars, combined, usual_of
from ..workers.local import side_by_side
from .metrics import roc_auc
from .unknowns import FEWEST_LABELS, FEWEST_PICTURES, LeftOut, Unknowns, of_another

MOST_LABELS = 10  # that are left out, one in ten at once: of more, those first by a hash
MOST_PICTURES = 1_000  # that are learnt from and measured, or `_OF_EACH` of each label
_OF_EACH = 10
_SCORES = 20_000_000  # of pictures and labels, that are held at once
_FITS = 25  # of a head, at most
_WORK = 10_000  # pictures that all fits together learn from, about
_UNLIKE = 3.0  # standard errors by which pictures held out have to be less familiar
_WORTH = 0.02  # of the area, that the difference has to make


@dataclass(frozen=True)
class Sample:
    """Pictures: embeddings float32 `[N,D]`, labels `[N]`, and `keys` that say which are of one
    group."""

    vectors: Vectors
    truth: np.ndarray
    keys: Sequence[str]

    def among(self, rows: np.ndarray) -> Sample:
        return Sample(self.vectors[rows], self.truth[rows], [self.keys[i] for i in rows])


def unknowns_of(
    learnt: Sample, labels: Sequence[str], fold: np.ndarray, solver: Solver, tested: Sample
) -> Unknowns | None:
    """Leave out labels in turn; None where fewer than three have pictures enough.

    `learnt` was cross-validated in the folds `fold` `[N]`; `solver` fits a calibrated head such as
    the model's; `tested` are the pictures held out, which may be none.
    """
    rows = _some(learnt, len(labels))
    learnt, fold = learnt.among(rows), fold[rows]
    tested = tested.among(evenly(len(tested.truth), MOST_PICTURES))
    counts = np.bincount(learnt.truth, minlength=len(labels))
    enough = np.flatnonzero(counts >= FEWEST_PICTURES)
    by_hash = sorted(enough.tolist(), key=lambda k: position(labels[k], "unknown/"))
    chosen = sorted(by_hash[:MOST_LABELS])
    if len(chosen) < FEWEST_LABELS:
        return None
    together = max(1, len(labels) // MOST_LABELS)
    parts = [chosen[at : at + together] for at in range(0, len(chosen), together)]
    numbers = np.unique(fold)
    fits = min(_FITS, _WORK // len(rows)) // len(parts)
    turns = min(max(1, fits), len(numbers))  # folds a part; which ones, goes round
    tasks = [
        (part, [int(numbers[(at * turns + i) % len(numbers)]) for i in range(turns)])
        for at, part in enumerate(parts)
    ]

    def measured(task: tuple[list[int], list[int]]) -> _Measured | None:
        return _measure(learnt, fold, tested, *task, solver)

    found = [one for one in side_by_side(measured, tasks) if one]
    left = [(k, one) for one in found for k in np.unique(one.strangers_truth).tolist()]
    if len(left) < FEWEST_LABELS:
        return None
    strangers = [one.strangers[one.strangers_truth == k] for k, one in left]
    areas = [_area(one.known, own) for (_, one), own in zip(left, strangers, strict=True)]
    smaller = [min(len(one.known), len(own)) for (_, one), own in zip(left, strangers, strict=True)]
    return Unknowns(
        area=of_another(areas, smaller),
        labels=tuple(
            LeftOut(labels[k], len(own), area)
            for (k, _), own, area in zip(left, strangers, areas, strict=True)
        ),
        held_out=_against_tested([one for _, one in left], strangers, float(np.mean(areas))),
    )


@dataclass(frozen=True)
class _Measured:
    """What models without some labels say.

    Attributes:
        known: novelty of pictures of the other labels.
        known_keys: which of them are of one group.
        strangers: novelty of pictures of the labels left out.
        strangers_truth: which labels these are.
        tested: novelty of the pictures held out that have one of the other labels.
        tested_keys: which of them are of one group.
    """

    known: np.ndarray
    known_keys: Sequence[str]
    strangers: np.ndarray
    strangers_truth: np.ndarray
    tested: np.ndarray
    tested_keys: Sequence[str]


def _measure(
    learnt: Sample,
    fold: np.ndarray,
    tested: Sample,
    part: Sequence[int],
    numbers: Sequence[int],
    solver: Solver,
) -> _Measured | None:
    """Leave out the labels of `part`, and each fold of `numbers` in turn; None where the others
    are then of one label.

    Strangers and pictures held out, which no fit sees, are dealt out to the folds.
    """
    strange = np.isin(learnt.truth, part)
    held = np.flatnonzero(~np.isin(tested.truth, part))
    place = np.searchsorted(np.unique(fold), fold) % len(numbers)
    rows: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    scores_held = np.zeros((len(held), 5))
    for turn, number in enumerate(numbers):
        inside = (fold != number) & ~strange
        names, truth = np.unique(learnt.truth[inside], return_inverse=True)
        own = np.flatnonzero(np.where(strange, place == turn, fold == number))
        if len(names) < 2:
            return None
        head = solver(learnt.vectors[inside], truth, len(names))
        exemplars = Exemplars.among(learnt.vectors[inside])
        rows.append(own)
        scores.append(_scores(exemplars, head, learnt.vectors[own]))
        turned = tested.vectors[held[turn :: len(numbers)]]
        scores_held[turn :: len(numbers)] = _scores(exemplars, head, turned)
    seen, found = np.concatenate(rows), np.concatenate(scores)
    of_known = ~strange[seen]
    if not of_known.any() or of_known.all():
        return None
    scale = usual_of(found[of_known])
    novelty = combined(found, *scale)
    return _Measured(
        known=novelty[of_known],
        known_keys=[learnt.keys[i] for i in seen[of_known].tolist()],
        strangers=novelty[~of_known],
        strangers_truth=learnt.truth[seen[~of_known]],
        tested=combined(scores_held, *scale),
        tested_keys=[tested.keys[i] for i in held.tolist()],
    )


def _scores(exemplars: Exemplars, head: Head, vectors: np.ndarray) -> np.ndarray:
    """What novelty is made of, `[N,5]`, of embeddings `[N,D]`; of very many labels a few at a
    time."""
    most = max(1, _SCORES // len(head.bias))
    some = [vectors[few] for few in slices(len(vectors), most)] or [vectors]
    return np.concatenate([exemplars.scores(few, head.logits(few)) for few in some])


def _area(known: np.ndarray, strangers: np.ndarray) -> float:
    novelty = np.concatenate([known, strangers])
    return roc_auc(novelty, np.arange(len(novelty)) >= len(known)).value


def _against_tested(
    measured: Sequence[_Measured], strangers: Sequence[np.ndarray], area: float
) -> float | None:
    """The mean area against the pictures held out, if it is lower by more than chance explains.

    For each picture of a known label counts which part of the strangers is more novel, on average
    over the labels left out; for a group, the mean of its pictures.
    """
    if not all(len(one.tested) for one in measured):
        return None
    pairs = list(zip(measured, strangers, strict=True))
    found = float(np.mean([_area(one.tested, far) for one, far in pairs]))
    own = _by_group([(one.known_keys, _behind(one.known, far)) for one, far in pairs])
    held = _by_group([(one.tested_keys, _behind(one.tested, far)) for one, far in pairs])
    if min(len(own), len(held)) < 2 or area - found < _WORTH:
        return None
    error = np.sqrt(own.var(ddof=1) / len(own) + held.var(ddof=1) / len(held))
    return found if own.mean() - held.mean() > _UNLIKE * error else None


def _behind(novelty: np.ndarray, strangers: np.ndarray) -> np.ndarray:
    """Which part of the strangers is more novel than each picture, `[N]`."""
    return np.asarray(1 - np.searchsorted(np.sort(strangers), novelty) / len(strangers))


def _by_group(parts: Sequence[tuple[Sequence[str], np.ndarray]]) -> np.ndarray:
    """The mean of each group's values."""
    keys = np.concatenate([np.array(keys, dtype=np.str_) for keys, _ in parts])
    values = np.concatenate([values for _, values in parts])
    _, group = np.unique(keys, return_inverse=True)
    return np.asarray(np.bincount(group, values) / np.bincount(group))


def _some(sample: Sample, count: int) -> np.ndarray:
    """The rows of at most `MOST_PICTURES`, or of `_OF_EACH` of each label if these are more: as
    many of each label, as far as it has them, those first by the hash of their keys."""
    most = max(MOST_PICTURES, _OF_EACH * count)
    if len(sample.truth) <= most:
        return np.arange(len(sample.truth))
    sizes = np.bincount(sample.truth, minlength=count)
    each = max(n for n in range(1, most + 1) if np.minimum(sizes, n).sum() <= most)
    places = np.array([position(key, "unknown/") for key in sample.keys])
    order = np.lexsort((places, sample.truth))
    rank = np.arange(len(order)) - (np.cumsum(sizes) - sizes)[sample.truth[order]]
    return np.sort(order[rank < each])
