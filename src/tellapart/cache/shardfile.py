"""One file of embeddings, immutable: a header of 256 bytes, digests `[R,32]`, checksums `[R]` and
vectors `[R,D]`, in the order of the digests. Its name is a hash of what it holds.

Rows are read where they lie, by positions in a file, and not through a map of it: another machine
that shares the drive may delete the file at any time, and a map of what is gone ends the process.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files.atomic import write_atomically

SUFFIX = ".shard"
ASIDE = ".damaged"
DIGEST = 32  # bytes of sha256
_MAGIC = "tellapart embeddings 1"
_HEADER = 256  # bytes
_BLOCK = 4_000_000  # bytes of vectors that are read at a time
_GAP = 16_384  # bytes that are sooner read than passed over
_OPEN = 32  # files that stay open


@dataclass(frozen=True)
class Shard:
    """What a shard is, without its rows."""

    name: str
    rows: int  # R
    width: int  # D

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.vectors_at + self.rows * self.width * 4

    @property
    def vectors_at(self) -> int:
        return _HEADER + self.rows * (DIGEST + 4)


@dataclass(frozen=True)
class Head:
    """A shard with the digests, uint8 `[R,32]`, and the checksums, uint32 `[R]`, of its rows."""

    shard: Shard
    digests: np.ndarray
    checksums: np.ndarray


def read_head(path: Path) -> Head:
    """All but the vectors.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no shard, or a damaged one.
    """
    with path.open("rb") as stream:
        header = json.loads(stream.read(_HEADER))
        if not isinstance(header, dict) or header.get("format") != _MAGIC:
            raise ValueError("no shard")
        rows, width = header.get("rows"), header.get("dimensions")
        if not isinstance(rows, int) or not isinstance(width, int) or min(rows, width) < 1:
            raise ValueError("a shard without rows")
        shard = Shard(path.name, rows, width)
        if os.fstat(stream.fileno()).st_size != shard.size:
            raise ValueError("a shard of the wrong length")
        digests = np.frombuffer(stream.read(rows * DIGEST), np.uint8).reshape(rows, DIGEST)
        return Head(shard, digests, np.frombuffer(stream.read(rows * 4), "<u4"))


def write_shard(
    folder: Path, digests: np.ndarray, checksums: np.ndarray, blocks: Iterable[np.ndarray]
) -> Shard:
    """Write a shard of digests `[R,32]` in ascending order, and of vectors that come in blocks
    `[n,D]`, one after the other. The same rows are the same file, whoever writes it.

    Raises:
        OSError: it cannot be written; nothing is left behind.
    """
    vectors = iter(blocks)
    first = next(vectors)
    rows, width = len(digests), first.shape[1]
    header = {"format": _MAGIC, "rows": rows, "dimensions": width}
    head = json.dumps(header).encode().ljust(_HEADER) + digests.tobytes() + checksums.tobytes()
    name = hashlib.sha256(head).hexdigest()[:24] + SUFFIX  # the checksums stand for the vectors

    def content() -> Iterator[bytes]:
        yield head
        yield first.tobytes()
        yield from (block.tobytes() for block in vectors)

    write_atomically(folder / name, content())
    return Shard(name, rows, width)


def checksums(digests: np.ndarray, vectors: np.ndarray) -> list[int]:
    """The checksum of each row: of its digest, of `[n,32]`, and then of its vector, of `[n,D]`."""
    return list(map(zlib.crc32, vectors, map(zlib.crc32, digests)))


def set_aside(path: Path) -> bool:
    """Give a file a name that nobody reads, to be looked at; whether it has gone from its place."""
    try:
        os.replace(path, path.with_suffix(ASIDE))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def by_shard(shards: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """The positions of what is in each shard, in the order of its rows; -1 is no shard."""
    order = np.lexsort([rows, shards])
    order = order[np.searchsorted(shards[order], 0) :]
    return np.split(order, np.flatnonzero(np.diff(shards[order])) + 1) if order.size else []


class Reader:
    """Reads rows of the shards of one folder, from any thread; a few files stay open."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fspath(folder)
        self._open: OrderedDict[str, _Handle] = OrderedDict()
        self._lock = threading.Lock()

    def row(self, shard: Shard, number: int, digest: bytes, expected: int) -> np.ndarray:
        """The vector of a row, `[D]`, held against its checksum.

        Raises:
            OSError: the shard cannot be read, such as one that is not there any more.
            ValueError: it is damaged.
        """
        for is_afresh in (False, True):
            content = self._read(shard, number, 1, is_afresh)
            if zlib.crc32(content, zlib.crc32(digest)) == expected:
                return np.frombuffer(bytearray(content), "<f4")  # may be changed
        raise ValueError("a damaged row")

    def rows(
        self, shard: Shard, numbers: np.ndarray, digests: np.ndarray, expected: np.ndarray
    ) -> np.ndarray:
        """The vectors of rows whose numbers ascend, `[n,D]`, each held against the checksum that is
        expected with its digest, `[n,32]`.

        Raises:
            OSError, ValueError: as `row`.
        """
        for is_afresh in (False, True):
            vectors = self.unchecked(shard, numbers, is_afresh=is_afresh)
            if checksums(digests, vectors) == expected.tolist():
                return vectors
        raise ValueError("a damaged row")

    def unchecked(self, shard: Shard, numbers: np.ndarray, *, is_afresh: bool = True) -> np.ndarray:
        """The same as they are in the file, damaged or not."""
        vectors = np.empty((len(numbers), shard.width), "<f4")
        for start, end in _runs(numbers, shard.width * 4):
            first = int(numbers[start])
            count = int(numbers[end - 1]) - first + 1
            block = np.frombuffer(self._read(shard, first, count, is_afresh), "<f4")
            vectors[start:end] = block.reshape(count, -1)[numbers[start:end] - first]
        return vectors

    def _read(self, shard: Shard, first: int, count: int, is_afresh: bool) -> bytes:
        size = shard.width * 4
        handle = self._handle(shard, is_afresh)
        content = handle.read(shard.vectors_at + first * size, count * size)
        if len(content) != count * size:
            raise ValueError("a shard of the wrong length")
        return content

    def _handle(self, shard: Shard, is_afresh: bool) -> _Handle:
        """`is_afresh` opens the file again: since it was opened, one that was damaged may have been
        replaced by a whole one."""
        with self._lock:
            handle = None if is_afresh else self._open.get(shard.name)
            if handle is None:
                while len(self._open) >= _OPEN:
                    self._open.popitem(last=False)  # closed when the last thread is done with it
                try:
                    handle = _Handle(os.path.join(self._folder, shard.name))
                except FileNotFoundError:
                    raise
                except OSError:  # this process has too many files open, say
                    self._open.clear()
                    handle = _Handle(os.path.join(self._folder, shard.name))
                if handle.size != shard.size:
                    raise ValueError("a shard of the wrong length")
                self._open[shard.name] = handle
            self._open.move_to_end(shard.name)
            return handle


