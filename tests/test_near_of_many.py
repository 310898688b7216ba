"""Of very many pictures the same ones are near as of few. Few count as very many here."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.files import room
from tellapart.head import blocks
from tellapart.health import copies
from tellapart.health.copies import near_pairs


def test_what_is_near_is_found_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    lot = np.random.default_rng(0)
    learnt = lot.normal(size=(300, 16)).astype(np.float32)
    same = lot.integers(0, 300, 60)
    tested = learnt[same] + lot.normal(0, 0.15, (60, 16)).astype(np.float32)
    learnt[200:240] = learnt[same[:40]] + lot.normal(0, 0.05, (40, 16))  # several of one
    expected = [*near_pairs(tested, learnt)]
    monkeypatch.setattr(room, "LARGE", 100)
    monkeypatch.setattr(blocks, "ROWS", 25)
    monkeypatch.setattr(copies, "_ROWS", 20)
    found = [*near_pairs(tested, learnt)]
    assert len(found) > 60
    assert [pair[:2] for pair in found] == [pair[:2] for pair in expected]
    np.testing.assert_allclose([p[2] for p in found], [p[2] for p in expected], atol=1e-5)
