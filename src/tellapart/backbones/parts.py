"""Pictures -> embeddings where workers elsewhere make them: through the cache, which all can read.

    pictures ─ parts ─ workers: a shard and a record of each ─ counts ─ records and shards ─ results

What comes out is what `Embedder` gives on this machine's threads, to the bit and in order. What is
no file, such as bytes, does not travel: the caller embeds that itself.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain, groupby
from pathlib import Path

import numpy as np

from ..cache.folder import address_of, cache_folder
from ..cache.parts import STOPPED, Caution, PartRecord, Stamps, now
from ..cache.shards import MissingEmbeddingsError
from ..errors import PictureError, WorkersError
from ..images.decode import Picture, Stored, naming
from ..images.properties import PROPERTIES
from ..text import shown
from ..workers.deadlines import answered
from ..workers.local import Each, Map, batches_of, local_map
from ..workers.parts import SIZE, Counts, Part, growing_batches
from ..workers.pausing import pause
from .embed import Embedded, Embedder

_BATCH = 8  # pictures that a thread takes at a time, of those that do not travel
_PATIENCE = 5.0  # seconds until a file that a worker has written is seen over a network
_STEP = 0.1  # seconds between two looks


class EmbedParts:
    """The unit of work: `process(parts)` writes one shard with the embeddings of each part's
    pictures, and its record. A part of which both are there is not done again."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self.folder = (embedder.cache_folder or cache_folder()).absolute()
        embedder.cache_folder = self.folder  # another machine may have another place for caches

    def start(self) -> None:
        self.embedder.start()

    def process(self, batch: Sequence[Part[Picture]]) -> list[Counts]:
        return [self._done(part) for part in batch]

    def finish(self) -> None:
        """All is written that there is to keep."""

    def _done(self, part: Part[Picture]) -> Counts:
        cache = self.embedder.cache
        assert cache is not None, "start() comes first"
        began, since = now(), time.monotonic()
        stamps = Stamps.of(part.pictures)
        key = stamps.key(cache.folder.name)
        record = PartRecord.read(key, self.folder)
        if record is not None and any(digest not in cache for digest in record.digests):
            cache.learn(record.shard)
        is_known = (
            record is not None
            and record.is_settled
            and all(digest in cache for digest in record.digests)
        )
        if record is None or not is_known:
            caution = Caution(key, part.attempt, self.folder)
            entries, rows = self._embedded(part, caution)
            shard = cache.write(rows)
            may_pass = any(isinstance(one, PictureError) and one.may_pass for one in entries)
            record = PartRecord(entries, shard, stamps.are_old(began) and not may_pass)
            if (rows and not shard) or not record.keep(key, self.folder):
                raise cannot_share(self.folder, cache.trouble or "the system refuses")
            caution.over()
        read, count = len(record.digests), len(part.pictures)
        known = count if is_known else 0
        return Counts(read, count - read, known, time.monotonic() - since, key)

    def _embedded(
        self, part: Part[Picture], caution: Caution
    ) -> tuple[tuple[bytes | PictureError, ...], dict[bytes, np.ndarray]]:
        """Of each picture its digest, or why there is none; and the rows of the cache by digest."""
        entries: list[bytes | PictureError] = []
        rows: dict[bytes, np.ndarray] = {}
        for position, picture in enumerate(part.pictures):
            pause()
            try:
                caution.check(position)
                entries.append(self.embedder.embed(picture, into=rows).digest)
            except PictureError as error:
                entries.append(error)
        return tuple(entries), rows


def cannot_share(cache: Path, trouble: str) -> WorkersError:
    """The error where workers cannot write to the cache."""
    return WorkersError(
        f"A worker cannot write to the cache {shown(address_of(cache) or cache)}: {trouble}.",
        hint="Set TELLAPART_CACHE to a folder that all workers can write to, or to an address such "
        "as s3://bucket/cache.",
    )


def embedded_far(
    pictures: Iterable[Picture],
    embedder: Embedder,
    spread: Map[Part[Picture], Counts],
) -> Generator[Embedded | PictureError, None, None]:
    """What `embedder` gives for each picture, in order, made by the workers of a map, `spread`;
    memory does not grow. An unreadable picture's `PictureError` stands in its place.

    Raises:
        WorkersError: the workers and this process do not see the same files, or cannot write.
    """
    reading = _Reading(embedder, spread)
    embedder.start()
    try:
        chunks = growing_batches(pictures, SIZE)
        for is_far, run in groupby(chunks, lambda chunk: any(map(_travels, chunk))):
            how = reading.far if is_far else reading.here
            yield from how(run)
    finally:
        embedder.finish()


