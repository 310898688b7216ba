"""Findings -> one question after the other, and what each answer does to the accuracy.

Nothing is shown here: a terminal or a page shows `Walk.question`, and answers it. A decision is
written down at once (`Keeper`), so a walk that is left goes on where it stopped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ..dataset.decision import check_has_place
from ..dataset.sources import read_dataset
from ..evaluation.metrics import Proportion
from ..head.blocks import evenly
from ..health.label_errors import Rest, rest_after
from .check.checking import check
from .check.groups import by_kind as findings_by_kind
from .check.health import KINDS, Finding, Health
from .check.looked import Looked
from .check.mending import DROP, GROUP, KEEP, RELABEL, Mend, read
from .check.rescoring import accuracy_about_after, accuracy_after
from .deciding import Decided, Keeper, Made, places_of, together

WRONG = "wrong-label"
ONE_BY_ONE = (
    WRONG,
    "stranger",
    "harmful",
    "blurred",
    "dark",
    "bright",
    "empty",
    "tiny",
    "enlarged",
    "aspect",
    "screenshot",
)
"""Kinds of findings of which each picture is decided by itself."""
TOGETHER = ("leak", "conflict", "duplicate", "burst")
"""Kinds of which all pictures of a finding are decided at once."""
ASKED = ONE_BY_ONE + TOGETHER
BY_HAND: Mapping[str, str] = {
    "confusable": "If two labels are the same, move the pictures of both into one folder; "
    "otherwise add pictures that show the difference.",
    "two-in-one": "If a label is two things, put the pictures of one into a folder of their own; "
    "if it is two places or occasions, there is nothing to do.",
    "shortcut": "Add pictures of the label without it, or pictures of other labels with it.",
    "imbalance": "Add pictures of the label that has few.",
    "unreadable": "Save the file again as JPEG, or move it away.",
}
"""Kinds about which nothing is asked, and what to do."""
assert {*ASKED, *BY_HAND} == KINDS.keys()
FIRST = ("conflict", "stranger")  # then nobody is asked for another label of what is left out
SURE = (WRONG, "conflict", "duplicate", "leak")  # that a score alone may mend
QUICK = 0.7  # seconds of a cross-validation that is done again after each decision
PATIENCE = 1.0  # seconds that an accuracy may take to be told after each decision
MOST_ASKED = 10_000  # questions of a kind in one walk
_COMPARED = 20_000  # pictures of a label that typical ones are chosen from
_ALIKE = 0.95  # cosine above which two pictures show the same: one of them is typical enough


@dataclass(frozen=True)
class Question:
    """What a person is asked: whether something is wrong with some pictures.

    Attributes:
        finding: what was found.
        names: the pictures that an answer is about.
        suggestion: the answer that mends it, if one is known.
    """

    finding: Finding
    names: tuple[str, ...]
    suggestion: Mend | None = None

    @property
    def kind(self) -> str:
        return self.finding.kind

    @property
    def beside(self) -> tuple[str, ...]:
        """The finding's other pictures: where it has copies, those that stay."""
        if self.kind in ONE_BY_ONE:
            return ()
        return tuple(name for name in self.finding.paths if name not in self.names)


@dataclass
class _Step:
    """A question that was dealt with; without a mend it was skipped."""

    question: Question
    mend: Mend | None = None
    made: Made = ()
    accuracy: Proportion | None = None


