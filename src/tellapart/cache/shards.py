"""Embeddings kept between runs, keyed by what a picture contains and not by where it lies.

A *space* is everything that shapes an embedding: the network with its weights, the views, the
decoder. Each space is a folder of *shards*: immutable files, written under a temporary name and
renamed, so two runs at once only write different shards. A row is checked against its checksum
when it is read; a shard with a bad row is set aside and its pictures are computed again. Where the
cache cannot be written there is no cache, and nothing fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..files.atomic import write_atomically
from ..files.leftovers import TEMPORARY
from .folder import SpaceInfo, cache_folder, delete

_MAGIC = "tellapart embeddings 1"
_HEADER = 256  # bytes
_DIGEST = 32  # bytes of sha256
_ROWS = 256  # a shard is written every so many new embeddings: what a kill can lose
_SUFFIX = ".shard"
_ASIDE = ".damaged"


@dataclass(frozen=True)
class _Shard:
    """One file: header, digests `[R,32]`, checksums `[R]`, vectors `[R,D]`.

    The vectors stay on the disk, and no file stays open: there may be more shards than a process
    may open files.
    """

    path: Path
    digests: np.ndarray
    checksums: np.ndarray
    width: int  # D

    @classmethod
    def open(cls, path: Path) -> _Shard:
        """Read all but the vectors; raises ValueError where it is no shard."""
        with path.open("rb") as stream:
            header = json.loads(stream.read(_HEADER))
            if not isinstance(header, dict) or header.get("format") != _MAGIC:
                raise ValueError("no shard")
            rows, width = header.get("rows"), header.get("dimensions")
            if not isinstance(rows, int) or not isinstance(width, int) or min(rows, width) < 1:
                raise ValueError("a shard without rows")
            if os.fstat(stream.fileno()).st_size != _HEADER + rows * (_DIGEST + 4 + width * 4):
                raise ValueError("a shard of the wrong length")
            digests = np.frombuffer(stream.read(rows * _DIGEST), np.uint8).reshape(rows, _DIGEST)
            return cls(path, digests, np.frombuffer(stream.read(rows * 4), "<u4"), width)

    def row(self, number: int) -> np.ndarray:
        """The vector of a row; raises ValueError where its checksum differs."""
        size = self.width * 4
        with self.path.open("rb", buffering=0) as stream:
            stream.seek(_HEADER + len(self.digests) * (_DIGEST + 4) + number * size)
            vector = np.frombuffer(bytearray(stream.read(size)), "<f4")  # may be changed
        if _checksum(self.digests[number].tobytes(), vector) != int(self.checksums[number]):
            raise ValueError("a damaged row")
        return vector


class EmbeddingCache:
    """The embeddings of one space. Safe to use from many threads and many processes."""

    def __init__(self, space: str, folder: Path | None = None) -> None:
        self.folder = (folder or cache_folder()) / "embeddings" / space
        self.trouble = ""  # why nothing could be written, in plain words
        self._places: dict[bytes, tuple[_Shard, int]] = {}
        self._new: dict[bytes, np.ndarray] = {}
        self._lock = threading.Lock()
        for path in _shards(self.folder):
            self._index(path)

    def get(self, digest: bytes) -> np.ndarray | None:
        """The embedding of the picture whose content has this sha256, float32 `[D]`."""
        place = self._places.get(digest)
        if place is None:
            return self._new.get(digest)
        shard, number = place
        try:
            return shard.row(number)
        except OSError:  # cleared by another process, say
            return None
        except ValueError:
            self._set_aside(shard)
            return None

    def __contains__(self, digest: bytes) -> bool:
        """Whether the embedding is there, as far as one can tell without reading it."""
        return digest in self._places or digest in self._new

    def put(self, digest: bytes, vector: np.ndarray) -> None:
        """Keep an embedding; it is on the disk after the next `flush` at the latest."""
        with self._lock:
            self._new[digest] = np.asarray(vector, "<f4")
            due = dict(self._new) if len(self._new) >= _ROWS else {}
            for key in due:
                del self._new[key]
        if due:
            self._write(due)

    def flush(self) -> None:
        """Write what is not yet on the disk."""
        with self._lock:
            due, self._new = self._new, {}
        if due:
            self._write(due)

    def _write(self, rows: dict[bytes, np.ndarray]) -> None:
        digests = sorted(rows)
        vectors = np.stack([rows[digest] for digest in digests])
        header = {"format": _MAGIC, "rows": len(digests), "dimensions": vectors.shape[1]}
        sums = np.array([_checksum(d, v) for d, v in zip(digests, vectors, strict=True)], "<u4")
        content = b"".join(
            [
                json.dumps(header).encode().ljust(_HEADER),
                *digests,
                sums.tobytes(),
                vectors.tobytes(),
            ]
        )
        path = self.folder / (hashlib.sha256(content).hexdigest()[:24] + _SUFFIX)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            self.trouble = (error.strerror or type(error).__name__).lower()
            return
        self._index(path)

    def _index(self, path: Path) -> None:
        try:
            shard = _Shard.open(path)
        except OSError:
            return
        except ValueError:
            _rename_aside(path)
            return
        flat = shard.digests.tobytes()
        for number in range(len(shard.digests)):
            self._places[flat[number * _DIGEST : (number + 1) * _DIGEST]] = (shard, number)

    def _set_aside(self, shard: _Shard) -> None:
        with self._lock:
            self._places = {k: place for k, place in self._places.items() if place[0] is not shard}
        _rename_aside(shard.path)


def spaces_info(folder: Path | None = None, *, check: bool = False) -> list[SpaceInfo]:
    """What is kept, space by space. With `check` every row is held against its checksum; damaged
    shards are set aside and counted."""
    return [_space_info(space, check=check) for space in _spaces(folder)]


def clear_spaces(folder: Path | None = None) -> int:
    """Delete all embeddings, and nothing else; returns the bytes freed."""
    freed = 0
    for space in _spaces(folder):
        ours = (
            path
            for path in space.iterdir()
            if path.suffix in {_SUFFIX, _ASIDE} or path.name.startswith(TEMPORARY)
        )
        freed += sum(map(delete, ours))
        with suppress(OSError):  # something else is in there
            space.rmdir()
    return freed


def _spaces(folder: Path | None) -> list[Path]:
    root = (folder or cache_folder()) / "embeddings"
    try:
        return sorted(path for path in root.iterdir() if path.is_dir())
    except OSError:
        return []


def _space_info(space: Path, *, check: bool) -> SpaceInfo:
    digests: set[bytes] = set()
    shards = size = damaged = 0
    for path in _shards(space):
        try:
            shard = _Shard.open(path)
            for number in range(len(shard.digests)) if check else ():
                shard.row(number)
        except (OSError, ValueError):
            damaged += 1
            if check:
                _rename_aside(path)
            continue
        shards += 1
        size += path.stat().st_size
        digests.update(row.tobytes() for row in shard.digests)
    return SpaceInfo(space.name, shards, len(digests), size, damaged)


def _shards(space: Path) -> list[Path]:
    try:
        return sorted(space.glob(f"*{_SUFFIX}"))
    except OSError:
        return []


def _rename_aside(path: Path) -> None:
    """Give a file a name that nobody reads; it is kept to be looked at."""
    try:
        os.replace(path, path.with_suffix(_ASIDE))
    except OSError:
        return


def _checksum(digest: bytes, vector: np.ndarray) -> int:
    return zlib.crc32(vector.tobytes(), zlib.crc32(digest))
