"""Results -> sentences: the same words in the terminal, the report, the card and a notebook."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..files.addresses import is_address
from ..head.kinds import REGRESSION, Compared, Part
from ..text import label_words, percent, several, shown
from .coverage import SURE, Covered, fewest
from .judged import Evaluation
from .metrics import Estimate, Proportion
from .occasions import TO_KNOW, Bursts
from .unknowns import FEWEST_LABELS, FEWEST_PICTURES, Unknowns

UNSEEN = {
    "cross-validated": "it had never seen",
    "validation": "it had not learnt from",
    "held out": "it had never seen",
    "tested": "it was tested on",
}
"""What the pictures of an evaluation were to the model, by its name."""


WORTH = {
    "cross-validated": (
        "A model that had not seen the picture judged each training picture. Use this figure to "
        "compare labels, settings and data."
    ),
    "validation": (
        "These pictures decided when training stopped, so this figure is a little too high. Use it "
        "to compare settings."
    ),
    "held out": (
        "The finished model judged pictures that were kept back from training. Expect this of new "
        "pictures."
    ),
    "tested": "The finished model judged these pictures. Expect this of pictures like these.",
}
"""What the accuracy of an evaluation can be trusted for, by the evaluation's name."""

_FLATTERS = (
    "The finished model judged pictures that were kept back from training, but that are of the "
    "same moments. Of other occasions expect less."
)


def worth_words(name: str, bursts: Bursts) -> str:
    """What the accuracy of an evaluation can be trusted for."""
    if name == "held out" and bursts.flatter(name):
        return _FLATTERS
    return WORTH.get(name, "")


def occasions_words(what: str, groups: np.ndarray | None) -> Iterator[str]:
    """That the pictures called `what` are of few occasions, numbered int `[N]`; nothing where each
    stands alone."""
    if groups is None:
        return
    yield (
        f"The {what} pictures come in bursts: {several(len(groups), 'picture')} of about "
        f"{several(len(np.unique(groups)), 'occasion')}. Pictures of one occasion go right and "
        "wrong together, so the interval of the accuracy goes by occasions."
    )


def headline(evaluations: Mapping[str, Evaluation]) -> tuple[str, Evaluation]:
    """The evaluation to be believed, and its name: the lowest, where another lies above it by more
    than chance; else the one that rests on most pictures, or of equals the last."""
    judged = {name: one for name, one in evaluations.items() if one.accuracy.n} or evaluations
    lowest = min(judged, key=lambda name: judged[name].accuracy.interval[1])
    below = judged[lowest].accuracy.interval[1]
    if any(one.accuracy.interval[0] > below for one in judged.values()):
        return lowest, judged[lowest]
    sizes = [(len(one.truth), at) for at, one in enumerate(evaluations.values())]
    return list(evaluations.items())[max(sizes)[1]]


def headline_words(evaluations: Mapping[str, Evaluation], bursts: Bursts) -> str:
    """What to expect of new pictures, in a sentence, where it is not the first figure of the
    `evaluations`; empty where it is."""
    name, main = headline(evaluations)
    others = [one for other, one in evaluations.items() if other != name]
    if any(one.accuracy.interval[0] > main.accuracy.interval[1] for one in others):
        return (
            f"Expect {percent(main.accuracy.value)} ({bounds(main.accuracy)}) of new pictures: "
            f"{name}, the lower of two figures that differ by more than chance."
        )
    if bursts.tested and bursts.parted and "held out" in evaluations:
        held = evaluations["held out"].accuracy
        return (
            f"Expect {percent(held.value)} ({bounds(held)}) of new pictures: held out, which are "
            "of other occasions than those it learnt from."
        )
    if bursts.expected:
        return f"Expect {bursts.expected}. To know, {TO_KNOW}."
    return ""


