"""What the data lacks -> sentences: the same words in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator

from ..evaluation.sentences import bounds
from ..health.subgroups import Subgroup
from ..text import label_words, percent, several
from .gaps import Gaps


def advice_words(gaps: Gaps, subgroup: Subgroup) -> str:
    """What to do about a subgroup, in a sentence or two that its numbers support."""
    label = label_words(gaps.label(subgroup))
    have = f"{len(subgroup.learnt):,} of {gaps.learnt_of(subgroup):,} training pictures"
    if subgroup.missing:
        seen = several(len(subgroup.tested), "picture")
        said = f"{label}: {seen} like these {gaps.what_tested}, but only {have}"
        if not len(subgroup.learnt):
            said = f"{label}: {seen} like these {gaps.what_tested}, but no training picture"
    elif gaps.tested and len(subgroup.tested):
        tested = several(len(subgroup.tested), "test picture")
        said = f"{label}: {tested} like these, and {have}"
    else:
        said = f"{label}: {have} like these"
    to_do = f"Add {subgroup.add:,} more."
    if not subgroup.missing and gaps.learnt_wrong(subgroup):
        to_do = (
            f"First check that these really show {label}. If they do, add {subgroup.add:,} more."
        )
    return f"{said}; {wrong_words(gaps, subgroup)}. {to_do}"


def wrong_words(gaps: Gaps, subgroup: Subgroup) -> str:
    """How many pictures of a subgroup the model gets wrong."""
    if gaps.by_scores(subgroup):
        count = f"{subgroup.likely_wrong:.0f} of {len(subgroup.tested):,}"
        return f"about {count} are wrong, to judge by their scores"
    proportion = gaps.judged(subgroup)
    if not proportion.n:
        return "none was judged"
    said = f"{proportion.correct:,} of {proportion.n:,} judged wrong"
    if subgroup.hard and subgroup.rest.n:
        said += f" (of the label's other pictures {percent(subgroup.rest.value)})"
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
        f"That would prevent about {subgroup.mended.value:.1f} errors in 100 pictures "
        f"({low:.1f} to {high:.1f})."
    )
    if not gaps.by_scores(subgroup) and gaps.judged(subgroup).n:
        said += f" The model gets {bounds(gaps.judged(subgroup))} % of these wrong (95 % interval)."
    return said


def unknown_words(gaps: Gaps) -> Iterator[str]:
    """Sentences on the pictures that are unlike everything the model learnt from, if any."""
    if gaps.unknown:
        count, one = several(len(gaps.unknown), "picture"), len(gaps.unknown) == 1
        yield (
            f"{count} {'is' if one else 'are'} unlike everything the model learnt from, and in no "
            f"subgroup. If {'it shows' if one else 'they show'} one of your labels, label and add "
            f"{'it' if one else 'them'}."
        )
    if gaps.labelled_unknown:
        one = gaps.labelled_unknown == 1
        yield (
            f"{several(gaps.labelled_unknown, 'picture')} {gaps.what_tested} "
            f"{'is' if one else 'are'} unlike everything the model learnt from. Check "
            f"{'its label' if one else 'their labels'}. If {'it is' if one else 'they are'} right, "
            f"add more pictures like {'it' if one else 'them'}."
        )
