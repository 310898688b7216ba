"""Choose a head and its settings by what it says of pictures that it never saw.

Each fold is left out in turn. A regression's C and a discriminant's shrinkage are those with the
lowest out-of-fold log loss; each head is calibrated, and the regression, the discriminant and the
mean of both are compared by what their calibrated scores lose on pictures that neither the head nor
its temperature was fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..workers.local import Map, local_map, side_by_side
from ..workers.pausing import pause
from .answers import LogitSummary, told
from .blocks import Rows, Vectors, are_large, scores_are_large, whole_of
from .calibration import fit_temperature
from .discriminant import SHRINKAGES
from .folds import Folds, LargeFolds
from .kinds import DISCRIMINANT, KINDS, MEAN, REGRESSION, Compared, Part
from .linear import Head, Solver, log_loss, losses_of, mean_of
from .prepared import Prepared, are_many
from .ready import Ready, discriminant_of, regression_of
from .recipe import Recipe
from .regression import ROUGH
from .summed import Summed
from .sums import Chunk, Sums

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(-8, 5))  # C, weakest fit first
_USUAL = 30  # C times the number of pictures, where the search for it begins
_GAIN = 1e-3  # nats that another C has to save
_LONG = 100_000_000  # products, from which on a step of a regression takes long
_ENOUGH = 2_000  # pictures that settings are chosen on, of very many scores
_USUAL_OF_MANY = 5  # C times the pictures of a label, where the search for it begins
_GAIN_OF_MANY = 0.02  # of the loss, that another C has to save
_USUAL_SHRINKAGE = 0.7
_GAIN_OF_SHRINKING = 1e-4  # nats that another shrinkage has to save: trying one costs little
_PREFERRED = (MEAN, REGRESSION, DISCRIMINANT)  # where luck may make the difference


@dataclass(frozen=True)
class OutOfFold:
    """For every picture the logits `[N,K]` of a head that was fitted without its fold.

    Attributes:
        logits: calibrated, if there is a recipe; of embeddings, or logits, too many for memory
            float32, and `[0,K]` where the logits would be more than `MOST_SCORES` and have no
            place.
        recipe: of the head that was chosen; None where nothing was to choose.
        compared: the kinds of head that were tried.
        heads: the heads by the number of the fold that they never saw, calibrated likewise.
        prepared: what they were fitted on, ready for more fits; of very many scores, some; none of
            embeddings too many for memory.
        losses: (setting, log loss) of all that were tried, by the kind of head.
        answers: of what is too many for memory, what those logits come to.
        whole: of such, all of them, ready for the last fit.
        sums: of such, those of each fold.
    """

    logits: np.ndarray
    recipe: Recipe | None = None
    compared: tuple[Compared, ...] = ()
    heads: Mapping[int, Head] = field(default_factory=dict)
    prepared: Mapping[int, Prepared] = field(default_factory=dict, repr=False)
    losses: Mapping[str, Mapping[float, float]] = field(default_factory=dict)
    answers: LogitSummary | None = None
    whole: Summed | None = field(default=None, repr=False)
    sums: Mapping[int, Sums] = field(default_factory=dict, repr=False)

    @property
    def given(self) -> np.ndarray:
        """The number of the label that each picture was taken for, `[N]`."""
        return self.answers.given if self.answers else np.asarray(self.logits.argmax(axis=1))


def out_of_fold(
    embeddings: Vectors,
    labels: np.ndarray,
    count: int,
    fold: np.ndarray,
    solver: Solver,
    only: np.ndarray | None = None,
    into: np.ndarray | None = None,
) -> OutOfFold:
    """The out-of-fold logits of a solver that chooses nothing; of some folds `only`, if said. Of
    embeddings too many for memory it gets `Rows`, and the logits are as `cross_validate` has them:
    written `into` a float32 `[N,K]`, if there is one.
    """
    large = are_large(embeddings) or scores_are_large(len(labels), count)
    logits = np.zeros((0 if large else len(labels), count))
    heads = {}
    for number in np.unique(fold) if only is None else only:
        pause()
        inside = fold != number
        if len(np.unique(labels[inside])) > 1:
            rest = Rows(embeddings, inside) if large else embeddings[inside]
            head = heads[int(number)] = solver(rest, labels[inside], count)
            if not large:
                logits[~inside] = head.logits(embeddings[~inside])
    if not large:
        return OutOfFold(logits, heads=heads)
    logits, answers = told(embeddings, heads, fold, labels, count, into)
    return OutOfFold(logits, heads=heads, answers=answers)


def cross_validate(
    embeddings: Vectors,
    labels: np.ndarray,
    count: int,
    fold: np.ndarray,
    *,
    balanced: bool = False,
    kind: str | None = None,
    groups: np.ndarray | None = None,
    strengths: Sequence[float] = STRENGTHS,
    sums: Mapping[int, Sums] | None = None,
    run: Map[Chunk, dict[int, Sums]] = local_map,
    into: np.ndarray | None = None,
) -> OutOfFold:
    """Choose the head of pictures `[N,D]` with `labels` `[N]`, and give its out-of-fold logits.

    `fold` int `[N]` says which pictures are left out together, `groups` int `[N]` which belong
    together, so that their losses are no independent witnesses; `kind` takes the choice away.

    The mean is taken unless one of the two alone is better by more than luck, that is by more than
    the standard error of their difference; between those two likewise the regression. Of many
    pictures with many labels a regression takes long, so that it is not tried unless it is asked
    for. Of very many scores, settings are chosen on as many folds as judge enough pictures, which
    hardly depend on it.

    Embeddings that are too many for memory, in a file or `Rows` of it, are read a block at a time,
    and so are those whose logits are too many.
    Their heads are fitted to all of them, without each fold, and settings, temperatures and the
    kind are chosen on some, evenly spread. `sums` of each fold may be given, or else `run` says
    where they are made; all logits are written `into` a float32 `[N,K]`, if there is one. Of a
    `[0,K]` none is kept, and embeddings in memory too are gone through like this.
    """
    none_kept = into is not None and len(into) < len(labels)
    large = are_large(embeddings) or scores_are_large(len(labels), count) or none_kept
    many = large or are_many(len(labels), count)
    step = len(labels) * count * min(embeddings.shape)  # what one step of a regression multiplies
    asked = (kind,) if kind else (DISCRIMINANT,) if many or step > _LONG else KINDS
    folds = (
        LargeFolds(embeddings, labels, count, fold, balanced, _ENOUGH, sums, run)
        if large
        else Folds(whole_of(embeddings), labels, count, fold, balanced, many, _ENOUGH)
    )
    tried: dict[str, _Tried] = {}
    if asked != (DISCRIMINANT,):
        tried[REGRESSION] = _regressions(folds, strengths)
    if asked != (REGRESSION,):
        tried[DISCRIMINANT] = _discriminants(folds)
    _finish(folds, [*tried.values()])
    together = groups if groups is None or folds.rows is None else groups[folds.rows]
    compared = _compared(asked, tried, folds.labels, folds.fold, together)
    chosen = kind or _chosen(compared)
    names = (REGRESSION, DISCRIMINANT) if chosen == MEAN else (chosen,)
    parts = tuple(tried[name].calibrated(folds.labels) for name in names)
    of_folds = [tried[part.kind].calibrated_heads(part.temperature) for part in parts]
    heads = {number: mean_of([of[number] for of in of_folds]) for number in folds.numbers}
    logits, answers = folds.told(heads, into)
    return OutOfFold(
        logits,
        Recipe(parts, balanced),
        compared,
        heads,
        {n: ready for n, ready in folds.prepared.items() if isinstance(ready, Prepared)},
        {name: dict(sorted(one.losses.items())) for name, one in tried.items()},
        answers,
        folds.whole if isinstance(folds, LargeFolds) else None,
        folds.sums if isinstance(folds, LargeFolds) else {},
    )


def fit_each(recipe: Recipe, prepared: Sequence[Prepared]) -> list[Head]:
    """Rough fits of several; on several threads where each takes long enough, but for those that
    are each done on several."""
    heavy = any(one.heavy for one in prepared) and not any(one.many for one in prepared)
    return side_by_side(lambda one: recipe.fit(one, ROUGH), prepared, heavy=heavy)


@dataclass
class _Tried:
    """A kind of head with the setting that was chosen, and all that were tried.

    Attributes:
        kind: "regression" or "discriminant".
        setting: the one that was chosen.
        losses: the log loss of each setting that was tried, in nats.
        heads: by the fold that each never saw; not calibrated, and discriminants without priors.
        priors: of the labels outside each fold `[K]`, as logarithms; None for a regression.
        logits: of the heads, each of the fold that it never saw, `[N,K]`.
    """

    kind: str
    setting: float
    losses: Mapping[float, float]
    heads: dict[int, Head]
    priors: Mapping[int, np.ndarray] | None
    logits: np.ndarray

    def fit(self, ready: Ready) -> Head:
        """Not calibrated, and a discriminant without its priors."""
        assert self.setting
        if self.kind == DISCRIMINANT:
            return discriminant_of(ready).without_priors(self.setting)
        return regression_of(ready).fit(self.setting, ROUGH)

    def calibrated(self, labels: np.ndarray) -> Part:
        return Part(self.kind, self.setting, self._temperature(self.logits, labels))

    def calibrated_heads(self, temperature: float) -> dict[int, Head]:
        heads = {number: head.calibrated(temperature) for number, head in self.heads.items()}
        if self.priors is None:
            return heads
        return {number: head.shifted(self.priors[number]) for number, head in heads.items()}

    def logits_without(self, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """Calibrated logits `[N,K]`, by a temperature that was fitted without each one's fold."""
        found = self.logits.copy()
        for number in self.heads:
            outside = fold == number
            found[outside] /= self._temperature(self.logits[~outside], labels[~outside])
            if self.priors:
                found[outside] += self.priors[number].astype(found.dtype)
        return np.asarray(found)

    def _temperature(self, logits: np.ndarray, labels: np.ndarray) -> float:
        priors = np.mean([*self.priors.values()], axis=0) if self.priors else None
        return fit_temperature(logits, labels, least=1, priors=priors)