def verdict(evaluation: Evaluation, name: str, bursts: Bursts | None = None) -> tuple[str, str]:
    """Two sentences: how often it is right, and what that is worth. Where pictures come in `bursts`
    and were judged by a model that had seen others of the same moments, it says what to expect of
    other occasions."""
    proportion = evaluation.accuracy
    if not proportion.n:
        return (
            "It is not known how often the model is right: no picture could judge it.",
            "Add pictures, and train again.",
        )
    if bursts and bursts.flatter(name):
        other = f"expect {bursts.range} %" if bursts.range else "the accuracy is not known"
        return (
            f"Right for {percent(proportion.value)} of {several(proportion.n, 'picture')} of the "
            f"same moments as those it learnt from; on pictures of other occasions {other}."
            + ("" if bursts.tested else f" To know, {TO_KNOW}."),
            commonest_words(evaluation),
        )
    first = (
        f"Right for {percent(proportion.value)} of {several(proportion.n, 'picture')} "
        f"{UNSEEN.get(name, 'it was judged by')} (95 % interval {bounds(proportion)} %)."
    )
    return first, commonest_words(evaluation)


def commonest_words(evaluation: Evaluation) -> str:
    """What to compare the accuracy with."""
    often = percent(evaluation.baseline.value)
    return f"Always saying the commonest label would be right for {often}."


def head_words(parts: Sequence[Part]) -> str:
    """What a head is: "the mean of a regression (C = 0.1) and a discriminant (shrinkage 0.73)"."""
    kinds = [_part_words(part) for part in parts]
    return kinds[0] if len(kinds) == 1 else f"the mean of {' and '.join(kinds)}"


def _part_words(part: Part) -> str:
    temperature = f"temperature {part.temperature:.4g}"
    if part.setting is None:
        return f"a {part.kind} ({temperature})"
    name = "C =" if part.kind == REGRESSION else "shrinkage"
    return f"a {part.kind} ({name} {part.setting:.3g}, {temperature})"


def compared_words(compared: Sequence[Compared]) -> str:
    """By how much heads differ: "mean 0.331, regression 0.342, discriminant 0.351", and what that
    means; empty where there was no choice."""
    if len(compared) < 2:
        return ""
    found = ", ".join(f"{one.kind} {one.loss:.3f}" for one in compared)
    return f"{found} (less is better; the mean is taken unless one is better by more than luck)"


