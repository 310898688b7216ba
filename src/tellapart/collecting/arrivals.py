"""Where pictures are collected from: a list of addresses, a video, a folder or an archive; each
gives the same arrivals, a few at a time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from ..dataset.archives import is_archive, unpack
from ..dataset.filenames import kept_stem, safe_name
from ..dataset.sources import Dataset, Item, SkippedFile, pictures_below, read_dataset
from ..dataset.tables import names_pictures
from ..errors import DatasetError, PictureError, UsageError, option
from ..files.reading import read_content, read_head
from ..files.stored import suffix_of_place
from ..files.workspaces import Workspace
from ..images.kinds import SUFFIXES, sniff
from ..text import shown
from ..workers.local import Each, local_map
from .downloading import Manner, Missed, download
from .lists import Listed, is_list, read_list
from .ready import Ready, of_pixels, ready
from .video import check_installed as check_video
from .video import frames, is_video

_BATCH = 16
_PROXIES = ("https_proxy", "http_proxy", "all_proxy")
_LONGEST_STEM = 80  # bytes of a name that an address gives


@dataclass(frozen=True)
class Arrival:
    """A picture that has come.

    Attributes:
        source: where from, as provenance says it.
        label: the label asked for.
        licence: as a list says it.
        stem: how its name begins.
        picture: what it is.
        file: where it lies as a file that stays there; None where there is none.
    """

    source: str
    label: str
    licence: str
    stem: str
    picture: Ready
    file: Path | None = None


@dataclass(frozen=True)
class Absent:
    """A picture that has not come, and why."""

    source: str
    label: str
    licence: str
    reason: str


Batch: TypeAlias = "list[Arrival | Absent]"


@dataclass(frozen=True)
class Source:
    """What there is to collect from: `open` gives it in batches, but for the sources that the
    caller has. `count` is None where nobody knows it before; `labels` are by the sources that are
    known before.
    """

    labels: Mapping[str, str]
    open: Callable[[frozenset[str]], Generator[Batch, None, None]]
    count: int | None
    notes: tuple[str, ...] = ()
    unread: tuple[SkippedFile, ...] = ()


def source_of(
    path: Path,
    label: str | None,
    manner: Manner,
    every: float,
    differ: float,
    why_never: Callable[[str], str],
) -> Source:
    """What a path leads to; `why_never` says why a label has no pictures, or nothing.

    Raises:
        UsageError: it does not exist, is of no kind that is collected from, or needs a label.
        DatasetError: it cannot be read.
    """
    if not os.path.exists(path):
        hint = "Give a list of addresses, a video, a folder or an archive."
        if re.match(r"https?:/", str(path)):
            hint = "Write the address into a text file, and give that."
        raise UsageError(f"{shown(path)} does not exist.", hint=hint)
    if path.is_dir() or is_archive(path):
        return _files(path, label, manner.max_side, why_never)
    if is_video(path):
        return _video(path, label, manner.max_side, every, differ)
    if is_text(path):
        if is_list(path):
            return _list(path, label, manner, why_never)
        if names_pictures(path):
            return _files(path, label, manner.max_side, why_never)
        read_list(path, label)  # which says what is wrong
    raise UsageError(
        f"{shown(path)} is neither a list of addresses, a video, a folder nor an archive.",
        hint="Give one of these.",
    )


def is_text(path: Path) -> bool:
    """Whether a file is text, by its first bytes: in UTF-16 every other of them is 0."""
    try:
        head = read_head(path)
    except (OSError, PictureError):
        return False
    return sniff(head[:512].replace(b"\0", b"")) in ("a text file", "an XML file") or not any(
        byte < 9 for byte in head.replace(b"\0", b"")[:512]
    )


def _list(path: Path, label: str | None, manner: Manner, why_never: Callable[[str], str]) -> Source:
    listed, faults = read_list(path, label)
    first: dict[str, Listed] = {}
    refused: list[Absent] = []
    for one in listed:
        if one.url not in first:
            first[one.url] = one
        elif first[one.url].label != one.label:
            before = f"listed in line {first[one.url].line} with the label {first[one.url].label}"
            refused.append(Absent(one.url, one.label, one.licence, before))

    def open_(known: frozenset[str]) -> Generator[Batch, None, None]:
        wanted = [one for one in first.values() if one.url not in known]
        never = [(one, why_never(one.label)) for one in wanted]
        absent = [Absent(one.url, one.label, one.licence, why) for one, why in never if why]
        if absent or refused:
            yield [*refused, *absent]
        for came in download([one for one, why in never if not why], manner):
            yield [_arrival(one) for one in came]

    unread = tuple(SkippedFile(f"{path.name}, line {one.line}", one.reason) for one in faults)
    count = len(first) + len(refused)
    labels = {url: one.label for url, one in first.items()}
    return Source(labels, open_, count, tuple(_on_proxies()), unread)


def _on_proxies() -> Iterator[str]:
    """A sentence where a proxy is set, which other programs would use."""
    names = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.upper())]
    if names:
        yield (
            f"A proxy is set ({names[0].upper()}), and is not used: it would look up hosts itself, "
            "and could lead to a private network."
        )


def _arrival(came: tuple[Listed, Ready] | Missed) -> Arrival | Absent:
    if isinstance(came, Missed):
        one = came.listed
        return Absent(one.url, one.label, one.licence, came.reason)
    one, picture = came
    return Arrival(one.url, one.label, one.licence, stem_of(one.url), picture)


def stem_of(url: str) -> str:
    """How the name of a picture begins that has an address: as the last part of its path."""
    last = ""
    with suppress(ValueError):
        last = PurePosixPath(unquote(urlsplit(url).path)).name
    stem, dot, ending = last.rpartition(".")
    if dot and f".{ending.lower()}" in SUFFIXES:
        last = stem
    return safe_name(last or "picture", _LONGEST_STEM)


def _video(
    path: Path, label: str | None, max_side: int | None, every: float, differ: float
) -> Source:
    if not label:
        raise UsageError(
            f"{shown(path)} is a video, which has no label.", hint=f"Give {option('label=LABEL')}."
        )
    check_video()
    called = Path(os.path.realpath(path)).as_posix()

    def open_(known: frozenset[str]) -> Generator[Batch, None, None]:
        for frame in frames(path, every=every, differ=differ):
            source = f"{called}#t={frame.second:.3f}"
            if source not in known:
                stem = f"{safe_name(path.stem, _LONGEST_STEM)}-{frame.second:08.2f}s"
                picture = of_pixels(frame.pixels, max_side=max_side)
                yield [Arrival(source, label, "", stem, picture)]

    return Source({}, open_, None)


def _files(
    path: Path, label: str | None, max_side: int | None, why_never: Callable[[str], str]
) -> Source:
    notes: tuple[str, ...] = ()
    root = path
    holds: Workspace | Dataset | None = None  # what keeps an unpacked archive on the disk
    if is_archive(path) and label:
        workspace = Workspace()
        with workspace.filling() as folder:
            notes = unpack(path, folder)
        holds, root = workspace, workspace.folder
    items: Sequence[Item]
    if label and root.is_dir():
        found, skipped, _ = pictures_below(root)
        items = [Item(place, name, label) for place, name in found]
        unread = tuple(skipped)
    else:
        dataset = _dataset(path)
        items, unread, notes = dataset.items, dataset.skipped, dataset.notes
        items = [replace(item, label=label or item.label) for item in items]
        if parts := [name for _, name in dataset.parts]:
            notes = (*notes, f"Its parts are put together: {', '.join(parts)}.")
        holds = dataset if is_archive(path) else None
    called = Path(os.path.realpath(path))
    base = called if called.is_dir() or is_archive(path) else called.parent
    names = {f"{base.as_posix()}/{item.name}": item for item in items}

    def open_(known: frozenset[str]) -> Generator[Batch, None, None]:
        waiting = [(source, item) for source, item in names.items() if source not in known]
        stays = holds is None  # what was unpacked does not

        def look(one: tuple[str, Item]) -> Arrival | Absent:
            source, item = one
            if why := why_never(item.label):
                return Absent(source, item.label, "", why)
            try:
                content = read_content(item.path)
                picture = ready(content, suffix=suffix_of_place(item.path), max_side=max_side)
            except PictureError as error:
                return Absent(source, item.label, "", error.message)
            kept = stays and isinstance(item.path, Path) and picture.as_it_came
            stem = kept_stem(Path(item.name), _picture_suffix(Path(item.name)))
            if kept:
                picture = replace(picture, content=b"")  # the file has it
            return Arrival(
                source,
                item.label,
                "",
                stem,
                picture,
                Path(os.path.realpath(item.file)) if kept else None,
            )

        yield from _batched(local_map(Each(look), ([one] for one in waiting)))

    labels = {source: item.label for source, item in names.items()}
    return Source(labels, open_, len(names), notes, unread)


def _dataset(path: Path) -> Dataset:
    try:
        return read_dataset(path, at_least=1)
    except DatasetError as error:
        if not path.is_dir():
            raise
        raise DatasetError(
            f"{error.said[0]}",
            hint=f"Give {option('label=LABEL')} for a folder of pictures of one label, or a folder "
            "that has one folder a label.",
        ) from error


def _picture_suffix(path: Path) -> str:
    return path.suffix if path.suffix.lower() in SUFFIXES else ""


def _batched(found: Iterator[Arrival | Absent]) -> Generator[Batch, None, None]:
    while batch := list(islice(found, _BATCH)):
        yield batch
