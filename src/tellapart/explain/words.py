"""Numbers -> the sentences of an explanation. A sentence is used only if its rule holds.

The rules compare numbers with thresholds that have names here and in `places.py`. They know only
the numbers, not the picture, so the sentences are true of the numbers and of nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..text import label_words, shown
from .explanation import Neighbour
from .places import SEVERAL, Appearance, described, place

HARDLY = 0.1  # of all evidence: a side with less has hardly any
NEAR, FAR = 0.5, 0.95  # of the model's own pictures are nearer to theirs
SAME = 1e-4  # cosine distance below which a training picture is this very picture
ALONE = 0.2  # of all that argues for the winner: a training picture with more stands out
TIMES = 4.0  # and it has so many times the share that is usual for those that argue for it
OF_MAPS = ("orange", "blue")  # colours that a reader of maps would take for theirs


BY_FOLD = "It is a training picture, so a model that had not learnt from it judges it here."


@dataclass(frozen=True)
class Facts:
    """What the sentences are made from; see `Explanation` for the words.

    Attributes:
        label: the label that the picture got.
        score: its score.
        rival: the label that it is compared with.
        own: the label that the picture really has, if that is known.
        unknown: whether the picture is none of the labels.
        lead: the winner's map minus its rival's, `[h,w]`.
        appearance: what the picture looks like in each cell of the map.
        nearest: the closest training pictures.
        remoteness: the fraction of training pictures that have a closer one.
        margin: the training pictures' shares in the winner's logit minus those in its rival's,
            `[N]`; empty if the logits do not split.
        names: the names of these training pictures.
        rest: what training pictures that the record does not keep add to that lead together.
        unkept: how many these are.
        by_fold: whether a head of the cross-validation judged, which never saw the picture.
    """

    label: str
    score: float
    rival: str
    own: str
    unknown: bool
    lead: np.ndarray
    appearance: Appearance
    nearest: Sequence[Neighbour]
    remoteness: float | None
    margin: np.ndarray
    names: Sequence[str]
    by_fold: bool = False
    rest: float = 0.0
    unkept: int = 0


def sentences(facts: Facts) -> tuple[str, ...]:
    """All that can be said, the answer first."""
    return (
        answer(facts),
        *([BY_FOLD] if facts.by_fold else []),
        *where(facts.lead, facts.rival, facts.appearance),
        *neighbourhood(facts.nearest, facts.remoteness),
        *(together(facts) if facts.unkept else weightiest(facts.margin, facts.names)),
    )


def answer(facts: Facts) -> str:
    """What the picture was taken for, how surely, and what it is where that is another."""
    said = f"{label_words(facts.label)} {facts.score:.2f}"
    if facts.unknown:
        said = f"None of these; the closest label is {said}"
    if facts.own and facts.own != facts.label:
        said += f", but it is {label_words(facts.own)}"
    return f"{said}."


def where(lead: np.ndarray, rival: str, appearance: Appearance) -> Iterator[str]:
    """Where the winner's evidence lies and where its rival's, and what is there."""
    gain, loss = arguing(lead)
    other = label_words(rival)
    if not gain and not loss:
        yield f"No place in the picture argues for it or for {other}."
    elif not loss:
        yield f"{_area(lead, appearance)} for it, and hardly anything for {other}."
    else:
        against = _area(-lead, appearance)
        yield f"{_area(lead, appearance)} for it; {against[0].lower()}{against[1:]} for {other}."


def arguing(lead: np.ndarray) -> tuple[float, float]:
    """How much of a map argues for the winner, and how much for its rival: 0 where that is hardly
    any of both."""
    gain, loss = (float(np.maximum(side, 0).sum()) for side in (lead, -lead))
    return gain, 0.0 if loss < HARDLY * (gain + loss) else loss


def _area(lead: np.ndarray, appearance: Appearance) -> str:
    """`The dark, plain area on the left argues most`; where no word fits, `The left argues most`;
    or what is spread over the picture."""
    at = place(lead)
    if not at:
        return "Places all over the picture argue"
    kind, colour = described(lead, appearance)
    aside = ""
    if colour in OF_MAPS:
        aside = f", {colour} in the picture,"
    elif colour:
        kind = f"{kind}, {colour}" if kind else colour
    if at == SEVERAL:
        subject = f"{kind} areas {at}" if kind else "several places"
    else:  # without a word for it the place alone: "at the top left" is "the top left"
        subject = f"the {kind} area {at}" if kind else at.partition(" ")[2]
    verb = "argue" if at == SEVERAL or (subject.endswith("the edges") and not kind) else "argues"
    return f"{subject[0].upper()}{subject[1:]}{aside} {verb} most"


def neighbourhood(nearest: Sequence[Neighbour], remoteness: float | None) -> Iterator[str]:
    """Whose pictures are the nearest, and whether they are near."""
    if not nearest:
        return
    if nearest[0].distance < SAME:
        yield f"It is a training picture, or a copy of one: {shown(nearest[0].name)}."
        nearest, remoteness = nearest[1:], None
        if not nearest:
            return
    yield f"{_labels_of(nearest)}{_how_far(remoteness)}."


def _labels_of(nearest: Sequence[Neighbour]) -> str:
    count = Counter(label_words(one.label) for one in nearest)
    first = label_words(nearest[0].label)
    if len(nearest) == 1:
        return f"The closest training picture is {first}"
    if len(count) == 1:
        return f"The {len(nearest)} closest training pictures are all {first}"
    parts = [f"{n} {'is' if n == 1 else 'are'} {label}" for label, n in count.most_common()]
    joined = " and ".join([", ".join(parts[:-1]), parts[-1]])
    return f"Of the {len(nearest)} closest training pictures {joined}"


def _how_far(remoteness: float | None) -> str:
    if remoteness is None:
        return ""
    if remoteness >= FAR:
        closer = min(99, int(100 * remoteness))
        return f", but they are far away: {closer} % of the training pictures have a closer one"
    return ", and they are near" if remoteness <= NEAR else ""


def together(facts: Facts) -> Iterator[str]:
    """What the training pictures that are kept add to the winner's lead, and what the others do."""
    kept = f"the {len(facts.margin):,} training pictures that the record keeps"
    yield (
        f"To its lead over {label_words(facts.rival)}, {kept} add {facts.margin.sum():+.2f} "
        f"together, and the {facts.unkept:,} others {facts.rest:+.2f}."
    )


def weightiest(margin: np.ndarray, names: Sequence[str]) -> Iterator[str]:
    """Whether one training picture alone argues with an unusually large share.

    `margin` `[N]` are the shares in the winner's logit minus those in its rival's.
    """
    arguing = margin[margin > 0]
    if not arguing.size:
        return
    at = int(margin.argmax())
    part = float(margin[at] / arguing.sum())
    if part >= max(ALONE, TIMES / arguing.size):
        yield (
            f"One training picture alone brings {100 * part:.0f} % of what argues for this label: "
            f"{shown(names[at])}."
        )
