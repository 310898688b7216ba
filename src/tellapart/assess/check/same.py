"""Which pictures are copies of each other, proved by their pixels.

The pixel work of it: how near copies of these very pictures are is found out by making some, and
what is near is held against each other, small and grey. Both are kept in the cache.
"""

from __future__ import annotations

import hashlib
import heapq
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...backbones.embed import Embedder
from ...cache.shards import EmbeddingCache
from ...errors import PictureError
from ...health.copies import COPY, SURE, THUMBNAIL, likenesses, thumbnail
from ...health.directions import unit
from ...health.duplicates import BYTES, NEAR, Copies, Pair, joined, may_be_same, mean_of
from ...health.sample import are_many
from ...images.decode import read_picture
from ...images.properties import PROPERTIES, hashes_of
from ...workers.local import Each, batches_of, local_map
from ..pictures import Pictures

TRIED = 100  # pictures that copies are made of
_USUAL = 0.66  # cosine of centred embeddings that copies reach, where none can be made
_LOWEST, _HIGHEST = 0.4, 0.9  # whatever those made do
_MISSED = 0.05  # share of the copies made that may be farther
MOST_READ = 4_000  # pictures that are read to be held against each other, the nearest first
_HELD = 20_000  # small pictures that are held at once
_BATCH = 4  # pictures a thread takes at a time
_CHANGE = b"cropped, mirrored, saved again 1/"  # raise the number when the change changes


def copies_among(pictures: Pictures, embedder: Embedder | None) -> list[Copies]:
    """Sets of pictures that are copies of each other."""
    if pictures.properties is None or len(pictures.names) < 2:
        return []
    bound = copies_begin_at(pictures, embedder)
    hashes = hashes_of(pictures.properties)
    pairs = may_be_same(pictures.vectors, hashes, pictures.digests, bound)
    return joined(_proved(pictures, pairs, embedder), pictures.truth)


def copies_begin_at(pictures: Pictures, embedder: Embedder | None) -> float:
    """The cosine of centred embeddings that 95 % of copies reach: of up to `TRIED` of the pictures,
    cropped, mirrored and saved again, all at once."""
    if embedder is None or embedder.cache is None:
        return _USUAL
    rows = _first_by_content(pictures.digests)
    each = Each(partial(_changed, embedder))
    work = [(pictures.paths[row], pictures.digests[row]) for row in rows]
    made = list(local_map(each, batches_of(work, _BATCH)))
    embedder.finish()
    known = [(row, vector) for row, vector in zip(rows, made, strict=True) if vector is not None]
    if not known:
        return _USUAL
    centre = mean_of(pictures.vectors)
    there = unit(np.stack([vector for _, vector in known]), centre)
    here = unit(pictures.vectors[[row for row, _ in known]], centre)
    cosines = np.einsum("nd,nd->n", here, there)
    return float(np.clip(np.quantile(cosines, _MISSED), _LOWEST, _HIGHEST))


def _first_by_content(digests: Sequence[str]) -> np.ndarray:
    """The rows of up to `TRIED` pictures, the same ones in any order of all."""
    if not are_many(len(digests)):
        return np.argsort(digests)[:TRIED]
    return np.array(heapq.nsmallest(TRIED, range(len(digests)), key=digests.__getitem__))


def _changed(embedder: Embedder, picture: tuple[Path, str]) -> np.ndarray | None:
    """The embedding of a copy of a picture `(path, digest)`; None if that cannot be read."""
    path, digest = picture
    assert embedder.cache is not None
    key = hashlib.sha256(_CHANGE + digest.encode()).digest()
    row = embedder.cache.get(key)
    if row is None:
        try:
            vector = embedder.embed(_copy_of(read_picture(path))).vector
        except PictureError:
            return None
        assert vector is not None
        row = np.concatenate([vector, np.full(len(PROPERTIES), np.nan, np.float32)])
        embedder.cache.put(key, row)
    return row[: -len(PROPERTIES)]


def _copy_of(pixels: np.ndarray) -> np.ndarray:
    """A picture uint8 `[H,W,3]` cropped, mirrored and saved again."""
    from PIL import Image

    height, width = pixels.shape[:2]
    cut = pixels[height * 6 // 100 : height - height * 4 // 100]
    cut = cut[:, width * 8 // 100 : width - width * 10 // 100]
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(cut[:, ::-1])).save(stream, "JPEG", quality=60)
    return read_picture(stream.getvalue())


def _proved(pictures: Pictures, pairs: Iterable[Pair], embedder: Embedder | None) -> list[Pair]:
    """Those whose pixels are alike, or whose embeddings and hashes leave no doubt where no pixels
    can be had."""
    tried: list[Pair] = []
    wanted: set[int] = set()
    for pair in pairs:
        new = set() if pair.tier == BYTES else {pair.one, pair.other} - wanted
        if pair.tier == NEAR and len(wanted) + len(new) > MOST_READ:
            continue
        tried.append(pair)
        wanted |= new
    return [pair for some in _few_at_a_time(tried) for pair in _alike(pictures, some, embedder)]


def _few_at_a_time(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """All pairs in their order, in lists of which the small pictures can be held."""
    some: list[Pair] = []
    held: set[int] = set()
    for pair in pairs:
        if pair.tier != BYTES:
            held |= {pair.one, pair.other}
        some.append(pair)
        if len(held) >= _HELD:
            yield some
            some, held = [], set()
    yield some


def _alike(pictures: Pictures, pairs: Sequence[Pair], embedder: Embedder | None) -> Iterator[Pair]:
    """Those whose pixels are alike, or need not be."""
    asked = [pair for pair in pairs if pair.tier != BYTES]
    wanted = dict.fromkeys(row for pair in asked for row in sorted({pair.one, pair.other}))
    small = _thumbnails(pictures, list(wanted), embedder)
    seen = [pair for pair in asked if {pair.one, pair.other} <= small.keys()]
    found = likenesses(small, [(pair.one, pair.other) for pair in seen])
    like = dict(zip(seen, found, strict=True))
    for pair in pairs:
        likeness = like.get(pair)
        if likeness is None:
            if pair.tier != NEAR or pair.cosine >= SURE:
                yield pair
        elif likeness >= COPY:
            yield pair


def _thumbnails(
    pictures: Pictures, rows: list[int], embedder: Embedder | None
) -> dict[int, np.ndarray]:
    """Small grey pictures of those rows that can be read."""
    if not rows:
        return {}
    folder = embedder.cache_folder if embedder else None
    cache = EmbeddingCache(f"thumbnails-{THUMBNAIL}", folder)
    work = [(pictures.paths[row], pictures.digests[row]) for row in rows]
    made = list(local_map(Each(partial(_thumbnail, cache)), batches_of(work, _BATCH)))
    cache.flush()
    return {row: small for row, small in zip(rows, made, strict=True) if small is not None}


def _thumbnail(cache: EmbeddingCache, picture: tuple[Path, str]) -> np.ndarray | None:
    path, digest = picture
    key = bytes.fromhex(digest)
    known = cache.get(key)
    if known is None:
        try:
            known = thumbnail(read_picture(path, enough=3 * THUMBNAIL)).ravel()
        except PictureError:
            return None
        cache.put(key, known)
    return known.reshape(THUMBNAIL, THUMBNAIL)
