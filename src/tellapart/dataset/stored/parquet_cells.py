"""Pictures in the cells of a column of a Parquet file, each read when it is asked for.

Parquet packs cells together: to read one, those before it in its row group are read too. So what
was read last is kept, as the next cells are asked for next: whole row groups while they are small,
and of a large one a window that moves on. So memory is bounded by what Parquet decodes at once,
which is a page: as most programs write it, 1,024 cells at most.
"""

from __future__ import annotations

import os
import struct
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import PictureError, need
from ...files.addresses import unreached
from ...files.reading import MAX_BYTES, read_content
from ...files.stored import Container, LocalFile

if TYPE_CHECKING:
    import pyarrow.parquet

_WHOLE = 64 * 2**20  # bytes of pictures in a row group that is kept whole
_WINDOW = 64 * 2**20  # bytes that are kept of a larger one
_READ = 4 * 2**20  # bytes of it that are read at a time
_KEPT = 3  # row groups
_FILES = 64  # of which it is kept what is where
_BUFFER = 2**20  # bytes
_END = struct.Struct("<I4s")  # how long is what is known of a file, and what it is


@dataclass(frozen=True, slots=True)
class Column:
    """The column of pictures, which holds bytes, or the paths of files, or `parts` of both."""

    name: str
    parts: tuple[str, ...] = ()  # "bytes", "path"

    @property
    def fields(self) -> list[str]:
        """As Parquet names them."""
        return [f"{self.name}.{part}" for part in self.parts] or [self.name]


@dataclass(frozen=True, slots=True)
class ParquetCell:
    """A picture in a Parquet file.

    Attributes:
        file: the Parquet file.
        row: the number of its row in the file, from 0.
        group: the row group that this is in.
        at: the number of its row there.
        column: where in a row pictures are.
        own: the path that the row gives its picture, if no row before it gives the same.
    """

    file: Container
    row: int
    group: int
    at: int
    column: Column
    own: str = ""

    @property
    def name(self) -> str:
        return f"{self.file.name}/{self.own or self.row}"

    def content(self) -> bytes:
        value = _GROUPS.value(self)
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, str) and value:
            return _beside(self.file, value)
        if not isinstance(value, bytes) or not value:
            raise PictureError("an empty cell: its row has no picture")
        if len(value) > MAX_BYTES:
            raise PictureError(f"larger than {MAX_BYTES // 2**20} MB")
        return value

    def stamp(self) -> str:
        return f"{self.file.stamp()}+{self.row}"


