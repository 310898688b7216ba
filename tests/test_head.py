"""The head is the one minimum of its convex problem, as scikit-learn finds it too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from conftest import mostly_slow
from tellapart.head import calibration, cross_validation, prepared, regression
from tellapart.head.calibration import COLDEST, HOTTEST, fit_temperature
from tellapart.head.cross_validation import (
    STRENGTHS,
    OutOfFold,
    cross_validate,
    out_of_fold,
)
from tellapart.head.kinds import KINDS, Part
from tellapart.head.linear import Head, balanced_weights, log_loss, losses_of, softmax
from tellapart.head.prepared import Prepared
from tellapart.head.regression import Regression
from tellapart.workers import local as pool

TOLERANCE = 1e-4


def data(
    samples: int, features: int, count: int, *, apart: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings around a centre for each label, of unequal numbers and scales."""
    lot = np.random.default_rng([seed, samples, features, count])
    shares = np.arange(1, count + 1) / np.arange(1, count + 1).sum()
    labels = np.concatenate([np.arange(count), lot.choice(count, samples - count, p=shares)])
    centres = lot.normal(0, apart, (count, features))
    embeddings = centres[labels] + lot.normal(0, 1, (samples, features))
    scales = 10 ** lot.uniform(-2, 2, features)
    return (embeddings * scales + scales).astype(np.float32), labels


