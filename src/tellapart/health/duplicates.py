"""Which of many pictures may be the same: the same bytes, the same pixels, or near.

Embeddings say which pictures are near each other, and hashes which have the same pixels (saved
again, resized, mirrored). Both have yet to be confirmed by pixels (`copies.likeness`), as a burst
has near pictures too. Never a whole table of all pairs: of many pictures first a few random
directions of their embeddings are multiplied, block by block, and then what is near in those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..images.properties import MIRRORED
from ..workers.local import side_by_side
from .copies import unit

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
    vectors: np.ndarray, hashes: np.ndarray, digests: Sequence[str], bound: float
) -> list[Pair]:
    """All pairs of N pictures that are the same or may be, the nearest first.

    `vectors` `[N,D]` are embeddings, `hashes` uint64 `[N]` as `hash_of` gives them, `digests` those
    of the contents; `bound` is the cosine of centred embeddings from which a copy may begin.
    """
    _, first, back = np.unique(np.asarray(digests, np.str_), return_index=True, return_inverse=True)
    found = [
        Pair(int(first[back[row]]), row, BYTES)
        for row in range(len(digests))
        if first[back[row]] != row
    ]
    if len(first) < 2:
        return found
    points = vectors[first].astype(np.float32, copy=False)  # ours: it may be large
    points -= points.mean(axis=0)
    points /= np.sqrt(np.maximum(np.einsum("nd,nd->n", points, points), 1e-24))[:, None]
    marks = hashes[first]
    pairs = np.unique(np.concatenate([_near(points, bound), _same_bits(marks)]), axis=0)
    ones, others = pairs.T
    cosines = np.concatenate(
        [
            np.einsum("nd,nd->n", points[ones[at : at + _ROWS]], points[others[at : at + _ROWS]])
            for at in range(0, len(ones), _ROWS)
        ]
        or [np.zeros(0, np.float32)]
    )
    bits = bits_apart(marks[ones], marks[others])
    same = (bits <= SAME_BITS) & (cosines >= SAME_COSINE)
    order = np.argsort(-cosines, kind="stable")
    for at in order[(same | (cosines >= bound))[order]].tolist():
        one, other = sorted((int(first[ones[at]]), int(first[others[at]])))
        found.append(Pair(one, other, PIXELS if same[at] else NEAR, float(cosines[at])))
    return found


def same_pixels(
    vectors: np.ndarray, hashes: np.ndarray, labels: np.ndarray
) -> list[tuple[int, int]]:
    """Pairs that join all of N pictures with the same pixels, as far as hashes and embeddings
    `[N,D]` tell: a burst has some too. None of them is read for it."""
    if len(hashes) < 2:
        return []
    ones, others = np.unique(_same_bits(hashes), axis=0).T
    centre = vectors.mean(axis=0)
    alike = np.einsum("nd,nd->n", unit(vectors[ones] - centre), unit(vectors[others] - centre))
    sure = alike >= SURE_COSINE
    found = zip(ones[sure].tolist(), others[sure].tolist(), strict=True)
    sets = joined([Pair(one, other, PIXELS) for one, other in found], labels)
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
    sets = _sets(pairs, len(labels))
    counts = np.bincount(labels)
    scenes = {
        row for one in sets if _is_scene(one, counts[labels[list(one.rows)]]) for row in one.rows
    }
    if not scenes:
        return sets
    return _sets([p for p in pairs if p.tier == BYTES or p.one not in scenes], len(labels))


def _is_scene(one: Copies, counts: np.ndarray) -> bool:
    """Whether a set, of whose labels there are so many pictures, is what a fixed camera sees."""
    return one.tier != BYTES and len(one.rows) > max(_FEW, _MUCH * int(counts.min()))


def _sets(pairs: Sequence[Pair], count: int) -> list[Copies]:
    parent = list(range(count))
    tier_of = [0] * count

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for pair in pairs:
        one, other = sorted((root(pair.one), root(pair.other)))
        worst = max(tier_of[one], tier_of[other], TIERS.index(pair.tier))
        if one != other:  # otherwise they are joined by surer pairs
            parent[other], tier_of[one] = one, worst
    sets: dict[int, list[int]] = {}
    for row in range(count):
        sets.setdefault(root(row), []).append(row)
    return [
        Copies(tuple(rows), TIERS[tier_of[first]]) for first, rows in sets.items() if len(rows) > 1
    ]


def _same_bits(hashes: np.ndarray) -> np.ndarray:
    """Pairs int `[P,2]` whose hashes, uint64 `[N]`, differ in few bits, mirrored or not.

    Where three bits differ, one of the four parts of 16 is equal: so pictures are sorted by each
    part, and those that follow each other are looked at.
    """
    count = len(hashes)
    rows = np.tile(np.arange(count), 2)
    marks = np.concatenate([hashes, hashes ^ MIRRORED])
    found = [np.zeros((0, 2), np.int64)]
    for shift in (0, 16, 32, 48):
        parts = marks >> np.uint64(shift) & np.uint64(0xFFFF)
        order = np.argsort(parts, kind="stable")
        for step in range(1, _FOLLOWING):
            one, other = order[:-step], order[step:]
            equal = (parts[one] == parts[other]) & (rows[one] != rows[other])
            if not equal.any():
                break
            one, other = one[equal], other[equal]
            same = _ones(marks[one] ^ marks[other]) <= SAME_BITS
            found.append(np.sort(np.column_stack([rows[one[same]], rows[other[same]]]), axis=1))
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
