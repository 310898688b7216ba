"""What a training finds out beside the head: what the user should know of the pictures.

    dataset, pictures, fitted head -> Findings

All is arithmetic on what is known by now, but for test pictures that look like copies of pictures
learnt from: those are read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ..assess.leaks import Known, Leaks, find_leaks, first_pairs, near
from ..assess.occasions import bursts_of
from ..assess.pictures import Pictures
from ..dataset.sources import FEW, Dataset, SkippedFile
from ..evaluation.learning_curve import LearningCurve, learning_curve, of_occasions
from ..evaluation.left_out import Sample, unknowns_of
from ..evaluation.occasions import Bursts
from ..evaluation.sentences import contradiction_words, occasions_words
from ..evaluation.unknowns import Unknowns
from ..health.shortcuts import Shortcut, find_shortcuts
from ..text import first_few, in_order, natural, several, shown
from ..workers.local import one_thread_each
from .fit import Fitted
from .options import Watch
from .quality_choice import QualityChoice


@dataclass(frozen=True)
class Findings:
    """What was found on the way.

    Attributes:
        skipped: the files that could not be read.
        notes: sentences for the user.
        learning: whether more pictures would help.
        shortcuts: what else the labels can be told by.
        unknowns: how well a label that was never shown would be told apart.
        bursts: whether the pictures come in bursts.
    """

    skipped: tuple[SkippedFile, ...]
    notes: tuple[str, ...]
    learning: LearningCurve | None
    shortcuts: tuple[Shortcut, ...]
    unknowns: Unknowns | None
    bursts: Bursts = field(default_factory=Bursts)


def find_out(
    dataset: Dataset,
    pictures: Pictures,
    fitted: Fitted,
    choice: QualityChoice | None,
    watch: Watch,
) -> Findings:
    """All of it, in the order in which it is told; `choice` is why this quality, if it was left to
    us."""
    watch.doing("Looking for bursts")
    bursts = occasions(pictures, fitted)
    contradiction = contradiction_words(fitted.cross_validated, fitted.held_out, bursts)
    chosen = (choice.words,) if choice else ()
    notes = (
        *chosen,
        *notes_on(dataset, pictures),
        *on_held_out(pictures, fitted, bursts),
        *contradiction,
        *fitted.notes,
    )
    watch.doing("Finding out whether more pictures would help")
    learning = would_more_help(pictures, fitted)
    if learning:
        learning = of_occasions(learning, bursts, len(pictures.learnt))
    watch.doing("Looking for shortcuts")
    shortcuts = shortcuts_of(pictures, fitted)
    if len(pictures.labels) > 2:
        watch.doing("Leaving out each label in turn")
    unknowns = without_a_label(pictures, fitted)
    skipped = (*dataset.skipped, *pictures.unreadable)
    return Findings(skipped, notes, learning, shortcuts, unknowns, bursts)


def on_held_out(pictures: Pictures, fitted: Fitted, bursts: Bursts) -> Iterator[str]:
    """That they are of the same moments as the others, and that they come in bursts."""
    if bursts.flatter("held out") and len(pictures.tested):
        yield (
            "The pictures held out are of these bursts too, so their figure is of the same moments."
        )
    if fitted.held_out and not pictures.grouping.by:
        yield from occasions_words("held-out", fitted.held_out.groups)


def occasions(pictures: Pictures, fitted: Fitted) -> Bursts:
    """Whether the pictures come in bursts."""
    right = fitted.scores.argmax(axis=1) == pictures.truth[pictures.learnt]
    return bursts_of(pictures, right, fitted.judged, fitted.refit)


@one_thread_each()
def would_more_help(pictures: Pictures, fitted: Fitted) -> LearningCurve | None:
    """The learning curve; None where the head was not chosen by cross-validation of all."""
    if fitted.found is None or not fitted.judged.all():
        return None
    return learning_curve(
        pictures.vectors[pictures.learnt],
        pictures.truth[pictures.learnt],
        pictures.labels,
        [pictures.keys[i] for i in pictures.learnt],
        fitted.fold,
        fitted.found,
    )


@one_thread_each()
def shortcuts_of(pictures: Pictures, fitted: Fitted) -> tuple[Shortcut, ...]:
    """What else the labels of the pictures to learn from can be told by."""
    if pictures.properties is None:
        return ()
    return find_shortcuts(
        pictures.properties[pictures.learnt],
        [pictures.names[i] for i in pictures.learnt],
        pictures.truth[pictures.learnt],
        pictures.labels,
        fitted.fold,
    )


@one_thread_each()
def without_a_label(pictures: Pictures, fitted: Fitted) -> Unknowns | None:
    """How well a label that was never shown would be told apart; None where that takes more labels,
    or another network."""
    if fitted.refit is None:
        return None
    learnt, tested = (_sample(pictures, rows) for rows in (pictures.learnt, pictures.tested))
    return unknowns_of(learnt, pictures.labels, fitted.fold, fitted.refit, tested)


def _sample(pictures: Pictures, rows: np.ndarray) -> Sample:
    keys = [pictures.keys[i] for i in rows]
    return Sample(pictures.vectors[rows], pictures.truth[rows], keys)


def leaks_of(pictures: Pictures) -> Leaks:
    """Which pictures held out are copies of pictures learnt from."""
    tested, learnt = (
        Known(
            pictures.vectors[rows],
            [pictures.names[i] for i in rows],
            [pictures.digests[i] for i in rows],
            {row: pictures.paths[i] for row, i in enumerate(rows)},
        )
        for rows in (pictures.tested, pictures.learnt)
    )
    with one_thread_each():
        pairs = near(tested, learnt)
    return find_leaks(tested, learnt, pairs)


def notes_on(dataset: Dataset, pictures: Pictures) -> Iterator[str]:
    """What the user should know, in sentences."""
    yield from dataset.notes
    yield from dataset.words_on_empty
    if pictures.grouping.words:
        yield pictures.grouping.words
    few = [
        f"{shown(pictures.labels[k])} ({pictures.counts[k]})"
        for k in in_order(pictures.labels)
        if pictures.counts[k] < FEW
    ]
    if few:
        yield f"Fewer than {FEW} training pictures: {first_few(few)}. Expect mistakes."
    to_learn = {item.label for item in dataset.items if item.split != "test"}
    if gone := sorted(to_learn - {*pictures.labels, *pictures.unknown}):
        words = first_few(sorted(gone, key=natural))
        yield f"Left out, because none of their training pictures can be read: {words}."
    if pictures.unknown:
        words = first_few(sorted(pictures.unknown, key=natural))
        yield f"Not judged, because they have no training pictures: {words}."
    wanted = any(item.split != "train" for item in dataset.items)
    if wanted and pictures.untested:
        words = first_few(sorted(pictures.untested, key=natural))
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
    tested, learnt = (
        {pictures.digests[i] for i in rows} for rows in (pictures.tested, pictures.learnt)
    )
    if both := len(tested & learnt):
        yield (
            f"{several(both, 'test picture')} also among the training pictures, so the test is too "
            f"optimistic."
        )
    yield from leaks_of(pictures).words("held out")
    if pictures.trouble:
        yield f"The embeddings could not be kept for next time: {pictures.trouble}."
