"""What a training finds out beside the head: what the user should know of the pictures.

    dataset, pictures, fitted head -> Findings

All is arithmetic on what is known by now, but for test pictures that look like copies of pictures
learnt from: those are read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ..assess.leaks import Known, Leaks, find_leaks, first_pairs, near
from ..assess.occasions import bursts_of
from ..assess.pictures import Pictures
from ..assess.some import RUN, drawn, runs
from ..dataset.sources import FEW, Dataset, SkippedFile
from ..evaluation.curve_of_many import curve_of_many
from ..evaluation.learning_curve import LearningCurve, learning_curve, of_occasions
from ..evaluation.left_out import Sample, unknowns_of
from ..evaluation.occasions import Bursts
from ..evaluation.sentences import contradiction_words, occasions_words
from ..evaluation.unknowns import Unknowns
from ..files.columns import numbered, taken
from ..head.blocks import whole_of
from ..health.shortcuts import Shortcut, find_shortcuts
from ..text import first_few, in_order, natural, several, shown
from ..workers.local import one_thread_each
from .fit import Fitted
from .options import Watch
from .quality_choice import QualityChoice

MOST_IN_BURSTS = 50_000  # pictures among which bursts are looked for
MOST_PRODUCTS = 1_500_000_000_000  # of numbers, to find copies of training pictures held out,
FEWEST_COMPARED = 1_000  # or for so many of these, if that takes more


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
    bursts, of_some = occasions(pictures, fitted)
    contradiction = contradiction_words(fitted.cross_validated, fitted.held_out, bursts)
    chosen = (choice.words,) if choice else ()
    notes = (
        *chosen,
        *notes_on(dataset, pictures),
        *on_held_out(pictures, fitted, bursts),
        *contradiction,
        *fitted.notes,
        *of_some,
    )
    watch.doing("Finding out whether more pictures would help")
    learning = would_more_help(pictures, fitted)
    notes = (*notes, *_on_no_curve(fitted, learning))
    if learning:
        learning = of_occasions(learning, bursts, len(pictures.learnt))
    watch.doing("Looking for shortcuts")
    shortcuts = shortcuts_of(pictures, fitted)
    if len(pictures.labels) > 2:
        watch.doing("Leaving out each label in turn")
    unknowns = without_a_label(pictures, fitted)
    skipped = (*dataset.skipped, *pictures.unreadable)
    return Findings(skipped, notes, learning, shortcuts, unknowns, bursts)


def _on_no_curve(fitted: Fitted, learning: LearningCurve | None) -> Iterator[str]:
    """That there is no learning curve, where that is for how many pictures or labels there are."""
    if fitted.found and fitted.judged.all() and not fitted.found.prepared and not learning:
        yield (
            "Whether more pictures would help was not measured: of so many pictures or labels that "
            "takes too long with this head."
        )


def on_held_out(pictures: Pictures, fitted: Fitted, bursts: Bursts) -> Iterator[str]:
    """That they are of the same moments as the others, and that they come in bursts."""
    if bursts.flatter("held out") and len(pictures.tested):
        yield (
            "The pictures held out are of these bursts too, so their figure is of the same moments."
        )
    if fitted.held_out and not pictures.grouping.by:
        yield from occasions_words("held-out", fitted.held_out.groups)


def occasions(pictures: Pictures, fitted: Fitted) -> tuple[Bursts, tuple[str, ...]]:
    """Whether the pictures come in bursts, and a sentence where not all were looked at."""
    learnt, tested = pictures.learnt, pictures.tested
    right = fitted.scores.argmax(axis=1) == pictures.truth[learnt]
    judged = fitted.judged
    if len(learnt) <= MOST_IN_BURSTS:
        return bursts_of(pictures, right, judged, fitted.refit), ()
    some = runs(pictures.truth[learnt], MOST_IN_BURSTS)
    beside = runs(pictures.truth[tested], MOST_IN_BURSTS // 10)
    part = pictures.among(np.sort(np.concatenate([learnt[some], tested[beside]])))
    return bursts_of(part, right[some], judged[some], fitted.refit), (
        f"Bursts were looked for among {several(len(some), 'picture')} of {len(learnt):,}, evenly "
        f"spread, in runs of {RUN} that follow one another.",
    )


@one_thread_each()
def would_more_help(pictures: Pictures, fitted: Fitted) -> LearningCurve | None:
    """The learning curve; None where the head was not chosen by cross-validation of all, or where
    it is a regression on more pictures than are fitted to in a moment."""
    if fitted.found is None or not fitted.judged.all():
        return None
    vectors, truth = pictures.vectors_of(pictures.learnt), pictures.truth[pictures.learnt]
    keys = pictures.keys_of(pictures.learnt)
    rest = (pictures.labels, keys, fitted.fold, fitted.found)
    if fitted.found.answers:  # they are, or their scores are, too many for memory
        return curve_of_many(vectors, truth, *rest)
    return learning_curve(whole_of(vectors), truth, *rest) if fitted.found.prepared else None


@one_thread_each()
def shortcuts_of(pictures: Pictures, fitted: Fitted) -> tuple[Shortcut, ...]:
    """What else the labels of the pictures to learn from can be told by."""
    if pictures.properties is None:
        return ()
    return find_shortcuts(
        pictures.properties[pictures.learnt],
        taken(pictures.names, pictures.learnt),
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
    return Sample(pictures.vectors_of(rows), pictures.truth[rows], pictures.keys_of(rows))


def leaks_of(pictures: Pictures) -> tuple[Leaks, tuple[str, ...]]:
    """Which pictures held out are copies of pictures learnt from, and a sentence where not all were
    looked at."""
    every, rows = pictures.tested, pictures.tested
    most = max(FEWEST_COMPARED, MOST_PRODUCTS // max(1, len(pictures.learnt) * pictures.width))
    if len(every) > most:
        rows = every[drawn(taken(pictures.digests, every), most)]
    tested, learnt = (
        Known(
            pictures.vectors_of(of),
            taken(pictures.names, of),
            taken(pictures.digests, of),
            {},
        )
        for of in (rows, pictures.learnt)
    )
    with one_thread_each():
        pairs = near(tested, learnt)
    tested, learnt = (
        replace(known, paths={row: pictures.paths[of[row]] for row in found})
        for known, of, found in (
            (tested, rows, {pair.tested for pair in pairs}),
            (learnt, pictures.learnt, {pair.learnt for pair in pairs}),
        )
    )
    said = (
        f"Copies of training pictures were looked for among {several(len(rows), 'picture')} held "
        f"out of {len(every):,}, drawn by their content.",
    )
    return find_leaks(tested, learnt, pairs), said if len(rows) < len(every) else ()


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
    to_learn = {
        label
        for label, split in zip(dataset.items.labels, dataset.items.splits, strict=True)
        if split != "test"
    }
    if gone := sorted(to_learn - {*pictures.labels, *pictures.unknown}):
        words = first_few(sorted(gone, key=natural))
        yield f"Left out, because none of their training pictures can be read: {words}."
    if pictures.unknown:
        words = first_few(sorted(pictures.unknown, key=natural))
        yield f"Not judged, because they have no training pictures: {words}."
    wanted = any(split != "train" for split in dataset.items.splits)
    if wanted and pictures.untested:
        words = first_few(sorted(pictures.untested, key=natural))
        yield f"Not tested, because none of their pictures is held out: {words}."
    torn = _torn(pictures)
    if torn:  # not by a table, whose notes say so
        yield (
            f"{several(len(torn), 'picture')} found under two labels; one of the two is wrong: "
            f"{first_pairs([' and '.join(map(shown, names)) for names in torn])}."
        )
    content = numbered(pictures.digests).numbers
    if both := len(np.intersect1d(content[pictures.tested], content[pictures.learnt])):
        yield (
            f"{several(both, 'test picture')} also among the training pictures, so the test is too "
            f"optimistic."
        )
    leaks, of_some = leaks_of(pictures)
    yield from leaks.words("held out")
    yield from of_some
    if pictures.trouble:
        yield f"The embeddings could not be kept for next time: {pictures.trouble}."


def _torn(pictures: Pictures) -> list[list[str]]:
    """The names of pictures of one content that have several labels, one of each label."""
    content = numbered(pictures.digests).numbers
    of_first = np.empty(len(pictures.names), np.int64)
    of_first[content[::-1]] = pictures.truth[::-1]  # the label of each content's first picture
    several_of = np.unique(content[of_first[content] != pictures.truth])
    by_content: dict[int, dict[int, str]] = {}
    for row in np.flatnonzero(np.isin(content, several_of)).tolist():
        label = int(pictures.truth[row])
        by_content.setdefault(int(content[row]), {}).setdefault(label, pictures.names[row])
    return [list(names.values()) for names in by_content.values()]
