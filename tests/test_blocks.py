"""Rows that are only read when they are asked for are the rows that were meant."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.files import room as rooms
from tellapart.head import blocks
from tellapart.head.blocks import Rows, are_large


def matrix(count: int = 60, width: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, width)).astype(np.float32)


def in_a_file(folder: Path, vectors: np.ndarray) -> np.ndarray:
    name = folder / "vectors.f32"
    vectors.tofile(name)
    return np.memmap(name, np.float32, "r", shape=vectors.shape)


@given(
    st.lists(st.integers(0, 59), max_size=30),
    st.slices(30),
    st.lists(st.integers(0, 59), max_size=9),
)
def test_rows_are_those_of_a_copy(chosen: list[int], part: slice, some: list[int]) -> None:
    vectors = matrix()
    rows = np.array(chosen, np.int64)
    copied, lazy = vectors[rows], Rows(vectors, rows)
    assert lazy.shape == copied.shape
    assert (len(lazy), lazy.size, lazy.dtype) == (len(copied), copied.size, copied.dtype)
    assert np.array_equal(lazy[part], copied[part])
    assert np.array_equal(Rows(lazy, np.arange(len(lazy))[part])[:], copied[part])
    within = np.array([at for at in some if at < len(rows)], np.int64)
    assert np.array_equal(lazy[within], copied[within])


def test_rows_may_be_marked() -> None:
    vectors = matrix()
    marks = np.arange(60) % 7 == 0
    assert np.array_equal(Rows(vectors, marks)[:], vectors[marks])
    with pytest.raises(ValueError, match="59 marks"):
        Rows(vectors, marks[:-1])


def test_rows_of_a_file_travel_without_what_is_in_it(tmp_path: Path) -> None:
    vectors = matrix(20_000)
    stored = in_a_file(tmp_path, vectors)
    for part in (stored, stored[5:], stored[100:][7:19_000]):
        rows = Rows(part, np.array([3, 1, 9_000]))
        travelling = pickle.dumps(rows)
        assert len(travelling) < 1000
        assert np.array_equal(pickle.loads(travelling)[:], np.asarray(part)[[3, 1, 9_000]])
    turned = Rows(stored.T, np.array([2, 0]))  # not row by row in its file
    assert np.array_equal(pickle.loads(pickle.dumps(turned))[:], vectors.T[[2, 0]])
    other = Rows(vectors, np.array([3, 1]))
    assert np.array_equal(pickle.loads(pickle.dumps(other))[:], vectors[[3, 1]])


@pytest.mark.parametrize("count", [0, 1, 16, 60])
def test_blocks_hold_each_row_once_and_in_order(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "ROWS", 16)
    vectors = matrix(count).astype(np.float64)
    found = [*blocks.blocks(vectors)]
    assert [len(held) for _, held in found] == [some.stop - some.start for some, _ in found]
    assert all(held.dtype == np.float32 and len(held) <= 16 for _, held in found)
    joined = np.concatenate([held for _, held in found]) if found else matrix(0)
    assert np.array_equal(joined, vectors.astype(np.float32))


def test_what_is_large_is_decided_by_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LARGE", 180)
    assert not are_large(matrix(60))
    assert are_large(matrix(61))
    assert are_large(Rows(matrix(10), np.zeros(61, np.int64)))