def standardised(embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wide = embeddings.astype(np.float64)
    return (wide - wide.mean(axis=0)) / wide.std(axis=0), wide.std(axis=0)


SHAPES = [(60, 8), (30, 100), (200, 40), (41, 41)]  # more samples than features, and fewer


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("strength", mostly_slow([1e-4, 1.0, 1e-2], 2))
@pytest.mark.parametrize("count", [3, 5])
@pytest.mark.parametrize(("samples", "features"), SHAPES)
def test_equal_to_scikit_learn(
    samples: int, features: int, count: int, strength: float, balanced: bool
) -> None:
    embeddings, labels = data(samples, features, count, apart=0.3)
    head = Regression(Prepared(embeddings, labels, count, balanced=balanced)).fit(strength)
    standard, deviation = standardised(embeddings)
    reference = LogisticRegression(
        C=strength, class_weight="balanced" if balanced else None, tol=1e-10, max_iter=10_000
    ).fit(standard, labels)
    assert np.abs(head.weights * deviation - reference.coef_).max() < TOLERANCE
    scores = softmax(head.logits(embeddings))
    assert np.abs(scores - reference.predict_proba(standard)).max() < TOLERANCE


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("strength", mostly_slow([1e-4, 1.0, 1e-2], 2))
@pytest.mark.parametrize(("samples", "features"), SHAPES)
def test_two_labels_equal_scikit_learn_at_twice_its_strength(
    samples: int, features: int, strength: float, balanced: bool
) -> None:
    """Two rows w/2 and -w/2 differ by w and cost |w|^2 / 4, half of what one row w costs.

    C * loss + |w|^2 / 4 has its minimum where 2C * loss + |w|^2 / 2 has it.
    """
    embeddings, labels = data(samples, features, 2, apart=0.3)
    head = Regression(Prepared(embeddings, labels, 2, balanced=balanced)).fit(strength)
    standard, deviation = standardised(embeddings)
    reference = LogisticRegression(
        C=2 * strength, class_weight="balanced" if balanced else None, tol=1e-10, max_iter=10_000
    ).fit(standard, labels)
    apart = (head.weights[1] - head.weights[0]) * deviation
    assert np.abs(apart - reference.coef_[0]).max() < TOLERANCE
    assert np.abs(head.weights[0] + head.weights[1]).max() < 1e-9 / deviation.min()
    scores = softmax(head.logits(embeddings))
    assert np.abs(scores - reference.predict_proba(standard)).max() < TOLERANCE


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("strength", [*STRENGTHS, 1e2])
@pytest.mark.parametrize(("samples", "features"), [(80, 12), (50, 300)])
def test_the_weights_are_a_sum_over_the_training_pictures(
    samples: int, features: int, strength: float, balanced: bool
) -> None:
    """Where the gradient is zero, W = C * sum_i s_i (onehot_i - p_i) z_i: nothing is left over."""
    embeddings, labels = data(samples, features, 4)
    head = Regression(Prepared(embeddings, labels, 4, balanced=balanced)).fit(strength)
    standard, deviation = standardised(embeddings)
    left = np.eye(4)[labels] - softmax(head.logits(embeddings.astype(np.float64)))
    if balanced:
        left *= balanced_weights(labels, 4)[:, None]
    weights = head.weights * deviation
    tolerance = TOLERANCE * max(1, np.abs(weights).max())
    assert np.abs(strength * left.T @ standard - weights).max() < tolerance
    assert np.abs(strength * left.sum(axis=0)).max() < tolerance
    assert abs(head.bias.sum() + (head.weights @ embeddings.mean(axis=0)).sum()) < 1e-3


def test_separable_data_is_told_apart_however_weak_the_penalty() -> None:
    embeddings, labels = data(60, 200, 3, apart=3)
    head = Regression(Prepared(embeddings, labels, 3)).fit(1e6)
    scores = softmax(head.logits(embeddings))
    assert np.isfinite(head.weights).all()
    assert scores[np.arange(60), labels].min() > 0.999


def test_a_feature_that_is_always_the_same_says_nothing() -> None:
    embeddings, labels = data(50, 6, 3)
    constant = np.column_stack([embeddings, np.full(50, 0.1, np.float32), np.zeros(50)])
    head, other = (Regression(Prepared(e, labels, 3)).fit(0.1) for e in (constant, embeddings))
    assert np.abs(head.weights[:, 6:]).max() == 0
    assert np.abs(head.logits(constant) - other.logits(embeddings)).max() < 1e-6


def test_of_nothing_but_constants_only_the_shares_are_learnt() -> None:
    labels = np.array([0] * 30 + [1] * 60 + [2] * 10)
    head = Regression(Prepared(np.ones((100, 5), np.float32), labels, 3)).fit(1.0)
    assert np.allclose(softmax(head.logits(np.ones((1, 5)))), [[0.3, 0.6, 0.1]], atol=1e-5)


def test_pictures_that_are_there_twice_weigh_twice() -> None:
    embeddings, labels = data(40, 10, 3)
    twice = Regression(Prepared(np.repeat(embeddings, 2, axis=0), np.repeat(labels, 2), 3)).fit(0.1)
    once = Regression(Prepared(embeddings, labels, 3)).fit(0.2)
    assert np.abs(twice.logits(embeddings) - once.logits(embeddings)).max() < TOLERANCE


@pytest.mark.parametrize("count", [2, 4, 7])
def test_one_picture_a_label(count: int) -> None:
    embeddings, labels = data(count, 20, count)
    for strength in STRENGTHS:
        head = Regression(Prepared(embeddings, labels, count)).fit(strength)
        assert np.isfinite(head.weights).all()
        assert np.isfinite(head.bias).all()
        assert (head.logits(embeddings).argmax(axis=1) == labels).all()


def test_a_label_without_pictures_is_not_guessed() -> None:
    embeddings, labels = data(60, 10, 3)
    present = labels != 1
    head = Regression(Prepared(embeddings[present], labels[present], 3)).fit(1.0)
    assert np.isfinite(head.logits(embeddings)).all()
    assert not (head.logits(embeddings[present]).argmax(axis=1) == 1).any()


def test_the_same_data_gives_the_same_bits() -> None:
    embeddings, labels = data(80, 300, 4)
    first, second = (Regression(Prepared(embeddings, labels, 4)).fit(0.03) for _ in range(2))
    assert first.weights.tobytes() == second.weights.tobytes()
    assert first.bias.tobytes() == second.bias.tobytes()


def test_the_fit_before_changes_only_the_way_there() -> None:
    embeddings, labels = data(80, 30, 4)
    direct = Regression(Prepared(embeddings, labels, 4)).fit(0.3)
    regression = Regression(Prepared(embeddings, labels, 4))
    for strength in (1e-4, 10.0, 0.3):
        head = regression.fit(strength)
    assert np.abs(head.logits(embeddings) - direct.logits(embeddings)).max() < TOLERANCE


def test_the_scale_of_a_feature_does_not_matter() -> None:
    embeddings, labels = data(60, 10, 3)
    scaled = embeddings.astype(np.float64) * 2.0 ** np.arange(-10, 10, 2) + 5
    head, other = (Regression(Prepared(e, labels, 3)).fit(0.1) for e in (embeddings, scaled))
    assert np.abs(head.logits(embeddings) - other.logits(scaled)).max() < TOLERANCE


# Choosing the strength


def dealt(samples: int, count: int) -> np.ndarray:
    return np.arange(samples) % count


def parts_of(found: OutOfFold) -> tuple[Part, ...]:
    assert found.recipe
    return found.recipe.parts


def at_strength(
    embeddings: np.ndarray,
    labels: np.ndarray,
    fold: np.ndarray,
    strength: float,
    *,
    balanced: bool = False,
) -> OutOfFold:
    """Cross-validation of a regression whose C is given."""
    count = int(labels.max()) + 1
    return cross_validate(
        embeddings,
        labels,
        count,
        fold,
        balanced=balanced,
        kind="regression",
        strengths=[strength],
    )


@pytest.mark.slow
def test_the_chosen_strength_is_the_best_of_those_tried() -> None:
    embeddings, labels = data(120, 60, 3, apart=0.2)
    found = cross_validate(embeddings, labels, 3, dealt(120, 5), kind="regression")
    tried = found.losses["regression"]
    (part,) = parts_of(found)
    assert part.setting == min(tried, key=lambda strength: tried[strength])
    assert log_loss(found.logits * part.temperature, labels) == pytest.approx(tried[part.setting])
    place = STRENGTHS.index(part.setting)
    assert set(STRENGTHS[max(place - 1, 0) : place + 2]) <= set(tried)  # both sides were looked at
    assert len(tried) < len(STRENGTHS)  # and not everything
    precise = {
        strength: at_strength(embeddings, labels, dealt(120, 5), strength) for strength in STRENGTHS
    }
    least = min(one.losses["regression"][strength] for strength, one in precise.items())
    assert tried[part.setting] == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("balanced", [False, True])
def test_out_of_fold_logits_are_of_heads_that_never_saw_the_picture(balanced: bool) -> None:
    embeddings, labels = data(60, 30, 3)
    fold = dealt(60, 4)
    found = at_strength(embeddings, labels, fold, 0.1, balanced=balanced)
    (part,) = parts_of(found)
    assert part.setting == 0.1
    for number in range(4):
        inside = fold != number
        head = Regression(Prepared(embeddings[inside], labels[inside], 3, balanced=balanced)).fit(
            0.1
        )
        expected = softmax(head.logits(embeddings[~inside]) / part.temperature)
        assert np.abs(softmax(found.logits[~inside]) - expected).max() < 1e-2


def left_out_logits(embeddings: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Not calibrated: all pictures together decide the temperature."""
    found = at_strength(embeddings, labels, fold, 0.1)
    return found.logits * parts_of(found)[0].temperature


def test_what_is_left_out_has_no_say_in_its_own_logits() -> None:
    """Neither its labels nor, by way of the standardisation, its embeddings."""
    embeddings, labels = data(60, 30, 3)
    fold = dealt(60, 4)
    out = np.flatnonzero(fold == 2)
    before = left_out_logits(embeddings, labels, fold)

    turned = labels.copy()
    turned[out] = (turned[out] + 1) % 3
    after = left_out_logits(embeddings, turned, fold)
    assert np.allclose(after[out], before[out], rtol=1e-9)
    assert not np.allclose(after[fold != 2], before[fold != 2])

    far = embeddings.copy()
    far[out[1:]] *= 1000
    after = left_out_logits(far, labels, fold)
    assert np.allclose(after[out[0]], before[out[0]], rtol=1e-9)
    assert not np.allclose(after[fold != 2], before[fold != 2])


def test_a_fold_may_hold_all_pictures_of_a_label() -> None:
    embeddings, labels = data(30, 10, 3)
    found = cross_validate(embeddings, labels, 3, labels)  # each fold is a label
    assert np.isfinite(found.logits).all()
    assert found.logits.shape == (30, 3)
    assert not (found.logits.argmax(axis=1) == labels).any()


def test_where_one_label_is_left_nothing_is_known() -> None:
    embeddings, labels = data(30, 10, 2)
    found = cross_validate(embeddings, labels, 2, labels)
    assert (found.logits == 0).all()


def test_out_of_fold_of_any_solver() -> None:
    embeddings, labels = data(40, 10, 3)
    fold = dealt(40, 3)

    def solver(inside: np.ndarray, their_labels: np.ndarray, count: int) -> Head:
        return Regression(Prepared(inside, their_labels, count)).fit(0.1)

    found = out_of_fold(embeddings, labels, 3, fold, solver)
    expected = left_out_logits(embeddings, labels, fold)
    assert np.abs(softmax(found.logits) - softmax(expected)).max() < 1e-2
    assert found.recipe is None


# Very many scores


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred scores count as very many, and are worked on in blocks."""
    monkeypatch.setattr(prepared, "_MANY", 500)
    monkeypatch.setattr(regression, "_BLOCK", 300)
    monkeypatch.setattr(cross_validation, "_ENOUGH", 50)


@pytest.mark.slow
@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize("strength", [0.01, 0.3])
@pytest.mark.parametrize(("samples", "features"), [(400, 30), (120, 200)])
def test_of_many_scores_the_minimum_is_all_but_reached(
    samples: int, features: int, strength: float, balanced: bool
) -> None:
    embeddings, labels = data(samples, features, 12)
    head = Regression(Prepared(embeddings, labels, 12, balanced=balanced)).fit(strength)
    standard, _ = standardised(embeddings)
    reference = LogisticRegression(
        C=strength, class_weight="balanced" if balanced else None, tol=1e-10, max_iter=10_000
    ).fit(standard, labels)
    found = softmax(head.logits(embeddings))
    expected = reference.predict_proba(standard)
    assert np.abs(found - expected).mean() < 0.01
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.97


@pytest.mark.usefixtures("many")
def test_of_many_scores_the_bits_do_not_depend_on_the_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embeddings, labels = data(200, 30, 12)
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(pool, "cores", lambda cores=cores: cores)
        head = Regression(Prepared(embeddings, labels, 12)).fit(0.3)
        found.append((head.weights.tobytes(), head.bias.tobytes()))
    assert found[0] == found[1]


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("kind", mostly_slow([None, *KINDS], 1))
def test_of_many_scores_settings_are_chosen_on_as_many_folds_as_judge_enough(
    kind: str | None,
) -> None:
    embeddings, labels = data(300, 30, 12)
    fold = dealt(300, 10)
    found = cross_validate(embeddings, labels, 12, fold, kind=kind)
    assert found.recipe
    assert found.recipe.kind == (kind or "discriminant")  # a regression takes long
    assert list(found.prepared) == [0, 1]  # 30 pictures each
    assert sorted(found.heads) == list(range(10))
    for number, head in found.heads.items():
        outside = fold == number
        assert np.allclose(found.logits[outside], head.logits(embeddings[outside]), atol=1e-4)
    assert (found.logits.argmax(axis=1) == labels).mean() > 0.8


@pytest.mark.usefixtures("many")
def test_of_many_scores_too_what_is_left_out_has_no_say_in_its_own_logits() -> None:
    embeddings, labels = data(180, 30, 3)
    fold = dealt(180, 4)
    before = left_out_logits(embeddings, labels, fold)
    for number in (0, 3):  # of those that C is chosen on, and of the others
        out = np.flatnonzero(fold == number)
        turned = labels.copy()
        turned[out] = (turned[out] + 1) % 3
        after = left_out_logits(embeddings, turned, fold)
        assert np.allclose(after[out], before[out], rtol=1e-6)
        assert not np.allclose(after[fold != number], before[fold != number])


@pytest.mark.usefixtures("many")
def test_a_fit_that_begins_near_its_end_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, labels = data(300, 30, 12)
    cold = Regression(Prepared(embeddings, labels, 12)).fit(0.1)
    found = at_strength(embeddings, labels, dealt(300, 5), 0.1)
    warm = Regression(Prepared(embeddings, labels, 12))
    warm.begin_at([*found.heads.values()])
    scores = [softmax(head.logits(embeddings)) for head in (cold, warm.fit(0.1))]
    assert np.abs(scores[0] - scores[1]).mean() < 0.01


# Scores


logit_tables = st.integers(1, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.floats(-1e4, 1e4), min_size=width, max_size=width), min_size=1, max_size=8
    ).map(np.array)
)


