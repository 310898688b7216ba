"""Labelled pictures that are stored in tars, Parquet files or at an address -> `Dataset`.

Where labels are said beside the pictures, as in WebDataset or a column, these are the labels. Where
they are not, the folders in the pictures' names are, as they would be on a disk.

A picture's name is the one that it has in its container: the same pictures have the same names
however they are spread over shards, and so the same order, groups and model. Only where two
pictures have the same name, all are called by their places: `data-001.tar/cat/0001.jpg`. A row of a
Parquet file that has no path, or that of a row before it, is called by its number there:
`train-00000-of-00002.parquet/17`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ...errors import DatasetError
from ...files.addresses import is_address
from ...files.skipped import SkippedFile
from ...text import several, shown
from ..dataset import Dataset, labelled, nohash_group
from ..items import Item, Items
from ..layout import layout_of
from ..splits import named_as_splits
from .containers import contents_of
from .listed import Listed
from .tree import Tree


def read_stored(text: str) -> Dataset:
    """The data set that a text means, of which `holds_pictures` is true.

    Raises:
        DatasetError: none of it can be read, or no picture has a label.
    """
    skipped: list[SkippedFile] = []
    every = list(contents_of(text, skipped.append))
    splits = _splits({shard for _, shard in every})
    if splits:
        every = [
            (one if one.split else replace(one, split=splits.get(shard), part=shard), shard)
            for one, shard in every
        ]
    source = Path(text)
    said = any(one.label is not None or one.reason for one, _ in every)
    read = _said if said else _by_folders
    dataset = read(source, every, skipped)
    if not dataset.items and said:
        first = f"; the first is {shown(skipped[0].name)} ({skipped[0].reason})" if skipped else ""
        raise DatasetError(
            f"{shown(text)} has no labelled pictures: {several(len(skipped), 'file')} were passed "
            f"over{first}.",
            hint="Say the label of each picture beside it (0001.jpg, 0001.cls), in a column called "
            "label, or by the folders in the names.",
        )
    return replace(dataset, address=text) if is_address(text) else dataset


def _said(source: Path, every: Sequence[tuple[Listed, str]], skipped: list[SkippedFile]) -> Dataset:
    """By the label that each picture has with it."""
    clash = len({one.name for one, _ in every}) < len(every)
    items: list[Item] = []
    parts: dict[tuple[str, str], None] = {}
    for one, shard in every:
        name = within(one, shard) if clash else one.name
        if one.label is None:
            skipped.append(SkippedFile(one.stored.name, one.reason or "has no label"))
            continue
        label = labelled(one.label)
        group = one.group or nohash_group(label, PurePosixPath(one.name).name)
        items.append(Item(one.stored, name, label, one.split, group))
        if one.split:
            parts.setdefault((one.split, one.part))
    items.sort(key=lambda item: item.name.split("/"))
    return Dataset(source, Items(items), tuple(skipped), parts=_parts(parts))


def _by_folders(
    source: Path, every: Sequence[tuple[Listed, str]], skipped: list[SkippedFile]
) -> Dataset:
    """By the folders in the names."""
    shard_of = {id(one): shard for one, shard in every}
    tree = Tree(source, (one for one, _ in every))
    if any(shard for _, shard in every):
        tree.go_down()
    layout = layout_of(tree)
    found = [
        (one, name, place) for place in layout.labels for one, name in tree.pictures(place.folder)
    ]
    clash = len({name for _, name, _ in found}) < len(found)
    items: list[Item] = []
    parts = dict.fromkeys(layout.parts)
    said: dict[tuple[str, str], None] = {}
    for one, name, place in found:
        label = labelled(place.label)
        group = nohash_group(label, PurePosixPath(name).name)
        split = place.split or one.split
        items.append(
            Item(one.stored, within(one, shard_of[id(one)]) if clash else name, label, split, group)
        )
        if one.split and not place.split:
            said.setdefault((one.split, one.part))
    return Dataset(
        source,
        Items(items),
        (*skipped, *tree.skipped),
        parts=(*parts, *_parts(said)),
        notes=layout.notes,
    )


def _splits(shards: set[str]) -> dict[str, str]:
    """The split that the name of each shard says, where all say one: `train-00000-of-00002`."""
    stems = {shard: PurePosixPath(shard).stem for shard in shards}
    found = named_as_splits(list(stems.values()))
    return {shard: found[stem] for shard, stem in stems.items()} if found else {}


def _parts(parts: dict[tuple[str, str], None]) -> tuple[tuple[str, str], ...]:
    """Of each split one entry, with its first shard."""
    first: dict[str, list[str]] = {}
    for split, part in parts:
        first.setdefault(split, []).append(part)
    return tuple(_named(first))


def _named(first: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    for split in sorted(first, key=lambda split: (split != "train", split)):
        names = sorted(first[split])
        yield split, names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def within(one: Listed, shard: str) -> str:
    """What a picture is called where others have its name: by its place in its shard."""
    return shard + one.stored.name.rpartition(shard)[2] if shard else one.name
