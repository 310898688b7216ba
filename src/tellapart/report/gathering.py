"""A model's training, or a test of it -> the content of its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..assess.check.mending import relabel_in, relabel_recorded
from ..assess.testing import TestResult
from ..files.stored import Place
from ..model.classifier import Classifier
from ..model.judged import evaluations_of
from ..text import label_words, percent, several
from .content import MOST_MISTAKES, ReportContent, mistakes_of
from .provenance import provenance_of_test, provenance_of_training


def content_of_training(classifier: Classifier, paths: Mapping[int, Place]) -> ReportContent:
    """The content of a model's report, from its training record.

    `paths` are where the pictures are now, by their row in the training record.

    Raises:
        ModelError: it has no training record.
    """
    record = classifier.required_record()
    run, manifest = record.run, classifier.manifest
    evaluations = evaluations_of(classifier)
    shelves: dict[str, list[str]] = {label: [] for label in classifier.labels}
    for name, k in zip(record.names, record.labels.tolist(), strict=True):
        shelves[classifier.labels[k]].append(name)
    held = np.bincount(record.labels[record.held_out], minlength=len(classifier.labels))
    if record.left_out:
        held = record.left_out.held_counts
    source = f" from {run.source}" if run.source else ""
    return ReportContent(
        what=f"trained on {several(sum(manifest.counts), 'picture')}{source}",
        classifier=classifier,
        evaluations=evaluations,
        paths={record.names[i]: path for i, path in paths.items()},
        shelves=shelves,
        counts={"learnt from": manifest.counts, "held out": held.tolist()},
        learning=run.learning,
        bursts=run.bursts,
        shortcuts=run.shortcuts,
        skipped=run.skipped,
        hidden=run.hidden,
        notes=run.notes,
        provenance=provenance_of_training(classifier),
        private=run.private and not paths,
        mends={
            m.name: mend
            for name, m in mistakes_of(evaluations)[:MOST_MISTAKES]
            if (
                mend := relabel_recorded(
                    run.command, m.name, m.predicted, held_out=name == "held out"
                )
            )
        },
    )


def without_pictures(content: ReportContent) -> ReportContent:
    """The same story for those who shall not see the pictures: mistakes keep their reasons."""
    told = {name: replace(one, overlay="", nearest=()) for name, one in content.reasons.items()}
    return replace(content, paths={}, reasons=told, private=True)


def content_of_test(
    classifier: Classifier, result: TestResult, model: str = "MODEL"
) -> ReportContent:
    """The story of a test; `model` is what the model is called in the command that repeats it."""
    evaluation = result.evaluation
    shelves: dict[str, list[str]] = {label: [] for label in classifier.labels}
    for name, k in zip(evaluation.names, evaluation.truth.tolist(), strict=True):
        shelves[classifier.labels[k]].append(name)
    notes = [*filter(None, [result.caution]), *result.notes, *result.unjudged]
    if result.missing:
        notes.append(f"No test pictures of: {', '.join(map(label_words, result.missing))}.")
    if result.refused.correct:
        notes.append(
            f'The model calls {percent(result.refused.value)} of the pictures "none of these" '
            f"({result.refused.correct:,} of {result.refused.n:,}); the figures count them too."
        )
    return ReportContent(
        what=f"tested on {several(evaluation.count, 'picture')} from {result.dataset.called}",
        classifier=classifier,
        evaluations={"tested": evaluation},
        paths={item.name: item.path for item in result.dataset.items},
        shelves=shelves,
        counts={"tested": [row.n for row in evaluation.per_label]},
        skipped=result.skipped,
        hidden=result.dataset.hidden,
        notes=notes,
        provenance=provenance_of_test(classifier, result, model),
        mends={
            m.name: relabel_in(
                str(result.dataset.source), m.name, m.predicted, classifier.manifest.quality
            )
            for m in evaluation.mistakes[:MOST_MISTAKES]
            if not (result.dataset.given or result.dataset.address)
        },
    )
