"""The model, put together of the network, the head and what is remembered of the training."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..assess.pictures import Pictures
from ..backbones.graph import HeadTensors, Network
from ..dataset.sources import Dataset
from ..evaluation.judged import Evaluation
from ..evaluation.whole import Answers, Whole, areas_of, figures_of
from ..files.columns import taken
from ..files.on_disk import address_in
from ..head.novelty import ADMITTED, Novelty, fit_novelty
from ..images.properties import PROPERTIES, PROPERTIES_VERSION
from ..model.classifier import Classifier
from ..model.file import Manifest, build_model
from ..model.left_out import LeftOut
from ..model.record import Run, TrainingRecord
from ..version import __version__
from ..workers.local import one_thread_each
from .command import train_command, versions
from .findings import Findings
from .fit import Fitted
from .keeping import Kept, kept_of, most_kept
from .options import TrainOptions


@one_thread_each()
def assemble(
    network: Network,
    pictures: Pictures,
    fitted: Fitted,
    findings: Findings,
    dataset: Dataset,
    options: TrainOptions,
) -> Classifier:
    """The classifier, with its sense of what is novel and its training record."""
    learnt = pictures.vectors_of(pictures.learnt)
    told = fitted.found and fitted.found.answers  # of very many: their sums need not be made again
    logits = told.total[:, None] if told else fitted.logits
    novelty = fit_novelty(learnt, logits, fitted.fold)
    manifest = _manifest(network, pictures, fitted, novelty, findings)
    tensors = HeadTensors(fitted.head.weights, fitted.head.bias, novelty)
    run = Run(
        source=dataset.called,
        place=dataset.place,
        in_python=bool(dataset.given),
        command="" if dataset.given else train_command(dataset.written, options),
        judged_by="cross-validated" if fitted.cross_validated else "validation",
        skipped=findings.skipped,
        hidden=dataset.hidden,
        notes=findings.notes,
        learning=findings.learning,
        bursts=findings.bursts,
        shortcuts=findings.shortcuts,
        balanced=options.balanced,
        versions=versions(),
        settings=_settings(options),
    )
    kept = _kept(pictures, fitted)
    record = _record(pictures, fitted, run, _roots(dataset, options), kept)
    rows = np.arange(len(pictures.names)) if kept is None else kept.rows
    groups, splits = _said(dataset, pictures, rows)
    record = replace(record, group_names=groups, splits=splits)
    return Classifier(build_model(network, tensors, manifest), manifest, record)


def _manifest(
    network: Network, pictures: Pictures, fitted: Fitted, novelty: Novelty, findings: Findings
) -> Manifest:
    return Manifest(
        labels=pictures.labels,
        counts=pictures.counts,
        bias=tuple(float(value) for value in np.float32(fitted.head.bias)),
        quality=network.name,
        backbones=tuple(trunk.name for trunk in network.trunks),
        views=network.views,
        network=network.digest,
        solver=fitted.solver,
        parts=fitted.parts,
        compared=fitted.compared,
        admitted=ADMITTED,
        novelty=novelty.thresholds,
        version=__version__,
        unknowns=findings.unknowns,
    )


def _record(
    pictures: Pictures, fitted: Fitted, run: Run, roots: tuple[str, ...], kept: Kept | None
) -> TrainingRecord:
    """What is remembered of the pictures, those held out included: of all, or of those kept."""
    learnt = pictures.learnt
    judged = pictures.held_out.copy()
    judged[learnt] = fitted.judged
    fold = np.full(len(pictures.names), -1, np.int32)
    fold[learnt] = fitted.fold
    together = _together(pictures, fitted)
    rows = slice(None) if kept is None else kept.rows
    of = np.arange(len(pictures.names)) if kept is None else kept.rows
    every = TrainingRecord(
        vectors=np.asarray(pictures.vectors[rows]),
        labels=pictures.truth[rows],
        names=tuple(taken(pictures.names, of)),
        digests=tuple(taken(pictures.digests, of)),
        held_out=pictures.held_out[rows],
        scores=_scores(pictures, fitted, kept),
        roots=roots,
        judged=judged[rows],
        run=run,
        fold=fold[rows],
        together=None if together is None else together[rows],
        fold_heads={number: head.rounded() for number, head in fitted.fold_heads.items()},
        properties=None if pictures.properties is None else pictures.properties[rows],
    )
    if kept is None:
        return every
    left_out = _left_out(pictures, fitted, kept)
    return replace(
        every,
        left_out=left_out,
        run=replace(run, notes=(*run.notes, left_out.words)),
    )


def _scores(pictures: Pictures, fitted: Fitted, kept: Kept | None) -> np.ndarray:
    """Of the pictures that are remembered, float32 `[M,K]`; 0 where none is known."""
    learnt, tested = pictures.learnt, pictures.tested
    rows = np.arange(len(pictures.names)) if kept is None else kept.rows
    scores = np.zeros((len(rows), len(pictures.labels)), np.float32)
    sides = [(learnt, fitted.scores)]
    if fitted.held_out:
        sides.append((tested, fitted.held_out.scores))
    for side, found in sides:
        at = np.flatnonzero(pictures.held_out[rows] == (side is tested))
        scores[at] = found[np.searchsorted(side, rows[at])]
    return scores


def _sides(pictures: Pictures, fitted: Fitted) -> dict[str, tuple[np.ndarray, Evaluation]]:
    """By the name of each evaluation, the rows that it is of, and itself; those that judged any."""
    learnt = pictures.learnt[fitted.judged]
    found = {
        "cross-validated": (learnt, fitted.cross_validated),
        "validation": (learnt, None if fitted.cross_validated else fitted.validated),
        "held out": (pictures.tested, fitted.held_out),
    }
    return {name: (rows, one) for name, (rows, one) in found.items() if one and len(rows)}


def _kept(pictures: Pictures, fitted: Fitted) -> Kept | None:
    """Which pictures are remembered; None for all."""
    count = len(pictures.labels)
    if len(pictures.names) <= most_kept(count):
        return None
    wrong, sure = [], []
    for rows, found in _sides(pictures, fitted).values():
        at = np.flatnonzero(found.predicted != found.truth)
        wrong.append(rows[at])
        sure.append(found.highest[at])
    none = np.zeros(0, np.int64)
    return kept_of(
        pictures.digests,
        pictures.truth,
        count,
        np.concatenate([none, *wrong]),
        np.concatenate([none, *sure]),
    )


def _left_out(pictures: Pictures, fitted: Fitted, kept: Kept) -> LeftOut:
    """What is remembered of the others."""
    others = np.ones(len(pictures.names), bool)
    others[kept.rows] = False
    held = pictures.held_out
    return LeftOut(
        drawn=kept.drawn,
        learnt=np.sort(kept.marks[others & ~held]),
        held_out=np.sort(kept.marks[others & held]),
        held_counts=np.bincount(pictures.truth[held], minlength=len(pictures.labels)),
        whole={name: _whole(found) for name, (_, found) in _sides(pictures, fitted).items()},
        moments=fitted.moments,
    )


def _whole(found: Evaluation) -> Whole:
    areas = areas_of(found.scores, found.truth)
    answers = Answers.of(found.scores, found.truth)
    return figures_of(answers, len(found.labels), areas, found.groups)


def _together(pictures: Pictures, fitted: Fitted) -> np.ndarray | None:
    """Numbers that are equal for pictures which go right and wrong together: those learnt from that
    were kept together, and those held out that are of one occasion; None where all stand alone."""
    by = pictures.grouping.by
    held = fitted.held_out.groups if fitted.held_out else None
    if not by and held is None:
        return None
    groups = np.arange(len(pictures.names))
    if by:
        groups = pictures.groups(groups)
    if held is not None:
        groups[pictures.tested] = len(groups) + held
    return groups


def _said(
    dataset: Dataset, pictures: Pictures, rows: np.ndarray
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The groups and sides that the source says of each picture in `rows`."""
    wanted = [(pictures.names[i], pictures.labels[pictures.truth[i]]) for i in rows]
    there = {*wanted}
    of_item = {
        (item.name, item.label): item for item in dataset.items if (item.name, item.label) in there
    }
    items = [of_item[one] for one in wanted]
    return tuple(item.group or "" for item in items), tuple(item.split or "" for item in items)


def _settings(options: TrainOptions) -> dict[str, Any]:
    """What another training needs to be told to be the same."""
    return {
        "test": options.share,
        "head": options.head,
        "groups": str(options.groups),
        "repeats": options.repeats,
        "sgd": asdict(options.sgd) if options.sgd else None,
        "properties": f"{PROPERTIES_VERSION}: {', '.join(PROPERTIES)}",
    }


def _roots(dataset: Dataset, options: TrainOptions) -> tuple[str, ...]:
    """The folders that the pictures' names are below, and what they are stored in."""
    folders = [*places_of_names(dataset)]
    if isinstance(options.test, Path | str):
        address = address_in(str(options.test))
        test = os.path.realpath(options.test)
        # names begin with the folder's own
        folders += [address] if address else [os.path.dirname(test), test]
    return tuple(dict.fromkeys(folders))


def places_of_names(dataset: Dataset) -> list[str]:
    """The folders that a data set's names are below, and its own place where that is no folder."""
    folders = [str(root) for root in dataset.roots]
    return folders if dataset.source.is_dir() else [*folders, *filter(None, [dataset.place])]
