"""Three judges of which label each picture has: regression, discriminant, and its neighbours.

embeddings, labels -> probabilities of each judge

None has seen the label of the picture that it judges: heads are fitted without its fold, and its
own group is no neighbour of it. All judge twice. What the first round doubts counts less in the
second, so that wrong labels are not learnt from as if they were right; with 30 % of all labels
wrong that finds a tenth of what was missed (benchmarks/label_errors.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..head.calibration import fit_temperature
from ..head.discriminant import Discriminant
from ..head.linear import Head, softmax
from ..head.prepared import Prepared
from ..head.regression import ROUGH, Regression
from ..workers.local import side_by_side
from .neighbours import Neighbours, nearest

NEIGHBOURS = 20
_HEAVY = 500_000  # numbers in the embeddings, from which several threads are worth it
_NEARER = 10.0  # of a vote: a neighbour 0.1 of cosine nearer weighs e times as much


@dataclass(frozen=True)
class Settings:
    """Of the heads that judge: the C of a regression, or None where it would take long, and the
    shrinkage of a discriminant."""

    strength: float | None
    shrinkage: float


@dataclass(frozen=True)
class _Fitted:
    """The heads of one fold, not calibrated, and a discriminant's log priors `[K]`."""

    regression: Head | None
    discriminant: Head
    log_priors: np.ndarray


