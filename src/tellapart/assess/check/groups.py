"""Findings of one kind together, those that cost most first, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...text import several
from .health import KINDS, Finding, Health

_HEADS: Mapping[str, tuple[str, str, str]] = {
    "leak": (
        "test picture",
        "is a copy of a training picture",
        "are copies of training pictures",
    ),
    "conflict": ("picture", "is there under several labels", "are there under several labels"),
    "wrong-label": ("picture", "likely has another label", "likely have another label"),
    "burst": ("burst", "", ""),
    "duplicate": ("picture", "is there more than once", "are there more than once"),
    "harmful": ("picture", "does harm", "do harm"),
    "stranger": ("picture", "likely shows none of the labels", "likely show none of the labels"),
    "confusable": ("pair of labels", "looks the same", "look the same"),
    "two-in-one": ("label", "is of two sorts", "are of two sorts"),
    "shortcut": ("shortcut", "", ""),
    "imbalance": ("label", "has few pictures", "have few pictures"),
    "unreadable": ("file", "cannot be read", "cannot be read"),
    "blurred": ("picture", "is blurred", "are blurred"),
    "dark": ("picture", "is dark", "are dark"),
    "bright": ("picture", "is overexposed", "are overexposed"),
    "empty": ("picture", "is nearly empty", "are nearly empty"),
    "tiny": ("picture", "is tiny", "are tiny"),
    "enlarged": ("picture", "was enlarged", "were enlarged"),
    "aspect": ("picture", "is of an odd shape", "are of an odd shape"),
    "screenshot": ("picture", "looks like a screenshot", "look like screenshots"),
}
FLATTERS = "burst"  # whose mending lowers the figure, which was too high
_PLURALS = {"pair of labels": "pairs of labels"}
_OF_PICTURES = frozenset(  # what a heading counts, where a finding has several pictures
    {"unreadable", "blurred", "dark", "bright", "empty", "tiny", "enlarged", "aspect"}
    | {"screenshot", "stranger", "harmful", "wrong-label"}
)
assert _HEADS.keys() == KINDS.keys()


@dataclass(frozen=True)
class Group:
    """The findings of one kind, in their order in `Health`, and how many `more` there are that are
    not listed."""

    kind: str
    findings: tuple[Finding, ...]
    more: int = 0

    @property
    def cost(self) -> float:
        """What they cost together, in points of accuracy."""
        return sum(one.cost for one in self.findings)

    @property
    def count(self) -> int:
        """How many there are of what the heading counts."""
        if self.kind == "leak":  # the first of each is a training picture
            return self.more + len({path for one in self.findings for path in one.paths[1:]})
        if self.kind in _OF_PICTURES:
            return self.more + len({path for one in self.findings for path in one.paths})
        return self.more + len(self.findings)

    @property
    def words(self) -> str:
        """The heading: "17 pictures likely have another label"."""
        noun, one, many = _HEADS[self.kind]
        said = several(self.count, noun, _PLURALS.get(noun, ""))
        return f"{said} {one if self.count == 1 else many}".strip()


def by_kind(health: Health) -> tuple[Group, ...]:
    """The findings by kind, those that cost most first."""
    place = {kind: at for at, kind in enumerate(KINDS)}
    likely = ((kind, health.likely(kind)) for kind in KINDS)
    found = [Group(kind, found, health.unlisted(kind)) for kind, found in likely if found]
    return tuple(sorted(found, key=lambda group: (-round(group.cost, 3), place[group.kind])))


def cost_words(points: float, kind: str = "") -> str:
    """`1.3 points`, or of a kind that flatters, `1.3 points too high`; nothing of what costs
    none."""
    if points < 0.05:
        return ""
    said = f"{points:.1f} {'point' if f'{points:.1f}' == '1.0' else 'points'}"
    return f"{said} too high" if kind == FLATTERS else said
