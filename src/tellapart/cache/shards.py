"""Embeddings kept between runs, keyed by what a picture contains and not by where it lies.

A *space* is everything that shapes an embedding: the network with its weights, the views, the
decoder. Each space is a folder of *shards*: immutable files, written under a temporary name and
renamed, so two runs at once only write different shards. An *index* beside them says where each row
is. A row is checked against its checksum when it is read; a shard with a bad row is set aside and
its pictures are computed again. Where the cache cannot be written there is no cache, and nothing
fails.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from ..errors import DestinationError
from .folder import cache_folder, here
from .known import Known
from .merging import has_many_small, rescue, tidy
from .shardfile import DIGEST, Head, Reader, Shard, by_shard, checksums, read_head, write_shard
from .shared import shared_space

_ROWS = 256  # a shard is written every so many new embeddings: what a kill can lose
_TRIES = 5  # while others merge shards
_GONE = {errno.ENOENT, errno.ESTALE}


class MissingEmbeddingsError(KeyError):
    """Some of the embeddings that were asked for are not in the cache: those of `digests`."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        super().__init__(f"The cache lacks {len(digests)} of these embeddings.")
        self.digests = tuple(digests)


class EmbeddingCache:
    """The embeddings of one space. Safe to use from many threads and many processes. `trouble` is
    why nothing could be written, in plain words."""

    def __init__(self, space: str, folder: Path | None = None) -> None:
        cache = here(folder or cache_folder())
        self.folder = cache / "embeddings" / space
        self._shared = shared_space(cache, self.folder)
        self.trouble = self._shared.trouble if self._shared else ""
        self._reader = Reader(self.folder)
        self._new: dict[bytes, np.ndarray] = {}
        self._lock = threading.Lock()  # of what is new
        self._looking = threading.Lock()  # of what is known
        self._left: set[str] = set()  # damaged shards that cannot be set aside
        self._known = tidy(self.folder)

    def get(self, digest: bytes) -> np.ndarray | None:
        """The embedding of the picture whose content has this sha256, float32 `[D]`."""
        for _ in range(_TRIES):
            known = self._known
            place = known.find(digest)
            if place is None:
                return self._new.get(digest)
            try:
                return self._reader.row(place.shard, place.row, digest, place.checksum)
            except (OSError, ValueError) as error:
                if not self._is_mended(known, place.shard, error):
                    return None
        return None

    def __contains__(self, digest: bytes) -> bool:
        """Whether the embedding is there, as far as one can tell without reading it."""
        return self._known.find(digest) is not None or digest in self._new

    def take(self, digests: Sequence[bytes]) -> np.ndarray:
        """Many embeddings at once, in the order of their digests, float32 `[n,D]`; they are read
        shard by shard.

        Raises:
            MissingEmbeddingsError: the cache lacks some of them, or cannot read them.
        """
        asked = np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), DIGEST)
        vectors: np.ndarray | None = None
        left = np.arange(len(digests))
        for _ in range(_TRIES):
            known = self._known
            shards, rows, sums = known.find_all(asked[left])
            is_done, again = np.zeros(len(left), bool), False
            for some in by_shard(shards, rows):
                shard, at = known.shards[int(shards[some[0]])], left[some]
                try:
                    block = self._reader.rows(shard, rows[some], asked[at], sums[some])
                except (OSError, ValueError) as error:
                    again = self._is_mended(known, shard, error) or again
                    continue
                if vectors is None:
                    vectors = np.empty((len(digests), shard.width), np.float32)
                if shard.width == vectors.shape[1]:
                    vectors[at] = block
                    is_done[some] = True
            left = left[~is_done]
            if not again:
                break
        missing = []
        for at in left.tolist():
            new = self._new.get(digests[at])
            if vectors is None and new is not None:
                vectors = np.empty((len(digests), len(new)), np.float32)
            if new is None or vectors is None or len(new) != vectors.shape[1]:
                missing.append(digests[at])
            else:
                vectors[at] = new
        if missing:
            raise MissingEmbeddingsError(missing)
        return np.zeros((0, 0), np.float32) if vectors is None else vectors

    def learn(self, name: str) -> None:
        """Know a shard that another process has written since, or what it was merged into."""
        if self._shared:
            with suppress(DestinationError, OSError):  # it is not there then
                self._shared.fetch(name)
        with self._looking:
            try:
                self._known = self._known.with_shard(read_head(self.folder / name))
            except (OSError, ValueError):
                self._known = tidy(self.folder, leave=frozenset(self._left))
            if self._known.is_due:
                self._known = tidy(self.folder, leave=frozenset(self._left))

    def put(self, digest: bytes, vector: np.ndarray) -> None:
        """Keep an embedding; it is on the disk after the next `flush` at the latest."""
        with self._lock:
            self._new[digest] = np.asarray(vector, "<f4")
            due = dict(self._new) if len(self._new) >= _ROWS else {}
            for key in due:
                del self._new[key]
        if due:
            self.write(due)

    def flush(self) -> None:
        """Write what is not yet on the disk."""
        with self._lock:
            due, self._new = self._new, {}
        if due and self.write(due) and has_many_small(self._known):
            with self._looking:
                self._known = self._tidied()

    def write(self, rows: Mapping[bytes, np.ndarray]) -> str:
        """Write one shard of exactly these embeddings, whatever the cache knew; the same ones are
        always the same file. Returns its name; empty if there are none, or if it could not be
        written: then `trouble` says why."""
        if not rows:
            return ""
        ordered = sorted(rows)
        digests = np.frombuffer(b"".join(ordered), np.uint8).reshape(len(rows), DIGEST)
        vectors = np.stack([np.asarray(rows[digest], "<f4") for digest in ordered])
        sums = np.array(checksums(digests, vectors), "<u4")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            shard = write_shard(self.folder, digests, sums, [vectors])
        except OSError as error:
            self.trouble = (error.strerror or type(error).__name__).lower()
            return ""
        with self._looking:
            self._known = self._known.with_shard(Head(shard, digests, sums))
            if self._known.is_due:
                self._known = self._tidied()
        if self._shared and not self._shared.put(shard.name):
            self.trouble = self._shared.trouble
            return ""
        return shard.name

    def _tidied(self) -> Known:
        """What is known once small shards are merged; those of a copy stay as they were fetched."""
        return tidy(self.folder, leave=frozenset(self._left), merge=not self._shared)

    def _is_mended(self, known: Known, shard: Shard, error: OSError | ValueError) -> bool:
        """Whether what could not be read may be found now: another process has merged the shard, or
        it is damaged and set aside."""
        if isinstance(error, OSError) and error.errno not in _GONE:
            return False
        with self._looking:
            if self._known is known:  # no other thread was here before
                if isinstance(error, ValueError) and not rescue(self.folder / shard.name):
                    self._left.add(shard.name)
                self._known = tidy(self.folder, leave=frozenset(self._left))
        return True
