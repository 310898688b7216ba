"""Deciding about pictures, and taking decisions back: what a person says is written beside the data
into `tellapart.csv`, and every command reads it from then on. No picture is touched.

`decision_table.py` is the file, `mended.py` what it does to a data set.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from ..errors import DatasetError, UsageError, option
from ..files.stored import Place
from ..text import csv_text, first_few, shown
from .decision import FILE, Decision, check_has_place, place_of_decisions
from .decision_table import DecisionTable, changing
from .labels import Labels, check_not_ours
from .mended import apply, copies_of, digest_of, locate
from .sources import Dataset, Item, read_dataset

__all__ = [
    "FILE",
    "Decision",
    "apply",
    "decide",
    "place_of_decisions",
    "read_decisions",
    "undo_decisions",
]


def read_decisions(place: Path, *, history: bool = False) -> tuple[Decision, ...]:
    """The decisions in force in a table, in the order of its lines; with `history`, those too that
    another took the place of, or that were carried out. None where there is no such file.

    Raises:
        DatasetError: a line is no decision; the message has its number.
    """
    return tuple(o for o in DecisionTable.read(place).decisions if history or o.in_force)


def decide(
    source: str | os.PathLike[str] | Dataset,
    names: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    relabel: str | None = None,
    drop: bool = False,
    keep: bool = False,
    group: str | None = None,
    why: str = "",
    follow_links: bool = False,
) -> tuple[Decision, ...]:
    """Decide about pictures of a folder, table or archive, without touching a file.

    >>> (decision,) = tellapart.decide("photos/", "ice_queen/002.jpg", relabel="dark_knight")
    >>> decision.old_label, decision.new_label
    ('ice_queen', 'dark_knight')
    >>> dropped = tellapart.decide("photos/", ["ice_queen/003.jpg"], drop=True, why="a drawing")

    What is decided is one of four: another label (`relabel`), to leave them out (`drop`), that they
    are right as they are (`keep`: `check` does not name them again), or that they are of one group,
    never parted between training and test (`group`, its name). It is written into `tellapart.csv`
    in the folder, or `NAME.tellapart.csv` beside a table or an archive, and all that reads the
    source from then on sees it so. A later decision takes the place of an earlier one about the
    same picture; a group is apart from the others. A new label equal to the one that a picture has
    in the source is a `keep`.

    `names` are pictures' names below the source, such as "ice_queen/002.jpg", or paths.

    Raises:
        UsageError: none of the four, or several; or pictures that a program gave.
        DatasetError: there is no such picture, it cannot be read, or the new label is easy to
            confuse with another.
        DestinationError: the table cannot be written.
    """
    wish = Wish(names, relabel, drop, keep, group, why)
    wish.check()
    dataset = _read(source, follow_links)
    items = _named(dataset, names)
    with changing(place_of_decisions(dataset.source)) as table:
        return _put(table, dataset, items, wish)


@dataclass(frozen=True)
class Wish:
    """What `decide` is asked, by the names of its arguments."""

    #: Of pictures, or paths to them.
    names: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
    #: Their other label.
    relabel: str | None = None
    #: They are left out.
    drop: bool = False
    #: They are right as they are.
    keep: bool = False
    #: The name of their group.
    group: str | None = None
    #: In a person's words.
    why: str = ""

    @property
    def kinds(self) -> list[str]:
        asked = {
            "relabel": self.relabel is not None,
            "drop": self.drop,
            "keep": self.keep,
            "group": self.group is not None,
        }
        return [kind for kind, given in asked.items() if given]

    def check(self) -> None:
        """Whether one thing is asked, and can be.

        Raises:
            UsageError: it cannot.
        """
        kinds = self.kinds
        if len(kinds) != 1:
            raise UsageError(
                "Decide one thing at a time: relabel, drop, keep or group"
                + (f"; these are {len(kinds)}: {', '.join(kinds)}." if kinds else ".")
            )
        if self.group is not None and not self.group.strip():
            raise UsageError("The name of a group is empty.", hint="Give it any name.")
        if self.group is not None and csv_text(self.group) != self.group:
            raise UsageError(
                f"{shown(self.group)!r} is no name of a group.", hint="Give another name."
            )


def planned_decisions(
    source: str | os.PathLike[str] | Dataset,
    wishes: Iterable[Wish],
    *,
    taken_back: Sequence[Decision] = (),
) -> tuple[tuple[Decision | None, Decision | None], ...]:
    """What `undo_decisions` with these rows, and then `decide` would write, one wish after another,
    and nothing is written: of each line that would change, the decision before and after, where
    None is none.

    Raises:
        As `undo_decisions` and `decide`.
    """
    dataset = _read(source, False)
    table = DecisionTable.read(place_of_decisions(dataset.source))
    lines = [(line, line.decision) for line in table.lines]
    _take_back(table, taken_back)
    for wish in wishes:
        wish.check()
        _put(table, dataset, _named(dataset, wish.names), wish)
    there = {id(line): line.decision for line in table.lines}
    before = {id(line) for line, _ in lines}
    pairs: list[tuple[Decision | None, Decision | None]] = [
        *((old, there.get(id(line))) for line, old in lines),
        *((None, line.decision) for line in table.lines if id(line) not in before),
    ]
    return tuple((old, new) for old, new in pairs if old != new)


def _put(
    table: DecisionTable, dataset: Dataset, items: Sequence[Item], wish: Wish
) -> tuple[Decision, ...]:
    """Add decisions to a table, and mark what they take the place of."""
    kind, when = wish.kinds[0], now()
    why = csv_text(" ".join(wish.why.split()))
    before = [one for one in table.decisions if one.in_force]
    new_label = wish.group.strip() if wish.group else ""
    if wish.relabel is not None:
        new_label = _label(dataset, wish.relabel, before)
    digests = [_digest(item) for item in items]
    copies = copies_of(dataset.items, list(zip(items, digests, strict=True)))
    made = []
    for item, digest, others in zip(items, digests, copies, strict=True):
        path, old = csv_text(item.name), csv_text(item.label)
        same = kind == "relabel" and Labels([old]).same(new_label) is not None
        what = ("keep", "") if same else (kind, new_label)
        made.append(Decision(path, digest, what[0], old, what[1], when, why, copies=others))
    _supersede(table, dataset, made)
    for one in made:
        table.add(one)
    return tuple(made)


def undo_decisions(
    source: str | os.PathLike[str] | Dataset,
    *,
    last: int | None = None,
    rows: Iterable[Decision] = (),
    everything: bool = False,
) -> tuple[Decision, ...]:
    """Take decisions back: those of the `last` so many calls of `decide`, those given as `rows`, or
    all. What they had taken the place of is in force again.

    Decisions that were carried out stay until the files are back.

    Returns:
        What was taken back.

    Raises:
        UsageError: there is nothing to take back, or a row is not in force.
    """
    check_has_place(source.address if isinstance(source, Dataset) else source)
    origin = source.source if isinstance(source, Dataset) else Path(source)
    place = place_of_decisions(origin)
    taken: list[Decision] = []
    with changing(place) as table:
        if everything:
            taken = [one for one in table.decisions if one.in_force]
            table.lines = [o for o in table.lines if not o.decision or o.decision.carried_out]
            left = {(one.when, one.digest, one.matter) for one in table.decisions}

            def again(one: Decision) -> Decision:
                by = (one.superseded, one.digest, one.matter)
                return one if by in left else replace(one, superseded="")

            table.change(again)
        else:
            wanted = list(rows)
            for _ in range(last or 0):
                in_force = [one for one in table.decisions if one.in_force]
                latest = max((one.when for one in in_force), default="")
                wanted = [one for one in in_force if one.when == latest]
                taken += _take_back(table, wanted)
                wanted = []
            taken += _take_back(table, wanted)
        if not taken:
            carried = any(one.carried_out for one in table.decisions)
            raise UsageError(
                f"There is no decision to take back in {shown(place)}.",
                hint="Those that were carried out come back with the files."
                if carried
                else _elsewhere(origin),
            )
    return tuple(taken)


def _elsewhere(origin: Path) -> str:
    """Where else there are decisions about a source's pictures, as a hint."""
    above = Path(os.path.realpath(origin)).parent
    places = [*sorted(origin.glob(f"*/{FILE}")), above / FILE] if origin.is_dir() else []
    others = [shown(place.parent) for place in places if place.is_file()]
    return f"Take back what is in another folder's table there: {first_few(others)}." * bool(others)


