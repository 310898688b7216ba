"""Pictures with their embeddings, and the head that is fitted on them and judged.

What is kept back for testing is decided here; the head is cross-validated, calibrated, and fitted
on all pictures to learn from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from ..assess.leaks import Known, Leaks, find_leaks, first_pairs, near
from ..backbones.embed import Embeddings
from ..dataset import split
from ..dataset.labels import ordered
from ..dataset.sources import FEW, Dataset, Item, Skipped
from ..errors import DatasetError
from ..evaluation.judged import Evaluation
from ..evaluation.learning_curve import LearningCurve, learning_curve
from ..evaluation.metrics import Proportion
from ..head.regression import (
    ROUGH,
    Head,
    OutOfFold,
    Regression,
    Solver,
    are_many,
    cross_validate,
    fit_temperature,
    out_of_fold,
    softmax,
)
from ..head.sgd import SgdSettings, SgdStep, fit_sgd
from ..health.shortcuts import Shortcut, find_shortcuts
from ..text import first_few, in_order, natural, percent, several, shown

FOLDS = 5
_PRECISE = np.dtype(np.float64)


@dataclass(frozen=True)
class Pictures:
    """The N pictures that could be read and have a label to learn.

    Attributes:
        labels: the labels, sorted.
        names: paths below the source.
        paths: where the pictures are.
        truth: indices of labels, int `[N]`.
        vectors: embeddings, float32 `[N,D]`.
        digests: the sha256 of each picture's content, in hex.
        keys: the same for pictures of one group.
        held_out: which pictures are held out for testing, bool `[N]`.
        unknown: labels whose pictures are all held out, so the model cannot learn them.
        properties: image properties, float32 `[N,T]`, if they are known.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    paths: tuple[Path, ...]
    truth: np.ndarray
    vectors: np.ndarray
    digests: tuple[str, ...]
    keys: tuple[str, ...]
    held_out: np.ndarray
    unknown: tuple[str, ...]
    properties: np.ndarray | None = None

    @property
    def counts(self) -> tuple[int, ...]:
        """Training pictures of each label."""
        found = np.bincount(self.truth[~self.held_out], minlength=len(self.labels))
        return tuple(int(count) for count in found)

    @property
    def untested(self) -> tuple[str, ...]:
        """Labels of which no picture is held out."""
        tested = set(self.truth[self.held_out].tolist())
        return tuple(label for k, label in enumerate(self.labels) if k not in tested)


def gather(
    items: Sequence[Item], embeddings: Embeddings, fraction: float, unreadable: Sequence[Skipped]
) -> Pictures:
    """Bring items and embeddings together, and keep back what is for testing.

    Raises:
        DatasetError: fewer than two labels have pictures to train on.
    """
    read = [items[position] for position in embeddings.positions]
    keys = split.tie(embeddings.digests, [item.group for item in read])
    by_hash = split.kept_back(keys, [item.label for item in read], fraction)
    said = np.array([item.split == "test" for item in read], dtype=bool)
    unsaid = np.array([item.split is None for item in read], dtype=bool)
    held_out = said | (unsaid & by_hash)
    trained = {item.label for item, held in zip(read, held_out, strict=True) if not held}
    labels = ordered(trained)
    unsaid_labels = {item.label for item in read if item.split is None}
    if len(labels) < 2 <= len(unsaid_labels):
        raise DatasetError(
            f"Only {len(labels)} of {several(len(unsaid_labels), 'label')} would have pictures "
            f"left to learn from, as {int(held_out.sum()):,} of {several(len(read), 'picture')} "
            f"would be held out for testing.",
            hint="Hold out a smaller fraction.",
        )
    if len(labels) < 2:
        reasons = "; ".join(f"{shown(s.name)}: {s.reason}" for s in unreadable[:3])
        raise DatasetError(
            f"Training needs readable pictures of at least two labels; these have "
            f"{several(len(labels), 'label')}: {_named(labels) or 'none'}."
            + (f" Not read: {several(len(unreadable), 'file')} ({reasons})." if unreadable else ""),
            hint="Add pictures of another label, or save the unreadable ones as JPEG.",
        )
    rows = [row for row, item in enumerate(read) if item.label in trained]
    place = {label: k for k, label in enumerate(labels)}
    return Pictures(
        labels=labels,
        names=tuple(read[row].name for row in rows),
        paths=tuple(read[row].path for row in rows),
        truth=np.array([place[read[row].label] for row in rows], dtype=np.int64),
        vectors=embeddings.vectors[rows],
        digests=tuple(embeddings.digests[row] for row in rows),
        keys=tuple(keys[row] for row in rows),
        held_out=held_out[rows],
        unknown=tuple(sorted({item.label for item in read} - trained)),
        properties=embeddings.properties[rows],
    )


