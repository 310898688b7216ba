"""Pictures -> embeddings, each computed once: the work unit that local threads and clusters run."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..cache.shards import EmbeddingCache
from ..errors import BackboneError, PictureError, option
from ..files.columns import Digests
from ..files.room import room
from ..images.decode import (
    DECODER_VERSION,
    Picture,
    decode_with_sides,
    encoded,
    naming,
    read_picture,
)
from ..images.properties import PROPERTIES, PROPERTIES_VERSION, properties_of
from ..workers.local import batches_of, local_map
from ..workers.pausing import pause
from ..workers.places import Place, current_place
from .session import LazySession

BATCH = 8  # pictures a thread takes at a time


@dataclass(frozen=True)
class Embedded:
    """One picture's embedding `[D]` and image properties `[T]` with its content's sha256, or the
    reason there are none."""

    digest: bytes
    vector: np.ndarray | None
    properties: np.ndarray | None = None
    reason: str = ""


@dataclass(frozen=True)
class Embeddings:
    """All pictures of a run, in the order in which they were given; N of them could be read.

    Attributes:
        vectors: embeddings, float32 `[N,D]`; of very many, in a file that is gone with them.
        properties: image properties, float32 `[N,T]`.
        digests: the sha256 of each picture's content, in hex.
        positions: where the N pictures are among those given, `[N]`.
        unreadable: the reasons of the other pictures, by their positions.
        trouble: why the cache could not be written; empty if it could.
    """

    vectors: np.ndarray
    properties: np.ndarray
    digests: Sequence[str]
    positions: np.ndarray
    unreadable: dict[int, str]
    trouble: str = ""


class Runs(Protocol):
    """What gives embeddings of pixels: ONNX Runtime, or TensorFlow."""

    def run(self, outputs: Sequence[str], given: np.ndarray) -> list[np.ndarray]: ...


class Embeds(Protocol):
    """What turns pictures into embeddings: a network, or a model that has one inside."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def content(self) -> bytes: ...


@dataclass(frozen=True)
class _Ready:
    """A network that is built, for another process."""

    name: str
    digest: str
    content: bytes