@given(logit_tables, st.floats(-1e3, 1e3))
def test_softmax_laws(logits: np.ndarray, shift: float) -> None:
    scores = softmax(logits)
    assert np.allclose(scores.sum(axis=1), 1)
    assert (scores >= 0).all()
    assert np.allclose(softmax(logits + shift), scores, atol=1e-9)
    top = logits.argmax(axis=1)
    assert (scores[np.arange(len(top)), top] == scores.max(axis=1)).all()


@given(logit_tables)
def test_log_loss_is_the_mean_surprise(logits: np.ndarray) -> None:
    labels = logits.argmax(axis=1)
    direct = -np.log(softmax(logits)[np.arange(len(labels)), labels]).mean()
    assert log_loss(logits, labels) == pytest.approx(direct, abs=1e-9)


@pytest.mark.parametrize("true", [0.25, 0.7, 1.0, 2.5, 6.0])
def test_a_known_temperature_is_recovered(true: float) -> None:
    lot = np.random.default_rng(int(100 * true))
    honest = lot.normal(0, 1.5, (20_000, 4))
    labels = np.array([lot.choice(4, p=scores) for scores in softmax(honest)])
    found = fit_temperature(honest * true, labels)
    assert found == pytest.approx(true, rel=0.05)
    best = log_loss(honest * true / found, labels)
    for other in (0.99, 1.01):
        assert best <= log_loss(honest * true / (found * other), labels)


