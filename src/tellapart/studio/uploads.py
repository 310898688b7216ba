"""What has come from the page (`incoming.py`) -> a change that adds its pictures, those that can be
read: decoding them is the check. All that an archive holds is one change.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..dataset.filenames import kept_stem, longest_name, named, safe_name, suffix_of
from ..dataset.labels import distinct
from ..dataset.sources import Item, read_unpacked
from ..dataset.tables import names_pictures
from ..dataset.walk import UNLABELLED, pictures_below
from ..errors import ArchiveError, DatasetError, DestinationError, PictureError
from ..files.atomic import sync
from ..files.reading import read_content
from ..files.skipped import SkippedFile
from ..images.decode import decode
from ..images.kinds import SUFFIXES
from ..text import several, shown
from ..workers.local import Each, local_map
from .changes import Done, Move, Wish
from .folder import LEARN, TEST, Folder, Kept
from .incoming import Incoming, Wanted
from .labelling import Plan, known_label, made
from .places import Free

_TOLD = 20  # pictures between two words on how far it is


@dataclass
class Brought:
    """What became of what came.

    Attributes:
        added: names of the pictures that were added, below the folder.
        copies: those left out because the folder has the same file: its name there, by their own.
        refused: those that cannot be read, with the reason.
        notes: sentences on what could be meant otherwise.
        done: the change; None where nothing was added.
    """

    added: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    refused: list[SkippedFile] = field(default_factory=list)
    notes: Sequence[str] = ()
    done: Done | None = None


class Copies:
    """Which pictures of a folder hold the same bytes as another; only those of its size are
    read."""

    def __init__(self) -> None:
        self._digests: dict[object, str] = {}
        self._by_size: dict[int, list[Kept]] = {}
        self._revision = -1

    def of(self, folder: Folder, size: int, digest: str) -> Kept | None:
        if self._revision != folder.revision:
            self._by_size = {}
            for one in folder.pictures:
                self._by_size.setdefault(one.seen.size, []).append(one)
            self._revision = folder.revision
        same = (one for one in self._by_size.get(size, ()) if self._digest(folder, one) == digest)
        return next(same, None)

    def _digest(self, folder: Folder, one: Kept) -> str:
        if one.seen not in self._digests:
            try:
                content = read_content(folder.path(one))
            except PictureError:
                return ""
            self._digests[one.seen] = hashlib.sha256(content).hexdigest()
        return self._digests[one.seen]


def looked_at(coming: Incoming, wanted: Wanted) -> tuple[int, str]:
    """The size and the sha256 of a picture that has come, and can be read.

    Raises:
        PictureError: it cannot; the message has its name.
    """
    try:
        return _looked_at(coming.path, wanted.own_name)
    except PictureError as error:
        raise PictureError(f"{shown(wanted.own_name)}: {error.message}", hint=error.hint) from None


def _looked_at(path: Path, called: str) -> tuple[int, str]:
    content = read_content(path)
    suffix = PurePosixPath(called).suffix.lower()
    decode(content, suffix=suffix if suffix in SUFFIXES else "")
    return len(content), hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class _Come:
    """A picture of an archive: where it lies below the unpacked folder, its label and its part, and
    what looking at it gave."""

    item: Item
    below: str
    size: int = 0
    digest: str = ""
    reason: str = ""


def place_one(
    folder: Folder,
    copies: Copies,
    coming: Incoming,
    wanted: Wanted,
    size: int,
    digest: str,
    before: Sequence[str] = (),
) -> tuple[Plan, Brought]:
    """A change that adds a picture which has come; `before` are the names of those of the same
    batch that were added already.

    Raises:
        UsageError, DatasetError: no label can be called so.
    """
    brought = Brought()
    if same := copies.of(folder, size, digest):
        brought.copies[wanted.own_name] = same.name
        return ("", []), brought
    free = Free(folder.root)
    place, steps = _place(folder, wanted.label, wanted.part)
    target = free.free(_joined(place, kept_name(folder.root, wanted.own_name, coming.path)))
    source = coming.take(coming.path)
    brought.added.append(target)
    what = _called(folder, before, 1, [wanted.label])
    return (what, [*steps, Move(source, target)]), brought


def look_through(
    coming: Incoming, wanted: Wanted, progress: Callable[[int, int], None]
) -> tuple[list[_Come], Brought, Path]:
    """What an archive holds, each picture looked at, and the folder that it lies in.

    Raises:
        ArchiveError, DatasetError, DestinationError: it cannot be unpacked, or read.
    """
    try:
        top, notes = coming.unpacked()
        items, skipped, more = _items(top, coming.path, wanted)
    except (ArchiveError, DatasetError, DestinationError) as error:
        raise type(error)(coming.told(error.message), hint=error.hint) from None
    brought = Brought(refused=list(skipped), notes=[coming.told(one) for one in (*notes, *more)])

    def look(item: Item) -> _Come:
        below = item.file.relative_to(top).as_posix()
        try:
            size, digest = _looked_at(item.file, item.name)
        except PictureError as error:
            return _Come(item, below, reason=error.message)
        sync(item.file)
        return _Come(item, below, size, digest)

    found: list[_Come] = []
    for done, one in enumerate(local_map(Each(look), ([item] for item in items)), start=1):
        if one.reason:
            brought.refused.append(SkippedFile(one.item.name, one.reason))
        else:
            found.append(one)
        if done % _TOLD == 0 or done == len(items):
            progress(done, len(items))
    return found, brought, top


def _items(
    top: Path, archive: Path, wanted: Wanted
) -> tuple[list[Item], list[SkippedFile], tuple[str, ...]]:
    """The pictures of an archive with their labels, and what in it is none: by its folders or its
    table; where a label is asked for, all pictures get that."""
    found, walked = pictures_below(top)[:2]
    loose: dict[Path, Item] = {path: Item(path, name, wanted.label) for path, name in found}
    if wanted.label:
        return list(loose.values()), walked, ()
    dataset, inner = read_unpacked(top, archive)
    labelled = {item.file: item for item in dataset.items}
    items = list({**loose, **labelled}.values())
    others = {top / one.name: one for one in walked}
    skipped = [
        one for path, one in others.items() if path.parent != inner or not names_pictures(path)
    ]
    skipped += (
        one
        for one in dataset.skipped
        if one.reason != UNLABELLED and inner / one.name not in others
    )
    return items, skipped, dataset.notes


def place_many(
    folder: Folder,
    copies: Copies,
    coming: Incoming,
    wanted: Wanted,
    found: Sequence[_Come],
    brought: Brought,
    top: Path,
    before: Sequence[str] = (),
) -> Plan:
    """A change that adds the pictures of an archive; `before` as of `place_one`.

    Raises:
        DatasetError: a label in it is easy to confuse with another.
    """
    distinct({safe_name(one.item.label) for one in found if one.item.label})
    free = Free(folder.root)
    places: dict[tuple[str, str], str] = {}
    steps: list[Wish] = []
    moves: dict[str, str] = {}  # target -> below the unpacked folder
    own: dict[str, str] = {}  # digest -> name, of those that are added
    for one in found:
        same = copies.of(folder, one.size, one.digest)
        if same or one.digest in own:
            brought.copies[one.item.name] = same.name if same else own[one.digest]
            continue
        part = TEST if wanted.part == TEST or one.item.split == "test" else LEARN
        key = one.item.label and safe_name(one.item.label), part
        if key not in places:
            places[key], more = _place(folder, *key)
            steps += more
        name = kept_name(folder.root, PurePosixPath(one.item.name).name, one.item.file)
        target = free.free(_joined(places[key], name))
        moves[target] = one.below
        own[one.digest] = target
    if not moves:
        return "", []
    kept = set(moves.values())
    for above, _, files in os.walk(top):
        for name in files:
            if Path(above, name).relative_to(top).as_posix() not in kept:
                os.unlink(Path(above, name))
    source = coming.take(top)
    brought.added += moves
    steps += [Move(f"{source}/{below}", target) for target, below in moves.items()]
    return _called(folder, before, len(moves), [label for label, _ in places]), steps


def _place(folder: Folder, label: str, part: str) -> tuple[str, list[Wish]]:
    """The folder in which pictures of a label are to lie, and what makes that."""
    if not label:
        return "", []
    name = known_label(folder, label)
    return folder.places.of(name, part), made(folder, name)


def _joined(place: str, name: str) -> str:
    return f"{place}/{name}" if place else name


def kept_name(root: Path, name: str, path: Path) -> str:
    """A client's name for a picture, as every system takes it, with the suffix of what it is."""
    own = Path(name)
    suffix = own.suffix if own.suffix.lower() in SUFFIXES else suffix_of(path)
    return named(kept_stem(own, suffix), suffix, longest_name(root))


def _called(folder: Folder, before: Sequence[str], count: int, labels: Iterable[str]) -> str:
    """What adding so many pictures of these labels is called, after those `before`."""
    places = map(folder.places.place_of, before)
    names = {*labels, *(place.label if place else "" for place in places)}
    to = f" to {shown(*names)}" if len(names) == 1 and "" not in names else ""
    return f"{several(len(before) + count, 'picture')} added{to}"
