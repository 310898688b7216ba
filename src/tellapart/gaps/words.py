"""What the data lacks -> sentences: the same words in the terminal and on the page."""

from __future__ import annotations

from ..sentences import bounds
from ..wording import label_words, percent, several
from . import Gaps
from .looks import Look


def advice_words(gaps: Gaps, look: Look) -> str:
    """What to do about a look, in a sentence or two that its numbers carry."""
    like = several(look.size, "picture")
    label = label_words(gaps.label(look))
    have = f"{len(look.learnt):,} of {gaps.learnt_of(look):,} learnt from"
    if look.missing:
        seen = several(len(look.tested), "picture")
        said = f"{label}: {seen} like these {gaps.what_tested}, but only {have}"
        if not len(look.learnt):
            said = f"{label}: {seen} like these {gaps.what_tested}, but none learnt from"
    elif gaps.tested and len(look.tested):
        said = f"{label}: {len(look.tested):,} of those tested look like these, and {have}"
    else:
        said = f"{label}: {like} like these, {have}"
    return f"{said}; {wrong_words(gaps, look)}. Add {look.add:,} more."


def wrong_words(gaps: Gaps, look: Look) -> str:
    """How many of a look's pictures are judged wrong; with the interval where it stands out."""
    if not gaps.known and len(look.tested) and (look.missing or not look.hard):
        return f"by their scores about {look.likely_wrong:.0f} of {len(look.tested):,} are wrong"
    share = look.wrong_tested if look.wrong_tested and look.missing else look.wrong
    if not share.n:
        return "none was judged"
    said = f"{share.correct:,} of {share.n:,} judged wrong"
    if look.stands_out:
        said += f" (95 % interval {bounds(share)} %)"
    if look.hard and look.rest.n:
        said += f", of the others {percent(look.rest.value)}"
    return said


def mended_words(look: Look) -> str:
    """What the advice would bring."""
    low, high = look.mended.interval
    return (
        f"would mend about {look.mended.value:.1f} errors in 100 pictures ({low:.1f} to {high:.1f})"
    )
