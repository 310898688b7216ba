"""Figures with intervals, held against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from conftest import mostly_slow
from tellapart.evaluation import metrics
from tellapart.evaluation.judged import Evaluation
from tellapart.evaluation.sentences import calibration_words


def an_evaluation(n: int = 400, labels: int = 4, seed: int = 0) -> Evaluation:
    """Scores that mean what they say: each truth is drawn with the picture's own scores."""
    lot = np.random.default_rng(seed)
    scores = lot.dirichlet(np.full(labels, 0.3), size=n)
    truth = np.array([lot.choice(labels, p=row) for row in scores])
    return Evaluation(tuple("abcdefgh"[:labels]), tuple(map(str, range(n))), truth, scores)


@pytest.mark.parametrize("labels", [2, 4])
def test_figures_equal_scikit_learns(labels: int) -> None:
    found = an_evaluation(labels=labels)
    truth, scores = found.truth, found.scores
    assert found.log_loss.value == pytest.approx(sklearn_log_loss(truth, scores))
    assert found.balanced_accuracy.value == pytest.approx(
        balanced_accuracy_score(truth, found.predicted)
    )
    one_hot = np.eye(labels)[truth]
    assert found.brier.value == pytest.approx(((scores - one_hot) ** 2).sum(axis=1).mean())
    for k, area in enumerate(found.roc_auc):
        assert area is not None
        assert area.value == pytest.approx(roc_auc_score(truth == k, scores[:, k]))


def test_the_area_counts_ties_as_half() -> None:
    scores, positive = np.array([0.5, 0.5, 0.1, 0.9]), np.array([True, False, False, True])
    area = metrics.roc_auc(scores, positive)
    assert area.value == pytest.approx(roc_auc_score(positive, scores))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_an_area_is_the_share_of_pairs_in_order(drawn: list[tuple[int, bool]]) -> None:
    scores, positive = (np.array(column) for column in zip(*drawn, strict=True))
    own, other = scores[positive], scores[~positive]
    assume(len(own) and len(other))
    pairs = (own[:, None] > other).mean() + (own[:, None] == other).mean() / 2
    assert metrics.roc_auc(scores, positive).value == pytest.approx(pairs)
    again = np.random.default_rng(0).permutation(len(scores))
    width = np.diff(metrics.roc_auc(scores[again], positive[again]).interval)
    assert width == pytest.approx(np.diff(metrics.roc_auc(scores, positive).interval))


def test_areas_of_very_many_labels_are_those_of_each() -> None:
    lot = np.random.default_rng(0)
    scores, truth = lot.dirichlet(np.ones(150), 400), lot.integers(0, 140, 400)
    found = Evaluation(tuple(map(str, range(150))), ("",) * 400, truth, scores).roc_auc
    for k, area in enumerate(found):
        own = truth == k
        assert area == (metrics.roc_auc(scores[:, k], own) if own.any() else None)


@pytest.mark.slow
def test_the_interval_of_an_area_covers_what_an_endless_sample_would_give() -> None:
    """And is as wide as resampling says."""
    held, widths = [], []
    for seed in range(200):
        lot = np.random.default_rng(seed)
        positive = np.arange(90) < 30
        found = metrics.roc_auc(lot.normal(positive * 1.2, 1), positive)
        low, high = found.interval
        assert 0 < low < found.value < high < 1
        held.append(low <= 0.80193 <= high)  # the normal distribution at 1.2 / sqrt(2)
        widths.append(high - low)
    assert 0.9 <= np.mean(held) <= 0.99
    scores, draws = np.random.default_rng(7).normal(positive * 1.2, 1), []
    for seed in range(300):
        rows = np.random.default_rng(seed).choice(90, 90)
        draws.append(roc_auc_score(positive[rows], scores[rows]))
    drawn = np.quantile(draws, 0.975) - np.quantile(draws, 0.025)
    low, high = metrics.roc_auc(scores, positive).interval
    assert high - low == pytest.approx(drawn, rel=0.25)


def test_of_a_single_picture_the_area_is_in_doubt() -> None:
    area = metrics.roc_auc(np.array([0.1, 0.4, 0.8, 0.9]), np.array([False, False, True, False]))
    low, high = area.interval
    assert low < area.value < high


