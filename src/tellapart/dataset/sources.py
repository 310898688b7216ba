"""A folder, table or archive of labelled pictures -> `Dataset`.

Nothing is decoded here: a `Dataset` lists what is there, under which label, and what was passed
over and why.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import DatasetError
from ..files.on_disk import address_meant
from ..files.workspaces import Workspace
from ..text import several, shown
from .archives import is_archive, unpack
from .completeness import finished
from .dataset import FEW as FEW
from .dataset import Dataset as Dataset
from .dataset import labelled, marked, nohash_group, on_torn
from .decided import decisions_about
from .items import Item as Item
from .items import Items as Items
from .layout import layout_of
from .mended import apply
from .paths import Finder, missing
from .stored.containers import holds_pictures
from .stored.sets import read_stored
from .tables import TABLE_SUFFIXES, names_pictures, read_table
from .walk import SET_ASIDE, Walk, identity
from .walk import SkippedFile as SkippedFile
from .walk import is_hidden as is_hidden
from .walk import pictures_below as pictures_below


def read_dataset(
    source: str | os.PathLike[str],
    *,
    follow_links: bool = False,
    at_least: int = 2,
    decided: bool = True,
) -> Dataset:
    """Read a labelled data set that has pictures of at least `at_least` labels.

    A source is a folder that has one folder per label; a folder with `train/`, and perhaps `test/`
    and `val/`, that have such folders (others beside them are passed over); a CSV or JSONL file
    with the columns path and label, and perhaps split and group; a JSON export of Label Studio or
    FiftyOne; a .zip or .tar.gz of these. Or what is read where it lies: tar shards, of WebDataset
    or of folders of labels, by a pattern such as `data-{000..099}.tar`; Parquet files with a column
    of pictures; and all of this, or folders of labels, at an address such as `s3://photos/2026/`.
    Decisions about its pictures are applied, unless not `decided`: see `decisions.py`.

    Raises:
        DatasetError: it is none of these; the message lists what was found. Or a line of the table
            of decisions is none.
    """
    path = Path(source)
    if meant := address_meant(source):
        raise DatasetError(f"{shown(path)} does not exist.", hint=f"Did you mean {shown(meant)}?")
    is_stored = holds_pictures(os.fspath(source))
    if not is_stored and not os.path.exists(path):
        raise DatasetError(
            f"{shown(path)} does not exist.",
            hint="Give a folder that has one folder of pictures per label.",
        )
    unpacked = None
    if is_stored:
        dataset = read_stored(os.fspath(source))
    elif is_archive(path):
        workspace = Workspace()
        with workspace.filling() as folder:
            said = unpack(path, folder)
        dataset, unpacked = read_unpacked(workspace.folder, path)
        dataset = replace(dataset, notes=(*said, *dataset.notes), _workspaces=(workspace,))
    elif path.is_dir():
        if not os.access(path, os.R_OK | os.X_OK):
            raise DatasetError(
                f"{shown(path)} cannot be opened: permission denied.",
                hint="Give yourself permission to read it, or name another place.",
            )
        dataset = _read_folder(path, follow_links)
    elif path.suffix.lower() in TABLE_SUFFIXES and path.is_file():
        dataset = _read_table(path)
    else:
        raise DatasetError(
            f"{shown(path)} is neither a folder, a CSV, JSONL or JSON file, nor a .zip or .tar.gz.",
            hint="Give a folder that has one folder of pictures per label.",
        )
    dataset = replace(dataset, unmended=dataset.items)
    if decided and not dataset.address:  # which has no place for a table
        decisions, notes = decisions_about(path, dataset.parts, unpacked)
        dataset = apply(replace(dataset, notes=(*dataset.notes, *notes)), decisions)
    return finished(dataset, at_least)


def _read_folder(root: Path, follow_links: bool) -> Dataset:
    walk = Walk(root, follow_links)
    layout = layout_of(walk)
    notes = layout.notes
    if os.path.isdir(root / SET_ASIDE):
        notes += (f"{SET_ASIDE}/ is no label: it holds pictures that were dropped.",)
    bare: list[str] = []
    shut: dict[str, str] = {}

    def found() -> Iterator[Item]:
        for place in layout.labels:
            label = labelled(place.label)
            above = frozenset({identity(root), identity(place.folder.parent)})
            is_bare = True
            for path, name in walk.pictures(place.folder, above):
                is_bare = False
                yield Item(path, name, label, place.split, nohash_group(label, path.name))
            if is_bare:
                why = walk.shut(place.folder)
                bare.extend([] if why else [label])
                shut.update({label: why} if why else {})

    items = Items(found())
    filled = set(items.labels)
    return Dataset(
        root,
        items,
        tuple(walk.skipped),
        walk.hidden,
        empty=tuple(dict.fromkeys(label for label in bare if label not in filled)),
        shut=tuple((label, why) for label, why in shut.items() if label not in filled),
        parts=layout.parts,
        notes=notes,
    )


def _read_table(path: Path, inside: Path | None = None, called: Path | None = None) -> Dataset:
    """A CSV or JSONL file; paths in it are relative to its folder, and below `inside` if given.

    `called` is what an error calls it, if not by its path.
    """
    items: list[Item] = []
    skipped = []
    labels_of: dict[Path, dict[str, None]] = {}
    finder = Finder(path.parent)
    rows, faults = read_table(path, called)
    if not rows:
        raise DatasetError(
            f"{shown(called or path)} holds no rows: it names no picture.",
            hint="Write a line with the columns path and label, and below it a line a picture.",
        )
    for row in rows:
        file = finder.find(row.path)
        if file is None:
            skipped.append(SkippedFile(row.path, missing(row.path)))
        elif inside and not file.resolve().is_relative_to(inside.resolve()):
            skipped.append(SkippedFile(row.path, "a path that leads outside the archive"))
        elif row.label in labels_of.setdefault(file, {}):
            skipped.append(SkippedFile(row.path, "named a second time, with the same label"))
        else:
            labels_of[file][row.label] = None
            label = labelled(row.label)
            group = row.group or nohash_group(label, file.name)
            name = finder.name(row.path, file)
            items.append(Item(file, name, label, row.split, group))
    if skipped and not items:
        raise DatasetError(
            f"{shown(called or path)} names {several(len(skipped), 'picture')}, and none of them "
            f"exists; the first is {shown(skipped[0].name)} ({skipped[0].reason}).",
            hint="Write paths relative to the folder that the table is in.",
        )
    skipped += (SkippedFile(f"{path.name}, {one.place}", one.reason) for one in faults)
    items.sort(key=lambda item: item.name)
    torn = [(finder.name("", f), list(of)) for f, of in labels_of.items() if len(of) > 1]
    parts = dict.fromkeys((r.split, r.part) for r in rows if r.split)
    return Dataset(
        path,
        Items(items),
        tuple(skipped),
        parts=marked(parts),
        notes=tuple(on_torn(torn, shown(path.name))),
    )


def read_unpacked(root: Path, archive: Path) -> tuple[Dataset, Path]:
    """What an archive held: a data set at its top, or one folder further down; and that folder."""
    top = root
    for _ in range(3):
        walk = Walk(root, follow_links=False)
        entries = walk.entries(root)
        tables = [path for path in (Path(e.path) for e in entries) if names_pictures(path)]
        folders = [e for e in entries if e.is_dir()]
        if len(tables) == 1:
            called = archive / tables[0].relative_to(top)
            return replace(_read_table(tables[0], root, called), source=archive), root
        if len(folders) != 1 or not walk.folders(Path(folders[0].path)):
            break
        root = Path(folders[0].path)
    return replace(_read_folder(root, follow_links=False), source=archive), root
