"""The split of a head's logits over the pictures it was fitted on: exact, or there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import tried
from tellapart.explain.shares import Split, Splitter
from tellapart.head.cross_validation import cross_validate
from tellapart.head.kinds import KINDS, Part
from tellapart.head.linear import Head, balanced_weights, softmax
from tellapart.head.prepared import Prepared
from tellapart.head.recipe import Recipe
from tellapart.head.sgd import SgdSettings, fit_sgd


def drawn(count: int, size: int, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings as a network gives them (float32, never below 0) and labels they hang together
    with; every label occurs."""
    lot = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(labels), lot.integers(0, labels, count - labels)])
    centres = lot.normal(0, 1, (labels, size))
    vectors = np.maximum(0, centres[truth] + lot.normal(0, 1.5, (count, size)))
    return vectors.astype(np.float32), truth


def split_of(
    vectors: np.ndarray,
    truth: np.ndarray,
    strength: float,
    *,
    temperature: float = 1.0,
    balanced: bool = False,
    tolerance: float = 1e-6,
) -> tuple[Head, Split]:
    parts = (Part("regression", strength, temperature),)
    return split_by(parts, vectors, truth, balanced=balanced, tolerance=tolerance)


def split_by(
    parts: tuple[Part, ...],
    vectors: np.ndarray,
    truth: np.ndarray,
    *,
    balanced: bool = False,
    tolerance: float = 1e-6,
) -> tuple[Head, Split]:
    """A head as a model file keeps it, and its split."""
    count = int(truth.max()) + 1
    prepared = Prepared(vectors.astype(np.float64), truth, count, balanced=balanced)
    head = Recipe(parts, balanced).fit(prepared, tolerance).rounded()
    found = Splitter(head, vectors, truth, parts, balanced=balanced).split()
    assert found
    return head, found


@settings(max_examples=tried(60))
@given(
    kind=st.sampled_from(KINDS),
    shrinkage=st.floats(0.02, 1),
    one_length=st.booleans(),
    count=st.integers(6, 60),
    size=st.integers(2, 90),
    labels=st.integers(2, 4),
    exponent=st.floats(-3, 1.5),
    temperature=st.floats(0.3, 4),
    balanced=st.booleans(),
    tolerance=st.sampled_from([1e-6, 1e-4]),
    seed=st.integers(0, 10**6),
)
def test_the_shares_and_the_constant_add_up_to_the_logit(
    kind: str,
    shrinkage: float,
    one_length: bool,
    count: int,
    size: int,
    labels: int,
    exponent: float,
    temperature: float,
    balanced: bool,
    tolerance: float,
    seed: int,
) -> None:
    vectors, truth = drawn(count, size, labels, seed)
    pictures = drawn(8, size, labels, seed + 1)[0].astype(np.float64)
    if one_length:  # as our own networks give them
        vectors, pictures = (
            x / (np.linalg.norm(x, axis=1)[:, None] + 1e-9) for x in (vectors, pictures)
        )
    regression = Part("regression", 10**exponent, temperature)
    discriminant = Part("discriminant", shrinkage, 3 * temperature)
    parts = {"regression": (regression,), "discriminant": (discriminant,)}
    head, split = split_by(
        parts.get(kind, (regression, discriminant)),
        vectors,
        truth,
        balanced=balanced,
        tolerance=tolerance,
    )
    for picture in pictures:
        shares = split.shares(picture)
        assert shares.shape == (count, labels)
        logits = head.logits(picture)
        assert shares.sum(axis=0) + split.constants == pytest.approx(logits, abs=1e-4, rel=1e-4)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_heads_of_folds_that_lack_a_label_are_split_too(kind: str, balanced: bool) -> None:
    vectors, truth = drawn(120, 200, 3, seed=3)
    place = np.array([np.cumsum(truth == k)[i] for i, k in enumerate(truth)])
    keep = place <= np.array([40, 1, 4])[truth]
    vectors, truth = vectors[keep], truth[keep]
    fold = np.arange(len(truth)) % 4
    found = cross_validate(vectors, truth, 3, fold, kind=kind, balanced=balanced)
    assert found.recipe
    for number, head in found.heads.items():
        inside = fold != number
        learnt = vectors[inside], truth[inside]
        split = Splitter(head, *learnt, found.recipe.parts, balanced=balanced).split()
        assert split
        for picture in vectors[~inside].astype(np.float64):
            shares = split.shares(picture).sum(axis=0) + split.constants
            assert shares == pytest.approx(head.logits(picture), abs=1e-4, rel=1e-4)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("size", [12, 200])
