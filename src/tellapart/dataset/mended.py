"""A data set, and decisions about its pictures -> the data set as it is meant: relabelled, without
what was dropped, grouped. No file is changed.

A decision is about a content. It holds for the file at its path if that has the content; only where
some path has another content, or is gone, are all other files read, to find where the picture is
now: never where a copy of it lay already when that was decided. So this costs hashing the pictures
decided about, and one reading of all pictures where one of these was moved, changed or deleted.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ..errors import PictureError
from ..files.reading import read_content
from ..files.stored import Place, place_text
from ..text import csv_text, first_few, several, shown
from ..workers.local import Each, batches_of, local_map
from .decision import BETWEEN, FILE, MANY, Decision, place_of_decisions, undo_words
from .items import Item, Items
from .labels import Labels

if TYPE_CHECKING:
    from .sources import Dataset

_BATCH = 16  # files a thread hashes at a time
_NAMED = 5
_COPIES = 20  # paths that are noted with a decision; beyond that only that there are many


@dataclass(frozen=True)
class Found:
    """Where decisions in force are now.

    Attributes:
        about: by a picture's name, the decisions about it.
        held: those of them on which all agree, at most one of each matter.
        conflicts: the names of pictures about which decisions disagree.
        stale: decisions whose picture was changed, or is not there.
        unclear: decisions whose picture was moved, and which of several copies it is, is not known.
    """

    about: dict[str, list[Decision]]
    held: dict[str, tuple[Decision, ...]]
    conflicts: tuple[str, ...] = ()
    stale: tuple[Decision, ...] = ()
    unclear: tuple[Decision, ...] = ()


def apply(dataset: Dataset, decisions: Iterable[Decision], found: Found | None = None) -> Dataset:
    """The data set with decisions applied; notes say what that changed, and what could not be
    applied. `found` is where these decisions are, as far as that is known already.

    Raises:
        DatasetError: a new label differs from one that is there only in what few would see.
    """
    in_force = [one for one in decisions if one.in_force]
    if not in_force:
        return dataset
    found = found or locate(dataset.items, in_force)
    wanted = [o.new_label for of in found.held.values() for o in of if o.decision == "relabel"]
    written = _labels(dataset, wanted)
    counts: Counter[str] = Counter()
    items: list[Item] = []
    kept: set[str] = set()
    seen: set[tuple[Place, str]] = set()
    for item in dataset.items:
        about = found.held.get(item.name, ())
        label, group = item.label, item.group
        for one in about:
            if one.decision == "relabel":
                label = written[one.new_label]
            elif one.decision == "group":
                group = one.new_label
        kinds = {one.decision for one in about}
        if label == item.label:  # the file is where it is to be
            kinds.discard("relabel")
        if "drop" in kinds:
            counts["drop"] += 1
            continue
        counts.update(kinds)
        if "keep" in kinds:
            kept.add(item.name)
        if (item.path, label) not in seen:  # a table may name a file under two labels
            seen.add((item.path, label))
            items.append(replace(item, label=label, group=group))
    mended_set = replace(dataset, items=Items(items), unmended=dataset.items, kept=frozenset(kept))
    return replace(
        mended_set,
        notes=(*dataset.notes, *_words(dataset, mended_set, found, counts)),
    )


def locate(items: Items, decisions: Sequence[Decision]) -> Found:
    """Which pictures decisions are about: by content, first at their own paths."""
    paths = [_written(one.path) for one in decisions]
    at: dict[str, list[Item]] = {path: [] for path in paths}
    for row, name in enumerate(items.names):
        if (written := _written(name)) in at:
            at[written].append(items[row])
    digests = _digests({item.path for path in paths for item in at[path]})
    of: dict[str, list[Decision]] = {}  # by name, what is about each picture
    moved: list[Decision] = []
    settled: dict[tuple[str, str], set[str]] = {}  # where those of a content are at their paths
    for one, path in zip(decisions, paths, strict=True):
        there = [item.name for item in at[path] if digests[item.path] == one.digest]
        if there:  # of two names that are written alike, the one that is meant
            exact = next((name for name in there if csv_text(name) == one.path), there[0])
            of.setdefault(exact, []).append(one)
            settled.setdefault((one.digest, one.matter), set()).add(exact)
        else:
            moved.append(one)
    stale: list[Decision] = []
    unclear: list[Decision] = []
    if moved:
        digests |= _digests({item.path for item in items} - digests.keys())
        holders: dict[str, dict[str, str]] = {}
        for item in items:
            holders.setdefault(digests[item.path], {})[item.name] = _written(item.name)
        alike: dict[tuple[str, str], list[Decision]] = {}
        for one in moved:
            alike.setdefault((one.digest, one.matter), []).append(one)
        for key, rows in alike.items():
            moves = _Moves(holders.get(key[0], {}), settled.get(key, set()), rows)
            for one in rows:
                name, is_unclear = moves.now(one)
                if name:
                    of.setdefault(name, []).append(one)
                elif is_unclear:
                    unclear.append(one)
                elif one.decision != "drop" or at[_written(one.path)]:  # else it is done
                    stale.append(one)
    held, conflicts = {}, []
    for name, about in of.items():
        agreed = tuple(_agreed(about))
        if agreed:
            held[name] = agreed
        if len({one.matter for one in about}) > len(agreed):
            conflicts.append(name)
    return Found(of, held, tuple(sorted(conflicts)), tuple(stale), tuple(unclear))


class _Moves:
    """Where the pictures of one content went whose decisions are not at their paths.

    A file that lay where it lies when a decision was made about a copy of it is another picture:
    the decision never passes to it. Nor does it to one with a decision of its own.
    """

    def __init__(self, holders: dict[str, str], settled: set[str], rows: list[Decision]) -> None:
        """`holders` are the files of that content, with their names as the table has them; in
        `settled`, a decision of the same matter is at its path."""
        self.written = set(holders.values())
        self.free = {name: path for name, path in holders.items() if name not in settled}
        self.names = list(self.free)
        paths = dict.fromkeys(_written(one.path) for one in rows)
        self.rows = {path: at for at, path in enumerate(paths)}
        self.agree = len({(one.decision, one.new_label) for one in rows}) == 1
        self.bases = Counter(PurePosixPath(path).name for path in self.rows)

    def now(self, one: Decision) -> tuple[str, bool]:
        """The name of the picture; empty where it is gone, or, with True, where that cannot be
        known."""
        if one.copies.startswith(MANY):
            return "", bool(self.free)
        copies = {_written(path) for path in one.copies_at}
        new = self.names
        if copies:
            new = [name for name, path in self.free.items() if path not in copies]
        if not new:
            return "", False
        others = [path for path in copies if path not in self.written and path not in self.rows]
        gone = len(self.rows) + len(others)  # copies that were moved or deleted too
        if self.agree and not others and len(new) <= gone:
            return new[self.rows[_written(one.path)] % len(new)], False
        base = PurePosixPath(_written(one.path)).name
        same = [name for name in new if PurePosixPath(_written(name)).name == base]
        only = self.bases[base] + sum(PurePosixPath(path).name == base for path in others) == 1
        if copies and len(new) >= gone and len(same) == 1 and only:
            return same[0], False
        return "", True


def _written(name: str) -> str:
    """A name as the table has it, by whatever system it was written."""
    return unicodedata.normalize("NFC", csv_text(name))


def _agreed(about: Sequence[Decision]) -> Iterator[Decision]:
    """One decision of each matter on which all about a picture agree."""
    for matter in ("label", "group"):
        said = [one for one in about if one.matter == matter]
        if said and len({(one.decision, one.new_label) for one in said}) == 1:
            yield said[0]


def _labels(dataset: Dataset, wanted: Sequence[str]) -> dict[str, str]:
    """How each new label is written: as the source writes it, where it has that label."""
    known = Labels(dataset.labels).known(wanted, FILE, f"a label of {dataset.called}")
    return {label: known.get(label, label) for label in wanted}


def digest_of(path: Place) -> str:
    """The sha256 of a file's content, in hex; empty where it cannot be read."""
    try:
        return hashlib.sha256(read_content(path)).hexdigest()
    except PictureError:
        return ""


