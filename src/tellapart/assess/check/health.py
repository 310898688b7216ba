"""What a check of labelled pictures gives: its findings, and how well a model does on them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ...dataset.sources import Dataset, SkippedFile
from ...errors import UsageError, option
from ...evaluation.metrics import Proportion
from ...evaluation.occasions import Bursts
from ...health.label_errors import LIKELY, LabelErrors
from ...text import first_few, shown
from ..pictures import Pictures
from . import mending
from .looked import Looked

KINDS: Mapping[str, str] = {
    "leak": "a test picture that is a copy of a training picture",
    "conflict": "copies of one picture under several labels",
    "wrong-label": "a picture that likely has another label",
    "burst": "pictures of one occasion, which a fair test keeps together",
    "duplicate": "copies of one picture under one label",
    "harmful": "a training picture that pushes others towards wrong answers",
    "stranger": "a picture that likely shows none of the labels",
    "confusable": "two labels that the embeddings hardly tell apart",
    "two-in-one": "one label whose pictures are of two sorts",
    "shortcut": "something that tells a label and has nothing to do with it",
    "imbalance": "a label with far fewer pictures than others",
    "unreadable": "a file that cannot be read",
    "blurred": "a picture without sharp edges",
    "dark": "a picture that is nearly black",
    "bright": "an overexposed picture",
    "empty": "a picture with hardly anything in it",
    "tiny": "a picture of very few pixels",
    "enlarged": "a small picture blown up",
    "aspect": "a picture of an odd shape",
    "screenshot": "a screenshot, or a picture of text",
}
"""The kinds of findings, those that spoil a figure or a model most first."""


def kinds_of(text: str, setting: str) -> tuple[str, ...]:
    """The kinds that a list such as "conflicts,leaks" names, in the singular or the plural.

    Raises:
        UsageError: it names something else; `setting` is what the list was given to.
    """
    singular = {kind: kind for kind in KINDS} | {_plural(kind): kind for kind in KINDS}
    names = [name.strip() for name in text.split(",") if name.strip()]
    strange = [name for name in names if name not in singular]
    if strange or not names:
        raise UsageError(
            f"{option(setting)} {shown(text)} names no kind of finding"
            + (f": {first_few(strange)}." if strange else "."),
            hint=f"Give one or more, with commas between: {', '.join(KINDS)}.",
        )
    return tuple(dict.fromkeys(singular[name] for name in names))


def _plural(kind: str) -> str:
    return kind if kind in {"two-in-one"} else f"{kind}s"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with its pictures and the command that mends it.

    Attributes:
        kind: a key of `KINDS`.
        paths: the names of its pictures below the source, the most telling first.
        label: the label that they have; None where there is none, or several.
        suggested: the label that they likely have; of two that nothing tells apart, the other.
        sure: whether it can be mended without being looked at.
        score: how likely, or how strong it is, 0 to 1.
        cost: what it costs, in points of accuracy.
        mend: the command that mends it.
        words: what was found, as a sentence.
        sides: of what has two sides, the pictures of either, the most telling first.
        halves: of a label of two sorts, all pictures of either; of a very large label, of those
            that were looked at.
    """

    kind: str
    paths: tuple[str, ...]
    words: str
    label: str | None = None
    suggested: str | None = None
    sure: bool = False
    score: float = 1.0
    cost: float = 0.0
    mend: str = ""
    sides: tuple[tuple[str, ...], ...] = ()
    halves: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Health:
    """What was found in labelled pictures.

    Attributes:
        dataset: the source.
        pictures: those that could be read.
        accuracy: how many training pictures a head that never saw them gets right.
        bursts: whether they come in bursts, and how accurate a model is apart from them.
        findings: the dearest first; of a kind with very many, the dearest.
        skipped: files that were passed over, with the reason.
        notes: sentences on what to know.
        label_errors: how likely each label is wrong, and in words what that list is worth.
        looked: what the findings were found in.
        quality: what the pictures were embedded with.
        groups: what was kept together, as it was asked for.
        more: how many findings of a kind are not listed, where some are not.
    """

    dataset: Dataset
    pictures: Pictures
    accuracy: Proportion
    bursts: Bursts
    findings: tuple[Finding, ...]
    skipped: tuple[SkippedFile, ...] = ()
    notes: tuple[str, ...] = field(default=())
    label_errors: LabelErrors | None = None
    looked: Looked | None = field(default=None, repr=False)
    quality: str = "good"
    groups: str = "auto"
    more: Mapping[str, int] = field(default_factory=dict)

    def walk(self, kind: str = "") -> str:
        """The command that goes through the findings, or those of a kind, as they were asked
        for."""
        command = mending.walk(self.dataset, kind)
        return mending.asked_again(command, quality=self.quality, groups=self.groups)

    def asked(self, quality: str, groups: str) -> Health:
        """The same, with commands that ask for this quality and these groups again."""
        asking = replace(self, quality=quality, groups=groups)
        return replace(asking, findings=tuple(map(asking.asking, self.findings)))

    def asking(self, one: Finding) -> Finding:
        """A finding with a command that asks for what this check was asked for."""
        mend = mending.asked_again(one.mend, quality=self.quality, groups=self.groups)
        return replace(one, mend=mend)

    def of(self, *kinds: str) -> tuple[Finding, ...]:
        """The findings of some kinds."""
        return tuple(one for one in self.findings if one.kind in kinds)

    def likely(self, *kinds: str) -> tuple[Finding, ...]:
        """The same without labels that are more likely right than wrong, which are among them where
        every picture is ranked."""
        return tuple(
            one for one in self.of(*kinds) if one.kind != "wrong-label" or one.score >= LIKELY
        )

    def unlisted(self, kind: str) -> int:
        """How many likely findings of a kind are not listed."""
        if kind != "wrong-label" or self.label_errors is None:
            return self.more.get(kind, 0)
        return min(
            self.more.get(kind, 0), max(0, len(self.label_errors.likely) - len(self.likely(kind)))
        )