@pytest.mark.parametrize(("right", "expected"), [(True, COLDEST), (False, HOTTEST)])
def test_a_temperature_stays_in_its_bounds(right: bool, expected: float) -> None:
    labels = np.array([0, 1, 2] * 5)
    logits = 0.1 * np.eye(3)[labels if right else (labels + 1) % 3]
    assert fit_temperature(logits, labels) == pytest.approx(expected, rel=1e-3)


def test_a_temperature_stays_above_the_least() -> None:
    labels = np.array([0, 1, 2] * 5)
    logits = 3.0 * np.eye(3)[labels]  # all right: the surer, the better it seems
    assert fit_temperature(logits, labels, least=1) == pytest.approx(1, abs=1e-3)
    wrong = 3.0 * np.eye(3)[(labels + 1) % 3]
    hottest = fit_temperature(wrong, labels)
    assert fit_temperature(wrong, labels, least=1) == pytest.approx(hottest, rel=1e-3)


def plainly_fitted(logits: np.ndarray, labels: np.ndarray) -> float:
    """All logits at once, and both places of every step tried anew."""
    golden = (np.sqrt(5) - 1) / 2
    low, high = np.log(COLDEST), np.log(HOTTEST)
    own = logits[np.arange(len(labels)), labels]
    others = (logits.sum(axis=1, dtype=np.float64) - own) / (logits.shape[1] - 1)
    doubted = 0.1 / (len(labels) + 2) * float(np.mean(own - others))

    def loss(at: float) -> float:
        heat = float(np.exp(at))
        return float(np.mean(losses_of(logits / heat, labels))) + doubted / heat

    while high - low > 1e-4:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) <= loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("pictures", "count"), [(7, 2), (400, 3), (900, 100)])
