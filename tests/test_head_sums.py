"""Sums over any parts of the data add up to the same head, which is the one fitted in memory."""

from __future__ import annotations

import pickle
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tellapart.head import blocks, sums
from tellapart.head.discriminant import Discriminant
from tellapart.head.linear import Head, balanced_weights
from tellapart.head.prepared import Prepared
from tellapart.head.summed import Summed, SummedDiscriminant
from tellapart.head.sums import Chunk, Sums, SumUp, reference_of, sums_by_fold, total
from tellapart.workers import local as pool
from tellapart.workers.local import Unit

COUNT = 6  # labels, of which the last has no pictures


def data(samples: int = 120, width: int = 8, *, unit: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Clouds that lie far from 0, as embeddings do, and their labels."""
    lot = np.random.default_rng([samples, width])
    labels = np.concatenate([np.arange(COUNT - 1), lot.integers(0, COUNT - 1, samples - COUNT + 1)])
    vectors = lot.normal(2, 0.3, (COUNT, width))[labels] + lot.normal(2, 0.5, (samples, width))
    if unit:
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return vectors.astype(np.float32), labels


def label_weights(labels: np.ndarray) -> np.ndarray:
    weights = np.zeros(COUNT)
    weights[labels] = balanced_weights(labels, COUNT)
    return weights


def far_apart(one: Head, other: Head, vectors: np.ndarray) -> float:
    """The largest difference of logits, by the largest logit."""
    logits = one.logits(vectors.astype(np.float64))
    return float(
        np.abs(other.logits(vectors.astype(np.float64)) - logits).max() / np.abs(logits).max()
    )


@pytest.mark.parametrize("shrinkage", [0.02, 0.7])
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_a_discriminant_of_sums_is_the_one_in_memory(
    unit: bool, balanced: bool, shrinkage: float
) -> None:
    vectors, labels = data(unit=unit)
    weights = label_weights(labels) if balanced else None
    found = total(sums_by_fold(vectors, labels, np.arange(len(labels)) % 3, weights))
    summed = Summed(vectors, labels, COUNT, found, weights)
    prepared = Prepared(vectors.astype(np.float64), labels, COUNT, balanced=balanced)
    assert np.allclose(summed.mean, prepared.mean, rtol=1e-6)
    assert np.allclose(summed.deviation, prepared.deviation, rtol=1e-5)
    inside = Discriminant(prepared).fit(shrinkage, 1.5)
    assert far_apart(inside, SummedDiscriminant(summed).fit(shrinkage, 1.5), vectors) < 1e-5


@given(st.lists(st.integers(0, 4), min_size=120, max_size=120), st.integers(1, 50))
def test_any_parts_add_up_to_the_same_head(dealt: list[int], rows: int) -> None:
    vectors, labels = data()
    fold = np.array(dealt)
    whole = Sums.of(vectors, labels, reference_of(vectors))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "ROWS", rows)
        patch.setattr(sums, "CHUNK", 3 * rows)
        by_fold = sums_by_fold(vectors, labels, fold)
    assert sorted(by_fold) == sorted(set(dealt))
    together = total(by_fold)
    assert (together.counts == whole.counts).all()
    one, other = (
        SummedDiscriminant(Summed(vectors, labels, COUNT, one)).fit(0.3)
        for one in (whole, together)
    )
    assert far_apart(one, other, vectors) < 1e-5
    for number, left_out in by_fold.items():
        inside = fold != number
        rest = together - left_out
        assert rest.count == inside.sum()
        if len(np.unique(labels[inside])) > 1:
            apart = Sums.of(vectors[inside], labels[inside], whole.reference)
            assert (rest.labels == apart.labels).all()
            one, other = (
                SummedDiscriminant(Summed(vectors[inside], labels[inside], COUNT, found)).fit(0.3)
                for found in (apart, rest)
            )
            assert far_apart(one, other, vectors) < 1e-4


def each_in_a_copy(
    unit: Unit[Chunk, dict[int, Sums]], batches: Iterable[Sequence[Chunk]]
) -> Generator[dict[int, Sums], None, None]:
    """A map whose work is done elsewhere: all that it takes and gives is sent as bytes."""
    copies = [pickle.loads(pickle.dumps(unit)) for _ in range(3)]
    for copy in copies:
        copy.start()
    for number, batch in enumerate(batches):
        given = copies[number % 3].process(pickle.loads(pickle.dumps(batch)))
        yield from pickle.loads(pickle.dumps(given))
    for copy in copies:
        copy.finish()


def test_the_bits_do_not_depend_on_who_does_the_sums(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(blocks, "ROWS", 7)
    monkeypatch.setattr(sums, "CHUNK", 16)
    vectors, labels = data()
    vectors.tofile(tmp_path / "vectors")
    stored: np.ndarray = np.memmap(tmp_path / "vectors", np.float32, "r", shape=vectors.shape)
    fold = np.arange(len(labels)) % 4
    found = [total(sums_by_fold(stored, labels, fold, run=each_in_a_copy)).to_bytes()]
    for cores in (1, 3):
        monkeypatch.setattr(pool, "cores", lambda cores=cores: cores)
        found.append(total(sums_by_fold(stored, labels, fold)).to_bytes())
    assert found[0] == found[1] == found[2]


class Elsewhere:
    """Embeddings that are opened where they are asked for, as a cluster's shards are."""

    dtype = np.dtype(np.float32)

    def __init__(self, name: Path, shape: tuple[int, int]) -> None:
        self.name, self.shape = name, shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, wanted: slice | np.ndarray) -> np.ndarray:
        return np.fromfile(self.name, np.float32).reshape(self.shape)[wanted]


def test_chunks_may_name_what_lies_elsewhere(tmp_path: Path) -> None:
    vectors, labels = data()
    vectors.tofile(tmp_path / "shard")
    fold = np.arange(len(labels)) % 4
    unit = SumUp(reference_of(vectors))
    named = Chunk(Elsewhere(tmp_path / "shard", (120, 8)), labels, fold)
    assert len(pickle.dumps(named)) < 3 * labels.nbytes
    (found,) = each_in_a_copy(unit, [[named]])
    (expected,) = unit.process([Chunk(vectors, labels, fold)])
    assert total(found).to_bytes() == total(expected).to_bytes()


def test_sums_come_back_from_bytes_to_the_bit() -> None:
    vectors, labels = data()
    found = Sums.of(vectors, labels, reference_of(vectors), label_weights(labels))
    back = Sums.from_bytes(found.to_bytes())
    assert back.products.tobytes() == found.products.tobytes()
    assert back.to_bytes() == found.to_bytes()


def test_sums_seen_from_different_points_do_not_add_up() -> None:
    vectors, labels = data()
    one, other = (Sums.of(vectors, labels, np.full(8, at, np.float32)) for at in (0, 1))
    with pytest.raises(ValueError, match="different points"):
        one + other


def test_a_unit_gives_the_sums_of_each_fold_that_is_in_a_chunk() -> None:
    vectors, labels = data()
    fold = np.arange(120) % 2 + 5
    (given,) = SumUp(reference_of(vectors)).process([Chunk(vectors, labels, fold)])
    assert sorted(given) == [5, 6]
    assert given[5].count == 60
