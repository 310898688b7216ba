"""Labels that are likely wrong: a finding for each picture, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...head.regression import ROUGH
from ...health.label_errors import LIKELY, LabelErrors
from ...text import label_words
from . import mending
from .health import Finding
from .looked import Looked


def wrong_labels(looked: Looked) -> Iterator[Finding]:
    """A finding for each picture whose label is more likely wrong than right; for each picture at
    all where every one is to be ranked."""
    errors, pictures = looked.label_errors, looked.pictures
    likely = errors.likely
    gain = _gain(looked, errors, likely) if len(likely) else 0.0
    whole = max(float(errors.scores[likely].sum()), 1e-12)
    for place, at in enumerate((errors.order if looked.every else likely).tolist()):
        name, label = pictures.names[at], pictures.labels[int(pictures.truth[at])]
        suggested = pictures.labels[int(errors.suggested[at])]
        score = float(errors.scores[at])
        wrong = place < len(likely)
        yield Finding(
            "wrong-label",
            (name,),
            _words(label, suggested, score, bool(errors.sure[at])),
            label=label,
            suggested=suggested,
            sure=bool(errors.sure[at]),
            score=score,
            cost=gain * score / whole if wrong else 0.0,
            mend=mending.relabel(looked.dataset, [name], suggested) if wrong else "",
        )


def _words(label: str, suggested: str, score: float, sure: bool) -> str:
    own, other = label_words(label), label_words(suggested)
    if sure:
        return f"Labelled {own}: all judges take it for {other}."
    if score >= LIKELY:
        return f"Labelled {own}: likely {other} ({100 * score:.0f} %)."
    return f"Labelled {own}: likely right. If it is wrong, then likely {other}."


def _gain(looked: Looked, errors: LabelErrors, likely: np.ndarray) -> float:
    """The points of accuracy that mending brings: heads are fitted and tested again, out of fold,
    with the labels `likely` to be wrong changed to those suggested. Of very many pictures none is
    fitted again: those count that heads take for what is suggested already."""
    if looked.many:
        learnt = likely[~looked.pictures.held_out[likely]]
        at = looked.places(learnt.tolist())
        agreed = (looked.given[at] == errors.suggested[learnt]) & looked.judged[at]
        more = np.count_nonzero(agreed) - np.count_nonzero(looked.right[at])
        return max(0.0, 100 * int(more) / max(1, looked.accuracy.n))
    mended = looked.pictures.truth.copy()
    mended[likely] = errors.suggested[likely]
    mended = mended[looked.rows]
    right, judged = 0, np.zeros(len(mended), bool)
    for number, prepared in looked.found.prepared.items():
        inside = looked.fold != number
        if looked.found.recipe is None or len(np.unique(mended[inside])) < 2:
            continue
        head = looked.found.recipe.fit(prepared.relabelled(mended[inside]), ROUGH)
        answers = head.logits(looked.vectors[~inside]).argmax(axis=1)
        right += int(np.count_nonzero(answers == mended[~inside]))
        judged |= ~inside
    judged &= looked.judged
    if not judged.any():
        return 0.0
    before = float(np.mean(looked.right[judged]))
    return max(0.0, 100 * (right / int(judged.sum()) - before))