class Embedder:
    """The unit of work: `start()` opens the cache, `process(paths)` embeds a batch, `finish()`
    brings to the disk what is new. A copy of it in another process does the same there.

    The network is opened by the first picture that the cache does not know. `check` is called with
    each embedding that it gives, and raises what is wrong with it.
    """

    def __init__(
        self,
        network: Embeds,
        cache_folder: Path | None = None,
        check: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        self.network = network
        self.check = check or _check_finite
        self.cache_folder = cache_folder
        self.cache: EmbeddingCache | None = None
        self._lock = threading.Lock()
        self._opened: Runs | None = None

    def __getstate__(self) -> dict[str, object]:
        network = self.network
        return {
            "network": _Ready(network.name, network.digest, network.content),
            "cache_folder": self.cache_folder,
            "check": self.check,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def start(self) -> None:
        self.cache = EmbeddingCache(self.folder_name, self.cache_folder)

    @property
    def folder_name(self) -> str:
        """The name of its space in the cache."""
        return f"{self.network.name}-{self.space()}"

    def space(self) -> str:
        """A short hash of all that shapes a row: network, weights, views, decoder and image
        properties."""
        properties = (
            f"{PROPERTIES_VERSION}:{','.join(PROPERTIES)}"  # a row is only read as it was written
        )
        key = f"{self.network.digest}/{DECODER_VERSION}/{properties}"
        return hashlib.sha256(key.encode()).hexdigest()[:16]

    def process(self, batch: Sequence[Picture]) -> list[Embedded]:
        return [self._tried(picture) for picture in batch]

    def finish(self) -> None:
        if self.cache is not None:
            self.cache.flush()

    def open(self) -> Runs:
        """What gives the embeddings that the cache does not know."""
        return LazySession(self.network.content)

    def embed(
        self,
        picture: Picture,
        *,
        afresh: bool = False,
        into: dict[bytes, np.ndarray] | None = None,
    ) -> Embedded:
        """One picture's embedding, from the cache where that knows its content, or `afresh`, as who
        takes the time needs it. Who writes shards gathers the rows of the cache in `into`; a new
        one is then not put into the cache.

        Pixels have no file content to look up, so they are always embedded.

        Raises:
            PictureError: it cannot be read.
        """
        assert self.cache is not None, "start() comes first"
        with naming(picture):
            whole = encoded(picture)
            if whole is None:
                return Embedded(b"", self._vector(read_picture(picture)))
            content, suffix = whole
            digest = hashlib.sha256(content).digest()
            # the embedding, and then the image properties
            row = None if into is None else into.get(digest)
            if row is None and not afresh:
                row = self.cache.get(digest)
            if row is None:
                read = decode_with_sides(content, suffix=suffix)
                row = np.concatenate([self._vector(read.pixels), properties_of(read, content)])
                if into is None and digest not in self.cache:
                    self.cache.put(digest, row)
            if into is not None:
                into[digest] = row
        return Embedded(digest, row[: -len(PROPERTIES)], row[-len(PROPERTIES) :])

    def _tried(self, picture: Picture) -> Embedded:
        pause()
        try:
            return self.embed(picture)
        except PictureError as error:
            return Embedded(b"", None, reason=error.message)

    def _vector(self, pixels: np.ndarray) -> np.ndarray:
        with self._lock:
            session = self._opened = self._opened or self.open()
        vectors: np.ndarray = session.run(["embedding"], pixels[None])[0]
        vector = np.asarray(vectors[0])
        self.check(vector)
        return vector


def _check_finite(vector: np.ndarray) -> None:
    """Raises BackboneError where a network gives what nothing can be learnt from."""
    wrong = vector[~np.isfinite(vector)]
    if wrong.size:
        raise BackboneError(
            f"This network gives embeddings that cannot be, such as {wrong[0]}.",
            hint="Its file is damaged, or its pixels are not those it expects: see "
            f"{option('backbone_pixels')}.",
        )


def _embedded(
    paths: Sequence[Picture], embedder: Embedder, place: Place
) -> Generator[Embedded, None, None]:
    if not place.is_far:
        yield from local_map(embedder, batches_of(paths, BATCH))  # kept, also after Ctrl-C
        return
    from .parts import embedded_far

    with closing(embedded_far(paths, embedder, place.map)) as found:
        for one in found:
            yield Embedded(b"", None, reason=one.message) if isinstance(one, PictureError) else one


def embed_all(
    paths: Sequence[Picture],
    embedder: Embedder,
    *,
    place: Place | None = None,
    progress: Callable[[int], None] | None = None,
) -> Embeddings:
    """Embed all pictures, from the cache where they are known: at a place, or else where the work
    of this thread runs. `progress` gets the count so far.

    Raises:
        DestinationError: the embeddings are too many for memory, and the disk has no room for them.
    """
    vectors = np.zeros((0, 0), np.float32)  # until it is known how long they are
    properties = np.zeros((len(paths), len(PROPERTIES)), np.float32)
    digests = Digests.room(len(paths))
    positions = np.zeros(len(paths), np.int64)
    count = 0
    unreadable = {}
    with closing(_embedded(paths, embedder, place or current_place())) as results:
        for position, result in enumerate(results):
            if result.vector is None or result.properties is None:
                unreadable[position] = result.reason
            else:
                if not count:
                    vectors = room(len(paths), len(result.vector))
                vectors[count] = result.vector
                properties[count] = result.properties
                digests.rows[count] = np.frombuffer(result.digest, np.uint8)
                positions[count] = position
                count += 1
            if progress:
                progress(position + 1)
    return Embeddings(
        vectors=vectors[:count],
        properties=properties[:count],
        digests=Digests(digests.rows[:count]),
        positions=positions[:count],
        unreadable=unreadable,
        trouble=embedder.cache.trouble if embedder.cache else "",
    )
