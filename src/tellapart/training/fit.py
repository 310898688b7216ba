"""The head: cross-validated, calibrated, fitted on all pictures to learn from, and judged.

Pictures, TrainOptions -> Fitted
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np

from ..assess.occasions import occasions_of
from ..assess.pictures import Pictures
from ..evaluation.judged import Evaluation
from ..evaluation.metrics import Proportion
from ..files.room import room
from ..head.blocks import Vectors, are_large, blocks, scores_are_large, slices, whole_of
from ..head.calibration import fit_temperature
from ..head.cross_validation import OutOfFold, cross_validate, out_of_fold
from ..head.kinds import REGRESSION, Compared, Part
from ..head.linear import Head, Solver, softmax
from ..head.moments import Moments
from ..head.prepared import Prepared, are_many
from ..head.recipe import Recipe
from ..head.sgd import SgdSettings, SgdStep, fit_sgd
from ..head.sums import Chunk, Sums
from ..text import percent, several
from ..workers.local import Map, local_map, one_thread_each
from .keeping import moments_of, most_kept
from .options import TrainOptions

_USUAL = 30  # C times the number of pictures, where nothing chooses it


@dataclass(frozen=True)
class Fitted:
    """A calibrated head, how it was chosen, and how it was judged; of N pictures to learn from.

    Attributes:
        head: calibrated.
        solver: "exact" or "sgd".
        parts: what it is the mean of, or itself.
        compared: the kinds of head that were tried, the best first.
        logits: `[N,K]`, calibrated, each by a head that never saw the picture; 0 where there is
            none, because only one label is left without its fold.
        scores: float32 `[N,K]`, of those logits.
        fold: int `[N]`, the parts in which they were left out.
        judged: bool `[N]`, those whose logits say how good the head is.
        cross_validated: judges all of them; None where that would flatter or take too long.
        held_out: judges the pictures kept back for testing; None without any.
        validated: judges those that only watched, where nothing is cross-validated.
        notes: sentences for the user.
        fold_heads: the calibrated heads that never saw a fold, where they are known.
        repeated: the out-of-fold accuracies of dealing the pictures into folds anew, if that was
            asked for, the first one first.
        found: what cross-validation left, for the learning curve.
        after_saving: is called once the model is safe in its folder.
        moments: where the training record keeps only some pictures, what all have together; see
            `keeping.moments_of`.
        refit: fits such a head anew, calibrated, to pictures of some of the labels; None where the
            network itself has learnt from all of them.
    """

    head: Head
    solver: str
    parts: tuple[Part, ...]
    logits: np.ndarray
    scores: np.ndarray
    fold: np.ndarray
    judged: np.ndarray
    cross_validated: Evaluation | None
    held_out: Evaluation | None
    validated: Evaluation | None = None
    compared: tuple[Compared, ...] = ()
    notes: tuple[str, ...] = ()
    fold_heads: Mapping[int, Head] = field(default_factory=dict)
    repeated: tuple[Proportion, ...] = ()
    found: OutOfFold | None = field(default=None, repr=False)
    after_saving: Callable[[], None] | None = None
    moments: Mapping[int, Moments] = field(default_factory=dict, repr=False)
    refit: Solver | None = field(default=None, repr=False)


class Descent(Protocol):
    """Gradient descent as `sgd.fit_sgd` does it, whatever computes it."""

    def __call__(
        self,
        embeddings: Vectors,
        labels: np.ndarray,
        count: int,
        settings: SgdSettings,
        *,
        validation: np.ndarray | None = None,
        on_step: Callable[[SgdStep], None] | None = None,
    ) -> Head: ...


@one_thread_each()
def fit(
    pictures: Pictures,
    options: TrainOptions,
    *,
    on_step: Callable[[SgdStep], None] | None = None,
    descent: Descent = fit_sgd,
    last_descent: Descent | None = None,
    run: Map[Chunk, dict[int, Sums]] = local_map,
) -> Fitted:
    """Cross-validate, calibrate on the out-of-fold logits, fit on all training pictures.

    With `options.sgd` by gradient descent: `descent` for each fold, `last_descent` for the head
    itself. `TrainOptions.repeats` is how many times the pictures are dealt into folds; settings and
    calibration come from the first time, the others say how much of the accuracy is the luck of
    the deal. Of embeddings too many for memory, `run` says where their sums are made.
    """
    rows, count, sgd = pictures.learnt, len(pictures.labels), options.sgd
    fold = pictures.folds(rows)
    watching = pictures.watching(rows, sgd.validation) if sgd else None
    deals = [pictures.folds(rows, seed) for seed in range(1, options.repeats)]
    vectors, truth = pictures.vectors_of(rows), pictures.truth[rows]
    large = are_large(vectors) or scores_are_large(len(rows), count)
    many = large or are_many(len(rows), count)
    # for the head itself; float32 does for comparing others
    precise = vectors if many else whole_of(vectors).astype(np.float64)
    into = room(len(rows), count) if large else None
    if sgd:
        solver: Solver = partial(descent, settings=sgd)
        found = out_of_fold(precise, truth, count, fold, solver, into=into)
        walk = last_descent or descent
        temperature = fit_temperature(found.logits, truth)
        found = _calibrated(found, temperature)
        head = walk(precise, truth, count, sgd, validation=watching, on_step=on_step)
        head = head.calibrated(temperature)
        parts: tuple[Part, ...] = (Part(REGRESSION, None, temperature),)
    else:
        found = cross_validate(
            vectors,
            truth,
            count,
            fold,
            balanced=options.balanced,
            kind=options.head,
            groups=pictures.groups(rows),
            run=run,
            into=into,
        )
        assert found.recipe
        solver, parts = found.recipe.roughly, found.recipe.parts
        ready = found.whole or Prepared(whole_of(precise), truth, count, balanced=options.balanced)
        head = found.recipe.fit(ready, near=[*found.heads.values()] if many else ())
        del ready  # so many numbers again as there are in all embeddings
    in_part = len(pictures.names) > most_kept(count)
    moments = moments_of(vectors, truth, count, fold, found) if in_part else {}
    found = replace(found, whole=None, sums={})  # of very many labels much room
    scores, known = scores_of(found.logits), _judged(found, fold)
    proportions = [_right(found, fold, truth)]
    for deal in deals:
        proportions.append(_right(out_of_fold(precise, truth, count, deal, solver), deal, truth))
    return Fitted(
        head=head,
        solver="sgd" if sgd else "exact",
        parts=parts,
        compared=found.compared,
        logits=found.logits,
        scores=scores,
        fold=fold,
        judged=known,
        cross_validated=judged(pictures, rows, scores, known),
        held_out=judged_by(head, pictures),
        fold_heads=found.heads,
        notes=(*_on_unjudged(~known), *_on_repeats(proportions)),
        repeated=tuple(proportions) if deals else (),
        found=found if found.recipe else None,
        moments=moments,
        refit=found.recipe.roughly if found.recipe else stand_in(len(rows)),
    )


def stand_in(pictures: int) -> Solver:
    """An exact head in place of one that gradient descent fits to so many pictures, in a moment
    instead of minutes."""
    return Recipe((Part(REGRESSION, _USUAL / pictures, 1.0),)).roughly


def judged(
    pictures: Pictures, rows: np.ndarray, scores: np.ndarray, known: np.ndarray
) -> Evaluation:
    """How right `scores` `[R,K]` are about those of the pictures in `rows` `[R]` that
    are `known`, bool `[R]`."""
    if not known.all():
        rows, scores = rows[known], scores[known]
    names = tuple(pictures.names[i] for i in rows)
    groups = pictures.groups(rows) if pictures.grouping.by else None
    return Evaluation(pictures.labels, names, pictures.truth[rows], scores, groups)


def judged_by(head: Head, pictures: Pictures) -> Evaluation | None:
    """How right a calibrated head is about the pictures held out, whose interval goes by occasions
    where they come in bursts; None if there are none."""
    rows = pictures.tested
    if not len(rows):
        return None
    vectors, truth = pictures.vectors_of(rows), pictures.truth[rows]
    known = bool(pictures.grouping.by)
    groups = occasions_of(vectors, truth, pictures.groups(rows), known=known)
    names = tuple(pictures.names[i] for i in rows)
    return Evaluation(pictures.labels, names, truth, scores_by(head, vectors), groups)


def scores_by(head: Head, vectors: Vectors) -> np.ndarray:
    """The scores float32 `[N,K]` that a calibrated head gives to embeddings `[N,D]`."""
    if not (are_large(vectors) or scores_are_large(len(vectors), len(head.bias))):
        return scores_of(head.logits(whole_of(vectors)))
    scores = room(len(vectors), len(head.bias))
    for some, held in blocks(vectors):
        scores[some] = softmax(head.logits(held))
    return scores


def scores_of(logits: np.ndarray) -> np.ndarray:
    """Scores float32 `[N,K]` of calibrated logits: as a model file gives them. Of very many they
    lie in a file."""
    if not are_large(logits):
        return softmax(logits).astype(np.float32, copy=False)
    scores = room(*logits.shape)
    for some, held in blocks(logits):
        scores[some] = softmax(held)
    return scores


def _calibrated(found: OutOfFold, temperature: float) -> OutOfFold:
    heads = {number: head.calibrated(temperature) for number, head in found.heads.items()}
    for some in slices(len(found.logits)):  # in place, as they may lie in a file
        found.logits[some] /= temperature
    return replace(found, heads=heads)


def _judged(found: OutOfFold, fold: np.ndarray) -> np.ndarray:
    """Which pictures are in a fold that a head never saw, bool `[N]`."""
    return np.isin(fold, list(found.heads))


def _right(found: OutOfFold, fold: np.ndarray, truth: np.ndarray) -> Proportion:
    known = _judged(found, fold)
    return Proportion(int((found.given == truth)[known].sum()), int(known.sum()))


def _on_unjudged(unjudged: np.ndarray) -> Iterator[str]:
    if count := int(unjudged.sum()):
        yield (
            f"Cross-validation could not judge {several(count, 'picture')}: if their fold is left "
            f"out, the rest has pictures of only one label."
        )


def _on_repeats(proportions: Sequence[Proportion]) -> Iterator[str]:
    values = [one.value for one in proportions if one.n]
    if len(proportions) > 1 and values:
        mean = sum(values) / len(values)
        yield (
            f"Cross-validated {len(values)} times, with new folds each time: {percent(mean)} right "
            f"on average, {percent(min(values))} at worst and {percent(max(values))} at best."
        )