def _finish(folds: Folds, tried: Sequence[_Tried]) -> None:
    """Fit what was tried with its settings without each of the other folds."""
    for number in folds.others:
        ready = folds.prepare(number)
        for one in tried:
            one.heads[number] = one.fit(ready)
    for one in tried:
        one.logits = folds.logits(one.heads)


def _regressions(folds: Folds, strengths: Sequence[float]) -> _Tried:
    """The C with the lowest loss. The loss falls and then rises with C: from a usual one the search
    walks downhill until that saves too little, and first the way that the scores point: weaker if
    they claim too much."""
    regressions = {number: regression_of(ready) for number, ready in folds.prepared.items()}
    heads: dict[float, dict[int, Head]] = {}
    losses: dict[float, float] = {}
    truth = folds.labels[folds.searched]

    def loss(index: int) -> float:
        strength = strengths[index]
        if strength not in losses:
            fitted = side_by_side(
                lambda one: one.fit(strength, ROUGH), [*regressions.values()], heavy=folds.heavy
            )
            heads[strength] = dict(zip(regressions, fitted, strict=True))
            own = folds.logits(heads[strength])[folds.searched]
            losses[strength] = log_loss(
                own / fit_temperature(own, truth) if folds.many else own, truth
            )
        return losses[strength]

    pictures = folds.count if folds.many else 1
    usual = np.log((_USUAL_OF_MANY if folds.many else _USUAL) * pictures / folds.pictures)
    at = int(np.argmin(np.abs(np.log(strengths) - usual)))
    gain = max(_GAIN, _GAIN_OF_MANY * loss(at)) if folds.many else _GAIN
    loss(at)  # also where it is the only one
    own = folds.logits(heads[strengths[at]])[folds.searched]
    weaker = log_loss(0.9 * own, truth) < losses[strengths[at]]
    at = _downhill(loss, at, len(strengths), gain, (-1, 1) if weaker else (1, -1))
    return _Tried(REGRESSION, strengths[at], losses, heads[strengths[at]], None, np.zeros(0))


