"""Rows of a Parquet file -> the pictures in them, and what they say of each: as Hugging Face writes
data sets, or anyone else.

The column of pictures holds bytes, or bytes and a path, or paths of files beside it. Labels,
splits and groups are in columns of the names that a CSV file may have. Only these columns are read
to list it, row group by row group; pictures are read later, one by one (`parquet_cells.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ...errors import DatasetError, PictureError
from ...files.addresses import NO_PARTS, is_for_now
from ...files.compact import HashTable
from ...files.stored import Container
from ...text import first_few, shown
from ..cells import is_missing, label_text, one_label
from ..splits import SPLITS, split_of
from ..tables import COLUMNS
from .listed import Listed
from .parquet_cells import Column, ParquetCell, opened

_ROWS = 4096  # that are looked at in one go
_HUGGING_FACE = b"huggingface"


@dataclass(frozen=True)
class _Shape:
    """Which columns say what; `names` are those of labels that are numbers."""

    pictures: Column
    has_path: bool  # whether pictures have paths of their own
    said: Mapping[str, str]  # of label, split and group, the column
    names: Sequence[str]
    columns: Sequence[str]


def listed(file: Container) -> Iterator[Listed]:
    """The pictures of a Parquet file, row by row.

    Raises:
        DatasetError: it is none, or has no column of pictures.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        with opened(file, pre_buffer=False, buffer_size=2**20) as parquet:
            shape = _shape_of(parquet.schema_arrow, file)
            row, seen = 0, HashTable("I")
            for group in range(parquet.num_row_groups):
                at = 0
                for values in _rows_of(parquet, group, shape):
                    own = _own_name(values.get("path"))
                    only = own if _is_new(own, row, seen) and _is_telling(own, file) else ""
                    cell = ParquetCell(file, row, group, at, shape.pictures, only)
                    yield _listed(cell, own, values, shape)
                    row, at = row + 1, at + 1
    except (OSError, ValueError, PictureError) as error:  # ArrowInvalid is a ValueError
        why = (getattr(error, "strerror", "") or str(error).partition("\n")[0]).rstrip(".")
        if "encrypted" in why:
            raise DatasetError(
                f"{shown(file.name)} cannot be read: it is encrypted.",
                hint="Write it anew without encryption.",
            ) from error
        if NO_PARTS in why:
            raise DatasetError(
                f"{shown(file.name)} cannot be read: {NO_PARTS}.",
                hint="Download it, and give that.",
            ) from error
        if is_for_now(error):
            raise DatasetError(
                f"{shown(file.name)} cannot be read: {why}.", may_pass=True
            ) from error
        raise DatasetError(
            f"{shown(file.name)} is damaged, or no Parquet file: {why}.",
            hint="Copy or download it again.",
        ) from error


def _rows_of(parquet: Any, group: int, shape: _Shape) -> Iterator[Mapping[str, Any]]:
    """Of each row what it says, by the names of `COLUMNS`; `path` is the picture's own."""
    column = shape.pictures
    fields = list(shape.said.values())
    if shape.has_path:
        fields.append(f"{column.name}.path" if column.parts else column.name)
    if not fields:
        yield from ({} for _ in range(parquet.metadata.row_group(group).num_rows))
        return
    for batch in parquet.iter_batches(
        batch_size=_ROWS, row_groups=[group], columns=fields, use_threads=False
    ):
        said = {what: batch.column(name).to_pylist() for what, name in shape.said.items()}
        if shape.has_path:
            own = batch.column(column.name).to_pylist()
            said["path"] = [one and one["path"] for one in own] if column.parts else own
        for at in range(batch.num_rows):
            yield {what: values[at] for what, values in said.items()}


def _is_new(own: str, row: int, seen: HashTable) -> bool:
    """Whether no row before this one, of those in `seen`, has the same path; it is noted. Of two
    paths with one hash, the second counts as the first."""
    new = seen.first(hash(own)) is None
    if new:
        seen.put(hash(own), row)
    return new


