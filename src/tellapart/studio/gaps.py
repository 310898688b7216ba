"""What the data lacks, by the model in hand: subgroups with their pictures, in plain words."""

from __future__ import annotations

from collections.abc import Callable

from ..assess.gaps import Gaps, find_gaps
from ..assess.gaps_words import advice_words, worth_words, wrong_words
from ..health.subgroups import Subgroup
from ..model.classifier import Classifier
from ..to_json.results import Json

ON_A_SHEET = 12  # pictures of a subgroup
MOST = 12  # subgroups that stand out
NOTHING = 0.05  # errors in 100 pictures: to prevent fewer is told as 0.0


def gaps_of(classifier: Classifier, number: Callable[[str], int]) -> dict[str, Json]:
    """The subgroups that stand out and those that may; `tested` is how many pictures were kept for
    testing, and null where none were, as then only what is often wrong can be known."""
    gaps = find_gaps(classifier)
    return {
        "learnt": len(gaps.learnt.names),
        "tested": len(gaps.tested.names) if gaps.tested else None,
        "subgroups": len(gaps.subgroups),
        "advice": [_subgroup(gaps, one, number) for one in gaps.advice[:MOST]],
        "maybe": [
            _subgroup(gaps, one, number) for one in gaps.maybe if one.mended.value >= NOTHING
        ],
    }


def _subgroup(gaps: Gaps, one: Subgroup, number: Callable[[str], int]) -> Json:
    pictures = gaps.telling(one)[:ON_A_SHEET]
    return {
        "label": gaps.label(one),
        "missing": one.missing,
        "hard": one.hard,
        "thin": one.thin,
        "add": one.add,
        "words": advice_words(gaps, one),
        "wrong": wrong_words(gaps, one),
        "worth": worth_words(gaps, one),
        "pictures": [
            {
                "id": at,
                "label": each.label,
                "predicted": each.predicted,
                "tested": each.tested,
            }
            for each in pictures
            if (at := number(each.name))
        ],
    }
