"""Where each embedding of a space is: one file beside its shards, memory-mapped, so that a cache of
a million rows opens at once and takes no memory of its own.

    header    format, checksum of all that follows, bytes of the table, N rows
    table     the shards that it covers, as JSON
    keys      the first 8 bytes of each digest as a number, ascending, `[N]`
    records   the other 24 bytes, the row's checksum, its shard, its number there, `[N]`

An index is never changed and never needed: it is made of the shards, and made anew where it is
missing, damaged, or of other shards than are there.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..files.atomic import write_atomically
from .shardfile import DIGEST, Head, Shard, read_head

SUFFIX = ".index"
_MAGIC = b"tellapart rows 1"
_HEADER = struct.Struct("<16sIIQ")
_COVERED = 20  # bytes before what the checksum covers
_KEY = 8  # bytes
_RECORD = struct.Struct("<24sIII")
_RECORDS = np.dtype(
    [("rest", "u1", DIGEST - _KEY), ("checksum", "<u4"), ("shard", "<u4"), ("row", "<u4")]
)
_BUCKETS = 256  # by a digest's first byte; each is sorted in memory
_IN_MEMORY = 4_000_000  # bytes; what is larger is made in a file without a name
_BLOCK = 4_000_000  # bytes
_ROWS = 65_536  # that are looked at together


class Place(NamedTuple):
    """Where an embedding is."""

    shard: Shard
    row: int
    checksum: int


class Index:
    """The places of all rows of some shards. A digest that is in two shards has two places."""

    def __init__(self, view: memoryview) -> None:
        """Of bytes that stay as they are; raises ValueError where they are no index."""
        if len(view) < _HEADER.size or view[:16] != _MAGIC:
            raise ValueError("no index")
        _, _, table, rows = _HEADER.unpack_from(view)
        keys = _HEADER.size + table
        records = keys + rows * _KEY
        if len(view) != records + rows * _RECORD.size:
            raise ValueError("an index of the wrong length")
        given = json.loads(bytes(view[_HEADER.size : keys]))
        self.shards = tuple(Shard(name, count, width) for name, count, width in given)
        self.content = view
        self.keys = np.frombuffer(view[keys:records], "<u8")
        self.records = np.frombuffer(view[records:], _RECORDS)
        self._sought = self.keys.astype("=u8", copy=False).data
        self._told = view[records:]

    def __len__(self) -> int:
        """Rows, of which some may be of the same picture."""
        return len(self.keys)

    def find(self, digest: bytes) -> Place | None:
        """Where the embedding of a digest is; None if it is not known."""
        key = int.from_bytes(digest[:_KEY], "big")
        at = bisect_left(self._sought, key)
        while at < len(self._sought) and self._sought[at] == key:
            rest, checksum, shard, row = _RECORD.unpack_from(self._told, at * _RECORD.size)
            if rest == digest[_KEY:]:
                return Place(self.shards[shard], row, checksum)
            at += 1
        return None

    def find_all(self, digests: np.ndarray, leave: frozenset[str] = frozenset()) -> np.ndarray:
        """The records of digests `[n,32]`, int64 `[n]`; -1 for those that are not known, or only
        in the shards to `leave`."""
        is_left = np.array([shard.name in leave for shard in self.shards], bool)
        keys = _keys(digests)
        at = np.searchsorted(self.keys, keys)
        found = np.full(len(digests), -1, np.int64)
        left = np.arange(len(digests))
        while left.size:
            left = left[at[left] < len(self.keys)]
            left = left[self.keys[at[left]] == keys[left]]
            same = (self.records["rest"][at[left]] == digests[left, _KEY:]).all(axis=1)
            same &= ~is_left[self.records["shard"][at[left]]]
            found[left[same]] = at[left[same]]
            left = left[~same]
            at[left] += 1
        return found

    def digests(self) -> np.ndarray:
        """The digests of all records, in ascending order, uint8 `[N,32]`."""
        keys = self.keys.astype(">u8").view(np.uint8).reshape(-1, _KEY)
        return np.concatenate([keys, self.records["rest"]], axis=1)

    def pictures(self) -> int:
        """How many different digests there are."""
        different = len(self)
        for start in range(0, len(self) - 1, _ROWS):
            keys = self.keys[start : start + _ROWS + 1]
            rest = self.records["rest"][start : start + _ROWS + 1]
            again = keys[1:] == keys[:-1]
            different -= int((again & (rest[1:] == rest[:-1]).all(axis=1)).sum())
        return different

    def save(self, folder: Path) -> Path:
        """Write it beside its shards, and delete those that stand there.

        Raises:
            OSError: it cannot be written.
        """
        path = folder / (hashlib.sha256(self._table()).hexdigest()[:24] + SUFFIX)
        write_atomically(path, _blocks(self.content))
        for other in folder.glob(f"*{SUFFIX}"):
            if other != path:
                with suppress(OSError):  # Windows keeps one that is mapped: another time
                    other.unlink()
        return path

    def _table(self) -> bytes:
        return bytes(self.content[_HEADER.size : len(self.content) - len(self) * 44])


def read_index(path: Path) -> Index:
    """The index in a file, mapped.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    with path.open("rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)  # ValueError if empty
    index = Index(memoryview(content))
    if _HEADER.unpack_from(content)[1] != zlib.crc32(index.content[_COVERED:]):
        raise ValueError("a damaged index")
    return index


class Heads:
    """The heads of shards, read one after the other, as often as they are asked for."""

    def __init__(self, folder: Path, shards: Sequence[Shard]) -> None:
        self.folder = folder
        self.shards = shards

    def __iter__(self) -> Iterator[Head]:
        for shard in self.shards:
            yield read_head(self.folder / shard.name)


def build(heads: Iterable[Head], folder: Path | None = None) -> Index:
    """The index of shards whose heads can be iterated over twice; what is large is made in a file
    without a name, in `folder` if that can be written.

    Raises:
        OSError, ValueError: a shard cannot be read, or is another one the second time.
    """
    sizes = np.zeros(_BUCKETS, np.int64)
    shards = []
    for head in heads:
        sizes += np.bincount(head.digests[:, 0], minlength=_BUCKETS)
        shards.append(head.shard)
    listed = json.dumps([[shard.name, shard.rows, shard.width] for shard in shards]).encode()
    table = listed.ljust(-(-len(listed) // 8) * 8)
    rows = int(sizes.sum())
    content = _room(_HEADER.size + len(table) + rows * (_KEY + _RECORD.size), folder)
    content[_HEADER.size : _HEADER.size + len(table)] = np.frombuffer(table, np.uint8)
    at = _HEADER.size + len(table)
    keys = content[at : at + rows * _KEY].view("<u8")
    records = content[at + rows * _KEY :].view(_RECORDS)

    ends = np.cumsum(sizes)
    following = ends - sizes  # where the next row of each bucket goes
    for number, head in enumerate(heads):
        bucket = head.digests[:, 0]
        order = np.argsort(bucket, kind="stable")
        counts = np.bincount(bucket, minlength=_BUCKETS)
        if head.shard != shards[number] or (following + counts > ends).any():
            raise ValueError("a shard that has changed")
        nth = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        place = np.repeat(following, counts) + nth
        keys[place] = _keys(head.digests[order])
        records["rest"][place] = head.digests[order, _KEY:]
        records["checksum"][place] = head.checksums[order]
        records["shard"][place] = number
        records["row"][place] = order
        following += counts
    parts = zip(ends - sizes, ends, strict=True) if rows > _ROWS else [(0, rows)]
    for start, end in parts:
        rest = np.ascontiguousarray(records["rest"][start:end]).view("S24").ravel()
        order = start + np.lexsort([rest, keys[start:end]])
        keys[start:end], records[start:end] = keys[order], records[order]

    numbers = (len(table), rows)
    content[: _HEADER.size] = np.frombuffer(_HEADER.pack(_MAGIC, 0, *numbers), np.uint8)
    total = zlib.crc32(content.data[_COVERED:])
    content[: _HEADER.size] = np.frombuffer(_HEADER.pack(_MAGIC, total, *numbers), np.uint8)
    return Index(content.data)


def _keys(digests: np.ndarray) -> np.ndarray:
    """The first 8 bytes of digests `[n,32]` as numbers, uint64 `[n]`."""
    first = np.ascontiguousarray(digests[:, :_KEY])
    return first.view(">u8").ravel().astype(np.uint64)


def _room(size: int, folder: Path | None) -> np.ndarray:
    """Bytes to fill: of the memory, or of a file that has no name and goes when they go."""
    if size > _IN_MEMORY:
        import tempfile

        for place in (folder, None):  # then the system's place for such files
            with suppress(OSError), tempfile.TemporaryFile(dir=place) as stream:
                return np.memmap(stream, np.uint8, "w+", shape=(size,))
    return np.zeros(size, np.uint8)


def _blocks(content: memoryview) -> Iterator[bytes]:
    for start in range(0, len(content), _BLOCK):
        yield bytes(content[start : start + _BLOCK])


EMPTY = build([])