class Judges:
    """N pictures made ready to be judged, whatever their labels are.

    Attributes:
        learnt: bool `[N]`, those to learn from; the heads of all folds judge the others together.
        count: K, the number of labels.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        groups: np.ndarray,
        learnt: np.ndarray,
        count: int,
        settings: Settings,
        deals: Sequence[np.ndarray],
        prepared: Mapping[int, Prepared] | None = None,
    ) -> None:
        """Embeddings `[N,D]`; `groups` int `[N]`, equal for pictures that may not be parted;
        `deals`, each a fold number for the R pictures to learn from, int `[R]`; `prepared`, what is
        outside the folds of the first deal, as far as that is at hand."""
        self.vectors, self.learnt, self.count = vectors, learnt, count
        self._groups = groups
        self._rows = np.flatnonzero(learnt)
        self._settings = settings
        self._deals = [np.asarray(fold) for fold in deals]
        self._prepared = [
            self._prepare(fold, (prepared or {}) if number == 0 else {})
            for number, fold in enumerate(self._deals)
        ]
        self._near = nearest(
            vectors, NEIGHBOURS, groups, among=learnt, centre=vectors[learnt].mean(axis=0)
        )

    def judge(self, labels: np.ndarray, deals: int | None = None) -> np.ndarray:
        """What each judge says of pictures with `labels` `[N]`: probabilities `[J,N,K]`, the mean
        over so many deals of the folds."""
        once = self._fit(0, labels)
        weights = trust(self._opinions(labels, [once]).mean(axis=0), labels)
        twice = [
            self._fit(deal, labels, weights, once if deal == 0 else {})
            for deal in range(len(self._deals))[:deals]
        ]
        return self._opinions(labels, twice, weights)

    def tested(self, labels: np.ndarray, fewest: int) -> np.ndarray:
        """Whose label so many groups to learn from have at least, bool `[N]`."""
        pairs = np.unique(np.stack([labels, self._groups])[:, self._rows], axis=1)
        return np.asarray(np.bincount(pairs[0], minlength=self.count)[labels] >= fewest)

    def _prepare(self, fold: np.ndarray, known: Mapping[int, Prepared]) -> dict[int, Prepared]:
        """What is outside each fold."""
        own = self.vectors if self.learnt.all() else self.vectors[self._rows]
        nobody = np.zeros(len(own), np.int64)
        missing = [n for n in np.unique(fold).tolist() if n not in known and (fold != n).any()]

        def prepare(number: int) -> Prepared:
            inside = fold != number
            return Prepared(own[inside], nobody[inside], self.count, rough=True)

        found = side_by_side(prepare, missing, heavy=own.size > _HEAVY)
        return {**known, **dict(zip(missing, found, strict=True))}

    def _fit(
        self,
        deal: int,
        labels: np.ndarray,
        weights: np.ndarray | None = None,
        near: Mapping[int, _Fitted] = {},
    ) -> dict[int, _Fitted]:
        """Heads by the number of the fold that they never saw, if two labels are outside it; those
        that are `near` shorten the way."""
        fold, prepared = self._deals[deal], self._prepared[deal]
        rows = {number: self._rows[fold != number] for number in prepared}
        numbers = [number for number in prepared if len(np.unique(labels[rows[number]])) > 1]

        def fit(number: int) -> _Fitted:
            inside = rows[number]
            ready = prepared[number].relabelled(
                labels[inside], None if weights is None else weights[inside]
            )
            regression = None
            if self._settings.strength is not None:
                fitting = Regression(ready)
                begin = near[number].regression if number in near else None
                if begin is not None:
                    fitting.begin_at([begin])
                regression = fitting.fit(self._settings.strength, ROUGH)
            discriminant = Discriminant(ready)
            without = discriminant.without_priors(self._settings.shrinkage)
            return _Fitted(regression, without, discriminant.log_priors)

        heavy = any(one.heavy for one in prepared.values())
        return dict(zip(numbers, side_by_side(fit, numbers, heavy=heavy), strict=True))

    def _opinions(
        self,
        labels: np.ndarray,
        deals: Sequence[Mapping[int, _Fitted]],
        weights: np.ndarray | None = None,
    ) -> np.ndarray:
        """Of heads by deal and fold, and of the neighbours, `[J,N,K]`."""
        found = [self._vote(labels, weights)]
        folds = self._deals[: len(deals)]
        if self._settings.strength is not None:
            found.append(
                _mean(
                    self._calibrated(fold, labels, {n: one.regression for n, one in of.items()})
                    for fold, of in zip(folds, deals, strict=True)
                )
            )
        found.append(
            _mean(
                self._calibrated(
                    fold,
                    labels,
                    {n: one.discriminant for n, one in of.items()},
                    {n: one.log_priors for n, one in of.items()},
                )
                for fold, of in zip(folds, deals, strict=True)
            )
        )
        return np.array(found)

    def _calibrated(
        self,
        fold: np.ndarray,
        labels: np.ndarray,
        heads: Mapping[int, Head | None],
        priors: Mapping[int, np.ndarray] | None = None,
    ) -> np.ndarray:
        """Probabilities `[N,K]` by the head that never saw a picture; for those that are not learnt
        from, by the mean of all heads."""
        logits = np.zeros((len(labels), self.count))
        added = np.zeros_like(logits)
        others = np.flatnonzero(~self.learnt)
        for number, head in heads.items():
            assert head is not None
            outside = self._rows[fold == number]
            logits[outside] = head.logits(self.vectors[outside])
            logits[others] += head.logits(self.vectors[others]) / len(heads)
            if priors is not None:
                added[outside] = priors[number]
                added[others] += priors[number] / len(heads)
        own = self._rows
        usual = None if priors is None or not priors else np.mean([*priors.values()], axis=0)
        heat = fit_temperature(logits[own], labels[own], least=1, priors=usual)
        return softmax(logits / heat + added)

    def _vote(self, labels: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """Probabilities `[N,K]` by the labels of neighbours."""
        shares = np.bincount(labels[self._rows], minlength=self.count) / len(self._rows)
        return voted(self._near, labels, shares, weights)


def voted(
    near: Neighbours, labels: np.ndarray, shares: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Probabilities `[N,K]` by the labels of neighbours, whose rows count among `labels` int `[M]`
    and `weights` `[M]`, the nearer the more; one more vote of the usual weight is shared out as
    labels are among all pictures, `[K]`."""
    cosines = near.cosines.astype(np.float64)
    power = np.where(near.known, np.exp(_NEARER * (cosines - cosines[:, :1])), 0)
    if weights is not None:
        power *= np.where(near.known, weights[near.rows], 0)
    votes = shares * np.maximum(power.mean(axis=1, keepdims=True), 1e-12)
    found = labels[near.rows]
    each = np.arange(len(found))
    for column in range(power.shape[1]):  # a picture votes for one label at a time
        votes[each, found[:, column]] += power[:, column]
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def trust(mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How far each label is to be believed against the likeliest other, 0 to 1, `[N]`."""
    each = np.arange(len(labels))
    own = mixture[each, labels]
    others = mixture.copy()
    others[each, labels] = 0
    return np.asarray(own / np.maximum(own + others.max(axis=1), 1e-12))


def _mean(several: Iterable[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean([*several], axis=0))
