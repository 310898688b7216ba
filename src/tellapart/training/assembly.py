"""The model, put together of the network, the head and what is remembered of the training."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..assess.pictures import Pictures
from ..backbones.graph import HeadTensors, Network
from ..dataset.sources import Dataset
from ..head.novelty import ADMITTED, Novelty, fit_novelty
from ..images.properties import PROPERTIES, PROPERTIES_VERSION
from ..model.classifier import Classifier
from ..model.file import Manifest, build_model
from ..model.record import Run, TrainingRecord
from ..version import __version__
from ..workers.local import one_thread_each
from .command import train_command, versions
from .findings import Findings
from .fit import Fitted
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
    novelty = fit_novelty(pictures.vectors[pictures.learnt], fitted.logits, fitted.fold)
    manifest = _manifest(network, pictures, fitted, novelty, findings)
    tensors = HeadTensors(fitted.head.weights, fitted.head.bias, novelty)
    run = Run(
        source=dataset.called,
        place=dataset.place,
        in_python=bool(dataset.given),
        command="" if dataset.given else train_command(dataset.source, options),
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
    record = _record(pictures, fitted, run, _roots(dataset, options))
    groups, splits = _said(dataset, pictures)
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


def _record(pictures: Pictures, fitted: Fitted, run: Run, roots: tuple[str, ...]) -> TrainingRecord:
    """What is remembered of all pictures, those held out included."""
    learnt, tested = pictures.learnt, pictures.tested
    scores = np.zeros((len(pictures.names), len(pictures.labels)), np.float32)
    scores[learnt] = fitted.scores
    if fitted.held_out:
        scores[tested] = fitted.held_out.scores
    judged = pictures.held_out.copy()
    judged[learnt] = fitted.judged
    fold = np.full(len(pictures.names), -1, np.int32)
    fold[learnt] = fitted.fold
    return TrainingRecord(
        vectors=pictures.vectors,
        labels=pictures.truth,
        names=pictures.names,
        digests=pictures.digests,
        held_out=pictures.held_out,
        scores=scores,
        roots=roots,
        judged=judged,
        run=run,
        fold=fold,
        together=_together(pictures, fitted),
        fold_heads={number: head.rounded() for number, head in fitted.fold_heads.items()},
        properties=pictures.properties,
    )


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


def _said(dataset: Dataset, pictures: Pictures) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The groups and sides that the source says of each picture."""
    of_item = {(item.name, item.label): item for item in dataset.items}
    labels = (pictures.labels[k] for k in pictures.truth)
    items = [of_item[name, label] for name, label in zip(pictures.names, labels, strict=True)]
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
    """The folders that the pictures' names are below."""
    folders = [*dataset.roots]
    if isinstance(options.test, Path):
        folders.append(options.test.resolve().parent)  # names begin with the folder's own
    return tuple(str(folder) for folder in folders)
