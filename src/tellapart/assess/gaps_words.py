"""What the data lacks -> sentences: the same words in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator

from ..evaluation.sentences import bounds
from ..health.subgroups import Subgroup
from ..text import label_words, percent, several
from .gaps import Gaps


def advice_words(gaps: Gaps, subgroup: Subgroup) -> str:
    """What to do about a look, in a sentence or two that its numbers carry."""
    label = label_words(gaps.label(subgroup))
    have = f"{len(subgroup.learnt):,} of {gaps.learnt_of(subgroup):,} learnt from"
    if subgroup.missing:
        seen = several(len(subgroup.tested), "picture")
        said = f"{label}: {seen} like these {gaps.what_tested}, but only {have}"
        if not len(subgroup.learnt):
            said = f"{label}: {seen} like these {gaps.what_tested}, but none learnt from"
    elif gaps.tested and len(subgroup.tested):
        like = "looks like these" if len(subgroup.tested) == 1 else "look like these"
        said = f"{label}: {len(subgroup.tested):,} of those tested {like}, and {have}"
    else:
        said = f"{label}: {several(subgroup.size, 'picture')} like these, {have}"
    to_do = f"Add {subgroup.add:,} more."
    if not subgroup.missing and gaps.learnt_wrong(subgroup):
        to_do = (
            f"First check that these really show {label}; if they do, add {subgroup.add:,} more."
        )
    return f"{said}; {wrong_words(gaps, subgroup)}. {to_do}"


def wrong_words(gaps: Gaps, subgroup: Subgroup) -> str:
    """How many of a look's pictures are judged wrong."""
    if gaps.by_scores(subgroup):
        count = f"{subgroup.likely_wrong:.0f} of {len(subgroup.tested):,}"
        return f"by their scores about {count} are wrong"
    share = gaps.judged(subgroup)
    if not share.n:
        return "none was judged"
    said = f"{share.correct:,} of {share.n:,} judged wrong"
    if subgroup.hard and subgroup.rest.n:
        said += f", of the others {percent(subgroup.rest.value)}"
    return said


def worth_words(gaps: Gaps, subgroup: Subgroup) -> str:
    """What the advice would bring, and how sure the figures are."""
    low, high = subgroup.mended.interval
    if not gaps.any_wrong(subgroup):
        return (
            "None of these is known to be wrong. More of them would mend "
            f"{low:.1f} to {high:.1f} errors in 100 pictures (95 % interval)."
        )
    said = (
        f"That would mend about {subgroup.mended.value:.1f} errors in 100 pictures "
        f"({low:.1f} to {high:.1f})"
    )
    if not gaps.by_scores(subgroup) and gaps.judged(subgroup).n:
        said += f"; judged wrong are {bounds(gaps.judged(subgroup))} % (95 % interval)"
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