def opened(file: Container, **options: Any) -> pyarrow.parquet.ParquetFile:
    """A Parquet file, to be closed after use.

    Raises:
        MissingExtraError: pyarrow is not installed.
        PictureError: it was changed since it was looked at first.
        OSError, pyarrow.ArrowInvalid: it cannot be read, or is none.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise need("parquet", why="pyarrow, which reads Parquet files") from error
    if isinstance(file, LocalFile):
        file.check()
        stream = pyarrow.OSFile(file.name)
    else:
        stream = pyarrow.PythonFile(file.open())
    try:
        parquet = pyarrow.parquet.ParquetFile(stream, **options)
        if "metadata" not in options:
            _check_plain(stream, parquet.metadata)
        return parquet
    except BaseException:
        stream.close()
        raise


def _check_plain(stream: Any, known: Any) -> None:
    """Refuse columns that are encrypted where what is known of them is not: pyarrow ends the
    process when it is asked about one. What is known is then signed, and so longer than it says."""
    stream.seek(stream.size() - _END.size)
    length, _ = _END.unpack(stream.read(_END.size))
    if length != known.serialized_size:
        raise ValueError("Some of its columns are encrypted")


def _beside(file: Container, path: str) -> bytes:
    """The picture that a cell names: a path from the folder of its file on."""
    if "://" in path:
        raise PictureError(
            "an address and no picture: nothing is fetched because a table names it",
            hint="tellapart collect gets the pictures of addresses into a folder.",
        )
    if isinstance(file, LocalFile):
        return read_content(Path(file.name).parent / path)
    raise PictureError("a path, and the file that it names is not looked for at an address")


class _Group:
    """A row group, read when it is first asked for."""

    def __init__(self, file: Container, group: int, column: Column, known: Any) -> None:
        self.lock = threading.Lock()
        self._file, self._group, self._column, self._known = file, group, column, known
        self._whole: Any = None
        self._opened: Any = None
        self._coming: Any = None  # the pieces that are left of a large one
        self._pieces: deque[tuple[int, Any]] = deque()  # with the numbers of their first rows
        self._bytes = self._next = 0

    def value(self, at: int) -> object:
        if self._whole is None and self._coming is None:
            self._begin()
        if self._whole is not None:
            return self._whole.column(0)[at].as_py()
        if self._pieces and at < self._pieces[0][0]:  # it has gone by
            self._begin()
        while at >= self._next:
            piece = next(self._coming)
            self._pieces.append((self._next, piece))
            self._next += piece.num_rows
            self._bytes += piece.nbytes
            while self._bytes > _WINDOW and len(self._pieces) > 1:
                self._bytes -= self._pieces.popleft()[1].nbytes
        first, piece = next(one for one in reversed(self._pieces) if one[0] <= at)
        return piece.column(0)[at - first].as_py()

    def close(self) -> None:
        with self.lock:
            self._coming = None
            if self._opened is not None:
                self._opened.close(force=True)
                self._opened = None

    def _begin(self) -> None:
        rows, size = _extent(self._known, self._group, self._column)
        is_large = size > _WHOLE
        if self._opened is None:
            self._opened = opened(
                self._file,
                metadata=self._known,
                pre_buffer=not is_large,
                buffer_size=_BUFFER if is_large else 0,
            )
        fields = self._column.fields
        if is_large:
            self._pieces.clear()
            self._bytes = self._next = 0
            self._coming = self._opened.iter_batches(
                batch_size=max(1, _READ * rows // size),
                row_groups=[self._group],
                columns=fields,
                use_threads=False,
            )
        else:
            self._whole = self._opened.read_row_group(self._group, fields, use_threads=False)
            self._opened.close(force=True)
            self._opened = None


def _extent(known: Any, group: int, column: Column) -> tuple[int, int]:
    """How many rows a row group has, and bytes of pictures."""
    found = known.row_group(group)
    chunks = (found.column(at) for at in range(found.num_columns))
    sizes = (one.total_uncompressed_size for one in chunks if one.path_in_schema in column.fields)
    return found.num_rows, sum(sizes)


class _Groups:
    """The row groups that were read last, in this process; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str, int, Column], _Group] = OrderedDict()
        self._files: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def value(self, cell: ParquetCell) -> object:
        """What a cell holds.

        Raises:
            PictureError: its file cannot be read, or was changed.
        """
        base = os.path.basename(cell.file.name)
        try:
            group = self._group(cell)
            with group.lock:
                return group.value(cell.at)
        except PictureError:
            raise
        except (OSError, ValueError, StopIteration, IndexError) as error:  # ArrowInvalid is a value
            why = getattr(error, "strerror", "") or str(error) or "it ends too early"
            raise PictureError(
                f"{base} cannot be read: {why.splitlines()[0]}",
                may_pass=isinstance(error, OSError),
                unreached=unreached(error),
            ) from error

    def _group(self, cell: ParquetCell) -> _Group:
        key = (cell.file.name, cell.file.stamp(), cell.group, cell.column)
        with self._lock:
            if key not in self._kept:
                known = self._known(cell.file)
                self._kept[key] = _Group(cell.file, cell.group, cell.column, known)
            self._kept.move_to_end(key)
            gone = self._kept.popitem(last=False)[1] if len(self._kept) > _KEPT else None
            found = self._kept[key]
        if gone is not None:
            gone.close()
        return found

    def _known(self, file: Container) -> Any:
        """What is where in a file."""
        key = (file.name, file.stamp())
        if key not in self._files:
            with opened(file) as parquet:
                self._files[key] = parquet.metadata
            if len(self._files) > _FILES:
                self._files.popitem(last=False)
        return self._files[key]


_GROUPS = _Groups()


def _forget() -> None:
    """A forked process has files of its own."""
    global _GROUPS
    _GROUPS = _Groups()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
