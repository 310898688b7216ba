"""Would more pictures help? Accuracy at growing fractions of the training pictures, carried
forward.

With embeddings at hand each point costs a few fits. Errors are modelled as a * n^-b, the power law
that learning curves follow (Cortes et al. 1994; Hestness et al. 2017, arXiv:1712.00409), fitted to
resampled pictures too, so that the forecast has an interval, widened by how far the law itself is
off, or is "cannot tell". Only the last points are carried forward: the law holds near them.
benchmarks/forecast.py holds it against what more pictures really bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..dataset.split import position
from ..head.cross_validation import OutOfFold, fit_each
from ..text import label_words, several
from .metrics import Estimate, Proportion, estimate, resampled
from .occasions import Bursts

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 3 / 4)  # of those outside each fold; the whole is known
_NEAR = 0.2  # of the whole: the forecast goes by points of at least so many pictures
_SURE = 0.9  # how often the neediest label has to be the same one in resampled pictures
MORE = 100  # pictures that the forecast adds
_LAW = 0.15  # of a gain: the standard error of the law itself, which resampling does not show
_FEW_MISTAKES = 5  # with fewer at the end of the curve, nothing can be told from it


@dataclass(frozen=True)
class CurvePoint:
    """How many of all pictures were right after learning from `n` others, and of each label."""

    n: int
    accuracy: Proportion
    per_label: tuple[Proportion, ...]


@dataclass(frozen=True)
class LearningCurve:
    """Accuracy after learning from ever more pictures, and what some more would bring.

    Attributes:
        points: the fewest pictures first.
        gain: in accuracy, that so many `more` pictures would bring; of pictures that come in
            bursts, so many more of new occasions. None: that cannot be told, as where the pictures
            of one occasion were not kept together.
        neediest: the label with most mistakes to mend, or None: several may be.
        occasions: how many the pictures are of, where they come in bursts.
        pictures: of those occasions.
        more: the pictures that the forecast adds.
    """

    points: tuple[CurvePoint, ...]
    gain: Estimate | None
    neediest: str | None
    occasions: int | None = None
    pictures: int = 0
    more: int = MORE

    @property
    def words(self) -> str:
        """What the curve says, as a sentence."""
        if self.gain is None and self.occasions is not None:
            return (
                "More pictures of the same moments would hardly help. Whether pictures of more "
                "occasions would, these cannot tell."
            )
        if self.gain is None:
            return "These pictures are too few to say whether more would help."
        low, high = (100 * bound for bound in self.gain.interval)
        needs = (
            f"{label_words(self.neediest)} needs them most"
            if self.neediest
            else "no label needs them more than the others, as far as these can tell"
        )
        more = f"{self.more:,} more pictures"
        if self.occasions is not None:
            new = max(1, round(self.more * self.occasions / max(1, self.pictures)))
            more = f"{several(new, 'more occasion')}, with {several(self.more, 'picture')},"
        return (
            f"{more} would bring about {100 * self.gain.value:+.1f} points "
            f"({low:.1f} to {high:.1f}); {needs}."
        )


def learning_curve(
    vectors: np.ndarray,
    truth: np.ndarray,
    labels: Sequence[str],
    keys: Sequence[str],
    fold: np.ndarray,
    found: OutOfFold,
) -> LearningCurve:
    """Fit on nested fractions of the pictures outside each fold, and judge the fold.

    `vectors` `[N,D]`, `truth` `[N]` and `fold` `[N]` are what was cross-validated, `found` what
    came of it: its recipe is kept, and each fold's own frame. `keys` decide which pictures a
    fraction takes. Of very many scores it is judged on the folds that settings were chosen on.
    """
    assert found.recipe
    place = np.array([position(key, "curve/") for key in keys])
    known = np.isin(fold, list(found.prepared))

    right, sizes = [], []
    first = {n: np.full(len(truth), len(FRACTIONS) + 1) for n in found.prepared}
    for n, of in first.items():
        of[fold != n] = first_fraction(place[fold != n], truth[fold != n])
    for at in range(len(FRACTIONS)):
        chosen = {n: of <= at for n, of in first.items()}
        if any(len(np.unique(truth[part])) < len(labels) for part in chosen.values()):
            continue  # too few pictures for a fraction so small
        hits = np.zeros(len(truth), bool)
        parts = [found.prepared[n].among(part[fold != n]) for n, part in chosen.items()]
        for number, head in zip(chosen, fit_each(found.recipe, parts), strict=True):
            outside = fold == number
            hits[outside] = head.logits(vectors[outside]).argmax(axis=1) == truth[outside]
        right.append(hits[known])
        sizes.append(round(float(np.mean([part.sum() for part in chosen.values()]))))
    right.append((found.logits.argmax(axis=1) == truth)[known])
    folds = len(found.heads)
    sizes.append(round(len(truth) * (folds - 1) / folds))
    own = truth[known]
    return curve_of(sizes, np.stack(right), own, labels, len(own), MORE)


def curve_of(
    sizes: Sequence[int],
    right: np.ndarray,
    truth: np.ndarray,
    labels: Sequence[str],
    pictures: int,
    more: int,
) -> LearningCurve:
    """The curve of heads that learnt from so many pictures each, and were `right` bool `[S,R]`
    about others with labels int `[R]`; `more` are forecast to those that there are in all."""
    points = tuple(
        _point(n, hits, truth, len(labels)) for n, hits in zip(sizes, right, strict=True)
    )
    gain, neediest = _forecast(np.array(sizes), right, truth, labels, pictures, more)
    return LearningCurve(points, gain, neediest, more=more)


def of_occasions(curve: LearningCurve, bursts: Bursts, pictures: int) -> LearningCurve:
    """The same of so many `pictures` that come in bursts: more of them help only if they are of
    other occasions, and that is known only where those of one occasion were kept together."""
    if not bursts.found:
        return curve
    known = bursts.kept and bursts.occasions is not None
    return replace(
        curve,
        gain=curve.gain if known else None,
        neediest=curve.neediest if known else None,
        occasions=bursts.occasions or 0,  # 0: how many is not known
        pictures=pictures,
    )


def first_fraction(place: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The smallest of `FRACTIONS` that each picture is in, by its number, int `[N]`; as many as
    there are where it is in none. Each takes its part of every label, one picture at least: those
    that come first by their `place` `[N]`."""
    order = np.lexsort((place, truth))
    _, begins, of, sizes = np.unique(
        truth[order], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(len(order)) - begins[of]
    most = np.maximum(1, np.rint(np.outer(FRACTIONS, sizes)))[:, of]
    found = np.empty(len(order), np.int64)
    found[order] = (rank >= most).sum(axis=0)
    return found


def _point(n: int, right: np.ndarray, truth: np.ndarray, count: int) -> CurvePoint:
    all_of, right_of = (np.bincount(of, minlength=count) for of in (truth, truth[right]))
    fractions = tuple(map(Proportion, right_of.tolist(), all_of.tolist()))
    return CurvePoint(n, Proportion(int(right.sum()), len(truth)), fractions)


def _forecast(
    sizes: np.ndarray,
    right: np.ndarray,
    truth: np.ndarray,
    labels: Sequence[str],
    pictures: int,
    more: int,
) -> tuple[Estimate | None, str | None]:
    near = sizes >= _NEAR * sizes[-1]
    sizes, wrong = sizes[near], (~right[near]).astype(np.float64)
    if len(sizes) < 3 or wrong[-1].sum() < _FEW_MISTAKES:
        return None, None
    counts = resampled(len(truth))
    whole = _gain(sizes, wrong @ np.ones((len(truth), 1)), len(truth), pictures, more)
    law = 1 + _LAW * np.random.default_rng(0).standard_normal(len(counts))
    gain = estimate(
        float(whole[0]), law * _gain(sizes, wrong @ counts.T, len(truth), pictures, more)
    )
    if gain.interval[0] <= 0:
        return None, None
    order = np.argsort(truth, kind="stable")
    present, begins = np.unique(truth[order], return_index=True)
    mistakes = np.add.reduceat((counts * wrong[-1])[:, order], begins, axis=1)
    most = np.bincount(mistakes.argmax(axis=1), minlength=len(present)) / len(counts)
    return gain, labels[int(present[most.argmax()])] if most.max() >= _SURE else None


def _gain(sizes: np.ndarray, mistakes: np.ndarray, n: int, pictures: int, more: int) -> np.ndarray:
    """What so many `more` bring to a head that learnt from all `pictures`, by the power law through
    `mistakes` `[S,R]` of n: `[R]`.

    Weighted least squares on logarithms; the weight of a point is its number of mistakes, the
    inverse of the variance of that number's logarithm. A curve that does not fall brings nothing.
    """
    logs, weights = np.log((mistakes + 0.5) / (n + 1)), mistakes + 0.5
    across = np.log(sizes)[:, None]
    total = weights.sum(axis=0)
    mean_x, mean_y = (weights * across).sum(axis=0) / total, (weights * logs).sum(axis=0) / total
    slope = (weights * (across - mean_x) * (logs - mean_y)).sum(axis=0) / (
        weights * (across - mean_x) ** 2
    ).sum(axis=0)
    now = np.exp(mean_y + slope * (np.log(pictures) - mean_x))
    later = np.exp(mean_y + slope * (np.log(pictures + more) - mean_x))
    return np.asarray(np.where(slope < 0, now - later, 0.0))
