"""What needs no looking for: files that cannot be read, labels with few pictures, shortcuts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...health.by_label import rows_by_label
from ...health.shortcuts import find_shortcuts
from ...text import label_words, several, shown
from .health import Finding
from .looked import Looked

_FEW = 0.25  # of the pictures that labels have in the middle: fewer are far fewer


def unreadable(looked: Looked) -> Iterator[Finding]:
    """Files that were taken for pictures and cannot be read, one finding for each reason."""
    by_reason: dict[str, list[str]] = {}
    for file in looked.pictures.unreadable:
        if file.name not in looked.dataset.kept:
            by_reason.setdefault(file.reason, []).append(file.name)
    for reason, names in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        yield Finding(
            "unreadable",
            tuple(names),
            f"{several(len(names), 'file')} cannot be read: {shown(reason)}.",
            sure=True,
        )


def imbalance(looked: Looked) -> Iterator[Finding]:
    """Labels that have far fewer pictures than most."""
    counts = np.array(looked.pictures.counts)
    middle = float(np.median(counts))
    few = np.flatnonzero(counts < _FEW * middle)
    rows_of = rows_by_label(looked.truth, len(counts)) if few.size else []
    for k in few.tolist():
        label, own = looked.pictures.labels[k], rows_of[k]
        yield Finding(
            "imbalance",
            tuple(looked.name(row) for row in own.tolist()),
            f"{label_words(label)} has {several(int(counts[k]), 'picture')}, and most labels have "
            f"{middle:,.0f} or more.",
            label=label,
            score=float(1 - counts[k] / middle),
            cost=looked.excess_of(own),
        )


def shortcuts(looked: Looked) -> Iterator[Finding]:
    """What tells a label and has nothing to do with it."""
    if looked.pictures.properties is None:
        return
    names = [looked.name(row) for row in range(len(looked.rows))]
    for one in find_shortcuts(
        looked.pictures.properties[looked.rows],
        names,
        looked.truth,
        looked.pictures.labels,
        looked.fold,
    ):
        paths = dict.fromkeys((*one.typical, *one.opposite, *one.contrary))
        yield Finding(
            "shortcut",
            tuple(paths),
            f"{one.words} {one.advice}",
            label=one.label,
            score=one.told.value,
        )
