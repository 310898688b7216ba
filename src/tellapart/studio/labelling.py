"""What a person does with pictures and labels -> the steps of a change. Nothing is touched here.

Files keep their names where these are free, and else get a number: `1-2.jpg`. A decision about a
picture goes with it; one about its label ends where a person gives it another.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ..collecting.naming import why_never_read
from ..dataset.decision import Decision, place_of_decisions
from ..dataset.decision_table import DecisionTable
from ..dataset.decisions import now
from ..dataset.filenames import longest_name, safe_name
from ..dataset.labels import Labels, difference
from ..dataset.splits import split_within
from ..dataset.walk import SET_ASIDE
from ..errors import DatasetError, UsageError
from ..text import csv_text, several, shown
from .changes import MakeFolder, Move, Wish
from .folder import ASIDE, HEAP, LEARN, TEST, Folder, Kept
from .journal import TAKEN
from .places import Free, Place
from .steps import Rewrite

Plan = tuple[str, list[Wish]]
"""What a change is called, and what is to be done."""

_LONGEST = 100  # bytes of a label, which becomes a part of other names


def label(folder: Folder, pictures: Sequence[Kept], name: str, part: str | None = None) -> Plan:
    """Give pictures a label, which may be new; to learn from or for testing where that is said, and
    else for what they are for.

    Raises:
        UsageError, DatasetError: no label can be called so, or no picture is there.
    """
    _check_there(folder, pictures)
    name = known_label(folder, name)

    def place(one: Kept) -> str | None:
        for_what = part or (TEST if one.part == TEST else LEARN)
        if one.label == name and one.part == for_what and one.decided != "drop":
            return None  # as it is
        return f"{folder.places.of(name, for_what)}/{_own_name(folder, one)}"

    moves = _moves(folder, pictures, place)
    names = {move.source: move.target for move in moves}
    names |= {one.name: one.name for one in pictures if place(one) == one.name}  # were left out
    what = f"{several(len(names), 'picture')} to {shown(name)}"
    rows = _rewritten_names(folder, names, stays=False)
    return what, [*made(folder, name), *moves, *rows] if names else []


def label_all(
    folder: Folder, labelled: Sequence[tuple[str, Sequence[Kept]]], aside: Sequence[Kept] = ()
) -> Plan:
    """Give several labels, each to pictures of its own, and lay others aside, as one change.

    Raises:
        UsageError, DatasetError: no label can be called so, or no picture is there.
    """
    of_label: dict[str, list[Kept]] = {}
    for name, pictures in labelled:
        of_label.setdefault(name, []).extend(pictures)
    plans = [label(folder, pictures, name) for name, pictures in of_label.items() if pictures]
    plans += [set_aside(folder, aside)] if aside else []
    if not plans:
        _check_there(folder, ())
    if len(plans) == 1:
        return plans[0]
    count = len(aside) + sum(len(pictures) for _, pictures in labelled)
    return f"{several(count, 'picture')} labelled", [step for _, steps in plans for step in steps]


def to_heap(folder: Folder, pictures: Sequence[Kept]) -> Plan:
    """Take the label away from pictures."""
    _check_there(folder, pictures)
    moves = _moves(folder, pictures, _in_heap)
    what = f"No label for {several(len(moves), 'picture')}"
    return what, [*moves, *_rewritten(folder, moves)]


def set_aside(folder: Folder, pictures: Sequence[Kept]) -> Plan:
    """Lay pictures where no command reads them."""
    _check_there(folder, pictures)
    moves = _moves(
        folder, pictures, lambda one: None if one.part == ASIDE else f"{SET_ASIDE}/{one.name}"
    )
    what = f"{several(len(moves), 'picture')} set aside"
    return what, [*moves, *_rewritten(folder, moves)]


def keep_for(folder: Folder, pictures: Sequence[Kept], part: str) -> Plan:
    """Keep labelled pictures for testing, or to learn from again.

    Raises:
        UsageError: one has no label, or no picture is there.
    """
    _check_there(folder, pictures)
    if any(folder.places.place_of(one.name) is None for one in pictures):
        raise UsageError(
            "A picture without a label can neither be learnt from nor tested on.",
            hint="Label it first.",
        )

    def place(one: Kept) -> str | None:
        own = folder.places.place_of(one.name)
        assert own
        below = folder.places.below(one.name)
        return None if own.part == part else f"{folder.places.of(own.label, part)}/{below}"

    moves = _moves(folder, pictures, place)
    for_what = "for testing" if part == TEST else "to learn from"
    labels = dict.fromkeys(one.label for one in map(folder.places.place_of, _sources(moves)) if one)
    folders = [step for name in labels for step in made(folder, name)]
    what = f"{several(len(moves), 'picture')} {for_what}"
    return what, [*folders, *moves, *_rewritten(folder, moves, stays=True)]


def add_label(folder: Folder, name: str) -> Plan:
    """Make a label without pictures.

    Raises:
        UsageError, DatasetError: no label can be called so, or there is one.
    """
    name = known_label(folder, name)
    steps = list(made(folder, name))
    if name in folder.labels or not steps:
        raise UsageError(f"There is a label {shown(name)} already.")
    return f"Label {shown(name)}", steps


def rename_label(folder: Folder, old: str, new: str) -> Plan:
    """Give a label another name; that of another label joins the two.

    Raises:
        UsageError, DatasetError: there is no such label, or none can be called so.
    """
    old = _there(folder, old)
    new = known_label(folder, new, instead_of=old)
    what = f"{shown(old)} renamed {shown(new)}"
    if new == old:
        return what, []
    places = [one for one in folder.places.every if one.label == old]
    if new in folder.labels:
        steps: list[Wish] = [*_joined(folder, places, old, new)]
        return f"{shown(old)} joined to {shown(new)}", steps
    moves: list[Wish] = []
    renamed: dict[str, str] = {}
    for own in dict.fromkeys(one.own for one in places):
        target = (PurePosixPath(own).parent / new).as_posix()
        moves.append(Move(own, target))
        for name in folder.about:
            if name.startswith(f"{own}/"):
                renamed[name] = target + name[len(own) :]
    rows = _rewritten_names(folder, renamed, stays=True, label=(old, new))
    return what, [*(moves or made(folder, new)), *rows]


def remove_label(folder: Folder, name: str) -> Plan:
    """Take a label away; its pictures have none then.

    Raises:
        UsageError: there is no such label.
    """
    name = _there(folder, name)
    places = [one for one in folder.places.every if one.label == name]
    pictures = _in_places(folder, places)
    pictures += [one for one in folder.pictures if one.label == name and one.decided == "relabel"]
    moves = _moves(folder, list(dict.fromkeys(pictures)), _in_heap)
    return f"No label {shown(name)}", [*moves, *_rewritten(folder, moves), *_away(places)]


def known_label(folder: Folder, name: str, *, instead_of: str = "") -> str:
    """A label as it is written already, or as it is given, if it is new and may be called so; it
    may be like the one that it takes the place of.

    Raises:
        UsageError, DatasetError: it may not.
    """
    if folder.problem:
        raise folder.problem
    name = name.strip()
    if not name:
        raise UsageError("A label needs a name.", hint="Write a word, such as rose.")
    others = [one for one in folder.labels if one != instead_of]
    known = Labels(others)
    if (same := known.same(name)) is not None:
        return same
    if (like := known.near(name)) is not None:
        alike = difference(name, like).replace("case or encoding", "capitals")
        raise DatasetError(
            f"There is a label {shown(like)} already; {shown(name)} differs from it only in "
            f"{alike}.",
            hint=f"Use {shown(like)}, or choose another name.",
        )
    if instead_of and Labels([instead_of]).same(name):
        return instead_of
    safe = safe_name(name, min(_LONGEST, longest_name(folder.root)))
    if safe != name:
        raise UsageError(
            f"A label cannot be called {shown(name)}: not every system takes a folder of that "
            "name.",
            hint=f"Call it {shown(safe)}, for example.",
        )
    if split_within(name)[0] and not split_within(name)[1]:  # also where such a folder is there
        raise UsageError(
            f"No label can be called {shown(name)}: it is read as a part of a data set.",
            hint="Choose another name.",
        )
    above = folder.root / PurePosixPath(folder.places.of(name, LEARN)).parent
    is_same_folder = bool(instead_of) and Labels([instead_of]).near(name) is not None
    if not is_same_folder and (why := why_never_read(name, above)):
        raise UsageError(f"{why[0].upper()}{why[1:]}.", hint="Choose another name.")
    return name


def _check_there(folder: Folder, pictures: Sequence[Kept]) -> None:
    if folder.problem:
        raise folder.problem
    if not pictures:
        raise UsageError(
            "These pictures are not in the folder any more.",
            hint="They were moved or deleted outside the studio.",
        )


def _there(folder: Folder, name: str) -> str:
    if folder.problem:
        raise folder.problem
    found = Labels(folder.labels).same(name)
    if found is None:
        raise UsageError(f"There is no label {shown(name)}.")
    return found


def _in_places(folder: Folder, places: Iterable[Place]) -> list[Kept]:
    below = tuple(f"{one.folder}/" for one in places)
    return [one for one in folder.pictures if one.name.startswith(below)]


def _own_name(folder: Folder, one: Kept) -> str:
    return PurePosixPath(one.name).name if one.part == ASIDE else folder.places.below(one.name)


def _in_heap(one: Kept) -> str | None:
    return None if one.part == HEAP else PurePosixPath(one.name).name


def _moves(
    folder: Folder, pictures: Iterable[Kept], place: Callable[[Kept], str | None]
) -> list[Move]:
    """Moves of pictures to the names that `place` gives, or the next that are free; none for those
    that have these names."""
    free = Free(folder.root)
    wanted = ((one.name, place(one)) for one in pictures)
    return [Move(name, free.free(to)) for name, to in wanted if to is not None and to != name]


def _sources(moves: Iterable[Move]) -> list[str]:
    return [move.source for move in moves]


def made(folder: Folder, name: str) -> list[Wish]:
    """The folder of a label to learn from, unless it is there. There is one also where all pictures
    are to test on: a folder for testing is known by the labels beside it."""
    place = folder.places.of(name, LEARN)
    return [] if (folder.root / place).is_dir() else [MakeFolder(place)]


def _joined(folder: Folder, places: Sequence[Place], old: str, new: str) -> list[Wish]:
    """What makes the pictures of a label those of another."""

    def place(one: Kept) -> str:
        own = folder.places.place_of(one.name)
        assert own
        return f"{folder.places.of(new, own.part)}/{folder.places.below(one.name)}"

    moves = _moves(folder, _in_places(folder, places), place)
    rows = _rewritten(folder, moves, stays=True, label=(old, new))
    return [*made(folder, new), *moves, *rows, *_away(places)]


def _away(places: Sequence[Place]) -> list[Move]:
    """Emptied folders of a label are taken away, and kept for undo."""
    token = secrets.token_hex(4)
    own = dict.fromkeys(one.own for one in places)
    return [Move(one, f"{TAKEN}/{token}-{at}", bare=True) for at, one in enumerate(own)]


def _rewritten(
    folder: Folder,
    moves: Iterable[Move],
    *,
    stays: bool = False,
    label: tuple[str, str] | None = None,
) -> list[Rewrite]:
    """What becomes of decisions about pictures that are moved; those about a label end, unless that
    `stays`. `label` is one that gets another name."""
    names = {move.source: move.target for move in moves}
    return _rewritten_names(folder, names, stays=stays, label=label)


def _rewritten_names(
    folder: Folder,
    names: Mapping[str, str],
    *,
    stays: bool,
    label: tuple[str, str] | None = None,
) -> list[Rewrite]:
    if not folder.about:
        return []
    rows = DecisionTable.read(place_of_decisions(folder.root)).decisions
    when = now()
    new: dict[Decision, Decision] = {}
    for name, target in names.items():
        is_read = "/" in target and not target.startswith(f"{SET_ASIDE}/")
        for one in folder.about.get(name, ()):
            if one.matter == "label" and not stays:
                new[one] = replace(one, superseded=when)
            elif is_read:
                new[one] = replace(one, path=csv_text(target))
            else:
                new[one] = replace(one, carried_out=when)
    if label:
        before, after = map(csv_text, label)
        for one in rows:
            if one.in_force and one.matter == "label" and before in (one.old_label, one.new_label):
                new[one] = replace(
                    new.get(one, one),
                    old_label=after if one.old_label == before else one.old_label,
                    new_label=after if one.new_label == before else one.new_label,
                )
    pairs = tuple((one, new[one]) for one in rows if one in new and new[one] != one)
    return [Rewrite(pairs)] if pairs else []