class _Reading:
    """Reads back what workers have made, and makes what cannot be sent to them."""

    def __init__(self, embedder: Embedder, spread: Map[Part[Picture], Counts]) -> None:
        self._embedder, self._spread = embedder, spread
        self._unit = EmbedParts(embedder)

    def here(self, chunks: Iterable[Sequence[Picture]]) -> Iterator[Embedded | PictureError]:
        """By the threads of this process."""
        pictures = chain.from_iterable(chunks)
        with closing(local_map(Each(self._tried), batches_of(pictures, _BATCH))) as found:
            yield from found

    def far(self, chunks: Iterable[Sequence[Picture]]) -> Iterator[Embedded | PictureError]:
        """By the workers, but for what does not travel."""
        waiting: deque[Sequence[Picture]] = deque()

        def parts() -> Iterator[list[Part[Picture]]]:
            for number, chunk in enumerate(chunks):
                waiting.append(chunk)
                yield [Part(number, tuple(map(_place, filter(_travels, chunk))))]

        with closing(self._spread(self._unit, parts())) as counts:
            for count in counts:
                yield from self._of(waiting.popleft(), count)

    def _of(self, chunk: Sequence[Picture], count: Counts) -> Iterator[Embedded | PictureError]:
        record = self._record(count.key)
        self._check_seen(chunk, record)
        rows = self._rows(record)
        entries = iter(record.entries)
        for picture in chunk:
            entry = next(entries) if _travels(picture) else b""
            if isinstance(entry, PictureError):
                yield _named(entry, picture)
            elif entry in rows:
                row = rows[entry]
                yield Embedded(entry, row[: -len(PROPERTIES)], row[-len(PROPERTIES) :])
            else:
                yield self._tried(picture)

    def _record(self, key: str) -> PartRecord:
        until = time.monotonic() + _PATIENCE
        while (record := PartRecord.read(key, self._unit.folder)) is None:
            if time.monotonic() > until:
                raise WorkersError(
                    "A worker has written its embeddings to the cache "
                    f"{shown(self._unit.folder)}, and they cannot be seen there from here.",
                    hint="Set TELLAPART_CACHE to a folder on a disk that this machine and all "
                    "workers share, or to an address such as s3://bucket/cache.",
                )
            time.sleep(_STEP)
        return record

    def _rows(self, record: PartRecord) -> dict[bytes, np.ndarray]:
        """The rows of the cache that can be read; a damaged one is made again."""
        cache = self._embedder.cache
        assert cache is not None
        digests = sorted({*record.digests})
        if any(digest not in cache for digest in digests):
            cache.learn(record.shard)
        try:
            return dict(zip(digests, cache.take(digests), strict=True))
        except MissingEmbeddingsError as error:
            left = sorted({*digests} - {*error.digests})
            return dict(zip(left, cache.take(left), strict=True)) if left else {}

    def _check_seen(self, chunk: Sequence[Picture], record: PartRecord) -> None:
        """Refuse workers that can read none of the files that can be read here."""
        reasons = [one for one in record.entries if isinstance(one, PictureError)]
        strange = [one for one in reasons if one.may_pass and one.message != STOPPED]
        paths = [one for one in chunk if isinstance(one, str | os.PathLike)]
        if len(strange) == len(record.entries) == len(paths) and all(map(_can_be_read, paths)):
            raise WorkersError(
                f"The workers cannot read {shown(paths[0])}, which is here: {strange[0].message}.",
                hint="Give pictures on a disk that this machine and all workers share, under the "
                "same path.",
            )

    def _tried(self, picture: Picture) -> Embedded | PictureError:
        pause()
        try:
            return self._embedder.embed(picture)
        except PictureError as error:
            return error


def _travels(picture: Picture) -> bool:
    """Whether a picture can be sent as where it is, and not as what it is."""
    return isinstance(picture, str | os.PathLike | Stored)


def _place(picture: Picture) -> Picture:
    """The same for a process in another folder."""
    return Path(picture).absolute() if isinstance(picture, str | os.PathLike) else picture


def _can_be_read(path: str | os.PathLike[str]) -> bool:
    try:
        return answered(lambda call: os.access(path, os.R_OK), os.path.dirname(path))
    except (OSError, ValueError):
        return False


def _named(error: PictureError, picture: Picture) -> PictureError:
    """The same error of a picture as the caller calls it."""
    with suppress(PictureError), naming(picture):
        raise error
    return error
