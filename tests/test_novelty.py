"""How unlike everything it was shown a picture is."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.evaluation.metrics import roc_auc
from tellapart.head import novelty as module
from tellapart.head.novelty import (
    ADMITTED,
    SOFTENING,
    Exemplars,
    fit_novelty,
    radii_of,
    thresholds_of,
)


def clusters(per_label: int, *centres: int, seed: int = 0) -> np.ndarray:
    """Embeddings around a few directions of 64."""
    lot = np.random.default_rng(seed)
    means = np.zeros((len(centres), 64))
    means[np.arange(len(centres)), list(centres)] = 4
    return np.abs(
        np.repeat(means, per_label, axis=0) + lot.normal(0, 0.5, (per_label * len(means), 64))
    )


def logits_for(vectors: np.ndarray) -> np.ndarray:
    """A head that claims the first two directions."""
    return 3 * (vectors[:, :2] - 2)


def auroc(own: np.ndarray, far: np.ndarray) -> float:
    scores = np.concatenate([own, far])
    positive = np.arange(len(scores)) >= len(own)
    return roc_auc(scores, positive).value


def test_unknown_pictures_are_told_from_the_models_own_kind() -> None:
    known, new, far = (
        clusters(100, 0, 1),
        clusters(50, 0, 1, seed=1),
        clusters(50, 2, 3, seed=2),
    )
    novelty = fit_novelty(known, logits_for(known), np.arange(200) % 5)
    own = novelty.of(new, logits_for(new))
    assert auroc(own, novelty.of(far, logits_for(far))) > 0.99
    threshold = novelty.thresholds[ADMITTED.index(0.99)]
    assert (own > threshold).mean() < 0.05


def test_a_threshold_admits_its_share_of_what_was_judged_out_of_fold() -> None:
    known, fold = clusters(300, 0, 1), np.arange(600) % 5
    novelty = fit_novelty(known, logits_for(known), fold)
    later = clusters(2000, 0, 1, seed=3)
    found = novelty.of(later, logits_for(later))
    for admitted, threshold in zip(ADMITTED, novelty.thresholds, strict=True):
        assert (found <= threshold).mean() == pytest.approx(admitted, abs=0.03), admitted


def test_thresholds_rise_with_the_share() -> None:
    known = clusters(50, 0, 1)
    thresholds = fit_novelty(known, logits_for(known), np.arange(100) % 5).thresholds
    assert list(thresholds) == sorted(thresholds)


def test_a_few_odd_pictures_do_not_decide_what_99_percent_is() -> None:
    usual = np.random.default_rng(0).exponential(1.0, 300)
    odd = np.append(np.sort(usual)[:-3], [9.0, 9.5, 10.0])  # wrongly labelled, say
    expected = [-np.log(1 - share) for share in ADMITTED]
    for values in (usual, odd):
        assert thresholds_of(values, ADMITTED) == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize("values", [[0.0], [1.0, 2.0], [0.5] * 50, list(range(100))])
def test_thresholds_of_few_or_even_values_are_quantiles(values: list[float]) -> None:
    found = thresholds_of(np.array(values, float), ADMITTED)
    assert found == pytest.approx(np.quantile(values, ADMITTED))


def test_a_threshold_holds_where_only_some_pictures_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_EXEMPLARS", 100)
    known, later = clusters(500, 0, 1), clusters(2000, 0, 1, seed=3)
    novelty = fit_novelty(known, logits_for(known), np.arange(1000) % 5)
    assert len(novelty.exemplars.standard) == 100
    refused = (novelty.of(later, logits_for(later)) > novelty.thresholds[0]).mean()
    assert refused == pytest.approx(1 - ADMITTED[0], abs=0.03)


def test_a_radius_is_the_mean_distance_to_the_nearest_others() -> None:
    angles = np.array([0.0, 0.1, 0.3, 1.5])
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    expected = 1 - np.cos(angles[:, None] - angles)
    nearest = np.sort(expected, axis=1)[:, 1:4].mean(axis=1)
    assert radii_of(points) == pytest.approx(nearest + SOFTENING * np.median(nearest))


def test_products_with_the_embeddings_follow_from_the_standardised_ones() -> None:
    known, new = clusters(50, 0, 1), clusters(20, 0, 2, seed=1)
    exemplars = Exemplars.of(known)
    lengths = np.linalg.norm(new, axis=1)[:, None] * np.linalg.norm(known, axis=1)
    in_radii = np.sort((1 - new @ known.T / lengths) / exemplars.radii[0], axis=1)
    standard = [(x - known.mean(axis=0)) / known.std(axis=0) for x in (new, known)]
    apart = np.linalg.norm(standard[0][:, None] - standard[1], axis=2)
    scores = exemplars.scores(new, logits_for(new))
    assert scores[:, 0] == pytest.approx(in_radii[:, :3].mean(axis=1))
    assert scores[:, 2] == pytest.approx(-np.log(np.exp(logits_for(new)).sum(axis=1)))
    assert scores[:, 3] == pytest.approx(1 - (new @ known.T / lengths).max(axis=1))
    assert scores[:, 4] == pytest.approx(apart.min(axis=1))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_pictures_is_enough(count: int) -> None:
    known = clusters(1, 0, 1, 2)[:count]
    novelty = fit_novelty(known, logits_for(known), np.arange(count))
    assert np.isfinite(novelty.of(clusters(5, 0, 1), logits_for(clusters(5, 0, 1)))).all()


def test_copies_do_not_make_a_radius_of_zero() -> None:
    known = np.repeat(clusters(10, 0, 1), 3, axis=0)
    novelty = fit_novelty(known, logits_for(known), np.arange(60) % 5)
    assert np.isfinite(novelty.of(known, logits_for(known))).all()