def copies_of(items: Sequence[Item], named: Sequence[tuple[Item, str]]) -> list[str]:
    """For pictures with the digests of their contents: where else each content lies, as the table
    has it. Only files of one size are read."""
    sizes = {item.path: _size(item.path) for item in items}
    wanted = Counter(sizes.get(item.path) for item, _ in named)
    known = {item.path: digest for item, digest in named}
    alike = {path for path, size in sizes.items() if size in wanted} - known.keys()
    digests = {**known, **_digests(alike)}
    lying: dict[str, list[str]] = {}
    for item in items:
        if item.path in digests:
            lying.setdefault(digests[item.path], []).append(csv_text(item.name))
    found = []
    for item, digest in named:
        lies = lying.get(digest, [])
        if len(lies) > _COPIES:
            found.append(MANY)
        else:
            found.append(BETWEEN.join(n for n in lies if n != csv_text(item.name)))
    return found


def _size(path: Place) -> int:
    """In bytes; -1 where that cannot be known."""
    try:
        return path.stat().st_size if isinstance(path, Path) else -1
    except OSError:
        return -1


def _digests(paths: Iterable[Place]) -> dict[Place, str]:
    wanted = sorted(paths, key=place_text)
    return dict(zip(wanted, local_map(Each(digest_of), batches_of(wanted, _BATCH)), strict=True))


def _words(before: Dataset, after: Dataset, found: Found, counts: Counter[str]) -> Iterator[str]:
    """Sentences on what decisions changed, on what could not be applied, and how to undo them."""
    file = shown(place_of_decisions(before.source).name)
    said = [
        words
        for kind, words in (
            ("relabel", f"{several(counts['relabel'], 'picture')} relabelled"),
            ("drop", f"{counts['drop']:,} left out"),
            ("group", f"{counts['group']:,} put into groups"),
            ("keep", f"{counts['keep']:,} kept as they are"),
        )
        if counts[kind]
    ]
    if counts["relabel"] + counts["drop"] + counts["group"]:
        yield (f"{file}: {', '.join(said)}. To take decisions back: {undo_words(before.written)}.")
    if gone := sorted(set(before.labels) - set(after.labels)):
        yield f"By these decisions no picture of {first_few(gone)} is left."
    if found.conflicts:
        yield (
            f"{file} has decisions that disagree on {several(len(found.conflicts), 'picture')}; "
            f"none of these is applied: {first_few(found.conflicts, _NAMED)}. Decide again."
        )
    if found.unclear:
        names = [one.path for one in found.unclear]
        yield (
            f"{file} has {several(len(names), 'decision')} on pictures that were moved, and "
            f"which of several copies is meant cannot be told: {first_few(names, _NAMED)}. Decide "
            f"again."
        )
    if found.stale:
        names = [one.path for one in found.stale]
        yield (
            f"{file} has {several(len(names), 'decision')} on pictures that were changed or are "
            f"not there, and so not applied: {first_few(names, _NAMED)}."
        )
