"""What is known of a space at one moment: which shards are there, and where each row is in them."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import index, shardfile
from .index import EMPTY, Heads, Index, Place, build, read_index
from .shardfile import Head, Shard, read_head

_SHARDS_BESIDE = 64  # that are read beside an index before it is written anew
_ROWS_BESIDE = 32_768
_TRIES = 5  # while others merge shards


@dataclass(frozen=True)
class Known:
    """The index of a space, and beside it the rows of the shards that it does not cover.

    `is_new` says that the index is not on the disk; `damaged` are files that are no whole shards,
    or no whole index.
    """

    covered: Index
    beside: Index = EMPTY
    heads: tuple[Head, ...] = ()  # of the shards beside
    is_new: bool = False
    damaged: tuple[Path, ...] = ()

    @property
    def shards(self) -> tuple[Shard, ...]:
        return self.covered.shards + self.beside.shards

    @property
    def is_due(self) -> bool:
        """Whether so much stands beside the index that it is to be written anew."""
        return len(self.heads) > _SHARDS_BESIDE or len(self.beside) > _ROWS_BESIDE

    def find(self, digest: bytes) -> Place | None:
        return self.covered.find(digest) or self.beside.find(digest)

    def find_all(
        self, digests: np.ndarray, leave: frozenset[str] = frozenset()
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of digests `[n,32]` the numbers of their shards, -1 for what is not known or only in the
        shards to `leave`, their rows there and their checksums, each `[n]`."""
        shards = np.full(len(digests), -1, np.int64)
        rows, checksums = np.zeros(len(digests), np.int64), np.zeros(len(digests), np.uint32)
        for part, first in ((self.covered, 0), (self.beside, len(self.covered.shards))):
            left = np.flatnonzero(shards < 0)
            found = part.find_all(digests[left], leave)
            at, records = left[found >= 0], part.records[found[found >= 0]]
            shards[at] = first + records["shard"].astype(np.int64)
            rows[at], checksums[at] = records["row"], records["checksum"]
        return shards, rows, checksums

    def pictures(self) -> int:
        """How many different pictures have a row."""
        beside = {digest.tobytes() for head in self.heads for digest in head.digests}
        return self.covered.pictures() + sum(not self.covered.find(one) for one in beside)

    def with_shard(self, head: Head) -> Known:
        """The same with a shard that has just been written."""
        if head.shard in self.shards:
            return self
        heads = (*self.heads, head)
        return replace(self, beside=build(heads), heads=heads)

    def kept(self, folder: Path) -> Known:
        """The same with its index on the disk, if that can be written."""
        with suppress(OSError, ValueError):
            return replace(self, covered=read_index(self.covered.save(folder)), is_new=False)
        return self


def look(folder: Path, *, leave: frozenset[str] = frozenset(), mend: bool = True) -> Known:
    """What is known of a space, but for the shards to `leave`. Where much stands beside the index
    there is a new one; to `mend` sets damaged files aside."""
    for attempt in range(_TRIES):
        last = attempt == _TRIES - 1
        known = _looked(folder, leave, mend, is_index_believed=attempt % 2 == 0, is_last=last)
        if known is not None:
            return known
    raise AssertionError("the last look takes what is there")


def _looked(
    folder: Path,
    leave: frozenset[str],
    mend: bool,
    *,
    is_index_believed: bool,
    is_last: bool,
) -> Known | None:
    """None: a shard went while one looked, or one that the index covers is damaged. The last look
    passes over what goes, and takes the memory that it needs."""
    shards, indexes = _listed(folder)
    shards = {name: size for name, size in shards.items() if name not in leave}
    covered, damaged = _newest(folder, indexes)
    heads: list[Head] = []
    if not is_index_believed or any(
        shards.get(shard.name) != shard.size for shard in covered.shards
    ):
        covered = EMPTY
    known = {shard.name for shard in covered.shards}
    beside: list[Shard] = []
    rows = 0
    for name in sorted(shards.keys() - known):
        try:
            head = read_head(folder / name)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not is_last:
                return None
            continue
        except ValueError:
            damaged.append(folder / name)
            continue
        beside.append(head.shard)
        rows += head.shard.rows
        if is_last or (len(beside) <= _SHARDS_BESIDE and rows <= _ROWS_BESIDE):
            heads.append(head)
    if mend:
        for path in damaged:
            shardfile.set_aside(path)
    if len(heads) == len(beside):
        return Known(covered, build(heads), tuple(heads), damaged=tuple(damaged))
    try:
        whole = build(Heads(folder, [*covered.shards, *beside]), folder)
    except (OSError, ValueError):
        return None
    return Known(whole, is_new=True, damaged=tuple(damaged))


def _listed(folder: Path) -> tuple[dict[str, int], list[str]]:
    """The shards with their sizes, and the indexes, the newest first."""
    shards, indexes = {}, []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # it has just gone
                if entry.name.endswith(shardfile.SUFFIX):
                    shards[entry.name] = entry.stat().st_size
                elif entry.name.endswith(index.SUFFIX):
                    indexes.append((entry.stat().st_mtime_ns, entry.name))
    return shards, [name for _, name in sorted(indexes, reverse=True)]


def _newest(folder: Path, names: list[str]) -> tuple[Index, list[Path]]:
    """The newest index that is whole, and the files that are not."""
    damaged: list[Path] = []
    for name in names:
        try:
            return read_index(folder / name), damaged
        except OSError:
            continue
        except ValueError:
            damaged.append(folder / name)
    return EMPTY, damaged