def _is_telling(own: str, file: Container) -> bool:
    """Whether a path cannot be taken for a row's number, or for the place of another path."""
    return not own.isdecimal() and _base(file) not in own


def _base(file: Container) -> str:
    return PurePosixPath(file.name.replace(os.sep, "/")).name


def _listed(cell: ParquetCell, own: str, values: Mapping[str, Any], shape: _Shape) -> Listed:
    name = own or f"{_base(cell.file)}/{cell.row}"
    written = "" if is_missing(values.get("split")) else label_text(values["split"])
    split = split_of(written)
    if written and split is None:
        raise DatasetError(
            f"{shown(cell.file.name)}, row {cell.row}, has the split {shown(written)!r}; it may "
            f"be: {', '.join(SPLITS)}, or empty.",
            hint="Write one of these; if that column says something else, rename it.",
        )
    group = None if is_missing(values.get("group")) else label_text(values["group"])
    label, reason = None, ""
    if "label" in shape.said:
        label, reason = one_label(values["label"], shape.names)
    elif "/" not in own:
        reason = f"no column says its label; the columns are {first_few(shape.columns)}"
    return Listed(cell, name, label, split, group, f"what is marked {written}", reason)


def _own_name(path: object) -> str:
    """A picture's own path as its name; empty where it has none, or one that leads elsewhere."""
    if not isinstance(path, str) or not path or "://" in path:
        return ""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    outside = ".." in parts or parts[0].startswith("/") or parts[0].endswith(":")
    return "/".join(parts[-1:] if outside else parts)


def _shape_of(schema: Any, file: Container) -> _Shape:
    features = _features(schema)
    columns = {field.name: field.type for field in schema}
    pictures = _pictures(columns, features)
    if pictures is None:
        found = first_few([f"{name} ({kind})" for name, kind in columns.items()])
        raise DatasetError(
            f"{shown(file.name)} has no column of pictures; its columns are: {found}.",
            hint="Pictures are a column of bytes, or of bytes and path as Hugging Face writes it, "
            "or a column called path with the names of files.",
        )
    by_name = {name.lower(): name for name in columns if name != pictures.name}
    said = {
        what: column
        for what in ("label", "split", "group")
        if (column := next((by_name[n] for n in COLUMNS[what] if n in by_name), None))
    }
    names = _names_of_labels(features.get(said.get("label", ""), {}))
    has_path = "path" in pictures.parts or _is_text(columns[pictures.name])
    return _Shape(pictures, has_path, said, names, list(columns))


def _names_of_labels(feature: Mapping[str, Any]) -> list[str]:
    """The names of a `ClassLabel`, also where it is a list of these."""
    inner = feature.get("feature")
    names = feature.get("names") or (inner.get("names") if isinstance(inner, dict) else None)
    return [str(name) for name in names or ()]


def _features(schema: Any) -> Mapping[str, Mapping[str, Any]]:
    """What Hugging Face says of the columns; nothing where it did not write them."""
    try:
        found = json.loads((schema.metadata or {})[_HUGGING_FACE])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return {name: of for name, of in found.items() if isinstance(of, dict)}


def _pictures(columns: Mapping[str, Any], features: Mapping[str, Any]) -> Column | None:
    """The column of pictures: the one that is said to be, or is called so, or holds bytes."""
    named = [name for name, of in features.items() if of.get("_type") == "Image"]
    named += [name for word in COLUMNS["path"] for name in columns if name.lower() == word]
    for name in [*named, *columns]:
        if name in columns and (column := _as_pictures(name, columns[name], name in named)):
            return column
    return None


def _as_pictures(name: str, kind: Any, named: bool) -> Column | None:
    from pyarrow import types

    if types.is_struct(kind):
        inner = {field.name for field in kind}
        parts = tuple(part for part in ("bytes", "path") if part in inner)
        return Column(name, parts) if "bytes" in parts or (parts and named) else None
    holds = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return Column(name) if holds or (named and _is_text(kind)) else None


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
