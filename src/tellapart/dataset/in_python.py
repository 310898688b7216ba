"""Labelled pictures that a Python program holds -> `Dataset`, without importing what holds them.

Pictures that are not files are written as files, without loss, into a temporary folder that lasts
as long as the data set. After that they are like any others.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

import numpy as np

from ..errors import DestinationError, PictureError, TellapartError, UsageError
from ..files.workspaces import Workspace
from ..images.decode import Picture, encoded, read_picture
from ..text import first_few, several, shown
from ..workers.local import Each, batches_of, local_map
from .cells import is_missing, label_text
from .completeness import finished
from .dataset import Dataset, marked, on_torn
from .items import Item, Items
from .paths import missing
from .sources import SkippedFile, read_dataset
from .splits import SPLITS, split_of
from .tables import COLUMNS


class Table(Protocol):
    """What has columns by their names: a mapping of lists, a DataFrame, a Hugging Face dataset."""

    def __getitem__(self, column: Any, /) -> Any: ...


Pictures: TypeAlias = "np.ndarray | list[Picture]"
Labels: TypeAlias = "np.ndarray | list[Any]"
Labelled: TypeAlias = "Iterable[tuple[Picture, object]] | tuple[Pictures, Labels] | Table"
Source: TypeAlias = "str | os.PathLike[str] | Labelled"

_EXPECTED = (
    "Give a folder, a table or an archive by its path; a list of (picture, label); arrays "
    "(pictures [N,H,W,3], labels [N]); or a table with the columns path (or image) and label."
)
AGAIN = "given a second time, with the same label"
_BATCH = 8  # pictures a thread takes at a time
_LONGEST = 300  # letters of a text that is no file


@dataclass(frozen=True)
class _Row:
    """A picture as it was given.

    Attributes:
        number: its place among those given, from 0.
        picture: the picture.
        label: its label.
        split: its split, if that is given.
        group: its group, if that is given.
        part: how the split is written.
    """

    number: int
    picture: Any
    label: str
    split: str | None = None
    group: str | None = None
    part: str = ""


def read_source(source: Source, *, follow_links: bool = False, at_least: int = 2) -> Dataset:
    """Read a labelled data set: by its path (see `read_dataset`), or as a program holds it.

    A program may hold it as a list or an iterator of (picture, label); as two lists or arrays
    (pictures, labels), such as `[N,H,W,3]` or `[N,H,W]` and `[N]`; or as a table with the column
    names of a CSV file: a mapping of lists, a DataFrame, a Hugging Face dataset or several by their
    splits, a list of mappings.

    Raises:
        UsageError: it is none of these, or a picture or a label is missing.
        DatasetError: too few labels have pictures, or labels that look alike; or see there.
        DestinationError: there is no room to keep the pictures.
    """
    if isinstance(source, str | os.PathLike):
        return read_dataset(source, follow_links=follow_links, at_least=at_least)
    workspace = Workspace()
    keep = _Keeper(workspace.folder)
    items: list[Item] = []
    skipped: list[SkippedFile] = []
    parts: dict[tuple[str, str], None] = {}

    def noted() -> Iterator[_Row]:
        for row in _rows(source):
            if row.split:
                parts.setdefault((row.split, row.part))
            yield row

    labels_of: dict[Path, dict[str, None]] = {}
    with workspace.filling():
        for found in local_map(Each(keep), batches_of(noted(), _BATCH)):
            if isinstance(found, SkippedFile):
                skipped.append(found)
            elif found.label in labels_of.setdefault(found.file, {}):
                skipped.append(SkippedFile(found.name, AGAIN))
            else:
                labels_of[found.file][found.label] = None
                items.append(found)
    given = _called(source)
    torn = [(str(path), list(labels)) for path, labels in labels_of.items() if len(labels) > 1]
    dataset = Dataset(
        Path(),
        Items(sorted(items, key=lambda item: item.name)),
        tuple(skipped),
        parts=marked(parts),
        notes=tuple(on_torn(torn, given)),
        given=given,
        _workspaces=(workspace,),
    )
    if all(workspace.folder not in item.file.parents for item in items):
        workspace.remove()
        dataset = replace(dataset, _workspaces=())
    return finished(dataset, at_least)


class _Keeper:
    """A row -> the item that it is, with a file; any thread may ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, row: _Row) -> Item | SkippedFile:
        try:
            return self._item(row)
        except PictureError as error:
            return SkippedFile(_name(row), error.message)
        except TellapartError as error:
            message = f"Picture number {row.number} (from 0) cannot be used. {error.message}"
            raise type(error)(message, hint=error.hint) from error

    def _item(self, row: _Row) -> Item | SkippedFile:
        picture, name = row.picture, _name(row)
        if isinstance(picture, str | os.PathLike):
            path = Path(picture)
            if not os.path.exists(path):  # unlike Path's, never raises
                return SkippedFile(name, missing(name))
            return Item(path.absolute(), name, row.label, row.split, row.group)
        whole = encoded(picture)
        if whole is None:
            name, content = f"{name}.png", _as_png(read_picture(picture))
        else:
            content, suffix = whole
            name += suffix
        path = self.folder / name
        try:
            path.write_bytes(content)
        except OSError as error:
            raise DestinationError(
                f"It cannot be kept while training: {(error.strerror or str(error)).lower()}.",
                hint="Free some space, or name another folder with TMPDIR.",
            ) from error
        return Item(path, name, row.label, row.split, row.group)