def test_a_temperature_is_the_same_however_few_logits_are_cooled_at_once(
    pictures: int, count: int, kind: type[np.floating], monkeypatch: pytest.MonkeyPatch
) -> None:
    lot = np.random.default_rng([pictures, count])
    labels = lot.integers(0, count, pictures)
    logits = (4 * lot.normal(size=(pictures, count)) + 6 * np.eye(count)[labels]).astype(kind)
    expected = plainly_fitted(logits, labels)
    for at_once in (1, 1_000, 10_000_000):
        monkeypatch.setattr(calibration, "_AT_ONCE", at_once)
        assert fit_temperature(logits, labels) == expected


def test_a_cooled_head_has_its_logits_divided() -> None:
    lot = np.random.default_rng(0)
    head = Head(lot.normal(size=(3, 5)), lot.normal(size=3))
    embeddings = lot.normal(size=(7, 5))
    assert np.allclose(head.calibrated(2.5).logits(embeddings), head.logits(embeddings) / 2.5)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50))
def test_balanced_weights_make_every_label_weigh_the_same(drawn: list[int]) -> None:
    labels = np.array(drawn)
    weights = balanced_weights(labels, 4)
    for label in set(drawn):
        assert weights[labels == label].sum() == pytest.approx(len(drawn) / 4)