def _discriminants(folds: Folds) -> _Tried:
    """The shrinkage with the lowest loss of calibrated scores, found likewise."""
    discriminants = side_by_side(discriminant_of, [*folds.prepared.values()], heavy=folds.heavy)
    priors = {number: folds.log_priors(number) for number in folds.numbers}
    usual = np.mean([*priors.values()], axis=0) if priors else np.zeros(folds.count)
    heads: dict[float, dict[int, Head]] = {}
    losses: dict[float, float] = {}
    truth = folds.labels[folds.searched]

    def fitted(index: int) -> dict[int, Head]:
        shrinkage = SHRINKAGES[index]
        if shrinkage not in heads:
            if folds.rows is not None:  # of very many labels each takes as much room as embeddings
                heads.clear()
            found = side_by_side(
                lambda one: one.without_priors(shrinkage), discriminants, heavy=folds.heavy
            )
            heads[shrinkage] = dict(zip(folds.prepared, found, strict=True))
        return heads[shrinkage]

    def loss(index: int) -> float:
        shrinkage = SHRINKAGES[index]
        if shrinkage not in losses:
            own = folds.logits(fitted(index))[folds.searched]
            heat = fit_temperature(own, truth, least=1, priors=usual)
            losses[shrinkage] = log_loss(own / heat + usual.astype(own.dtype), truth)
        return losses[shrinkage]

    at = int(np.argmin(np.abs(np.array(SHRINKAGES) - _USUAL_SHRINKAGE)))
    loss(at)  # also where there is no fold to leave out
    at = _downhill(loss, at, len(SHRINKAGES), _GAIN_OF_SHRINKING, (1, -1))
    return _Tried(DISCRIMINANT, SHRINKAGES[at], losses, fitted(at), priors, np.zeros(0))


