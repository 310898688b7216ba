"""Decisions about pictures that are named, their undoing, and what either does to the accuracy."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..dataset.decisions import (
    Decision,
    decide,
    place_of_decisions,
    read_decisions,
    undo_decisions,
)
from ..dataset.groups import Groups, parse
from ..dataset.mended import digest_of
from ..dataset.sources import Dataset, read_dataset
from ..errors import DatasetError, UsageError, option
from ..evaluation.metrics import Proportion
from ..text import several, shown
from ..workers.local import Each, batches_of, local_map
from .check.checking import looked_at
from .check.mending import DROP, GROUP, KEEP, RELABEL, Mend
from .check.rescoring import accuracy_after
from .sides import choose_sides

Made = Sequence[tuple[Dataset, tuple[Decision, ...]]]
"""Decisions that were written down, and about whose pictures."""

_STAND_IN = re.compile(r"([0-9a-f]{12})(-\d+)?")  # what a private model calls a picture
_BATCH = 16  # files a thread hashes at a time


@dataclass(frozen=True)
class Decided:
    """What was decided, or taken back, and what that did to the accuracy.

    Attributes:
        mends: the decisions.
        before: the cross-validated accuracy before; None where it is not known.
        after: the same after.
        trouble: why it is not known, as a sentence; empty where it would only take too long.
    """

    mends: tuple[Mend, ...]
    before: Proportion | None = None
    after: Proportion | None = None
    trouble: str = ""


def together(mends: Iterable[Mend]) -> tuple[Mend, ...]:
    """Equal decisions as one."""
    names: dict[tuple[str, str], dict[str, None]] = {}
    for one in mends:
        names.setdefault((one.how, one.value), {}).update(dict.fromkeys(one.names))
    return tuple(Mend(tuple(of), how, value) for (how, value), of in names.items())


class Keeper:
    """Where decisions are kept: beside the pictures, and beside those of another source that are to
    test on, whose names begin with its own."""

    def __init__(self, dataset: Dataset, test: Dataset | None = None) -> None:
        self.dataset = dataset
        self.test = test

    @property
    def decided(self) -> dict[str, str]:
        """What was decided before of the labels of pictures that are there, by their names."""
        found = _decided(self.dataset)
        if self.test:
            found |= {self._before + name: how for name, how in _decided(self.test).items()}
        return found

    def decide(self, mend: Mend, why: str = "") -> Made:
        """Write a decision down; what `take_back` needs is returned."""
        made = []
        for dataset, names in self._by_source(mend.names):
            rows = decide(
                dataset,
                names,
                relabel=mend.value if mend.how == RELABEL else None,
                drop=mend.how == DROP,
                keep=mend.how == KEEP,
                group=mend.value if mend.how == GROUP else None,
                why=why,
            )
            made.append((dataset, rows))
        return made

    def take_back(self, made: Made) -> None:
        for dataset, rows in made:
            undo_decisions(dataset, rows=rows)

    @property
    def _before(self) -> str:
        return f"{self.test.source.name}/" if self.test else ""

    def _by_source(self, names: Sequence[str]) -> Iterator[tuple[Dataset, list[str]]]:
        own = {item.name for item in self.dataset.as_found.items}
        others = [name for name in names if self.test and name not in own]
        if ours := [name for name in names if name not in others]:
            yield self.dataset, ours
        if self.test and others:
            yield self.test, [name.removeprefix(self._before) for name in others]


def decide_about(
    source: str | os.PathLike[str],
    names: Sequence[str],
    how: str,
    value: str = "",
    *,
    why: str = "",
    quality: str = "good",
    groups: str = "auto",
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Decided:
    """Decide about pictures by their names, or by what a private model calls them.

    Raises:
        UsageError, DatasetError, DestinationError: see `tellapart.decide`.
    """
    asked = parse(groups)
    before = read_dataset(source, follow_links=follow_links, at_least=1)
    named = Mend(tuple(_resolved(before, names)), how, value)
    mends = _mends(Keeper(before).decide(named, why))
    known = {item.name for item in before.items}
    try:
        looked = looked_at(choose_sides(before), quality, groups=asked, progress=progress)
        if all(name in known for mend in mends for name in mend.names):
            after = accuracy_after(looked, mends)
        else:  # one that was left out is there again
            after = _accuracy(source, quality, asked, follow_links)
        return Decided(mends, accuracy_after(looked, ()), after)
    except DatasetError as error:
        return Decided(mends, trouble=error.message)


def take_back(
    source: str | os.PathLike[str],
    which: str,
    *,
    quality: str = "good",
    groups: str = "auto",
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Decided:
    """Undo the `last` decision, `all`, or the one with this number in `listed`.

    Raises:
        UsageError: there is no such decision.
    """
    asked = parse(groups)
    before = read_dataset(source, follow_links=follow_links, at_least=1)
    if which == "all":
        rows = undo_decisions(before, everything=True)
    elif which == "last":
        rows = undo_decisions(before, last=1)
    else:
        rows = undo_decisions(before, rows=[_row(source, which)])
    mends = _mends([(before, rows)])
    try:
        was = looked_at(choose_sides(before), quality, groups=asked, progress=progress).accuracy
        return Decided(mends, was, _accuracy(source, quality, asked, follow_links))
    except DatasetError as error:
        return Decided(mends, trouble=error.message)


def listed(source: str | os.PathLike[str]) -> tuple[Decision, ...]:
    """The decisions about a source that no other took the place of: number 1 is the first."""
    every = read_decisions(place_of_decisions(Path(source)), history=True)
    return tuple(one for one in every if not one.superseded)


def _row(source: str | os.PathLike[str], which: str) -> Decision:
    rows = listed(source)
    if not (which.isdecimal() and 0 < int(which) <= len(rows)):
        raise UsageError(
            f"{option(f'undo={shown(which)}')} is none of {several(len(rows), 'decision')}.",
            hint="Give last, all, carried-out, or the number of a decision in the list of them.",
        )
    return rows[int(which) - 1]


def _accuracy(
    source: str | os.PathLike[str], quality: str, groups: Groups, follow_links: bool
) -> Proportion:
    dataset = read_dataset(source, follow_links=follow_links)
    return looked_at(choose_sides(dataset), quality, groups=groups).accuracy


def _mends(made: Made) -> tuple[Mend, ...]:
    rows = (row for _, rows in made for row in rows)
    return together(Mend((row.path,), row.decision, row.new_label) for row in rows)


def _decided(dataset: Dataset) -> dict[str, str]:
    before = {item.name: item.label for item in dataset.as_found.items}
    found = {i.name: RELABEL for i in dataset.items if before.get(i.name, i.label) != i.label}
    return {**dict.fromkeys(dataset.kept, KEEP), **found}


def _resolved(dataset: Dataset, names: Sequence[str]) -> Iterator[str]:
    """Names as they are; for what a private model calls a picture, its name here."""
    items = dataset.as_found.items
    known = {item.name for item in items}
    stand_ins = {name: found for name in names if (found := _STAND_IN.fullmatch(name))}
    by_digest: dict[str, str] = {}
    if stand_ins.keys() - known:
        digests = local_map(Each(digest_of), batches_of([item.path for item in items], _BATCH))
        for item, digest in zip(items, digests, strict=True):
            by_digest.setdefault(digest[:12], item.name)
    for name in names:
        stands = name in stand_ins and name not in known
        yield by_digest.get(stand_ins[name][1], name) if stands else name
