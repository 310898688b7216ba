"""What the data lacks -> plain values for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import Json, estimate

if TYPE_CHECKING:
    from ..assess.gaps import Gaps
    from ..evaluation.metrics import Share
    from ..health.subgroups import Look


def gaps(found: Gaps, page: str | None) -> dict[str, Json]:
    """All of `gaps --json`: what stands out comes first. `tested` is null where nothing was;
    `strangers` are pictures without labels that are in no look, as they are unlike everything."""
    return {
        "stands_out": len(found.advice),
        "learnt": len(found.learnt.names),
        "tested": _count(found),
        "labelled": found.known,
        "looks": [_look(found, look) for look in found.looks],
        "strangers": [{"path": one.name, "closest": one.label} for one in found.strangers],
        "unknown_labels": found.unknown,
        "notes": list(found.notes),
        "skipped": [{"path": file.name, "reason": file.reason} for file in found.skipped],
        "hidden": found.hidden,
        "missing_pictures": found.missing_pictures,
        "page": page,
    }


def _count(found: Gaps) -> int | None:
    if found.tested:
        return len(found.tested.names)
    return 0 if found.strangers else None


def _look(found: Gaps, look: Look) -> Json:
    """`wrong` and `rest` count errors: their share is `share`, not an accuracy."""
    pictures = found.pictures(look)
    return {
        "label": found.label(look),
        "missing": look.missing,
        "hard": look.hard,
        "thin": look.thin,
        "learnt": len(look.learnt),
        "tested": len(look.tested),
        "wrong": _counted(look.wrong),
        "rest": _counted(look.rest),
        "wrong_tested": _counted(look.wrong_tested) if look.wrong_tested else None,
        "likely_wrong": look.likely_wrong,
        "scarcity": look.scarcity,
        "add": look.add,
        "mended_in_100": estimate(look.mended),
        "pictures_learnt": [one.name for one in pictures if not one.tested],
        "pictures_tested": [one.name for one in pictures if one.tested],
        "pictures_strange": [one.name for one in pictures if one.strange],
    }


def _counted(value: Share) -> Json:
    """`{"wrong", "n", "share", "interval": [low, high]}`."""
    return {
        "wrong": value.correct,
        "n": value.n,
        "share": value.value if value.n else None,
        "interval": list(value.interval),
    }