@dataclass(frozen=True)
class Fitted:
    """A calibrated head, how it was chosen, and how it was judged; N training pictures.

    Attributes:
        head: the head.
        solver: how it was fitted.
        strength: the C that was chosen.
        temperature: what the logits were divided by.
        logits: calibrated logits of the training pictures, each by a head that never saw it,
            `[N,K]`; 0 for a fold without which only one label is left.
        fold: the fold that left each picture out, `[N]`.
        cross_validated: judges the training pictures; None if that is too optimistic or takes too
            long.
        held_out: judges the pictures held out for testing.
        validated: judges the validation pictures instead of `cross_validated`.
        notes: sentences on what to know.
        fold_heads: the calibrated heads that never saw a fold, if they are known.
        repeated: the accuracies of repeated cross-validation, the first one first, if it was asked
            for.
        found: what cross-validation leaves for the learning curve.
        after_saving: called once the model is safe in its folder.
    """

    head: Head
    solver: str
    strength: float | None
    temperature: float
    logits: np.ndarray
    fold: np.ndarray
    cross_validated: Evaluation | None
    held_out: Evaluation | None
    validated: Evaluation | None = None
    notes: tuple[str, ...] = ()
    fold_heads: Mapping[int, Head] = field(default_factory=dict)
    repeated: tuple[Proportion, ...] = ()
    found: OutOfFold | None = field(default=None, repr=False)
    after_saving: Callable[[], None] | None = None

    @property
    def judged(self) -> np.ndarray:
        """Which of the pictures to learn from one of `fold_heads` judged, bool `[N]`."""
        return judged_in(self.fold, self.fold_heads)


class Descent(Protocol):
    """Gradient descent as `sgd.fit_sgd` does it, whatever computes it."""

    def __call__(
        self,
        embeddings: np.ndarray,
        labels: np.ndarray,
        count: int,
        settings: SgdSettings,
        *,
        validation: np.ndarray | None = None,
        on_step: Callable[[SgdStep], None] | None = None,
    ) -> Head: ...


def fit(
    pictures: Pictures,
    *,
    balanced: bool = False,
    sgd: SgdSettings | None = None,
    repeats: int = 1,
    on_step: Callable[[SgdStep], None] | None = None,
    descent: Descent = fit_sgd,
    last_descent: Descent | None = None,
) -> Fitted:
    """Cross-validate, calibrate on the out-of-fold logits, fit on all training pictures.

    With `sgd` by gradient descent: `descent` for each fold, `last_descent` for the head itself.
    `repeats` is how many times the pictures are dealt into folds; settings and calibration come
    from the first time, the others say how much of the accuracy is the luck of the deal.
    """
    count = len(pictures.labels)
    rows, tested = np.flatnonzero(~pictures.held_out), np.flatnonzero(pictures.held_out)
    vectors, truth = pictures.vectors[rows], pictures.truth[rows]
    many = are_many(len(rows), count)
    # for the head itself; float32 does for comparing others
    precise = vectors if many else vectors.astype(np.float64)
    fold = folds_of(pictures, rows)
    if sgd:
        watching = watching_of(pictures, rows, sgd.validation)
        solver: Solver = partial(descent, settings=sgd)
        found = out_of_fold(precise, truth, count, fold, solver)
        walk = last_descent or descent
        head = walk(precise, truth, count, sgd, validation=watching, on_step=on_step)
        temperature = fit_temperature(found.logits, truth)
    else:
        found = cross_validate(vectors, truth, count, fold, balanced=balanced)
        assert found.strength is not None
        solver = partial(_at_strength, found.strength, balanced)
        regression = Regression(precise, truth, count, balanced=balanced)
        if many:
            regression.begin_at([*found.heads.values()])
        head = regression.fit(found.strength)
        temperature = (
            fit_temperature(found.logits, truth)
            if many
            else fit_temperature(found.logits, truth, least=1)
        )
    head = head.calibrated(temperature)
    unseen = found.logits / temperature
    known = judged_in(fold, found.heads)
    proportions = [_right(found, fold, truth)]
    for seed in range(1, repeats):
        dealt = folds_of(pictures, rows, seed)
        proportions.append(_right(out_of_fold(precise, truth, count, dealt, solver), dealt, truth))
    return Fitted(
        head=head,
        solver="sgd" if sgd else "exact",
        strength=found.strength,
        temperature=temperature,
        logits=unseen,
        fold=fold,
        cross_validated=judged(pictures, rows[known], unseen[known]),
        held_out=judged_by(head, pictures, tested, unseen.dtype),
        fold_heads={number: one.calibrated(temperature) for number, one in found.heads.items()},
        notes=(*_on_unjudged(~known), *_on_repeats(proportions)),
        repeated=tuple(proportions) if repeats > 1 else (),
        found=found if found.regressions else None,
    )


def judged_in(fold: np.ndarray, heads: Mapping[int, Head]) -> np.ndarray:
    """Which pictures are in a fold that a head never saw, bool `[N]`."""
    return np.isin(fold, list(heads))


def _right(found: OutOfFold, fold: np.ndarray, truth: np.ndarray) -> Proportion:
    known = judged_in(fold, found.heads)
    return Proportion(int((found.logits.argmax(axis=1) == truth)[known].sum()), int(known.sum()))


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


def _at_strength(
    strength: float, balanced: bool, vectors: np.ndarray, truth: np.ndarray, count: int
) -> Head:
    return Regression(vectors, truth, count, balanced=balanced).fit(strength, ROUGH)


