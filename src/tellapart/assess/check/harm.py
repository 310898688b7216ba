"""Findings on training pictures that push others towards wrong answers."""

from __future__ import annotations

from collections.abc import Iterator

from ...health.harm import harmful as find_harmful
from ...text import several
from . import mending
from .health import Finding
from .looked import Looked


def harmful(looked: Looked) -> Iterator[Finding]:
    """The pictures without which more of the others are right, in one finding, the worst first."""
    found = find_harmful(looked.vectors, looked.truth, looked.fold, looked.found)
    if found is None:
        return
    paths = tuple(looked.name(row) for row in found.rows.tolist())
    pictures = several(len(paths), "training picture")
    yield Finding(
        "harmful",
        paths,
        f"{pictures} push others towards wrong answers: without them, "
        f"{several(found.more, 'more picture')} would be right, measured on pictures that had no "
        "say in choosing them. Look at each: its label may be wrong, or it shows several labels.",
        score=min(1.0, found.more / max(1, len(paths))),
        cost=100 * found.more / max(1, looked.accuracy.n),
        mend=mending.walk(looked.dataset, "harmful"),
    )