def _take_back(table: DecisionTable, wanted: Sequence[Decision]) -> list[Decision]:
    """Take lines out, and put what they had taken the place of in force again."""
    every = table.decisions
    gone, there = set(wanted), set(every)
    for one in wanted:
        if one.carried_out:
            raise UsageError(
                f"The decision on {shown(one.path)} was carried out: its file was moved.",
                hint=f"First put the files back: {option('undo=carried-out')}.",
            )
        if one not in there or not one.in_force:
            raise UsageError(
                f"The decision on {shown(one.path)} is not in force, so it cannot be taken back."
            )
    made = {(one.path, one.when, one.matter) for one in every}
    paths: dict[tuple[str, str, str], set[str]] = {}
    for one in wanted:
        paths.setdefault((one.when, one.digest, one.matter), set()).add(one.path)

    def again(old: Decision) -> Decision:
        by = paths.get((old.superseded, old.digest, old.matter)) if old.superseded else None
        if not by:
            return old
        # of copies decided about in one go, each has its own
        own = old.path in by or (old.path, old.superseded, old.matter) not in made
        return replace(old, superseded="") if own else old

    table.lines = [line for line in table.lines if line.decision not in gone]
    table.change(again)
    return list(wanted)


def _supersede(table: DecisionTable, dataset: Dataset, made: Sequence[Decision]) -> None:
    """Mark what new decisions take the place of: at their paths; about the same pictures before
    these were moved; and what was carried out."""
    paths = {one.path for one in made}
    digests = {one.digest for one in made}
    elsewhere = [o for o in table.decisions if o.digest in digests and o.path not in paths]
    every = [one for one in table.decisions if one.in_force and one.digest in digests]
    found = locate(dataset.items, every).about if any(o.in_force for o in elsewhere) else {}
    about = {csv_text(name): those for name, those in found.items()}
    there = {csv_text(item.name) for item in dataset.items} if elsewhere else set()
    known: dict[tuple[str, str], list[Decision]] = {}
    for one in table.decisions:
        if not one.superseded:
            known.setdefault((one.digest, one.matter), []).append(one)
    superseded: dict[Decision, str] = {}
    for new in made:
        for old in known.get((new.digest, new.matter), ()):
            carried = old.carried_out and old.path not in there and old.new_label == new.old_label
            if old.path == new.path or carried or old in about.get(new.path, ()):
                superseded[old] = new.when
    table.change(lambda old: replace(old, superseded=superseded.get(old, old.superseded)))


