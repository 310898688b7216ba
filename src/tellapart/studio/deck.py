"""What a check found -> cards, each about pictures by their numbers, and what was decided since.

A check looks at a folder as it was. Pictures are then decided about, moved, brought back by undo,
here or by a command. So a deck keeps no record of answers: which cards are open follows from what
is in the folder now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..assess.answers import Answer, answers_to
from ..assess.check.groups import Group, by_kind
from ..assess.check.health import Finding, Health
from ..assess.check.mending import DROP, RELABEL
from ..assess.fixing import (
    ASKED,
    FIRST,
    Question,
    is_grouped,
    is_open,
    is_sure,
    questions_of,
    sure_among,
    typical_of,
)
from ..dataset.sources import Dataset
from .folder import LEARN, TEST, Kept

TYPICAL = 3  # pictures of each label to compare with
_SPARE = 4  # more of them, as some are what they are compared with


@dataclass(frozen=True)
class Now:
    """How a labelled picture of the folder is now.

    Attributes:
        name: its path below the folder.
        label: the label in force.
        part: "learn" or "test".
        version: changes when the file does.
        group: what it is kept together with, if with anything.
        decided: as in `Kept`.
    """

    name: str
    label: str
    part: str
    version: str
    group: str | None
    decided: str

    @property
    def is_in(self) -> bool:
        """Whether commands read it."""
        return self.decided != DROP


def as_now(pictures: Iterable[Kept], dataset: Dataset) -> dict[int, Now]:
    """The labelled pictures of a folder, by their numbers."""
    group_of = {item.name: item.group for item in dataset.items}
    return {
        one.id: Now(one.name, one.label, one.part, one.version, group_of.get(one.name), one.decided)
        for one in pictures
        if one.part in (LEARN, TEST)
    }


@dataclass(frozen=True)
class Card:
    """One finding to look at.

    Attributes:
        key: the same for the same finding in every check of a process.
        finding: what was found.
        names: its pictures when they were checked, those first that an answer is about.
        question: what is asked; None where no key can mend it.
    """

    key: str
    finding: Finding
    names: tuple[str, ...]
    question: Question | None

    @property
    def kind(self) -> str:
        return self.finding.kind


class Deck:
    """The cards of one check, and what has become of its pictures since.

    `now` are the pictures as they were when it was made, by their numbers.
    """

    def __init__(self, health: Health, now: Mapping[int, Now]) -> None:
        assert health.looked
        self.health = health
        self.looked = health.looked
        self.was = {number: one for number, one in now.items() if one.is_in}
        self.numbers = {one.name: number for number, one in now.items()}
        self._typical: dict[str, tuple[str, ...]] = {}

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The findings by kind: those first of which something is left out, then the dearest."""
        return tuple(sorted(by_kind(self.health), key=lambda group: group.kind not in FIRST))

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """All of them, in the order in which they are shown."""
        return tuple(card for group in self.groups for card in self._cards(group))

    def _cards(self, group: Group) -> Iterator[Card]:
        if group.kind in ASKED:
            for one in questions_of(self.health, (group.kind,)):
                yield self._card(one.finding, (*one.names, *one.beside), one)
        else:
            for finding in group.findings:
                yield self._card(finding, finding.paths, None)

    def _card(self, finding: Finding, names: tuple[str, ...], question: Question | None) -> Card:
        about = f"{finding.kind} {sorted(map(self.number, names))}"
        key = hashlib.sha256(about.encode()).hexdigest()[:12]
        return Card(key, finding, names, question)

    def number(self, name: str) -> int:
        """Of a picture by its name when it was checked; 0 of one that has none."""
        return self.numbers.get(name, 0)

    def open(self, now: Mapping[int, Now]) -> tuple[Card, ...]:
        """The cards that are still to be answered."""
        said = self._said(now)
        groups = {name: one.group for name, one in self._pairs(now) if one}
        gone = {name for name, one in self._pairs(now) if one is None or not one.is_in}
        return tuple(
            card
            for card in self.cards
            if (
                not gone.issuperset(card.names) and not _is_parted(card.finding, said)
                if card.question is None
                else is_open(card.question, said) and not is_grouped(card.question, groups)
            )
        )

    def sure(self, now: Mapping[int, Now]) -> list[Question]:
        """The questions that may be answered as suggested without a look."""
        asked = (card.question for card in self.open(now) if card.question)
        return list(sure_among(asked, self._said(now)))

    def is_outdated(self, now: Mapping[int, Now]) -> bool:
        """Whether other things were done than deciding, so that a check would see other pictures:
        some came or went, changed, or were labelled by being moved."""
        if any(one.is_in and number not in self.was for number, one in now.items()):
            return True
        return any(
            (one := now.get(number)) is None
            or one.version != was.version
            or one.part != was.part
            or (one.is_in and one.label != was.label and one.decided != RELABEL)
            or (one.is_in and was.group and one.group != was.group)
            for number, was in self.was.items()
        )

    def answers(self, card: Card, now: Mapping[int, Now]) -> list[Answer]:
        """How a card may be answered, in the names of the check."""
        if card.question is None:
            return []
        labels = {name: one.label for name, one in self._pairs(now) if one}
        return list(answers_to(card.question, labels))

    def typical(self, label: str, without: Iterable[str] = ()) -> list[str]:
        """A few pictures that show a label best."""
        if label not in self._typical:
            self._typical[label] = typical_of(self.looked, label, TYPICAL + _SPARE)
        passed = set(without)
        return [name for name in self._typical[label] if name not in passed][:TYPICAL]

    def _pairs(self, now: Mapping[int, Now]) -> Iterator[tuple[str, Now | None]]:
        return ((was.name, now.get(number)) for number, was in self.was.items())

    def _said(self, now: Mapping[int, Now]) -> dict[str, str]:
        """What was decided of the labels of pictures, by their names in the check."""
        said = {}
        for number, was in self.was.items():
            one = now.get(number)
            if one is None:
                said[was.name] = DROP
            elif one.decided:
                said[was.name] = one.decided
            elif one.label != was.label:
                said[was.name] = RELABEL
        return said


def _is_parted(finding: Finding, said: Mapping[str, str]) -> bool:
    """Whether one of the two sorts of a label was given another label."""
    return any(all(said.get(name) == RELABEL for name in half) for half in finding.halves)


__all__ = ["Card", "Deck", "Now", "as_now", "is_sure"]