def _name(row: _Row) -> str:
    """What a picture is called: by its path as given, or by its number."""
    if isinstance(row.picture, str | os.PathLike):
        text = str(os.fsdecode(row.picture))  # numpy's texts are of a class of their own
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return f"picture-{row.number:06d}"


def _as_png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _called(source: object) -> str:
    """What messages and the report call it."""
    kind = type(source).__name__
    if _is_of_two(source):
        kind = type(cast("tuple[object, object]", source)[0]).__name__
    kind = {"ndarray": "array", "dict": "mapping", "zip": "iterator"}.get(kind, kind)
    return f"the {kind} given in Python"


def _rows(source: object) -> Iterator[_Row]:
    """All rows, numbered.

    Raises:
        UsageError: it holds no labelled pictures, or one lacks its picture or its label.
    """
    number = -1
    for number, values in enumerate(_values(source)):
        yield _row(number, values)
    if number < 0:
        raise UsageError(f"There are no pictures in {_called(source)}.", hint=_EXPECTED)


def _row(number: int, values: Mapping[str, Any]) -> _Row:
    found = {column: values.get(column) for column in COLUMNS}
    for column, what in (("path", "picture"), ("label", "label")):
        if is_missing(found[column]):
            raise UsageError(
                f"Number {number} (from 0) has no {what}.",
                hint=f"Leave it out, or give it a {what}.",
            )
    written = "" if is_missing(found["split"]) else label_text(found["split"])
    split = split_of(written)
    if written and split is None:
        raise UsageError(
            f"Number {number} (from 0) has the split {shown(written)!r}; it may be: "
            f"{', '.join(SPLITS)}, or empty.",
            hint="Write one of these; if that column says something else, rename it.",
        )
    group = None if is_missing(found["group"]) else label_text(found["group"])
    return _Row(number, _picture(found["path"]), label_text(found["label"]), split, group, written)


def _picture(value: Any) -> Picture:
    """A cell; a data set that does not decode its pictures has their bytes or their path."""
    if isinstance(value, Mapping) and ("bytes" in value or "path" in value):
        value = value.get("bytes") or value.get("path") or b""
    return cast("Picture", value)


def _values(source: object) -> Iterator[Mapping[str, Any]]:
    """Of each row what it holds, by the names of `COLUMNS`."""
    if hasattr(source, "collect_schema") and hasattr(source, "collect"):
        source = source.collect()  # a lazy frame has rows only then
    if _is_of_splits(source):
        for split, part in cast("Mapping[str, object]", source).items():
            for values in _values(part):
                yield {**values, "split": split}
    elif (columns := _columns(source)) is not None:
        yield from _of_table(source, columns)
    elif _is_of_two(source):
        pictures, labels = cast("tuple[Any, Any]", source)
        yield from _of_both(pictures, labels)
    elif isinstance(source, Iterable) and not isinstance(source, bytes | bytearray | np.ndarray):
        yield from _of_pairs(source)
    else:
        raise UsageError(
            f"There are no labelled pictures in this {type(source).__name__}.", hint=_EXPECTED
        )


def _is_of_splits(source: object) -> bool:
    """Whether it is several tables by the names of their splits."""
    return (
        isinstance(source, Mapping)
        and bool(source)
        and all(_columns(part) is not None for part in source.values())
    )