def _digest(item: Item) -> str:
    if not (digest := digest_of(item.path)):
        raise DatasetError(
            f"{shown(item.name)} cannot be read, and decisions are kept by content.",
            hint="Move the file away instead.",
        )
    return digest


def _read(source: str | os.PathLike[str] | Dataset, follow_links: bool) -> Dataset:
    """The data set as its source says, without decisions."""
    if not isinstance(source, Dataset):
        if not isinstance(source, str | os.PathLike):
            raise UsageError(
                f"Decisions are kept beside the pictures, and this is a {type(source).__name__}.",
                hint="Give the folder, table or archive by its path.",
            )
        check_has_place(source)
        return read_dataset(source, follow_links=follow_links, at_least=1, decided=False)
    check_has_place(source.address)
    if source.given:
        raise UsageError(
            f"Decisions are kept beside the pictures, and these are {source.given}.",
            hint="Give the folder, table or archive by its path.",
        )
    return source.as_found


def _whole(place: Place) -> str:
    return os.path.abspath(place) if isinstance(place, Path) else place.name


def _named(
    dataset: Dataset, names: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
) -> list[Item]:
    """The pictures of these names or paths, each once."""
    asked = [names] if isinstance(names, str | os.PathLike) else list(names)
    if not asked:
        raise UsageError("No picture is named.", hint="Name pictures, such as label/picture.jpg.")
    known = {item.name: item for item in reversed(dataset.items)}
    if not all(os.fsdecode(name) in known for name in asked):
        for item in reversed(dataset.items):
            for way in (_whole(item.path), shown(item.name), _composed(item.name)):
                known.setdefault(way, item)
    found: dict[str, Item] = {}
    missing = []
    for name in map(os.fsdecode, asked):
        ways = [name, _composed(name), os.path.normpath(name)]
        ways += [os.path.abspath(name), os.path.realpath(name)]
        item_ = next((known[way] for way in ways if way in known), None)
        if item_ is None:
            missing.append(name)
        else:
            found[item_.name] = item_
    if missing:
        some = next((item.name for item in dataset.items), "")
        raise DatasetError(
            f"{dataset.subject} has no picture {first_few(missing)}.",
            hint=f"Name pictures as they are below it, such as {shown(some)}.",
        )
    return list(found.values())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _label(dataset: Dataset, label: str, before: Sequence[Decision]) -> str:
    """A new label as it is written already, or as it is given if it is new."""
    if not label.strip() or any(0xD800 <= ord(letter) <= 0xDFFF for letter in label):
        raise UsageError(f"{shown(label)!r} is no label.", hint="Give the label's name.")
    check_not_ours([label])
    others = [one.new_label for one in before if one.decision == "relabel"]
    labels = Labels([*others, *dataset.labels])
    known = labels.known([label], "this decision", f"a label of {dataset.called}")
    return known.get(label, label)


def now() -> str:
    """The time, as decisions have it."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
