"""Pictures of one occasion that a fair test keeps together, and that nothing keeps together yet."""

from __future__ import annotations

from collections.abc import Iterator

from ...head.blocks import block
from ...health.likeness import first_of_each
from ...health.occasions import parted_bursts
from ...text import label_words, several
from . import mending
from .health import Finding
from .looked import Looked


def bursts(looked: Looked) -> Iterator[Finding]:
    """One finding for each burst, the largest first. Its cost is by how much it makes the accuracy
    too high."""
    found = looked.bursts
    if not found.parted:
        return
    some = looked.in_company
    together = first_of_each(looked.groups[some])
    vectors = block(looked.vectors, some if looked.many else slice(None))
    parted = [some[rows] for rows in parted_bursts(vectors, looked.truth[some], together)]
    after = looked.accuracy.value if found.high is None else found.high
    too_high = 100 * max(0.0, looked.accuracy.value - after)
    whole = sum(map(len, parted))
    for rows in (found.tolist() for found in parted):
        names = tuple(looked.name(row) for row in rows)
        digest = min(looked.pictures.digests[int(looked.rows[row])] for row in rows)
        yield Finding(
            "burst",
            names,
            f"{several(len(names), 'picture')} of {label_words(looked.label(rows[0]))} look as if "
            "taken in one burst.",
            label=looked.label(rows[0]),
            score=float(1 - 1 / len(names)),
            cost=too_high * len(names) / whole,
            mend=mending.group(looked.dataset, names, f"burst {digest[:8]}"),
        )
