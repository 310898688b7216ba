"""What the data lacks -> plain values for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .results import Json, estimate

if TYPE_CHECKING:
    from ..assess.gaps import Gaps
    from ..evaluation.metrics import Proportion
    from ..health.subgroups import Subgroup


def gaps(found: Gaps, page: str | None) -> dict[str, Json]:
    """All of `gaps --json`: what stands out comes first. `tested` is null where nothing was;
    `unknown` are pictures without labels that are in no subgroup, as they are unlike everything."""
    return {
        "stands_out": len(found.advice),
        "learnt": len(found.learnt.names),
        "tested": _count(found),
        "labelled": found.known,
        "subgroups": [_subgroup(found, subgroup) for subgroup in found.subgroups],
        "unknown": [{"path": one.name, "closest": one.label} for one in found.unknown],
        "other_labels": found.other_labels,
        "notes": list(found.notes),
        "skipped": [{"path": file.name, "reason": file.reason} for file in found.skipped],
        "hidden": found.hidden,
        "missing_pictures": found.missing_pictures,
        "page": page,
    }


def _count(found: Gaps) -> int | None:
    if found.tested:
        return len(found.tested.names)
    return 0 if found.unknown else None


def _subgroup(found: Gaps, subgroup: Subgroup) -> Json:
    """`wrong` and `rest` count errors: their fraction is `fraction`, not an accuracy."""
    pictures = found.pictures(subgroup)
    return {
        "label": found.label(subgroup),
        "missing": subgroup.missing,
        "hard": subgroup.hard,
        "thin": subgroup.thin,
        "learnt": len(subgroup.learnt),
        "tested": len(subgroup.tested),
        "wrong": _counted(subgroup.wrong),
        "rest": _counted(subgroup.rest),
        "wrong_tested": _counted(subgroup.wrong_tested) if subgroup.wrong_tested else None,
        "likely_wrong": subgroup.likely_wrong,
        "scarcity": subgroup.scarcity,
        "add": subgroup.add,
        "mended_in_100": estimate(subgroup.mended),
        "pictures_learnt": [one.name for one in pictures if not one.tested],
        "pictures_tested": [one.name for one in pictures if one.tested],
        "pictures_unknown": [one.name for one in pictures if one.unknown],
    }


def _counted(value: Proportion) -> Json:
    """`{"wrong", "n", "fraction", "interval": [low, high]}`."""
    return {
        "wrong": value.correct,
        "n": value.n,
        "fraction": value.value if value.n else None,
        "interval": list(value.interval),
    }
