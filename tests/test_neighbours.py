"""The nearest neighbours: those that a table of all pairs would give, and none of one's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.health import neighbours
from tellapart.health.neighbours import nearest


@given(
    seed=st.integers(0, 10_000),
    pictures=st.integers(1, 40),
    count=st.integers(1, 12),
    groups=st.integers(1, 40),
    held=st.integers(1, 300),
)
def test_blocks_give_what_a_table_of_all_pairs_gives(
    seed: int, pictures: int, count: int, groups: int, held: int
) -> None:
    lot = np.random.default_rng(seed)
    vectors = lot.normal(size=(pictures, 6)).astype(np.float32)
    group = lot.integers(0, groups, pictures)
    among = lot.random(pictures) < 0.7
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_HELD", held)
        found = nearest(vectors, count, group, among=among, centre=vectors.mean(axis=0))
    points = vectors - vectors.mean(axis=0)
    points = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    cosines = points @ points.T
    assert found.rows.shape == found.cosines.shape == (pictures, count)
    for row in range(pictures):
        others = np.flatnonzero(among & (group != group[row]))
        best = np.sort(cosines[row, others])[::-1][:count]
        known = found.known[row]
        assert known.sum() == len(best)
        assert set(found.rows[row][known]) <= set(others.tolist())
        assert len(set(found.rows[row][known])) == len(best)
        np.testing.assert_allclose(found.cosines[row][known], best, atol=1e-5)
        assert (found.rows[row][~known] == -1).all()


def test_of_equally_near_ones_the_first_are_taken() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 1], [0, 1], [1, 1]], np.float32)
    found = nearest(vectors, 2, np.arange(5))
    assert found.rows[0].tolist() == [4, 1]
    assert found.rows[4].tolist() == [0, 1]
