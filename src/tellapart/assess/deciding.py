"""Decisions about pictures that are named, their undoing, and what either does to the accuracy."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from ..dataset.decision import check_has_place
from ..dataset.decisions import (
    Decision,
    decide,
    place_of_decisions,
    read_decisions,
    undo_decisions,
)
from ..dataset.groups import Groups, parse
from ..dataset.labels import Labels
from ..dataset.mended import digest_of
from ..dataset.sources import Dataset, read_dataset
from ..errors import DatasetError, UsageError, option
from ..evaluation.metrics import Proportion
from ..text import first_few, label_words, natural, several, shown
from ..workers.local import Each, batches_of, local_map
from .check.checking import looked_at
from .check.mending import DROP, GROUP, KEEP, RELABEL, Mend
from .sides import choose_sides

Made = Sequence[tuple[Dataset, tuple[Decision, ...]]]
"""Decisions that were written down, and about whose pictures."""

_STAND_IN = re.compile(r"([0-9a-f]{12})(-\d+)?")  # what a private model calls a picture
_LAST = re.compile(r"last(?:-([1-9]\d{0,8}))?")
_BATCH = 16  # files a thread hashes at a time


@dataclass(frozen=True)
class Decided:
    """What was decided, or taken back, and what that did to the accuracy.

    Attributes:
        mends: the decisions.
        before: the cross-validated accuracy before; None where it is not known.
        after: the same after.
        trouble: why it is not known, as a sentence; empty where it would only take too long.
        about: whether `after` is only about what a check says now.
        places: see `places_of`.
    """

    mends: tuple[Mend, ...]
    before: Proportion | None = None
    after: Proportion | None = None
    trouble: str = ""
    about: bool = False
    places: tuple[tuple[Path, int], ...] = ()


def places_of(made: Iterable[Made]) -> tuple[tuple[Path, int], ...]:
    """About whose pictures decisions were written down, and how many `--undo last` takes back of
    each."""
    return tuple(Counter(dataset.source for one in made for dataset, _ in one).items())


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
        own = set(self.dataset.as_found.items.names)
        others = [
            name
            for name in names
            if self.test and name.startswith(self._before) and name not in own
        ]
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
    new_label: bool = False,
    quality: str = "good",
    test: str | os.PathLike[str] | None = None,
    groups: str = "auto",
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Decided:
    """Decide about pictures by their names, or by what a private model calls them. The names of
    those in `test`, another source that is to test on, begin with its name.

    Raises:
        UsageError: the label is new, and `new_label` does not say that it may be.
        UsageError, DatasetError, DestinationError: see `tellapart.decide`.
    """
    asked = parse(groups)
    before = read_dataset(source, follow_links=follow_links, at_least=0)
    if how == RELABEL and not new_label:
        _check_label(before, value)
    named = Mend(tuple(_resolved(before, names)), how, value)
    other = None if test is None else read_dataset(test, follow_links=follow_links, at_least=1)
    made = Keeper(before, other).decide(named, why)
    place = None if test is None else Path(test)
    done = _decided_then(source, before, made, quality, place, asked, follow_links, progress)
    return replace(done, mends=(named,) if place else done.mends, places=places_of([made]))


def take_back(
    source: str | os.PathLike[str],
    which: str,
    *,
    quality: str = "good",
    groups: str = "auto",
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Decided:
    """Undo the `last` decision, so many (`last-3`), `all`, the one with this number in `listed`, or
    those about the picture of this name.

    Raises:
        UsageError: there is no such decision.
    """
    asked = parse(groups)
    before = read_dataset(source, follow_links=follow_links, at_least=0)
    if which == "all":
        rows = undo_decisions(before, everything=True)
    elif last := _LAST.fullmatch(which):
        rows = undo_decisions(before, last=int(last[1] or 1))
    else:
        rows = undo_decisions(before, rows=_rows(source, which))
    made = [(before, rows)]
    return _decided_then(source, before, made, quality, None, asked, follow_links, progress)


def listed(source: str | os.PathLike[str]) -> tuple[Decision, ...]:
    """The decisions about a source that no other took the place of: number 1 is the oldest, so that
    a number stays while nothing older is taken back."""
    check_has_place(source)
    every = read_decisions(place_of_decisions(Path(source)), history=True)
    return tuple(sorted((o for o in every if not o.superseded), key=lambda o: (o.when, o.path)))


def _rows(source: str | os.PathLike[str], which: str) -> list[Decision]:
    rows = listed(source)
    if which.isdecimal() and 0 < int(which) <= len(rows):
        return [rows[int(which) - 1]]
    named = [one for one in rows if which in (one.path, shown(one.path))]
    if not named:
        raise UsageError(
            f"{option(f'undo={shown(which)}')} is none of {several(len(rows), 'decision')}.",
            hint="Give last, all, carried-out, or a decision's number or picture in the list of "
            "them.",
        )
    return named


def _check_label(dataset: Dataset, label: str) -> None:
    """Whether there is such a label, or one that it looks like, of which `decide` speaks."""
    labels = sorted({*dataset.as_found.labels, *dataset.labels}, key=natural)
    if not label.strip() or Labels(labels).near(label) is not None:
        return
    close = closest(label, labels)
    raise UsageError(
        f"There is no label {shown(label)}"
        + (f"; did you mean {shown(close)}?" if close else f", but {first_few(labels)}."),
        hint=f"For a new label add {option('new_label')}.",
    )


def closest(label: str, labels: Iterable[str]) -> str | None:
    """The label that was likely meant by one that is not there."""
    by_words = {label_words(one).casefold(): one for one in labels}
    found = get_close_matches(label_words(label).casefold(), by_words, 1)
    return by_words[found[0]] if found else None


def _decided_then(
    source: str | os.PathLike[str],
    before: Dataset,
    made: Made,
    quality: str,
    test: Path | None,
    groups: Groups,
    follow_links: bool,
    progress: Callable[[int, int], None] | None,
) -> Decided:
    """What was done to the data set as it was `before`, with what a check says then and now."""
    mends = _mends(made)
    try:
        sides = choose_sides(before, test, follow_links=follow_links)
        was = looked_at(sides, quality, groups=groups, progress=progress).accuracy
        now = read_dataset(source, follow_links=follow_links)
        now = choose_sides(now, test, follow_links=follow_links)
        return Decided(mends, was, looked_at(now, quality, groups=groups).accuracy)
    except DatasetError as error:
        return Decided(mends, trouble=error.message)


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
