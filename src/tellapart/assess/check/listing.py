"""All that finders find -> the findings that are listed: of each kind at most `MOST`, the dearest.

Of a million pictures, there can be a hundred thousand findings of a kind. Those that are not listed
are counted, and can be gone through one after the other.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .health import KINDS, Finding
from .keeping import Answered, not_kept
from .labels import wrong_labels
from .looked import Looked

MOST = 10_000
"""Findings of a kind that are listed."""

Finder = Callable[[Looked], Iterable[Finding]]


@dataclass
class _Dearest:
    """The dearest findings of a kind so far, and how many there were."""

    count: int = 0
    held: list[tuple[float, float, int, Finding]] = field(default_factory=list)

    def add(self, one: Finding) -> None:
        self.count += 1
        entry = (one.cost, one.score, -self.count, one)
        if self.count <= MOST:
            heapq.heappush(self.held, entry)
        else:
            heapq.heappushpop(self.held, entry)

    @property
    def listed(self) -> list[Finding]:
        """In the order in which they were found."""
        return [one for *_, one in sorted(self.held, key=lambda entry: -entry[2])]


def listed(
    looked: Looked, finders: Sequence[Finder]
) -> tuple[tuple[Finding, ...], Mapping[str, int]]:
    """The findings, the dearest first, and how many of each kind are left out."""
    place = {kind: at for at, kind in enumerate(KINDS)}
    by_kind: dict[str, _Dearest] = {}
    for one in every(looked, finders):
        by_kind.setdefault(one.kind, _Dearest()).add(one)
    found = [one for dearest in by_kind.values() for one in dearest.listed]
    found.sort(key=lambda one: (-one.cost, place[one.kind], -one.score))
    counts = Counter({kind: one.count - len(one.held) for kind, one in by_kind.items()})
    return tuple(found), dict(+counts)


def every(looked: Looked, finders: Sequence[Finder]) -> Iterator[Finding]:
    """All that are found, but for pictures that are kept and labels that another finding answers;
    one after the other, wrong labels last."""
    answered = Answered()
    for finder in sorted(finders, key=lambda finder: finder is wrong_labels):
        for one in not_kept(finder(looked), looked.dataset.kept, every=looked.every):
            answered.hear(one)
            if looked.every or not answered.answers(one):
                yield one


def left_out(
    looked: Looked, finders: Sequence[Finder], held: Iterable[Finding], more: Mapping[str, int]
) -> Iterator[Finding]:
    """Those that `listed` left out: they are looked for again, and none is held."""
    known = {(one.kind, one.paths) for one in held if one.kind in more}
    for one in every(looked, finders) if more else ():
        if one.kind in more and (one.kind, one.paths) not in known:
            yield one