def test_intervals_hold_the_figure_and_shrink_with_more_pictures() -> None:
    few, many = an_evaluation(100), an_evaluation(3000)
    for name in ("balanced_accuracy", "log_loss", "brier", "calibration_error"):
        widths = []
        for found in (few, many):
            figure = getattr(found, name)
            assert figure.interval[0] <= figure.value <= figure.interval[1]
            widths.append(figure.interval[1] - figure.interval[0])
        assert widths[1] < widths[0]


def test_calibrated_scores_have_a_small_error_and_overconfident_ones_a_large() -> None:
    honest = an_evaluation(3000)
    sharpened = honest.scores**4 / (honest.scores**4).sum(axis=1, keepdims=True)
    boastful = Evaluation(honest.labels, honest.names, honest.truth, sharpened)
    assert honest.calibration_error.value < 0.03
    assert boastful.calibration_error.value > 0.1
    assert honest.enough_to_calibrate
    few = an_evaluation(100)
    assert not few.enough_to_calibrate
    assert few.calibration_luck > 0.03 > honest.calibration_luck
    for one in (honest, few):
        above = one.calibration_error.value - one.calibration_luck
        assert one.calibration_above_luck == max(0.0, above)
    assert "by chance" in calibration_words(few)
    assert "by chance" not in calibration_words(honest)
    assert sum(row.n for row in honest.calibration) == 3000
    for row in honest.calibration:
        assert row.low <= row.confidence <= row.high
        if row.n >= 100:
            assert row.accuracy == pytest.approx(row.confidence, abs=0.12)


def test_a_perfect_ranking_of_few_pictures_is_not_sure_to_be_perfect() -> None:
    scores = np.array([[0.9, 0.1]] * 9 + [[0.2, 0.8]] * 16)
    truth = np.array([0] * 9 + [1] * 16)
    found = Evaluation(("a", "b"), tuple(map(str, range(25))), truth, scores)
    area = found.roc_auc[0]
    assert area is not None
    assert area.value == 1
    assert area.interval == pytest.approx((0.70, 1.0), abs=0.01)


def test_the_true_label_is_among_all_of_them() -> None:
    found = an_evaluation(labels=4)
    shares = [found.top_k(k).value for k in range(1, 5)]
    assert shares == sorted(shares)
    assert shares[0] == found.accuracy.value
    assert shares[-1] == 1.0


def test_the_baseline_is_the_commonest_label() -> None:
    truth = np.array([0, 0, 0, 1])
    found = Evaluation(("a", "b"), tuple("wxyz"), truth, np.full((4, 2), 0.5))
    assert found.baseline == metrics.Proportion(3, 4)


def test_a_label_without_pictures_has_no_area() -> None:
    truth = np.zeros(3, dtype=np.int64)
    found = Evaluation(("a", "b"), tuple("xyz"), truth, np.full((3, 2), 0.5))
    assert found.roc_auc == (None, None)


def test_where_all_are_right_there_is_doubt_still() -> None:
    labels, truth = ("a", "b"), np.repeat([0, 1], 20)
    perfect = Evaluation(labels, tuple(map(str, range(40))), truth, np.eye(2)[truth])
    assert perfect.balanced_accuracy.value == 1
    assert 0.85 < perfect.balanced_accuracy.interval[0] < 0.95
    for figure in perfect.f1:
        assert figure is not None
        assert figure.value == figure.interval[1] == 1
        assert 0.85 < figure.interval[0] < 0.95


def covers(figure: str, truth: float, n: int, times: int = 60) -> float:
    """In how many of many samples the interval holds what an endless sample would give."""
    found = [getattr(an_evaluation(n, 3, seed), figure) for seed in range(times)]
    return float(np.mean([one.interval[0] <= truth <= one.interval[1] for one in found]))


@pytest.mark.slow
@pytest.mark.parametrize("figure", mostly_slow(["balanced_accuracy", "brier", "log_loss"], 2))
def test_intervals_cover_what_an_endless_sample_would_give(figure: str) -> None:
    endless = getattr(an_evaluation(20_000, 3, seed=1000), figure).value
    assert covers(figure, endless, n=150) >= 0.85


def test_the_calibration_error_may_be_smaller_than_measured() -> None:
    figure = an_evaluation(400).calibration_error
    assert figure.interval[0] < figure.value < figure.interval[1]
