"""Which of many pictures may be the same: the same bytes, the same pixels, or near.

Embeddings say which pictures are near each other, and hashes which have the same pixels (saved
again, resized, mirrored). Both have yet to be confirmed by pixels (`copies.likeness`), as a burst
has near pictures too. Never a whole table of all pairs: of many pictures first a few random
directions of their embeddings are multiplied, block by block, and then what is near in those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..dataset.joining import Joining
from ..head.blocks import Rows, Vectors, blocks, slices
from ..images.properties import MIRRORED
from ..workers.local import side_by_side
from .buckets import near
from .directions import unit
from .sample import are_many

BYTES, PIXELS, NEAR = "bytes", "pixels", "near"
TIERS = (BYTES, PIXELS, NEAR)
"""How much alike copies are, the surest first."""
SAME_BITS = 3  # of 64 that the hashes of the same pixels differ in at most
SURE_COSINE = 0.6  # from which that needs no pixels
SAME_COSINE = 0.3  # of centred embeddings of the same pixels, at least
NEAREST = 3  # pictures that each may be a copy of, beside those with its hash
_FEW, _MUCH = 6, 0.2  # pictures, and share of a label's, that a set of copies holds at most
_FOLLOWING = 50  # pictures that have a part of a hash in common, of which each is looked at
_ROWS = 512  # whose embeddings are held at once
_HELD = 4_000_000  # cosines that a thread holds at once
_SOME = 4_000  # pictures, from which on directions are drawn by lot
_DIRECTIONS = 256
_MOST_NEAR = 200_000  # near pairs of very many pictures, the nearest
_MOST_EQUAL = 2_000_000  # pairs of them with one hash
_SLACK = 0.12  # by which a cosine in those directions is too low, hardly ever more


@dataclass(frozen=True)
class Pair:
    """Two pictures by their rows, how much alike they are, and the cosine of their embeddings."""

    one: int
    other: int
    tier: str
    cosine: float = 1.0


@dataclass(frozen=True)
class Copies:
    """Pictures that are copies of each other: their rows, in order, and the tier that all of them
    are alike in."""

    rows: tuple[int, ...]
    tier: str


def may_be_same(
    vectors: Vectors, hashes: np.ndarray, digests: Sequence[str], bound: float
) -> Iterator[Pair]:
    """All pairs of N pictures that are the same or may be, those of the same bytes first, then the
    nearest.

    `vectors` `[N,D]` are embeddings, `hashes` uint64 `[N]` as `hash_of` gives them, `digests` those
    of the contents; `bound` is the cosine of centred embeddings from which a copy may begin. Of
    more pictures than can be held against each other, near ones are looked for in buckets.
    """
    first, back = _contents(digests)
    for row in np.flatnonzero(first[back] != np.arange(len(back))).tolist():
        yield Pair(int(first[back[row]]), row, BYTES)
    if len(first) < 2:
        return
    marks = hashes[first]
    search = _among_many if are_many(len(first)) else _among_few
    pairs, cosines = search(Rows(vectors, first), marks, bound)
    same = (_bits_of(marks, pairs) <= SAME_BITS) & (cosines >= SAME_COSINE)
    order = np.argsort(-cosines, kind="stable")
    for at in order[(same | (cosines >= bound))[order]].tolist():
        one, other = sorted((int(first[pairs[at, 0]]), int(first[pairs[at, 1]])))
        yield Pair(one, other, PIXELS if same[at] else NEAR, float(cosines[at]))


def _contents(digests: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The row in which each content comes first, and of each row the number of its content."""
    if not are_many(len(digests)):
        _, first, back = np.unique(
            np.asarray(digests, np.str_), return_index=True, return_inverse=True
        )
        return first, back
    number: dict[str, int] = {}  # a table of so many texts would take several times the memory
    back = np.array([number.setdefault(digest, len(number)) for digest in digests], np.int64)
    return np.unique(back, return_index=True)[1], back


