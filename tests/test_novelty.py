"""How unlike everything it was shown a picture is."""

from __future__ import annotations

import numpy as np
import pytest

from tellapart.metrics import roc_auc
from tellapart.novelty import ADMITTED, fit_novelty, radii_of


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


def auroc(own: np.ndarray, strange: np.ndarray) -> float:
    scores = np.concatenate([own, strange])
    positive = np.arange(len(scores)) >= len(own)
    return float(roc_auc(scores, positive, np.ones((1, len(scores))))[0])


def test_strangers_are_told_from_the_models_own_kind() -> None:
    known, new, strange = (
        clusters(100, 0, 1),
        clusters(50, 0, 1, seed=1),
        clusters(50, 2, 3, seed=2),
    )
    novelty = fit_novelty(known, logits_for(known), np.arange(200) % 5)
    own = novelty.of(new, logits_for(new))
    assert auroc(own, novelty.of(strange, logits_for(strange))) > 0.99
    threshold = novelty.thresholds[ADMITTED.index(0.99)]
    assert (own > threshold).mean() < 0.05


@pytest.mark.parametrize("admitted", ADMITTED)
def test_a_threshold_admits_its_share_of_what_was_judged_out_of_fold(admitted: float) -> None:
    known, fold = clusters(300, 0, 1), np.arange(600) % 5
    novelty = fit_novelty(known, logits_for(known), fold)
    later = clusters(2000, 0, 1, seed=3)
    share = (
        novelty.of(later, logits_for(later)) <= novelty.thresholds[ADMITTED.index(admitted)]
    ).mean()
    assert share == pytest.approx(admitted, abs=0.02)


def test_thresholds_rise_with_the_share() -> None:
    known = clusters(50, 0, 1)
    thresholds = fit_novelty(known, logits_for(known), np.arange(100) % 5).thresholds
    assert list(thresholds) == sorted(thresholds)


def test_a_radius_is_the_mean_distance_to_the_nearest_others() -> None:
    angles = np.array([0.0, 0.1, 0.3, 1.5])
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    expected = 1 - np.cos(angles[:, None] - angles)
    nearest = np.sort(expected, axis=1)[:, 1:4].mean(axis=1)
    assert radii_of(points) == pytest.approx(nearest + 0.05)


def test_copies_do_not_make_a_radius_of_zero() -> None:
    known = np.repeat(clusters(10, 0, 1), 3, axis=0)
    novelty = fit_novelty(known, logits_for(known), np.arange(60) % 5)
    assert np.isfinite(novelty.of(known, logits_for(known))).all()
