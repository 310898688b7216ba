"""How good a model is, by the scores in its training record."""

from __future__ import annotations

import numpy as np

from ..evaluation.judged import Evaluation, ListedInPart
from .classifier import Classifier


def evaluations_of(classifier: Classifier) -> dict[str, Evaluation]:
    """How good a model is, by name, from the scores in its training record; if no picture judged
    it, one evaluation without pictures."""
    record = classifier.required_record()
    whole = record.left_out.whole if record.left_out else {}
    judged = np.ones(len(record.names), bool) if record.judged is None else record.judged
    sides = {record.run.judged_by: judged & ~record.held_out, "held out": judged & record.held_out}
    every: dict[str, Evaluation] = {}
    for name, rows in sides.items():
        listed = (
            classifier.labels,
            tuple(record.names[i] for i in np.flatnonzero(rows)),
            record.labels[rows].astype(np.int64),
            record.scores[rows],
            None if record.together is None else record.together[rows],
        )
        every[name] = (
            ListedInPart(*listed, whole=whole[name]) if name in whole else Evaluation(*listed)
        )
    found = {name: evaluation for name, evaluation in every.items() if evaluation.count}
    return found or {record.run.judged_by: every[record.run.judged_by]}