def would_more_help(pictures: Pictures, fitted: Fitted) -> LearningCurve | None:
    """The learning curve; None where the head was not chosen by cross-validation of all."""
    if fitted.found is None or not fitted.judged.all():
        return None
    rows = np.flatnonzero(~pictures.held_out)
    return learning_curve(
        pictures.vectors[rows],
        pictures.truth[rows],
        pictures.labels,
        [pictures.keys[i] for i in rows],
        fitted.fold,
        fitted.found,
    )


def shortcuts_of(pictures: Pictures, fitted: Fitted) -> tuple[Shortcut, ...]:
    """What else the labels of the pictures to learn from can be told by."""
    if pictures.properties is None:
        return ()
    rows = np.flatnonzero(~pictures.held_out)
    names = [pictures.names[i] for i in rows]
    truth = pictures.truth[rows]
    return find_shortcuts(pictures.properties[rows], names, truth, pictures.labels, fitted.fold)


def leaks_of(pictures: Pictures) -> Leaks:
    """Which pictures held out are copies of pictures learnt from."""
    tested, learnt = (
        Known(
            pictures.vectors[rows],
            [pictures.names[i] for i in rows],
            [pictures.digests[i] for i in rows],
            {row: pictures.paths[i] for row, i in enumerate(rows)},
        )
        for rows in (np.flatnonzero(pictures.held_out), np.flatnonzero(~pictures.held_out))
    )
    return find_leaks(tested, learnt, near(tested, learnt))


def folds_of(pictures: Pictures, rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """The fold number of each of `rows`."""
    keys, labels = _keys_and_labels(pictures, rows)
    return split.folds(keys, labels, min(FOLDS, len(set(keys))), seed)


def watching_of(pictures: Pictures, rows: np.ndarray, fraction: float) -> np.ndarray:
    """Which of `rows` only watch while the others are learnt from, bool."""
    return split.kept_back(*_keys_and_labels(pictures, rows), fraction, salt="validation/")


def judged(pictures: Pictures, rows: np.ndarray, logits: np.ndarray) -> Evaluation:
    """How right calibrated `logits` are about the pictures in `rows`."""
    names = tuple(pictures.names[i] for i in rows)
    return Evaluation(pictures.labels, names, pictures.truth[rows], softmax(logits))


def judged_by(
    head: Head, pictures: Pictures, rows: np.ndarray, kind: np.dtype = _PRECISE
) -> Evaluation | None:
    """How right a calibrated head is about the pictures in `rows`; None if there are none."""
    if not len(rows):
        return None
    return judged(pictures, rows, head.logits(pictures.vectors[rows]).astype(kind))


def _keys_and_labels(pictures: Pictures, rows: np.ndarray) -> tuple[list[str], list[str]]:
    return (
        [pictures.keys[i] for i in rows],
        [pictures.labels[k] for k in pictures.truth[rows]],
    )


def _named(labels: Iterable[str]) -> str:
    return first_few([shown(label) for label in sorted(labels, key=natural)])


def notes_on(dataset: Dataset, pictures: Pictures, embeddings: Embeddings) -> Iterator[str]:
    """What the user should know, in sentences."""
    yield from dataset.notes
    yield from dataset.words_on_empty
    few = [
        f"{shown(pictures.labels[k])} ({pictures.counts[k]})"
        for k in in_order(pictures.labels)
        if pictures.counts[k] < FEW
    ]
    if few:
        yield f"Fewer than {FEW} training pictures: {first_few(few)}. Expect mistakes."
    to_learn = {item.label for item in dataset.items if item.split != "test"}
    if gone := sorted(to_learn - {*pictures.labels, *pictures.unknown}):
        words = _named(gone)
        yield f"Left out, because none of their training pictures can be read: {words}."
    if pictures.unknown:
        words = _named(pictures.unknown)
        yield f"Not judged, because they have no training pictures: {words}."
    wanted = any(item.split != "train" for item in dataset.items)
    if wanted and pictures.untested:
        words = _named(pictures.untested)
        yield f"Not tested, because none of their pictures is held out: {words}."
    by_content: dict[str, dict[int, str]] = {}  # one picture of each label
    for digest, label, name in zip(
        pictures.digests, pictures.truth.tolist(), pictures.names, strict=True
    ):
        by_content.setdefault(digest, {}).setdefault(label, name)
    torn = [list(names.values()) for names in by_content.values() if len({*names.values()}) > 1]
    if torn:  # not by a table, whose notes say so
        yield (
            f"{several(len(torn), 'picture')} found under two labels; one of the two is wrong: "
            f"{first_pairs([' and '.join(map(shown, names)) for names in torn])}."
        )
    tested = {d for d, held in zip(pictures.digests, pictures.held_out, strict=True) if held}
    trained = {d for d, held in zip(pictures.digests, pictures.held_out, strict=True) if not held}
    if both := len(tested & trained):
        yield (
            f"{several(both, 'test picture')} also among the training pictures, so the test is too "
            f"optimistic."
        )
    yield from leaks_of(pictures).words("held out")
    if embeddings.trouble:
        yield f"The embeddings could not be kept for next time: {embeddings.trouble}."
