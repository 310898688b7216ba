"""Sums over embeddings, made by workers elsewhere, who take the embeddings from the cache.

    chunks that name digests ─ workers: rows of the cache ─ sums by fold ─ the caller adds them up

What travels is the names of the rows and their sums, and no embedding. A chunk's sums are those
that this machine's threads make of it, to the bit, and are added up in the same order.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..assess.pictures import Pictures
from ..backbones.embed import Embedder
from ..cache.folder import cache_folder
from ..cache.shards import EmbeddingCache, MissingEmbeddingsError
from ..errors import WorkersError
from ..files.columns import Digests
from ..head.blocks import Rows
from ..head.sums import Chunk, Sums
from ..text import several, shown
from ..workers.local import Map, Unit, local_map
from ..workers.places import Place

_DIGEST = 32  # bytes


@dataclass(frozen=True, eq=False)
class NamedChunk:
    """A chunk whose embeddings lie in the cache: `digests` uint8 `[N,32]`, labels and folds int
    `[N]`."""

    digests: np.ndarray
    labels: np.ndarray
    fold: np.ndarray


class SumNamed:
    """The unit of work: `start()` opens the cache, `process(chunks)` gives what `sum_up` does of
    their rows there, the first `width` values of each."""

    def __init__(self, sum_up: Unit[Chunk, dict[int, Sums]], space: str, folder: Path, width: int):
        self.sum_up, self.space, self.folder, self.width = sum_up, space, folder, width
        self._cache: EmbeddingCache | None = None

    def start(self) -> None:
        self._cache = EmbeddingCache(self.space, self.folder)

    def process(self, batch: Sequence[NamedChunk]) -> list[dict[int, Sums]]:
        return [
            sums
            for chunk in batch
            for sums in self.sum_up.process([Chunk(self._taken(chunk), chunk.labels, chunk.fold)])
        ]

    def finish(self) -> None:
        """Nothing to keep."""

    def _taken(self, chunk: NamedChunk) -> np.ndarray:
        assert self._cache is not None, "start() comes first"
        try:
            rows = self._cache.take([row.tobytes() for row in chunk.digests])
        except MissingEmbeddingsError as error:
            raise WorkersError(
                f"{several(len(error.digests), 'embedding')} cannot be read by a worker in the "
                f"cache {shown(self.folder)}, where the others are.",
                hint="Run it again: those that are missing are made anew.",
            ) from error
        return rows[:, : self.width]


def sums_at(pictures: Pictures, embedder: Embedder, place: Place) -> Map[Chunk, dict[int, Sums]]:
    """Where the sums of chunks of the embeddings of `pictures` are made: at a place, if all of them
    are in the cache of `embedder`; or else by this machine's threads."""
    if not place.is_far:
        return local_map

    def spread(
        unit: Unit[Chunk, dict[int, Sums]], batches: Iterable[Sequence[Chunk]]
    ) -> Generator[dict[int, Sums], None, None]:
        digests = _kept(pictures, embedder)
        if digests is None:
            yield from local_map(unit, batches)
            return
        there = SumNamed(unit, embedder.folder_name, _folder(embedder), pictures.width)
        named = ([_named(chunk, digests) for chunk in batch] for batch in batches)
        yield from place.map(there, named)

    return spread


def _folder(embedder: Embedder) -> Path:
    """Of all caches, as another process finds it."""
    return (embedder.cache_folder or cache_folder()).absolute()


def _kept(pictures: Pictures, embedder: Embedder) -> np.ndarray | None:
    """The digests of all pictures, uint8 `[N,32]`; None where one is not in the cache."""
    if any(len(digest) != 2 * _DIGEST for digest in pictures.digests):
        return None
    digests = Digests.of(pictures.digests).rows
    cache = EmbeddingCache(embedder.folder_name, _folder(embedder))
    return digests if all(row.tobytes() in cache for row in digests) else None


def _named(chunk: Chunk, digests: np.ndarray) -> NamedChunk:
    """A chunk of rows of all embeddings by the names of these rows."""
    assert isinstance(chunk.vectors, Rows)
    return NamedChunk(digests[chunk.vectors.rows], chunk.labels, chunk.fold)
