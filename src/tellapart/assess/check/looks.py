"""Pictures that look bad: one finding for each way, with all its pictures, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ...health.looks import find_bad
from ...text import several
from .health import Finding
from .looked import Looked
from .mending import walk

_WORDS: Mapping[str, tuple[str, str]] = {
    "dark": ("is nearly black", "are nearly black"),
    "bright": ("is overexposed: it is white nearly everywhere", "are overexposed"),
    "blurred": ("is blurred: it has no sharp edge", "are blurred: they have no sharp edge"),
    "tiny": ("has very few pixels", "have very few pixels"),
    "enlarged": (
        "was blown up from a smaller one, or is out of focus",
        "were blown up from smaller ones, or are out of focus",
    ),
    "empty": ("has hardly anything in it", "have hardly anything in them"),
    "aspect": ("is far longer than wide, or wider than long", "are far longer than wide, or wider"),
    "screenshot": ("looks like a screenshot or a page of text", "look like screenshots or text"),
}


def looks(looked: Looked) -> Iterator[Finding]:
    """Pictures to learn from and to test on that look bad."""
    pictures = looked.pictures
    if pictures.properties is None:
        return
    for bad in find_bad(pictures.properties, pictures.names, pictures.truth):
        one, many = _WORDS[bad.kind]
        kept = np.array([pictures.names[row] in looked.dataset.kept for row in bad.rows])
        if kept.all():
            continue
        rows = np.array(bad.rows)[~kept]
        names = tuple(pictures.names[row] for row in rows)
        labels = {pictures.labels[k] for k in np.unique(pictures.truth[rows]).tolist()}
        yield Finding(
            bad.kind,
            names,
            f"{several(len(names), 'picture')} {one if len(names) == 1 else many}.",
            label=labels.pop() if len(labels) == 1 else None,
            score=float(np.mean(np.array(bad.strengths)[~kept])),
            cost=looked.excess_of(np.flatnonzero(np.isin(looked.rows, rows))),
            mend=walk(looked.dataset, bad.kind),
        )
