"""What a check found, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from ..health.label_errors import FIRST
from .results import Json, bursts, passed_over, proportion, text

if TYPE_CHECKING:
    from ..assess.check.health import Finding, Health
    from ..health.label_errors import LabelErrors


def checked(health: Health, page: str | None = None) -> dict[str, Json]:
    """All of `check --json`; `cost` is in points of accuracy."""
    return {
        "pictures": len(health.pictures.names),
        "labels": dict(zip(health.pictures.labels, health.pictures.counts, strict=True)),
        "accuracy": proportion(health.accuracy),
        "bursts": bursts(health.bursts),
        "findings": [finding(one) for one in health.findings],
        "more": dict(health.more),
        "wrong_labels": _wrong_labels(health.label_errors) if health.label_errors else None,
        "skipped": passed_over(health.skipped),
        "notes": list(health.notes),
        "page": page,
    }


def in_pieces(health: Health, rest: Iterable[Finding], page: str | None = None) -> Iterator[str]:
    """The same as text, with all findings: first those that are listed, then the `rest`."""
    whole = text({**checked(health, page), "findings": [], "more": {}}, indent=2)
    before, _, after = whole.partition('"findings": []')
    yield f'{before}"findings": ['
    for number, one in enumerate(chain(health.findings, rest)):
        lines = text(finding(one), indent=2).replace("\n", "\n    ")
        yield f"{',' if number else ''}\n    {lines}"
    yield f"\n  ]{after}\n"


def _wrong_labels(found: LabelErrors) -> Json:
    """What the ranking by wrong labels is worth: how many of the `first` and of all are wrong, as
    far as can be told, and how many of those `planted` for a trial came up."""
    return {
        "first": min(FIRST, len(found.order)),
        "expected_first": found.expected(FIRST),
        "expected": found.expected(),
        "planted": found.planted,
        "found": found.found,
        "tells": found.tells,
        "words": found.words,
    }


def finding(one: Finding) -> Json:
    return {
        "kind": one.kind,
        "paths": list(one.paths),
        "label": one.label,
        "suggested": one.suggested,
        "sure": one.sure,
        "score": one.score,
        "cost": one.cost,
        "mend": one.mend,
        "words": one.words,
        "sides": [list(side) for side in one.sides],
    }
