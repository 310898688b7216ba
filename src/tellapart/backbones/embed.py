"""Pictures -> embeddings, each computed once: the work unit that local threads and clusters run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..cache.shards import EmbeddingCache
from ..errors import BackboneError, PictureError
from ..files.reading import read_content
from ..images.decode import DECODER_VERSION, decode
from ..images.properties import TRAITS, TRAITS_VERSION, traits_of
from ..workers.local import Map, batches_of, local_map
from .graph import Network
from .session import LazySession

BATCH = 8  # pictures a thread takes at a time


@dataclass(frozen=True)
class Embedded:
    """One picture's embedding `[D]` and traits `[T]` with its content's sha256, or the reason there
    are none."""

    digest: bytes
    vector: np.ndarray | None
    traits: np.ndarray | None = None
    reason: str = ""


@dataclass(frozen=True)
class Embeddings:
    """All pictures of a run, in the order they were given.

    `vectors` float32 `[N,D]`, `traits` float32 `[N,T]` and `digests` (sha256, hex) are of the N
    pictures that could be read, whose positions in what was given are `positions` `[N]`;
    `unreadable` maps the other positions to their reasons.
    """

    vectors: np.ndarray
    traits: np.ndarray
    digests: tuple[str, ...]
    positions: np.ndarray
    unreadable: dict[int, str]
    trouble: str = ""  # why the cache could not be written, if it could not


class Embedder:
    """The unit of work: `start()` opens the network once, `process(paths)` embeds a batch."""

    def __init__(self, network: Network, cache_folder: Path | None = None) -> None:
        self.network = network
        self.cache_folder = cache_folder
        self.cache: EmbeddingCache | None = None

    def start(self) -> None:
        self.cache = EmbeddingCache(f"{self.network.name}-{self.space()}", self.cache_folder)
        self._session = LazySession(self.network.content)  # not needed if all is in the cache

    def space(self) -> str:
        """A short hash of all that shapes a row: network, weights, views, decoder and traits."""
        traits = f"{TRAITS_VERSION}:{','.join(TRAITS)}"  # a row is only read as it was written
        key = f"{self.network.digest}/{DECODER_VERSION}/{traits}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    def process(self, batch: Sequence[Path]) -> list[Embedded]:
        return [self._embed(path) for path in batch]

    def _embed(self, path: Path) -> Embedded:
        assert self.cache is not None, "start() comes first"
        digest = b""
        try:
            content = read_content(path)
            digest = hashlib.sha256(content).digest()
            row = self.cache.get(digest)  # the embedding, and then the traits
            if row is None:
                pixels = decode(content, suffix=path.suffix)
                vector = self._session.run(["embedding"], pixels[None])[0][0]
                _check_finite(vector)
                row = np.concatenate([vector, traits_of(pixels, content)])
                self.cache.put(digest, row)
        except PictureError as error:
            return Embedded(digest, None, reason=error.message)
        return Embedded(digest, row[: -len(TRAITS)], row[-len(TRAITS) :])


def _check_finite(vector: np.ndarray) -> None:
    """Raises BackboneError where a network gives what nothing can be learnt from."""
    wrong = vector[~np.isfinite(vector)]
    if wrong.size:
        raise BackboneError(
            f"This network gives embeddings that cannot be, such as {wrong[0]}.",
            hint="Its file is damaged, or its pixels are not those it expects: see "
            "--backbone-pixels.",
        )


def embed_all(
    paths: Sequence[Path],
    embedder: Embedder,
    *,
    map: Map[Path, Embedded] = local_map,  # noqa: A002
    progress: Callable[[int], None] | None = None,
) -> Embeddings:
    """Embed all pictures, from the cache where they are known. `progress` gets the count so far."""
    vectors, traits, digests, positions = [], [], [], []
    unreadable = {}
    try:
        for position, result in enumerate(map(embedder, batches_of(paths, BATCH))):
            if result.vector is None or result.traits is None:
                unreadable[position] = result.reason
            else:
                vectors.append(result.vector)
                traits.append(result.traits)
                digests.append(result.digest.hex())
                positions.append(position)
            if progress:
                progress(position + 1)
    finally:  # what is done stays done, also after Ctrl-C
        if embedder.cache is not None:
            embedder.cache.flush()
    return Embeddings(
        vectors=np.stack(vectors) if vectors else np.zeros((0, 0), np.float32),
        traits=np.stack(traits) if traits else np.zeros((0, len(TRAITS)), np.float32),
        digests=tuple(digests),
        positions=np.array(positions, dtype=np.int64),
        unreadable=unreadable,
        trouble=embedder.cache.trouble if embedder.cache else "",
    )
