"""The answers that a question about a finding takes: what each decides, and the keys that give it.
A terminal and a page offer the same ones, each in its own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .check.mending import DROP, KEEP, Mend
from .fixing import TOGETHER, Question

ENTER, OTHER_LABEL = "enter", "l"  # keys
SUGGESTED, LABEL, KEEP_IT, KEEP_ALL = "suggested", "label", "keep", "keep-all"
OTHER, DROP_IT, DROP_ALL = "other-label", "drop", "drop-all"
_NUMBERED = 9  # labels of a conflict that have a key


@dataclass(frozen=True)
class Answer:
    """One way to deal with a question.

    Attributes:
        meaning: what it says: SUGGESTED and the other words above.
        keys: what is pressed for it, the one to show first.
        mend: what it decides; None where a label is still to be named.
        label: of LABEL, what the pictures are then said to show.
    """

    meaning: str
    keys: tuple[str, ...]
    mend: Mend | None
    label: str = ""


def answers_to(question: Question, label_of: Mapping[str, str]) -> Iterator[Answer]:
    """All answers, the suggested one first; `label_of` are the labels in force by the names of
    pictures."""
    names, suggestion = question.names, question.suggestion
    together, burst = question.kind in TOGETHER, question.kind == "burst"
    suggests_drop = suggestion is not None and suggestion.how == DROP
    if suggestion and question.kind != "conflict":
        keys = (ENTER, "y", "d") if suggests_drop and not burst else (ENTER, "y")
        yield Answer(SUGGESTED, keys, suggestion)
    if question.kind == "conflict":  # copies of which those of one label stay
        for at, label in enumerate(labels_of(question, label_of)[:_NUMBERED], 1):
            others = tuple(n for n in question.finding.paths if label_of.get(n) != label)
            likely = suggestion and label == question.finding.suggested
            mend = suggestion if suggestion and likely else Mend(others, DROP)
            yield Answer(LABEL, (str(at),), mend, label)
    if not burst:
        kept = Mend(question.finding.paths if together else names, KEEP)
        yield Answer(KEEP_ALL if together else KEEP_IT, ("k", "n"), kept)
    if not together:
        yield Answer(OTHER, (OTHER_LABEL,), None)
    if not suggests_drop and not burst:
        yield Answer(DROP_IT, ("d",), Mend(names, DROP))
    elif question.kind == "conflict":
        yield Answer(DROP_ALL, ("d",), Mend(question.finding.paths, DROP))


def labels_of(question: Question, label_of: Mapping[str, str]) -> list[str]:
    """The labels of a finding's pictures, each once."""
    return list(dict.fromkeys(label_of.get(name, "") for name in question.finding.paths))
