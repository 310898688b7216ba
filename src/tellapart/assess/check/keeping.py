"""Findings -> those that a person has not yet said to be right as they are, and that no other
answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

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


def without_guesses(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Findings without the labels that are suggested for strangers, which show none of the labels,
    for copies under several labels, of which the right one stays, and between two labels that
    nothing tells apart."""
    every = tuple(findings)
    answered = {path for one in every if one.kind in ("stranger", "conflict") for path in one.paths}
    alike = {frozenset((one.label, one.suggested)) for one in every if one.kind == "confusable"}
    return (
        one
        for one in every
        if one.kind != "wrong-label"
        or not (one.paths[0] in answered or frozenset((one.label, one.suggested)) in alike)
    )