class _Handle:
    """A file that is open, and closes when nobody has it any more; on Windows, where an open file
    cannot be deleted, it is opened for each reading."""

    _number: int | None = None

    def __init__(self, path: str) -> None:
        """Raises OSError where it cannot be read."""
        self.path = path
        if hasattr(os, "pread"):
            self._number = os.open(path, os.O_RDONLY)
        self.size = os.stat(path if self._number is None else self._number).st_size

    def __del__(self) -> None:
        if self._number is not None:
            os.close(self._number)

    def read(self, at: int, size: int) -> bytes:
        if self._number is not None and hasattr(os, "pread"):
            return os.pread(self._number, size, at)
        with open(self.path, "rb", buffering=0) as stream:
            stream.seek(at)
            return stream.read(size)


def _runs(numbers: np.ndarray, size: int) -> Iterator[tuple[int, int]]:
    """Parts (start, end) of ascending row numbers that are each read at once: rows near each other,
    and not too many."""
    apart = np.flatnonzero(np.diff(numbers) > 1 + _GAP // size) + 1
    most = max(1, _BLOCK // size)
    for start, end in zip([0, *apart.tolist()], [*apart.tolist(), len(numbers)], strict=True):
        while int(numbers[end - 1]) - int(numbers[start]) >= most:
            middle = int(np.searchsorted(numbers, numbers[start] + most))
            yield start, middle
            start = middle
        yield start, end
