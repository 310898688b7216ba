"""What the data lacks -> sentences: the same words in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator

from ..evaluation.metrics import Share
from ..evaluation.sentences import bounds
from ..health.subgroups import Look
from ..text import label_words, percent, several
from .gaps import Gaps


def advice_words(gaps: Gaps, look: Look) -> str:
    """What to do about a look, in a sentence or two that its numbers carry."""
    label = label_words(gaps.label(look))
    have = f"{len(look.learnt):,} of {gaps.learnt_of(look):,} learnt from"
    if look.missing:
        seen = several(len(look.tested), "picture")
        said = f"{label}: {seen} like these {gaps.what_tested}, but only {have}"
        if not len(look.learnt):
            said = f"{label}: {seen} like these {gaps.what_tested}, but none learnt from"
    elif gaps.tested and len(look.tested):
        like = "looks like these" if len(look.tested) == 1 else "look like these"
        said = f"{label}: {len(look.tested):,} of those tested {like}, and {have}"
    else:
        said = f"{label}: {several(look.size, 'picture')} like these, {have}"
    to_do = f"Add {look.add:,} more."
    if not look.missing and gaps.learnt_wrong(look):
        to_do = f"First check that these really show {label}; if they do, add {look.add:,} more."
    return f"{said}; {wrong_words(gaps, look)}. {to_do}"


def wrong_words(gaps: Gaps, look: Look) -> str:
    """How many of a look's pictures are judged wrong."""
    if _by_scores(gaps, look):
        return f"by their scores about {look.likely_wrong:.0f} of {len(look.tested):,} are wrong"
    share = _judged(look)
    if not share.n:
        return "none was judged"
    said = f"{share.correct:,} of {share.n:,} judged wrong"
    if look.hard and look.rest.n:
        said += f", of the others {percent(look.rest.value)}"
    return said


def worth_words(gaps: Gaps, look: Look) -> str:
    """What the advice would bring, and how sure the figures are."""
    low, high = look.mended.interval
    said = (
        f"That would mend about {look.mended.value:.1f} errors in 100 pictures "
        f"({low:.1f} to {high:.1f})"
    )
    if not _by_scores(gaps, look) and _judged(look).n:
        said += f"; judged wrong are {bounds(_judged(look))} % (95 % interval)"
    return f"{said}."


def stranger_words(gaps: Gaps) -> Iterator[str]:
    """What is said of pictures unlike everything learnt, if there are any."""
    if gaps.strangers:
        count, one = several(len(gaps.strangers), "picture"), len(gaps.strangers) == 1
        yield (
            f"{count} {'is' if one else 'are'} unlike everything learnt, and in no look. If "
            f"{'it is' if one else 'they are'} of one of your labels, label and add "
            f"{'it' if one else 'them'}."
        )
    if gaps.labelled_strangers:
        one = gaps.labelled_strangers == 1
        yield (
            f"{several(gaps.labelled_strangers, 'picture')} {gaps.what_tested} "
            f"{'is' if one else 'are'} unlike everything learnt. Check "
            f"{'its label' if one else 'their labels'}; if {'it is' if one else 'they are'} right, "
            f"add more like {'it' if one else 'them'}."
        )


def _by_scores(gaps: Gaps, look: Look) -> bool:
    """Whether only the scores say how many of a look are wrong."""
    return not gaps.known and bool(len(look.tested)) and (look.missing or not look.hard)


def _judged(look: Look) -> Share:
    return look.wrong_tested if look.wrong_tested and look.missing else look.wrong