def test_what_a_picture_argues_is_how_far_it_was_from_learnt(balanced: bool, size: int) -> None:
    vectors, truth = drawn(60, size, 3, 5)
    head, split = split_of(vectors, truth, 0.1, temperature=1.7, balanced=balanced)
    weights = balanced_weights(truth, 3) if balanced else np.ones(60)
    scores = softmax(1.7 * head.logits(vectors.astype(np.float64)))
    expected = 0.1 / 1.7 * weights[:, None] * (np.eye(3)[truth] - scores)
    assert split.coefficients == pytest.approx(expected, abs=2e-4)
    assert (split.coefficients[np.arange(60), truth] > 0).all()


def test_of_a_mean_each_head_has_its_own_coefficients() -> None:
    """Nothing has to be made up: what either head alone is split into adds up to the mean."""
    vectors, truth = drawn(60, 40, 3, 5)
    parts = (Part("regression", 0.1, 1.2), Part("discriminant", 0.6, 7.0))
    both = split_by(parts, vectors, truth)[1].coefficients
    alone = [split_by((part,), vectors, truth)[1].coefficients for part in parts]
    assert both == pytest.approx((alone[0] + alone[1]) / 2, abs=1e-5)


@pytest.mark.parametrize("asked", [(2, 0), (1,)])
def test_some_labels_are_split_as_in_the_split_of_all(asked: tuple[int, ...]) -> None:
    vectors, truth = drawn(80, 30, 4, 9)
    head, whole = split_of(vectors, truth, 0.3, temperature=1.4)
    some = Splitter(head, vectors, truth, [Part("regression", 0.3, 1.4)]).split(asked)
    assert some
    assert some.coefficients == pytest.approx(whole.coefficients[:, asked], abs=1e-4)
    picture = drawn(8, 30, 4, 8)[0][0].astype(np.float64)
    logits = head.logits(picture)[list(asked)]
    assert some.shares(picture).sum(axis=0) + some.constants == pytest.approx(logits, abs=1e-4)


def test_a_picture_that_is_there_twice_counts_twice() -> None:
    vectors, truth = drawn(20, 50, 2, 3)
    twice = np.r_[vectors, vectors[:1]], np.r_[truth, truth[:1]]
    split = split_of(*twice, 1.0)[1]
    assert split.coefficients[0] == pytest.approx(split.coefficients[-1], abs=1e-6)


def test_what_is_constant_in_all_pictures_argues_nothing() -> None:
    vectors, truth = drawn(20, 10, 2, 3)
    vectors[:, 4] = 0.7
    split = split_of(vectors, truth, 1.0)[1]
    picture = vectors[0].astype(np.float64)
    assert np.isfinite(split.shares(picture)).all()


def test_a_head_that_was_fitted_otherwise_has_no_split() -> None:
    vectors, truth = drawn(40, 60, 3, 1)
    lot = np.random.default_rng(0)
    walked = fit_sgd(vectors.astype(np.float64), truth, 3, SgdSettings(steps=50, batch_size=20))
    exact = split_of(vectors, truth, 1.0)[0]
    for head in (
        Head(lot.normal(0, 1, (3, 60)), np.zeros(3)),
        walked,
        Head(exact.weights * 1.5, exact.bias),
    ):
        assert Splitter(head, vectors, truth, [Part("regression", 1.0, 1.0)]).split() is None
    assert Splitter(exact, vectors, truth[::-1], [Part("regression", 1.0, 1.0)]).split() is None