def _is_of_two(source: object) -> bool:
    """Whether it is (pictures, labels): two lists, arrays or columns, and not two pairs."""
    return (
        isinstance(source, tuple)
        and len(source) == 2
        and all(isinstance(of, list) or hasattr(of, "__array__") for of in source)
    )


def _columns(source: object) -> list[str] | None:
    """The names of the columns, if it has any: of a Hugging Face dataset, a frame, a mapping."""
    names = getattr(source, "column_names", None)
    if names is None:
        names = getattr(source, "columns", None)
    if names is None and isinstance(source, Mapping):
        names = list(source)
    if names is None or isinstance(names, Mapping) or not isinstance(names, Iterable):
        return None
    return [str(name) for name in names]


def _of_both(pictures: Any, labels: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(pictures, np.ndarray) and pictures.dtype.kind not in "OSU":
        shape = list(pictures.shape)
        if pictures.ndim not in (3, 4) or (pictures.ndim == 3 and shape[0] == 3 != len(labels)):
            raise UsageError(
                f"An array {shape} is not many pictures.",
                hint="Many are [number, height, width, channels], or [number, height, width] in "
                "grey.",
            )
    if hasattr(labels, "shape") and len(labels.shape) != 1:
        raise UsageError(
            f"Labels are one for each picture, [N]; these are {list(labels.shape)}.",
            hint="Of one-hot rows give their numbers: labels.argmax(axis=1).",
        )
    if len(pictures) != len(labels):
        raise UsageError(
            f"There are {several(len(pictures), 'picture')} and {several(len(labels), 'label')}.",
            hint="Give one label for each picture.",
        )
    for picture, label in zip(pictures, labels, strict=True):
        yield {"path": picture, "label": label}


def _of_pairs(source: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for number, row in enumerate(source):
        if isinstance(row, Mapping):
            names = _known([str(name) for name in row])
            yield {column: row[name] for column, name in names.items()}
        elif isinstance(row, tuple | list) and len(row) == 2:
            yield {"path": row[0], "label": row[1]}
        else:
            raise UsageError(
                f"Number {number} (from 0) is not a pair (picture, label).", hint=_EXPECTED
            )


def _of_table(source: Any, columns: list[str]) -> Iterator[Mapping[str, Any]]:
    names = _known(columns)
    features = getattr(source, "features", None)
    if isinstance(features, Mapping):  # Hugging Face's, whose columns may be larger than memory
        yield from _of_features(source, features, names)
        return
    cells = [list(source[name]) for name in names.values()]
    if len({len(column) for column in cells}) > 1:
        counts = [f"{name}: {len(of)}" for name, of in zip(names.values(), cells, strict=True)]
        raise UsageError(
            f"The columns are not equally long; {first_few(counts)}.",
            hint="Give each row a picture and a label.",
        )
    for values in zip(*cells, strict=True):
        plain = (value.as_py() if hasattr(value, "as_py") else value for value in values)
        yield dict(zip(names, plain, strict=True))


def _of_features(
    source: Any, features: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """The rows of a data set that says what its columns hold: pictures as their files are."""
    feature = features[names["path"]]
    if getattr(feature, "decode", False) and hasattr(source, "cast_column"):
        source = source.cast_column(names["path"], type(feature)(decode=False))
    classes = {
        column: known
        for column, name in names.items()
        if (known := getattr(features.get(name), "names", None))
    }
    for row in source:
        values = {column: row[name] for column, name in names.items()}
        for column, known in classes.items():
            at = values[column]
            if isinstance(at, int | np.integer):
                values[column] = known[at] if at >= 0 else None  # -1: nobody has said
        yield values


def _known(columns: list[str]) -> dict[str, str]:
    """What each column that matters is called.

    Raises:
        UsageError: there is none of pictures, or none of labels.
    """
    by_name = {name.strip().lower(): name for name in reversed(columns)}
    found = {
        column: next(by_name[name] for name in names if name in by_name)
        for column, names in COLUMNS.items()
        if any(name in by_name for name in names)
    }
    for column, what in (("path", "pictures"), ("label", "labels")):
        if column not in found:
            raise UsageError(
                f"There is no column of {what}; the columns are: {first_few(columns) or 'none'}.",
                hint=f"Name it {column} ({', '.join(COLUMNS[column][1:])} will do too).",
            )
    return found
