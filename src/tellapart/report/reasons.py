"""A story's mistakes -> the same story with the reasons for them.

A training picture is explained by the head of the cross-validation that judged it, which never saw
it; any other by the finished model. A mistake that neither of them makes stays without a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..explain import Asked, Explanation, Neighbour, tell_many
from ..explain.words import BY_FOLD
from ..model.record import TrainingRecord
from ..pages.overlays import jpeg, laid_over, shrunk
from .content import MOST_MISTAKES, Near, Reason, ReportContent

SIDE = 240  # pixels, the longer side of an overlay


@dataclass(frozen=True)
class _Told:
    """What is kept of an explanation: its pixels are drawn by then."""

    label: str
    sentences: tuple[str, ...]
    overlay: str
    nearest: tuple[Neighbour, ...]


def with_reasons(
    content: ReportContent, *, of_training: bool, folders: Sequence[Path] = ()
) -> ReportContent:
    """Explain the mistakes that a report shows, if their pictures can be found.

    `of_training` says that the report is about the pictures of the training record. In another
    report, training pictures are searched for where they were, and below `folders`.
    """
    record = content.classifier.training_record
    mistakes = {mistake.name: mistake for _, mistake in content.mistakes[:MOST_MISTAKES]}
    places = {name: i for i, name in enumerate(record.names)} if record and of_training else {}
    asked = [
        Asked(content.paths[name], mistake.label, places.get(name), name)
        for name, mistake in mistakes.items()
        if name in content.paths and (record is None or _has_judge(record, places.get(name)))
    ]
    told = {
        one.name: found
        for one, found in zip(
            asked, tell_many(content.classifier, asked, _tell, shares=False), strict=True
        )
        if isinstance(found, _Told) and found.label == mistakes[one.name].predicted
    }
    near = {one.index: one.name for found in told.values() for one in found.nearest}
    if of_training or record is None:
        keys, paths = near, {}
    else:
        keys = {index: f"\0{name}" for index, name in near.items()}  # no file is called so
        paths = {keys[i]: path for i, path in record.locate(*folders, only=near).items()}
    reasons = {
        name: Reason(
            found.sentences,
            found.overlay,
            [Near(keys[one.index], one.label) for one in found.nearest],
        )
        for name, found in told.items()
    }
    return replace(content, reasons=reasons, paths={**content.paths, **paths})


def _has_judge(record: TrainingRecord, index: int | None) -> bool:
    """Whether the head is known that judged a picture; `index` is its row in the training
    record."""
    if index is None or record.held_out[index]:
        return True  # the finished model's own
    return record.fold is not None and int(record.fold[index]) in record.fold_heads


def _tell(asked: Asked, explanation: Explanation) -> _Told:
    pixels = shrunk(explanation.pixels, SIDE)
    return _Told(
        label=explanation.label,
        sentences=tuple(
            said
            for said in explanation.sentences[1:]  # the first says what the page says beside it,
            if said != BY_FOLD  # and the page says of all of them how they were judged
        ),
        overlay=jpeg(laid_over(pixels, explanation.lead)),
        nearest=explanation.nearest,
    )
