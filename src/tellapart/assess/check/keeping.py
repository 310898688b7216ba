"""Findings -> those that a person has not yet said to be right as they are, and that no other
answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace

from .health import Finding

_TOGETHER = frozenset(
    {"leak", "conflict", "burst", "duplicate", "confusable", "two-in-one", "shortcut", "imbalance"}
)
"""Kinds whose pictures are a finding together: it stands as long as one of them is not kept."""


def not_kept(
    findings: Iterable[Finding], kept: Collection[str], *, every: bool = False
) -> Iterator[Finding]:
    """Findings without pictures that are `kept`, and without those that have no others; where
    `every` picture is to be ranked by its label, that ranking is whole."""
    for one in findings:
        left = tuple(path for path in one.paths if path not in kept)
        if len(left) == len(one.paths) or (every and one.kind == "wrong-label"):
            yield one
        elif left:
            yield one if one.kind in _TOGETHER else replace(one, paths=left)


@dataclass
class Answered:
    """What findings say of labels so that no other need be suggested: strangers show none of the
    labels, of copies under several labels the right one stays, and between two labels that nothing
    tells apart none is likelier."""

    paths: set[str] = field(default_factory=set)
    alike: set[frozenset[str | None]] = field(default_factory=set)

    def hear(self, one: Finding) -> None:
        if one.kind in ("stranger", "conflict"):
            self.paths.update(one.paths)
        elif one.kind == "confusable":
            self.alike.add(frozenset((one.label, one.suggested)))

    def answers(self, one: Finding) -> bool:
        """Whether a finding is on a label that others, which were heard before, have answered."""
        return one.kind == "wrong-label" and (
            one.paths[0] in self.paths or frozenset((one.label, one.suggested)) in self.alike
        )
