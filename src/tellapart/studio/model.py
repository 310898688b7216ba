"""The newest model, which answers all that is asked; or, while there is none, what it needs."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from ..errors import ModelError
from ..text import shown
from ..to_json.results import Json
from ..training.result import TrainResult
from .folder import LEARN
from .studio import Studio


@dataclass(frozen=True)
class Missing:
    """What there is no model without.

    Attributes:
        what: "labels", "second" (a second label), "pictures", "training", or "failed".
        words: a sentence.
        hint: what to do.
        label: the label that it is about, if it is about one.
    """

    what: str
    words: str
    hint: str
    label: str = ""


def missing(studio: Studio) -> Missing:
    """Why there is no model, as far as the folder and the training tell."""
    counts = dict.fromkeys(studio.folder.labels, 0)
    for one in studio.folder.pictures:
        if one.label and one.part == LEARN and one.decided != "drop":
            counts[one.label] = counts.get(one.label, 0) + 1
    bare = [label for label, count in counts.items() if not count]
    if not counts:
        return Missing("labels", "There is no label yet.", "Add two labels, and pictures of each.")
    if len(counts) == 1:
        words = f"{shown(*counts)} is the only label, and a model tells one from another."
        return Missing("second", words, "Add a second label.", *counts)
    if len(counts) - len(bare) < 2:
        return Missing(
            "pictures", f"{shown(bare[0])} has no pictures yet.", "Add some to it.", bare[0]
        )
    error, hint = studio.training.error
    if error:
        return Missing("failed", error, hint or "It is tried again after the next change.")
    return Missing("training", "The first model is being trained.", "It takes a few seconds.")


def trained(studio: Studio) -> TrainResult:
    """What the newest training has given.

    Raises:
        ModelError: there was none yet; it says what is missing.
    """
    if result := studio.training.result:
        return result
    why = missing(studio)
    raise ModelError(f"There is no model yet. {why.words}", hint=why.hint)


def model_json(studio: Studio) -> dict[str, Json]:
    """`{"ready": true, "trained", "age", "pictures", "unknown_above", "unsure_below"}`: when it was
    trained tells models apart, and its age is in seconds; or `{"ready": false, "missing", "label",
    "words"}`."""
    result = studio.training.result
    if not result:
        why = missing(studio)
        return {"ready": False, "missing": why.what, "label": why.label, "words": why.words}
    above = result.classifier.unknown_above
    return {
        "ready": True,
        "trained": studio.training.finished,
        "age": time.time() - studio.training.finished,
        "pictures": sum(result.classifier.manifest.counts),
        "unknown_above": above if math.isfinite(above) else None,
        "unsure_below": studio.training.sure_above,
    }