def contradiction_words(
    cross_validated: Evaluation | None,
    held_out: Evaluation | None,
    bursts: Bursts | None = None,
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
    if share.interval[0] > other.interval[1] and bursts and bursts.parted:
        yield (
            f"{figures} The training pictures come in bursts, so each was judged by a model that "
            "had seen others of the same moments; the pictures held out are of other occasions. To "
            "know what to expect of new pictures, trust the figure held out."
        )
    elif share.interval[0] > other.interval[1]:
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


def absence_words(missing: int, where: str, *, private: bool, elsewhere: str = "") -> str:
    """Why pictures cannot be shown, and what to do: those of a `private` model were left out. With
    `where`, a flag or a command, one says where they are; `elsewhere` is the address or archive
    that is known."""
    if private:
        return (
            "This model was written without pictures and does not know where they are. If you have "
            f"them, say where with {where}."
        )
    if elsewhere:
        lie = f"{several(missing, 'picture')} cannot be shown: they lie in {shown(elsewhere)}"
        named = f"{where.removesuffix('DIR')}{shlex.quote(elsewhere)}"
        how = (
            f", and an address is asked for them only if you name it: {named}."
            if is_address(elsewhere)
            else f". Unpack it, and say where with {where}."
        )
        return f"{lie}{how} The report that train wrote shows pictures, too."
    return (
        f"{several(missing, 'picture')} cannot be shown, because the files are gone. If you moved "
        f"them, say where with {where}."
    )


def use_words(found: Covered, *, flatters: bool = False) -> str:
    """What to do with the score above which the model is sure. It `flatters` where it was found on
    pictures of the same moments as those learnt from."""
    if flatters:
        return (
            "That is of the same moments as those it learnt from. On pictures of other occasions "
            "it is sure of fewer, and right less often where it is: check its answers there."
        )
    if not found.score:
        return "All of its answers together are that reliable."
    return (
        f"Trust the model on pictures that it scores {found.score:g} or more, and check the others "
        "yourself."
    )


def same_score_words(name: str, found: Covered) -> str:
    """What the score that was chosen on other pictures gives on the ones called `name`."""
    words = f"The same score, {name}: {covered_words(found)}"
    if found.accuracy.n and found.accuracy.interval[1] < SURE:
        return f"{words} That is less than {percent(SURE, 0)}, and new pictures will be like these."
    return words


def proportion_words(proportion: Proportion) -> str:
    """`98.5 % (197 of 200; 95 % interval 95.7 to 99.5)`."""
    if not proportion.n:
        return "not known (no picture was judged)"
    return (
        f"{percent(proportion.value)} ({proportion.correct:,} of {proportion.n:,}; "
        f"95 % interval {bounds(proportion)})"
    )


def bounds(value: Proportion | Estimate) -> str:
    """The 95 % interval of a proportion in percent: `95.7 to 99.5`."""
    low, high = value.interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def estimate_words(value: Estimate, digits: int = 3) -> str:
    """`0.034 (0.011 to 0.060)`."""
    if math.isnan(value.value):
        return "not known"
    low, high = value.interval
    return f"{value.value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def sure_words(evaluation: Evaluation) -> str:
    """On how many pictures the model is sure, and above which score."""
    found, n = evaluation.sure, evaluation.count
    if found:
        return covered_words(found)
    if n < fewest():
        count = several(n, "picture")
        return f"{count.capitalize()} are too few to find a score that is {percent(SURE, 0)} right."
    return (
        f"No score is so high that {percent(SURE, 0)} of the answers above it are right: check all "
        "answers yourself."
    )


def covered_words(found: Covered) -> str:
    """`Sure on 71.0 % of pictures (213 of 300, scored 0.83 or more), and right on 99.5 % of those
    (95 % interval 97.4 to 99.9).`"""
    proportion, right = found.coverage, found.accuracy
    counted = f"{proportion.correct:,} of {proportion.n:,}"
    asked = f", scored {found.score:g} or more" if found.score else ""
    if not proportion.correct:
        return f"Sure on 0 % of pictures ({counted}{asked})."
    return (
        f"Sure on {percent(proportion.value)} of pictures ({counted}{asked}), and right on "
        f"{percent(right.value)} of those (95 % interval {bounds(right)})."
    )


def calibration_words(evaluation: Evaluation) -> str:
    """Whether the model's scores can be trusted."""
    if not evaluation.count:
        return "It is not known how far its scores can be trusted: no picture was judged."
    error = evaluation.calibration_error
    low, high = error.interval
    found = (
        f"On average, its scores differ by {100 * error.value:.1f} points from how often they are "
        f"right (95 % interval {100 * low:.1f} to {100 * high:.1f})"
    )
    if evaluation.enough_to_calibrate:
        return f"{found}."
    count = several(evaluation.count, "picture")
    return (
        f"{count.capitalize()} are too few to know how far its scores can be trusted. {found}; "
        f"perfect scores would differ by {100 * evaluation.calibration_luck:.1f} points by chance."
    )


def unknown_words(found: Unknowns | None, counts: Sequence[int]) -> str:
    """How well a label would be told apart that the model was never shown; `counts` are the
    training pictures of each of its own."""
    if found:
        words = (
            "A label it was never shown would be told apart from its own with AUROC "
            f"{estimate_words(found.area, 2).removesuffix(')')}; 0.5 is chance, 1 is perfect)."
        )
        if found.held_out is None:
            return words
        return (
            f"{words} The pictures held out are less familiar to it than those learnt from: "
            f"against them the AUROC is {found.held_out:.2f}. Expect that of new pictures."
        )
    what = "How well it would tell apart a label it was never shown"
    if sum(count >= FEWEST_PICTURES for count in counts) < FEWEST_LABELS:
        return (
            f"{what} is not known: to measure that takes {FEWEST_LABELS} labels with "
            f"{FEWEST_PICTURES} pictures each."
        )
    return f"{what} was not measured."


def title(labels: tuple[str, ...]) -> str:
    """`daisy, rose or tulip?`; of very many, the first."""
    words = [label_words(label) for label in labels]
    if len(words) > 6:
        return ", ".join(words[:5]) + f" or {len(words) - 5:,} others?"
    return ", ".join(words[:-1]) + f" or {words[-1]}?"
