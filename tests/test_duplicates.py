"""Copies among many pictures: what hashes and embeddings say, as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.health import duplicates
from tellapart.health.duplicates import (
    BYTES,
    NEAR,
    PIXELS,
    Copies,
    Pair,
    bits_apart,
    joined,
    may_be_same,
)
from tellapart.images.properties import MIRRORED

FAR = 0.95  # a bound that none of what is drawn at random reaches


def random(count: int, seed: int = 0, size: int = 40) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Embeddings, hashes and digests of pictures that have nothing in common."""
    lot = np.random.default_rng(seed)
    hashes = lot.integers(0, 2**64, count, dtype=np.uint64)
    vectors = lot.normal(size=(count, size)).astype(np.float32)
    return vectors, hashes, [f"{number:064x}" for number in range(count)]


def test_pictures_that_have_nothing_in_common_are_no_copies() -> None:
    assert [*may_be_same(*random(300), FAR)] == []


@given(
    seed=st.integers(0, 1000), flips=st.sets(st.integers(0, 63), max_size=3), mirror=st.booleans()
)
def test_three_bits_are_the_same_pixels_mirrored_or_not(
    seed: int, flips: set[int], mirror: bool
) -> None:
    vectors, hashes, digests = random(40, seed)
    hashes[7] = int(hashes[3]) ^ sum(1 << bit for bit in flips) ^ (int(MIRRORED) if mirror else 0)
    vectors[7] = vectors[3] + 0.5
    (pair,) = may_be_same(vectors, hashes, digests, FAR)
    assert (pair.one, pair.other, pair.tier) == (3, 7, PIXELS)
    assert bits_apart(hashes[3:4], hashes[7:8])[0] == len(flips)


def test_a_hash_alone_is_no_proof() -> None:
    vectors, hashes, digests = random(40)
    hashes[7] = hashes[3]
    vectors[7] = -vectors[3]
    assert [*may_be_same(vectors, hashes, digests, FAR)] == []


def test_equal_files_are_found_however_many() -> None:
    vectors, hashes, digests = random(30)
    for row in (5, 9, 20):
        vectors[row], hashes[row], digests[row] = vectors[2], hashes[2], digests[2]
    pairs = [*may_be_same(vectors, hashes, digests, FAR)]
    assert {pair.tier for pair in pairs} == {BYTES}
    assert joined(pairs, np.zeros(30, int)) == [Copies((2, 5, 9, 20), BYTES)]


@pytest.mark.slow
@pytest.mark.parametrize("some", [10, 10_000])
def test_near_pictures_are_found_in_all_directions_and_in_a_few(
    some: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_SOME", some)
    monkeypatch.setattr(duplicates, "_HELD", 64 * 400)
    vectors, hashes, digests = random(400, size=600)
    lot = np.random.default_rng(1)
    for row in range(40):
        vectors[row] = vectors[row + 40] + lot.normal(size=600) / 2
    pairs = [*may_be_same(vectors, hashes, digests, 0.8)]
    assert {(pair.one, pair.other) for pair in pairs} == {(row, row + 40) for row in range(40)}
    assert {pair.tier for pair in pairs} == {NEAR}
    assert all(pair.cosine >= 0.8 for pair in pairs)


def test_a_set_is_as_sure_as_the_least_sure_pair_that_it_needs() -> None:
    pairs = [Pair(1, 2, BYTES), Pair(2, 3, PIXELS), Pair(5, 6, BYTES), Pair(1, 3, NEAR)]
    assert joined(pairs, np.zeros(8, int)) == [Copies((1, 2, 3), PIXELS), Copies((5, 6), BYTES)]
    assert joined([], np.zeros(8, int)) == []


def test_what_a_fixed_camera_sees_is_no_copy() -> None:
    scene = [Pair(row, row + 1, PIXELS) for row in range(11)]
    labels = np.repeat([0, 1], [20, 20])
    assert joined(scene, labels) == []
    assert joined([*scene, Pair(3, 7, BYTES)], labels) == [Copies((3, 7), BYTES)]
    assert joined(scene[:4], labels) == [Copies((0, 1, 2, 3, 4), PIXELS)]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_pictures(count: int) -> None:
    assert [*may_be_same(*random(count), 0.9)] == []
