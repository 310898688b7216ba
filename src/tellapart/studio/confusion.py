"""What a model takes for what: its confusion matrix, and the pictures in each cell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..evaluation.judged import Evaluation
from ..model.classifier import Classifier
from ..model.judged import evaluations_of
from ..report.content import MOST_PAIRS, WIDEST_MATRIX, shade
from ..text import in_order
from ..to_json.results import Json, proportion

MOST = 400  # pictures of one cell


def confusion(classifier: Classifier, wanted: str = "") -> dict[str, Json]:
    """The matrix, or, where the labels are too many for one, the pairs confused most; `wanted` is
    the name of an evaluation, such as "held out". Labels are in the order of a table."""
    evaluations = evaluations_of(classifier)
    name = wanted if wanted in evaluations else next(iter(evaluations))
    found = evaluations[name]
    order = in_order(found.labels)
    place = {k: at for at, k in enumerate(order)}
    filled = [(int(i), int(j)) for i, j in np.argwhere(found.confusion)]
    as_matrix = len(found.labels) <= WIDEST_MATRIX
    if not as_matrix:
        wrong = [(i, j) for i, j in filled if i != j]
        filled = sorted(wrong, key=lambda at: -int(found.confusion[at]))[:MOST_PAIRS]
    rows = found.confusion.sum(axis=1)
    return {
        "of": name,
        "judged": list(evaluations),
        "as_matrix": as_matrix,
        "accuracy": proportion(found.accuracy),
        "labels": [found.labels[k] for k in order],
        "cells": [
            {
                "label": place[i],
                "predicted": place[j],
                "n": int(found.confusion[i, j]),
                "shade": 0 if i == j else shade(found.confusion[i, j] / rows[i]),
            }
            for i, j in filled
        ],
    }


def pictures_in(
    classifier: Classifier, name: str, label: str, predicted: str, number: Callable[[str], int]
) -> dict[str, Json]:
    """The pictures of a label that were given one, each by its number: wrong ones the surest first,
    right ones the least sure first."""
    found = evaluations_of(classifier).get(name)
    if found is None or not {label, predicted} <= set(found.labels):
        return {"n": 0, "pictures": []}
    rows, sure = _rows(found, found.labels.index(label), found.labels.index(predicted))
    told = [
        {"id": at, "score": float(sure[row])}
        for row in rows[:MOST].tolist()
        if (at := number(found.names[row]))
    ]
    return {"n": len(rows), "pictures": told}


def _rows(found: Evaluation, i: int, j: int) -> tuple[np.ndarray, np.ndarray]:
    sure = found.scores.max(axis=1)
    rows = np.flatnonzero((found.truth == i) & (found.predicted == j))
    return rows[np.argsort(sure[rows] if i == j else -sure[rows], kind="stable")], sure
