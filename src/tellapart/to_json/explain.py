"""Explanations and what-ifs as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .results import Json, passed_over

if TYPE_CHECKING:
    from ..dataset.sources import SkippedFile
    from ..explain import Argument, Case, Finding, Sweep, WhatIf
    from ..explain.files import Explained
    from ..model.prediction import Prediction


def explained(told: Explained) -> dict[str, Json]:
    """A picture of `explain --json`. The mean of a label's `evidence` plus its `bias` is its logit;
    so is `constant` plus the `sum` of the training pictures' shares, of which the largest are here,
    plus the `rest`, what those add that the training record does not keep; null where there are
    none. `own` is the picture's label where that is known, `by_fold` says
    that the model has learnt from it, so that a head judged which never saw it; `mend` is the
    command for a training picture whose own label is wrong."""
    found = told.explanation
    return {
        "path": told.name,
        "label": found.label,
        "score": found.score,
        "scores": dict(found.scores),
        "unknown": found.unknown,
        "own": found.own or None,
        "wrong": found.wrong if found.own else None,
        "by_fold": found.by_fold,
        "compared_with": found.rival,
        "sentences": list(found.sentences),
        "logits": dict(zip(found.labels, found.logits.tolist(), strict=True)),
        "bias": dict(zip(found.labels, found.bias.tolist(), strict=True)),
        "evidence": dict(zip(found.labels, found.evidence.round(6).tolist(), strict=True)),
        "nearest": [
            {"path": one.name, "label": one.label, "distance": one.distance}
            for one in found.nearest
        ],
        "remoteness": found.remoteness,
        "shares": {label: _case(case) for label, case in found.cases.items()} or None,
        "note": found.missing,
        "mend": told.mend or None,
        "sweep": swept(told.sweep) if told.sweep else None,
        "overlays": [str(path) for path in told.overlays],
    }


def all_explained(
    pictures: Sequence[Json], skipped: Sequence[SkippedFile], page: Path | None, on_page: int
) -> dict[str, Json]:
    """All of `explain --json`; so many pictures are on the page."""
    return {
        "pictures": pictures,
        "skipped": passed_over(skipped),
        "page": str(page) if page else None,
        "on_page": on_page,
    }


def swept(found: Sweep) -> dict[str, Json]:
    """`flip` is the region whose hiding changes the label most, `flips` whether it does; `keep` is
    the one that alone keeps the label, null where none was found, or where a picture that is all
    grey gets the same label."""
    return {
        "flips": found.flips,
        "flip": _finding(found.flip),
        "keep": _finding(found.keep) if found.keep else None,
        "all_grey": predicted(found.nothing),
        "tried": found.tried,
        "words": found.words,
    }


def _finding(found: Finding) -> Json:
    region = found.region
    return {
        "region": str(region),
        "left": region.left,
        "top": region.top,
        "width": region.width,
        "height": region.height,
        **predicted(found.after),
    }


def changed(result: WhatIf, written: Path | None) -> dict[str, Json]:
    """All of `what-if --json`; `written` is the changed picture, null where none was asked for."""
    return {
        "before": predicted(result.before),
        "after": predicted(result.after),
        "flipped": result.flipped,
        "changes": [str(change) for change in result.changes],
        "words": result.words,
        "written": str(written) if written else None,
    }


def predicted(found: Prediction) -> dict[str, Json]:
    """An answer of `what-if --json`."""
    return {
        "label": found.label,
        "score": found.score,
        "scores": found.scores,
        "unknown": found.unknown,
        "novelty": found.novelty,
    }


def _case(case: Case) -> Json:
    return {
        "constant": case.constant,
        "sum": float(case.shares.sum()),
        "rest": case.rest,
        "most_for": _arguments(case.most_for),
        "most_against": _arguments(case.most_against),
    }


def _arguments(arguments: Sequence[Argument]) -> Json:
    return [{"path": one.name, "label": one.label, "share": one.share} for one in arguments]
