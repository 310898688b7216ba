"""Pictures of one occasion that a fair test keeps together, and that nothing keeps together yet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...health.likeness import first_of_each
from ...health.occasions import one_occasion
from ...text import label_words, several
from . import mending
from .health import Finding
from .looked import Looked

_LARGE = 3  # pictures: two may be alike by chance


def bursts(looked: Looked) -> Iterator[Finding]:
    """One finding for each burst, the largest first. Its cost is by how much it makes the accuracy
    too high."""
    found = looked.bursts
    together = first_of_each(looked.pictures.groups(looked.rows))
    if not found.found or found.kept:
        return
    group = one_occasion(looked.vectors, looked.truth, together)
    sizes = np.bincount(group, minlength=len(group))
    pairs = np.unique(np.stack([group, together]), axis=1)
    parted = np.bincount(pairs[0], minlength=len(group)) > 1
    roots = np.flatnonzero((sizes >= _LARGE) & parted).tolist()
    after = looked.accuracy.value if found.high is None else found.high
    too_high = 100 * max(0.0, looked.accuracy.value - after)
    whole = int(sizes[roots].sum())
    for root in sorted(roots, key=lambda root: -int(sizes[root])):
        rows = np.flatnonzero(group == root).tolist()
        names = tuple(looked.name(row) for row in rows)
        digest = min(looked.pictures.digests[int(looked.rows[row])] for row in rows)
        yield Finding(
            "burst",
            names,
            f"{several(len(names), 'picture')} of {label_words(looked.label(root))} look as if "
            "taken in one burst.",
            label=looked.label(root),
            score=float(1 - 1 / len(names)),
            cost=too_high * len(names) / whole,
            mend=mending.group(looked.dataset, names, f"burst {digest[:8]}")
            if len(names) <= mending.MOST_NAMED
            else mending.walk(looked.dataset, "burst"),
        )
