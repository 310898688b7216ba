"""Small shards become large ones, so that a cache has few files however many runs wrote it.

One process at a time, and each file is whole before another goes: first the large shard is written,
then an index that knows it, and only then are the small ones deleted. Who is killed in between
leaves some rows twice, and the next merging drops them. Who reads meanwhile, in whatever process,
finds that a shard is gone and looks again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..files.leftovers import TEMPORARY, clear_parts
from ..files.locks import is_still, open_lock, take
from . import index
from .folder import delete
from .index import Index, build
from .known import Known, look
from .shardfile import (
    Head,
    Reader,
    Shard,
    by_shard,
    checksums,
    read_head,
    set_aside,
    write_shard,
)

_LOCK = f"{TEMPORARY}lock"
_SMALL = 8_192  # rows; a shard with fewer is small
_MANY = 64  # small shards that are left as they are
_LARGE = 65_536  # rows, the most that are merged into one shard
_AT_ONCE = 128_000_000  # bytes, the most that a command merges at its end
_BLOCK = 4_000_000  # bytes of vectors that are in memory
_WORTH = 256  # rows; a damaged shard with no more is not worth the rescue


def tidy(folder: Path, *, leave: frozenset[str] = frozenset(), merge: bool = False) -> Known:
    """What is known of a space but for the shards to `leave`, with its index on the disk where one
    is due. To `merge` makes one large shard of small ones if there are many."""
    known = look(folder, leave=leave)
    merge = merge and has_many_small(known)
    if known.is_new or merge:
        with _alone(folder) as ours:
            if merge and ours:
                known = _merged(folder, known, leave, _AT_ONCE)
            if known.is_new and ours is not False:
                known = known.kept(folder)
    return known


def has_many_small(known: Known) -> bool:
    return len(_small(known)) > _MANY


def merge_small(folder: Path) -> None:
    """Merge all small shards of a space, unless another process does; at most one is left."""
    with _alone(folder) as ours:
        known = look(folder)
        while ours and len(before := _small(known)) > 1:
            known = _merged(folder, known, frozenset())
            if len(_small(known)) >= len(before):  # they cannot be deleted
                break


def rescue(path: Path) -> bool:
    """Set a damaged shard aside, and keep what is whole in a large one, so that damage costs no
    more than a kill; whether it has gone from its place."""
    try:
        head = read_head(path)
        if head.shard.rows > _WORTH:
            reader, rows = Reader(path.parent), np.arange(head.shard.rows)
            parts = np.array_split(rows, -(-rows.size * head.shard.width * 4 // _BLOCK))
            whole = [
                part[np.equal(checksums(head.digests[part], vectors), head.checksums[part])]
                for part in parts
                for vectors in [reader.unchecked(head.shard, part)]
            ]
            good = np.concatenate(whole)
            if good.size == rows.size:  # it is the index that is wrong
                return all(map(delete, path.parent.glob(f"*{index.SUFFIX}")))
            if good.size:
                blocks = (reader.unchecked(head.shard, part) for part in whole if part.size)
                write_shard(path.parent, head.digests[good], head.checksums[good], blocks)
    except (OSError, ValueError):
        pass  # nothing of it can be kept
    return set_aside(path)


def _small(known: Known) -> list[Shard]:
    """The small shards that can be merged with each other."""
    small = [shard for shard in known.shards if shard.rows < _SMALL]
    return [shard for shard in small if shard.width == small[0].width]


def _merged(folder: Path, known: Known, leave: frozenset[str], at_once: int | None = None) -> Known:
    """What is known once small shards are large ones: all, or one large one whose vectors take at
    most so many bytes. This process is alone."""
    clear_parts(folder)
    small = _small(known)
    left = frozenset(shard.name for shard in small)
    gone: set[str] = set()
    new: set[str] = set()
    for group in _groups(small, at_once):
        try:
            part = build(_heads(folder, group))
            shard = _write_merged(folder, part, known, left)
        except (OSError, ValueError):  # the disk is full, say; or a shard was damaged
            break
        left -= {shard.name for shard in group}
        gone.update(shard.name for shard in group)
        new.update([shard.name] if shard else [])
        if at_once is not None:
            break
    gone -= new  # what was left of them may be one of them once more
    known = look(folder, leave=leave | gone)
    if known.is_new:
        known = known.kept(folder)
    elif not known.covered.shards:
        for path in folder.glob(f"*{index.SUFFIX}"):  # of shards that go now
            delete(path)
    for name in gone:
        delete(folder / name)
    return known


def _groups(small: list[Shard], at_once: int | None) -> Iterator[list[Shard]]:
    """Small shards, as many together as make one large shard, and at least two if there are."""
    limit = _LARGE if at_once is None else min(_LARGE, at_once // (4 * small[0].width))
    while small:
        rows = np.cumsum([shard.rows for shard in small])
        count = max(2, int(np.searchsorted(rows, limit, "right")))
        yield small[:count]
        small = small[count:]


def _write_merged(folder: Path, part: Index, known: Known, left: frozenset[str]) -> Shard | None:
    """Write the rows of a part of the small shards as one shard: each once, and none that is known
    of a shard that is not `left` to merge. None: there are no such rows.

    Raises:
        OSError: it cannot be written, or a shard is not there any more.
        ValueError: a shard was damaged, and is set aside.
    """
    digests = part.digests()
    is_first = np.r_[True, (digests[1:] != digests[:-1]).any(axis=1)]
    is_first &= known.find_all(digests, left)[0] < 0
    digests, records = digests[is_first], part.records[is_first]
    if not len(records):
        return None
    reader, width = Reader(folder), part.shards[0].width
    step = max(1, _BLOCK // (4 * width))

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, len(records), step):
            some, keys = records[start : start + step], digests[start : start + step]
            vectors = np.empty((len(some), width), "<f4")
            for at in by_shard(some["shard"].astype(np.int64), some["row"]):
                shard = part.shards[some["shard"][at[0]]]
                rows = some["row"][at].astype(np.int64)
                with _rescuing(folder / shard.name):
                    vectors[at] = reader.rows(shard, rows, keys[at], some["checksum"][at])
            yield vectors

    return write_shard(folder, digests, np.ascontiguousarray(records["checksum"]), blocks())


def _heads(folder: Path, shards: list[Shard]) -> list[Head]:
    heads = []
    for shard in shards:
        with _rescuing(folder / shard.name):
            heads.append(read_head(folder / shard.name))
    return heads


@contextmanager
def _rescuing(path: Path) -> Iterator[None]:
    """Set a shard aside that proves damaged, or it would be tried again and again."""
    try:
        yield
    except ValueError:
        rescue(path)
        raise


@contextmanager
def _alone(folder: Path) -> Iterator[bool | None]:
    """Whether this is the one process that now tidies a space; None where nobody can tell."""
    path = folder / _LOCK
    try:
        lock = open_lock(path)
    except OSError:  # nothing can be written here
        yield False
        return
    with lock:
        ours = take(lock)
        yield ours and is_still(path, lock)