def _among_few(points: Rows, marks: np.ndarray, bound: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of pictures, int `[P,2]`, that are near or have the same hash, and their cosines."""
    units = np.asarray(points[:], np.float32)  # ours: it may be large
    units -= units.mean(axis=0)
    units /= np.sqrt(np.maximum(np.einsum("nd,nd->n", units, units), 1e-24))[:, None]
    pairs = np.unique(np.concatenate([_near(units, bound), _same_bits(marks)]), axis=0)
    return pairs, _cosines(units, pairs)


def _among_many(points: Rows, marks: np.ndarray, bound: float) -> tuple[np.ndarray, np.ndarray]:
    """The same of very many pictures, by blocks; of near ones, the nearest."""
    centre = mean_of(points)
    pairs, cosines = near(points, centre, NEAREST, bound).pairs()
    nearest = np.argsort(-cosines, kind="stable")[:_MOST_NEAR]
    equal = np.unique(_same_bits(marks, _MOST_EQUAL), axis=0)
    alike = _cosines(points, equal, centre)
    pairs, place = np.unique(np.concatenate([equal, pairs[nearest]]), axis=0, return_index=True)
    return pairs, np.concatenate([alike, cosines[nearest]])[place]


def _cosines(points: Vectors, pairs: np.ndarray, centre: np.ndarray | None = None) -> np.ndarray:
    """Of pairs int `[P,2]` of points of length 1, or of embeddings from their `centre`."""
    found = np.zeros(len(pairs), np.float32)
    for some in slices(len(pairs), _ROWS):
        ones, others = (points[side] for side in pairs[some].T)
        if centre is not None:
            ones, others = unit(ones, centre), unit(others, centre)
        found[some] = np.einsum("nd,nd->n", ones, others)
    return found


def mean_of(vectors: Vectors) -> np.ndarray:
    """Of embeddings `[N,D]`, `[D]`; of very many, a block at a time."""
    if not are_many(len(vectors)):
        return np.asarray(vectors[:].mean(axis=0))
    sums = np.zeros(vectors.shape[1])
    for _, rows in blocks(vectors):
        sums += rows.sum(axis=0, dtype=np.float64)
    return np.asarray(sums / len(vectors), np.float32)


def _bits_of(marks: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return bits_apart(marks[pairs[:, 0]], marks[pairs[:, 1]])


def same_pixels(vectors: Vectors, hashes: np.ndarray, labels: np.ndarray) -> list[tuple[int, int]]:
    """Pairs that join all of N pictures with the same pixels, as far as hashes and embeddings
    `[N,D]` tell: a burst has some too. None of them is read for it."""
    if len(hashes) < 2:
        return []
    most = _MOST_EQUAL if are_many(len(hashes)) else None
    pairs = np.unique(_same_bits(hashes, most), axis=0)
    alike = _cosines(vectors, pairs, mean_of(vectors))
    sure = pairs[alike >= SURE_COSINE].tolist()
    sets = joined([Pair(one, other, PIXELS) for one, other in sure], labels)
    return [(one.rows[0], row) for one in sets for row in one.rows[1:]]


def bits_apart(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """In how many bits hashes differ, uint64 `[N]`, mirrored or not, whichever is less."""
    apart = ones ^ others
    return np.asarray(np.minimum(_ones(apart), _ones(apart ^ MIRRORED)))


def _ones(bits: np.ndarray) -> np.ndarray:
    """How many bits of uint64 `[N]` are set."""
    eights = np.ascontiguousarray(bits).view(np.uint8).reshape(-1, 8)
    return np.asarray(np.unpackbits(eights, axis=1).sum(axis=1, dtype=np.int64))


def joined(pairs: Iterable[Pair], labels: np.ndarray) -> list[Copies]:
    """Pairs of pictures with `labels` int `[N]` as sets of copies, in the order of their first
    rows.

    What a fixed camera sees is the same in all its pictures but for what matters: a set that holds
    much of a label is no set of copies, but for those with the same bytes.
    """
    pairs = list(pairs)
    sets = _sets(pairs)
    counts = np.bincount(labels)
    scenes = {
        row for one in sets if _is_scene(one, counts[labels[list(one.rows)]]) for row in one.rows
    }
    if not scenes:
        return sets
    return _sets([p for p in pairs if p.tier == BYTES or p.one not in scenes])


def _is_scene(one: Copies, counts: np.ndarray) -> bool:
    """Whether a set, of whose labels there are so many pictures, is what a fixed camera sees."""
    return one.tier != BYTES and len(one.rows) > max(_FEW, _MUCH * int(counts.min()))


def _sets(pairs: Sequence[Pair]) -> list[Copies]:
    tier_of = dict.fromkeys((row for pair in pairs for row in (pair.one, pair.other)), 0)
    joining = Joining[int]()
    for pair in pairs:
        one, other = joining.join(pair.one, pair.other)
        if one != other:  # otherwise they are joined by surer pairs
            tier_of[one] = max(tier_of[one], tier_of[other], TIERS.index(pair.tier))
    sets: dict[int, list[int]] = {}
    for row in sorted(tier_of):
        sets.setdefault(joining.first(row), []).append(row)
    return [Copies(tuple(rows), TIERS[tier_of[first]]) for first, rows in sets.items()]


def _same_bits(hashes: np.ndarray, most: int | None = None) -> np.ndarray:
    """Pairs int `[P,2]` whose hashes, uint64 `[N]`, differ in few bits, mirrored or not.

    Where three bits differ, one of the four parts of 16 is equal: so pictures are sorted by each
    part, and those that follow each other are looked at. With `most` pairs, those of one part are
    sorted by the others too, so that equal hashes follow each other, and from so many on no more
    are looked for: what a fixed camera sees has the same hash a thousand times.
    """
    count = len(hashes)
    rows = np.tile(np.arange(count), 2)
    marks = np.concatenate([hashes, hashes ^ MIRRORED])
    found = [np.zeros((0, 2), np.int64)]
    orders = []
    for shift in (0, 16, 32, 48):
        parts = marks >> np.uint64(shift) & np.uint64(0xFFFF)
        if most is None:
            orders.append((parts, np.argsort(parts, kind="stable")))
        else:
            turned = marks >> np.uint64(shift) | marks << np.uint64((64 - shift) % 64)
            first = turned << np.uint64(48) | turned >> np.uint64(16)
            orders.append((parts, np.argsort(first, kind="stable")))
    for step in range(1, _FOLLOWING):
        for parts, order in tuple(orders):
            one, other = order[:-step], order[step:]
            equal = (parts[one] == parts[other]) & (rows[one] != rows[other])
            if not equal.any():
                orders = [kept for kept in orders if kept[1] is not order]
                continue
            one, other = one[equal], other[equal]
            same = _ones(marks[one] ^ marks[other]) <= SAME_BITS
            found.append(np.sort(np.column_stack([rows[one[same]], rows[other[same]]]), axis=1))
        if most is not None and sum(map(len, found)) > most:
            break
    return np.concatenate(found)


def _near(points: np.ndarray, bound: float) -> np.ndarray:
    """Pairs int `[P,2]` of each point `[N,D]` of length 1 with the nearest, if those are as near as
    `bound`."""
    seen, least = points, bound
    if len(points) > _SOME and points.shape[1] > 2 * _DIRECTIONS:
        lot = np.random.default_rng(0)
        ways = np.linalg.qr(lot.normal(size=(points.shape[1], _DIRECTIONS)))[0]
        seen = unit(points @ ways.astype(np.float32))
        least = bound - _SLACK
    few = min(NEAREST, len(points) - 1)
    height = max(1, _HELD // len(points))

    def find(begin: int) -> np.ndarray:
        cosines = seen[begin : begin + height] @ seen.T
        own = np.arange(len(cosines))
        cosines[own, begin + own] = -1
        rows = np.flatnonzero(cosines.max(axis=1) >= least)
        columns = np.argpartition(-cosines[rows], few - 1, axis=1)[:, :few]
        near = np.take_along_axis(cosines[rows], columns, axis=1) >= least
        ones = np.repeat(begin + rows[:, None], few, axis=1)[near]
        return np.sort(np.column_stack([ones, columns[near]]), axis=1)

    begins = range(0, len(seen), height)
    return np.concatenate(side_by_side(find, begins, heavy=len(begins) > 2))