def _downhill(
    loss: Callable[[int], float], at: int, count: int, gain: float, ways: Sequence[int]
) -> int:
    """From setting number `at` of so many, as long as a step saves more than `gain`."""
    for step in ways:
        while 0 <= at + step < count and loss(at + step) < loss(at) - gain:
            at += step
    return at


def _compared(
    asked: Sequence[str],
    tried: Mapping[str, _Tried],
    labels: np.ndarray,
    fold: np.ndarray,
    groups: np.ndarray | None,
) -> tuple[Compared, ...]:
    """The kinds that were asked for, the best first."""
    logits = {name: one.logits_without(labels, fold) for name, one in tried.items()}
    if MEAN in asked:
        logits[MEAN] = np.asarray(sum(logits.values()) / len(logits))
    losses = {name: losses_of(logits[name], labels) for name in asked}
    means = {name: float(one.mean()) for name, one in losses.items()}
    best = min(means, key=lambda name: means[name])
    found = [
        Compared(name, mean, mean - means[best], _luck(losses[name] - losses[best], groups))
        for name, mean in means.items()
    ]
    return tuple(sorted(found, key=lambda one: one.loss))


def _luck(differences: np.ndarray, groups: np.ndarray | None) -> float:
    """The standard error of the mean of differences `[N]`, of which a group's stand together."""
    apart = differences - differences.mean()
    together = apart if groups is None else np.bincount(groups, apart)
    few = len(together) / max(1, len(together) - 1)
    return float(np.sqrt(few * np.sum(together**2)) / len(differences))


def _chosen(compared: Sequence[Compared]) -> str:
    within = {one.kind for one in compared if one.behind <= one.luck}  # the best itself too
    return next(kind for kind in _PREFERRED if kind in within)