def walk_through(
    source: str | os.PathLike[str],
    kinds: Collection[str] = ASKED,
    *,
    quality: str = "good",
    test: str | os.PathLike[str] | None = None,
    groups: str = "auto",
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Walk:
    """Check pictures, and begin a walk through what asks for a decision.

    Raises:
        DatasetError: fewer than two labels have pictures that can be read.
    """
    check_has_place(source)
    health = check(
        source,
        quality=quality,
        test=test,
        groups=groups,
        follow_links=follow_links,
        progress=progress,
    )
    own = read_dataset(source, follow_links=follow_links)
    other = None if test is None else read_dataset(test, follow_links=follow_links, at_least=1)
    return Walk(health, Keeper(own, other), kinds)


class Walk:
    """A walk through the findings that ask for a decision, the dearest kind first.

    `question` is the one to answer now: by `decide` or `skip`; `undo` goes back by one, and as
    often as there were any. What was decided before, in this walk or another, is not asked again;
    what was skipped is asked in the next walk.
    """

    def __init__(self, health: Health, keeper: Keeper, only: Collection[str] = ASKED) -> None:
        assert health.looked
        self.looked: Looked = health.looked
        self.keeper = keeper
        self.steps: list[_Step] = []
        self._before = keeper.decided
        asked = [one for one in questions_of(health, only) if is_open(one, self._before)]
        names = {name for one in asked for name in one.finding.paths}
        items = [item for item in health.dataset.items if item.name in names]
        self._label_of = {item.name: item.label for item in items}
        group_of = {item.name: item.group for item in items}
        self._first = [one for one in asked if not is_grouped(one, group_of)]
        self._seconds = 0.0  # that the last accuracy took

    @property
    def question(self) -> Question | None:
        """The next one, if there is any left to ask."""
        return next(self._left, None)

    @property
    def place(self) -> tuple[int, int]:
        """How many questions were dealt with, and how many are left."""
        return len(self.steps), sum(1 for _ in self._left)

    @property
    def _left(self) -> Iterator[Question]:
        dealt = {id(step.question) for step in self.steps}
        said = dict(self._before)
        for one in self.mends:
            if one.how != GROUP:
                said |= dict.fromkeys(one.names, one.how)
        enough = self.rest.enough
        return (
            one
            for one in self._first
            if id(one) not in dealt and is_open(one, said) and not (enough and one.kind == WRONG)
        )

    @property
    def mends(self) -> tuple[Mend, ...]:
        """What was decided in this walk."""
        return tuple(step.mend for step in self.steps if step.mend)

    @property
    def places(self) -> tuple[tuple[Path, int], ...]:
        """See `places_of`."""
        return places_of(step.made for step in self.steps)

    @property
    def first_accuracy(self) -> Proportion:
        """Before anything was decided in this walk."""
        return self.looked.accuracy

    @property
    def about(self) -> bool:
        """Whether the accuracy after a decision is about what a check says then, not the same."""
        return self.looked.many or self.looked.seconds > QUICK

    @property
    def accuracy(self) -> Proportion:
        """As it is now."""
        last = next((step for step in reversed(self.steps) if step.mend), None)
        if last is None:
            return self.first_accuracy
        if last.accuracy is None:
            last.accuracy = self._accuracy_after(self.mends)
        return last.accuracy

    def _accuracy_after(self, mends: Sequence[Mend]) -> Proportion:
        begun = time.monotonic()
        found = (accuracy_about_after if self.about else accuracy_after)(self.looked, mends)
        self._seconds = time.monotonic() - begun
        return found

    @property
    def rest(self) -> Rest:
        """Whether so many labels were kept in a row that the rest are likely right."""
        said = [s.mend.how == KEEP for s in self.steps if s.mend and s.question.kind == WRONG]
        return rest_after(said)

    def decide(self, mend: Mend) -> Decided:
        """Answer the question."""
        question = self.question
        assert question
        before = self.accuracy if self._seconds < PATIENCE else None
        if mend.how == RELABEL and {self._label_of[name] for name in mend.names} == {mend.value}:
            mend = Mend(mend.names, KEEP)
        step = _Step(question, mend, self.keeper.decide(mend, question.kind))
        self.steps.append(step)
        if mend.how == KEEP and before:
            step.accuracy = before
        elif self._seconds < PATIENCE:
            step.accuracy = self._accuracy_after(self.mends)
        return Decided((mend,), before, step.accuracy, about=self.about)

    def skip(self) -> None:
        """Leave the question for another time."""
        question = self.question
        assert question
        self.steps.append(_Step(question))

    def undo(self) -> Mend | None:
        """Go back to the question before; what was decided there is no longer, and is returned.

        Without a question before, nothing is done.
        """
        if not self.steps:
            return None
        step = self.steps.pop()
        if step.mend:
            self.keeper.take_back(step.made)
        return step.mend

    def apply(self, above: float | None = None) -> Decided:
        """Decide all that is sure (see `is_sure`) as suggested."""
        before = self.accuracy
        by_kind: dict[str, list[Mend]] = {}
        for one in sure_among(self._first, self._before, above):
            assert one.suggestion
            by_kind.setdefault(one.kind, []).append(one.suggestion)
        every, made = [], []
        for kind, mends in by_kind.items():
            for mend in together(mends):
                made.append(self.keeper.decide(mend, kind))
                every.append(mend)
        about = self.looked.many
        after = (accuracy_about_after if about else accuracy_after)(
            self.looked, (*self.mends, *every)
        )
        return Decided(tuple(every), before, after, about=about, places=places_of(made))

    def typical(self, label: str, count: int, without: Collection[str] = ()) -> tuple[str, ...]:
        """See `typical_of`."""
        return typical_of(self.looked, label, count, without)


def typical_of(
    looked: Looked, label: str, count: int, without: Collection[str] = ()
) -> tuple[str, ...]:
    """Names of pictures that are most like all others of a label, and not all the same one."""
    labels = looked.pictures.labels
    if label not in labels:
        return ()
    own = np.flatnonzero((looked.truth == labels.index(label)) & looked.right)
    own = own[evenly(len(own), _COMPARED)]
    vectors = looked.vectors[own]
    likest = np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable") if len(own) else own
    chosen: list[int] = []
    for at in likest.tolist():
        alike = vectors[chosen] @ vectors[at] if chosen else np.zeros(1)
        if looked.name(own[at]) not in without and alike.max() < _ALIKE:
            chosen.append(at)
        if len(chosen) == count:
            break
    return tuple(looked.name(own[at]) for at in chosen)


def is_open(question: Question, said: Mapping[str, str]) -> bool:
    """Whether it is still to be asked after what was `said` of labels, by the name of the picture:
    not of all its pictures something was, and of several there are still two."""
    if question.kind != "burst" and all(name in said for name in question.names):
        return False
    there = [name for name in question.finding.paths if said.get(name) != DROP]
    return question.kind in ONE_BY_ONE or len(there) > 1


def is_grouped(question: Question, group_of: Mapping[str, str | None]) -> bool:
    """Whether it asks to keep pictures together that are kept together."""
    groups = {group_of.get(name) for name in question.names}
    return question.kind == "burst" and len(groups) == 1 and None not in groups


def questions_of(health: Health, only: Collection[str] = ASKED) -> tuple[Question, ...]:
    """What findings ask: kind by kind, the `FIRST` and then those that cost most; of a kind at most
    `MOST_ASKED`, as what is decided is not asked again in the next walk."""
    groups = findings_by_kind(health)
    return tuple(
        question
        for group in sorted(groups, key=lambda group: group.kind not in FIRST)
        if group.kind in only and group.kind in ASKED
        for question in islice(
            (question for finding in group.findings for question in _questions(finding)), MOST_ASKED
        )
    )


def _questions(finding: Finding) -> Iterator[Question]:
    mend = read(finding.mend, finding.paths)
    if finding.kind in ONE_BY_ONE:
        how = mend or Mend((), RELABEL, finding.suggested) if finding.suggested else mend
        for name in finding.paths:
            yield Question(finding, (name,), Mend((name,), how.how, how.value) if how else None)
    elif mend:
        yield Question(finding, mend.names, mend)
    elif finding.kind in ("duplicate", "leak"):
        names = finding.paths[1:]
        yield Question(finding, names, Mend(names, DROP))
    else:
        yield Question(finding, finding.paths)


def is_sure(question: Question, above: float | None = None) -> bool:
    """Whether it may be mended without being looked at: where that was found to be sure; or, of a
    wrong label or a copy, under one label or several, where its score is at or `above` a bound."""
    if question.suggestion is None:
        return False
    if above is None:
        return question.finding.sure
    return question.kind in SURE and question.finding.score >= above


def sure_among(
    questions: Iterable[Question], said: Mapping[str, str], above: float | None = None
) -> Iterator[Question]:
    """Those that may be mended without being looked at, as long as what the others decide leaves
    them open."""
    said = dict(said)
    for one in questions:
        if is_sure(one, above) and one.suggestion and is_open(one, said):
            if one.suggestion.how != GROUP:
                said |= dict.fromkeys(one.suggestion.names, one.suggestion.how)
            yield one
