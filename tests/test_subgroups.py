"""Looks: the same pictures give the same groups, and what is rarer is told to be."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering

from tellapart.health.directions import unit
from tellapart.health.grouping import (
    MOST_MERGED,
    MOST_SUBGROUPS,
    USUAL,
    central,
    scarcity,
    subgroups,
)


def digests(count: int, seed: int = 0) -> list[str]:
    lot = np.random.default_rng(seed)
    return [f"{number:032x}" for number in lot.permutation(count)]


def clusters(sizes: list[int], seed: int = 0, dimensions: int = 24) -> np.ndarray:
    """Points around a centre for each size, in that order."""
    lot = np.random.default_rng(seed)
    centres = lot.normal(size=(len(sizes), dimensions))
    noise = lot.normal(scale=0.2, size=(sum(sizes), dimensions))
    return np.asarray(np.repeat(centres, sizes, axis=0) + noise)


@given(
    count=st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_the_order_of_the_pictures_changes_nothing(count: int, seed: int) -> None:
    lot = np.random.default_rng(seed)
    vectors, names = lot.normal(size=(count, 6)), digests(count, seed)
    found = subgroups(vectors, names)
    order = lot.permutation(count)
    assert (subgroups(vectors[order], [names[i] for i in order]) == found[order]).all()


@given(count=st.integers(1, 40), seed=st.integers(0, 1000))
def test_copies_share_a_look_and_count_once(count: int, seed: int) -> None:
    lot = np.random.default_rng(seed)
    vectors, names = lot.normal(size=(count, 6)), digests(count, seed)
    again = lot.integers(0, count, 30)
    found = subgroups(
        np.concatenate([vectors, vectors[again]]), [*names, *(names[i] for i in again)]
    )
    assert (found[count:] == found[again]).all()
    alone = subgroups(vectors, names)
    assert ((found[:count, None] == found[:count]) == (alone[:, None] == alone)).all()


@pytest.mark.parametrize("count", [1, 2, 13, 60, 200])
def test_they_are_those_of_wards_method(count: int) -> None:
    vectors = np.random.default_rng(count).normal(size=(count, 16))
    found = subgroups(vectors, digests(count))
    number = int(np.clip(round(count / USUAL), 1, MOST_SUBGROUPS))
    assert sorted(set(found.tolist())) == list(range(number))
    sizes = np.bincount(found)
    assert (np.diff(sizes) <= 0).all()
    if count > 1:
        theirs = AgglomerativeClustering(number, linkage="ward").fit_predict(
            unit(vectors, kind=np.float64)
        )
        assert ((found[:, None] == found) == (theirs[:, None] == theirs)).all()


def test_groups_that_are_there_are_found() -> None:
    sizes = [30, 20, 10, 12]
    vectors = clusters(sizes)
    found = subgroups(vectors, digests(len(vectors)))
    start = 0
    for size in sizes:
        others = np.concatenate([found[:start], found[start + size :]])
        assert set(found[start : start + size].tolist()).isdisjoint(others.tolist())
        start += size


def test_thousands_take_seconds_and_keep_their_groups() -> None:
    sizes = [MOST_MERGED] + [200] * (MOST_SUBGROUPS - 1)
    vectors = clusters(sizes, dimensions=64)
    begin = time.perf_counter()
    found = subgroups(vectors, digests(len(vectors)))
    assert time.perf_counter() - begin < 20  # about 1 where nothing else runs
    assert len(set(found.tolist())) == MOST_SUBGROUPS
    small = found[MOST_MERGED:].reshape(-1, 200)
    assert (small == small[:, :1]).all()


def test_the_central_picture_comes_first() -> None:
    lot = np.random.default_rng(0)
    middle = lot.normal(size=8)
    vectors = np.stack([middle + far * lot.normal(size=8) for far in (0.9, 0.0, 2.0)])
    vectors = np.concatenate([vectors, middle + 0.05 * lot.normal(size=(20, 8))])
    order = central(vectors)
    assert sorted(order.tolist()) == list(range(len(vectors)))
    assert set(order[-2:].tolist()) == {0, 2}


def test_what_is_not_among_those_learnt_from_is_rarer() -> None:
    first, second, new = np.split(clusters([40, 40, 10], dimensions=32), [40, 80])
    rarer = scarcity(np.concatenate([second, new]), first)
    assert (rarer > 1).all()
    tested = np.concatenate([first[:20], second[:20], new])
    rarer = scarcity(tested, np.concatenate([first[20:], second[20:]]))
    assert rarer[40:].min() > max(rarer[:40].max(), 1)
    assert abs(np.median(rarer[:40])) < 0.5


@pytest.mark.parametrize(("tested", "learnt"), [(0, 5), (1, 5), (4, 0)])
def test_of_too_few_nothing_is_rare(tested: int, learnt: int) -> None:
    assert scarcity(np.ones((tested, 3)), np.ones((learnt, 3))).tolist() == [0.0] * tested
