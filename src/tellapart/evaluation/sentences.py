"""Results -> sentences: the same words in the terminal, the report, the card and a notebook."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..text import label_words, percent, several
from .coverage import SURE, Covered, fewest
from .judged import Evaluation
from .metrics import Estimate, Proportion

UNSEEN = {
    "cross-validated": "it had never seen",
    "validation": "it had not learnt from",
    "held out": "it had never seen",
    "tested": "it was tested on",
}
"""What the pictures of an evaluation were to the model, by its name."""


WORTH = {
    "cross-validated": (
        "Every training picture, judged by a model that had not seen it: trust it to compare "
        "labels, settings and data."
    ),
    "validation": (
        "Pictures that chose when training stopped, so it flatters a little: trust it to compare "
        "settings."
    ),
    "held out": (
        "Pictures kept back from training, judged by the finished model: trust it for what to "
        "expect of new pictures."
    ),
    "tested": "Judged by the finished model: trust it as far as your pictures are like these.",
}
"""What the accuracy of an evaluation can be trusted for, by the evaluation's name."""


def verdict(evaluation: Evaluation, name: str) -> tuple[str, str]:
    """Two sentences: how often it is right, and what that is worth."""
    share = evaluation.accuracy
    if not share.n:
        return (
            "How often it is right is not known: no picture could judge it.",
            "Add pictures, and train again.",
        )
    first = (
        f"Right for {percent(share.value)} of {several(share.n, 'picture')} "
        f"{UNSEEN.get(name, 'it was judged by')} (95 % interval {bounds(share)} %)."
    )
    return first, commonest_words(evaluation)


def commonest_words(evaluation: Evaluation) -> str:
    """What the accuracy is to be held against."""
    share = percent(evaluation.baseline.value)
    return f"Always saying the commonest label would be right for {share}."


def contradiction_words(
    cross_validated: Evaluation | None, held_out: Evaluation | None
) -> Iterator[str]:
    """What it means that the two say different things: one's interval lies above the other's."""
    if not (cross_validated and held_out):
        return
    share, other = cross_validated.accuracy, held_out.accuracy
    if not (share.n and other.n):
        return
    figures = (
        f"{percent(share.value)} cross-validated ({bounds(share)}) and {percent(other.value)} held "
        f"out ({bounds(other)}) differ by more than chance."
    )
    if share.interval[0] > other.interval[1]:
        yield (
            f"{figures} Perhaps pictures of one burst, place or person were judged by a model that "
            "had seen others of them, or the pictures held out are of another kind. To know what "
            "to expect of new pictures, trust the figure held out."
        )
    elif other.interval[0] > share.interval[1]:
        yield (
            f"{figures} The pictures held out are easier than the others, or some are of a burst, "
            "place or person that was learnt from. To know what to expect of new pictures, trust "
            "the lower figure."
        )


def absence_words(missing: int, where: str, *, private: bool) -> str:
    """Why pictures cannot be shown, and what to do: those of a `private` model were left out. With
    `where`, a flag or a command, one says where they are."""
    if private:
        return (
            "This model was written without pictures, and does not know where they are. If you "
            f"have them, say where with {where}."
        )
    return (
        f"{several(missing, 'picture')} could not be found any more and cannot be shown. If they "
        f"were moved, say where with {where}."
    )


def use_words(found: Covered) -> str:
    """What the score from which on its answers are sure is good for."""
    if not found.score:
        return "All of its answers together are that reliable."
    return (
        f"Take its word for pictures that it scores {found.score:g} or more, and look at the "
        "others yourself."
    )


def same_score_words(name: str, found: Covered) -> str:
    """What the score that was chosen on other pictures gives on the ones called `name`."""
    words = f"The same score, {name}: {covered_words(found)}"
    if found.accuracy.n and found.accuracy.interval[1] < SURE:
        return f"{words} That is less than {percent(SURE, 0)}: expect it of new pictures."
    return words


def proportion_words(share: Proportion) -> str:
    """`98.5 % (197 of 200; 95 % interval 95.7 to 99.5)`."""
    if not share.n:
        return "not known (no picture was judged)"
    return (
        f"{percent(share.value)} ({share.correct:,} of {share.n:,}; 95 % interval {bounds(share)})"
    )


def bounds(value: Proportion | Estimate) -> str:
    """The 95 % interval of a share in percent: `95.7 to 99.5`."""
    low, high = value.interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def estimate_words(value: Estimate, digits: int = 3) -> str:
    """`0.034 (0.011 to 0.060)`."""
    if math.isnan(value.value):
        return "not known"
    low, high = value.interval
    return f"{value.value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def sure_words(evaluation: Evaluation) -> str:
    """On how many pictures its answers can be relied on, and from which score on."""
    found, n = evaluation.sure, len(evaluation.truth)
    if found:
        return covered_words(found)
    if n < fewest():
        count = several(n, "picture")
        return f"{count.capitalize()} are too few to say which score is {percent(SURE, 0)} right."
    return f"No score is high enough to be {percent(SURE, 0)} right."


def covered_words(found: Covered) -> str:
    """`Sure on 71.0 % of pictures (213 of 300, scored 0.83 or more), and right on 99.5 % of those
    (95 % interval 97.4 to 99.9).`"""
    share, right = found.coverage, found.accuracy
    counted = f"{share.correct:,} of {share.n:,}"
    asked = f", scored {found.score:g} or more" if found.score else ""
    if not share.correct:
        return f"Sure on 0 % of pictures ({counted}{asked})."
    return (
        f"Sure on {percent(share.value)} of pictures ({counted}{asked}), and right on "
        f"{percent(right.value)} of those (95 % interval {bounds(right)})."
    )


def calibration_words(evaluation: Evaluation) -> str:
    """Whether its scores can be taken at their word."""
    if not len(evaluation.truth):
        return "How far its scores can be trusted is not known: no picture was judged."
    error = evaluation.calibration_error
    low, high = error.interval
    found = (
        f"Its scores are on average {100 * error.value:.1f} points from how often they are right "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f})"
    )
    if evaluation.enough_to_calibrate:
        return f"{found}."
    count = several(len(evaluation.truth), "picture")
    return (
        f"{count.capitalize()} are too few to know how far its scores can be trusted. {found}; "
        f"perfect ones would be {100 * evaluation.calibration_luck:.1f} points off by luck alone."
    )


def title(labels: tuple[str, ...]) -> str:
    """`daisy, rose or tulip?`; of very many, the first."""
    words = [label_words(label) for label in labels]
    if len(words) > 6:
        return ", ".join(words[:5]) + f" or {len(words) - 5} others?"
    return ", ".join(words[:-1]) + f" or {words[-1]}?"
