"""Subgroups that a label has too few pictures of, ranked by the errors that more of them would
mend.

A subgroup is *missing* if it is more common among the test pictures than among the training
pictures, and *hard* if the model gets more of it wrong than of the rest of its label. Both must be
more than chance among that many subgroups; otherwise there are too few pictures to tell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..evaluation.metrics import Estimate, Proportion
from .grouping import central, scarcity, subgroups

CHANCE = 0.05  # at most, that a subgroup of a label is said to be missing, or hard, where none is
FEWEST = 3  # pictures of a subgroup, of those tested or judged, before anything is said of it
THIN = 6  # a subgroup of fewer pictures than half the usual dozen
GROWTH = 0.5  # errors fall with the pictures of a subgroup to this power (Cortes et al. 1994)
_STEP = 5  # how many to add is rounded up to these


@dataclass(frozen=True)
class Sample:
    """N pictures, and what a model of K labels made of them.

    Attributes:
        vectors: embeddings, `[N,D]`.
        labels: indices of labels, `[N]`.
        scores: `[N,K]`.
        digests: the sha256 of each picture's content.
        judged: which pictures say how good the model is, bool `[N]`.
        known: whether `labels` are known; otherwise the model gave them.
    """

    vectors: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    digests: tuple[str, ...]
    judged: np.ndarray
    known: bool = True

    def only(self, rows: np.ndarray) -> Sample:
        """Some of the pictures, by their rows."""
        return Sample(
            self.vectors[rows],
            self.labels[rows],
            self.scores[rows],
            tuple(self.digests[i] for i in rows),
            self.judged[rows],
            self.known,
        )

    @cached_property
    def errors(self) -> np.ndarray:
        """For each picture 1 where it was judged, and wrong, else 0, `[N]`; of unknown labels how
        likely that is by a calibrated model: 1 minus its highest score."""
        if self.known:
            wrong = self.judged & (self.scores.argmax(axis=1) != self.labels)
            return np.asarray(wrong, dtype=np.float64)
        return np.asarray(1 - self.scores.max(axis=1))


@dataclass(frozen=True)
class Subgroup:
    """Pictures of one label that look alike, and what there is to say about them.

    Attributes:
        label: the index of their label.
        learnt: rows of the training pictures, the most central first.
        tested: rows of the test pictures, the most central first.
        wrong: how many of those judged are wrong.
        rest: the same for the label's other subgroups.
        wrong_tested: the same for `tested`; None if their labels are not known.
        likely_wrong: the errors that the advice is based on, or the sum of their probabilities.
        scarcity: the mean of `grouping.scarcity` over `tested`.
        missing: whether the test has more of these than chance explains.
        hard: whether these are wrong more often than chance explains.
        add: how many pictures to add.
        mended: the errors in 100 pictures that adding these would prevent; see `find_subgroups`.
    """

    label: int
    learnt: np.ndarray
    tested: np.ndarray
    wrong: Proportion
    rest: Proportion
    wrong_tested: Proportion | None
    likely_wrong: float
    scarcity: float
    missing: bool
    hard: bool
    add: int
    mended: Estimate

    @property
    def size(self) -> int:
        return len(self.learnt) + len(self.tested)

    @property
    def thin(self) -> bool:
        """Whether few of its pictures were learnt from."""
        return len(self.learnt) < THIN

    @property
    def stands_out(self) -> bool:
        return self.missing or self.hard


def find_subgroups(learnt: Sample, tested: Sample | None, count: int) -> tuple[Subgroup, ...]:
    """The subgroups of `count` labels: those that stand out first, then by the errors mended.

    Training and test pictures are grouped together, so a subgroup may have only one kind.

    The errors mended are the product of three factors. First, how many such pictures there are in
    100: of the test pictures, or of all pictures if the subgroup is hard and not missing, because
    then both sides have it. Second, how often they are wrong: (wrong + 1) / (judged + 2), Laplace's
    rule of succession, so that 3 of 3 does not mean always. Third, how much of that more pictures
    would prevent: if the subgroup is s times rarer among the training pictures, making it as common
    as in the test prevents 1 - 1/s; if it is hard, or nothing was tested, n + a pictures instead of
    n prevent 1 - (n / (n + a)) ** `GROWTH`, as learning curves fall. The interval is Wilson's, of
    the errors alone; benchmarks/gaps.py measured the third factor.
    """
    wholes = len(learnt.labels), len(tested.labels) if tested else 0
    pools = [_pool(k, learnt, tested) for k in range(count)]
    found = [subgroup for pool in pools for subgroup in _subgroups(pool, wholes)]
    return tuple(
        sorted(found, key=lambda subgroup: (not subgroup.stands_out, -subgroup.mended.value))
    )


def tail(hits: int, drawn: int, special: int, total: int) -> float:
    """The chance that of `drawn` out of `total`, `special` ones among them, `hits` or more are
    special: the hypergeometric distribution's upper tail, Fisher's exact test on one side."""
    whole = _log_choices(total, drawn)
    return min(
        1.0,
        sum(
            math.exp(_log_choices(special, k) + _log_choices(total - special, drawn - k) - whole)
            for k in range(max(hits, drawn + special - total), min(drawn, special) + 1)
        ),
    )


def to_add(have: int, learnt: int, fraction: float, usual: int) -> int:
    """How many pictures of a subgroup to add to the `have` among `learnt` of its label.

    As many as make its fraction `fraction`, that of the test pictures, but at most a half. If it
    has that fraction already: as many as make it `usual`, or as many again.
    """
    aim = min(fraction, 0.5)
    lacking = math.ceil((aim * learnt - have) / (1 - aim))
    if lacking <= 0:
        lacking = max(usual - have, have)
    return max(_STEP, _STEP * math.ceil(lacking / _STEP))


@dataclass(frozen=True)
class _Pool:
    """All M pictures of a label; the training pictures come before the test pictures.

    Attributes:
        label: the index of the label.
        rows: the rows of the pictures in their sample, `[M]`.
        tested: which of them are test pictures, bool `[M]`.
        vectors: embeddings, `[M,D]`.
        errors: how wrong each was judged, 0 to 1, `[M]`.
        judged: which of them say how good the model is, bool `[M]`.
        rarer: how much rarer each is among the training pictures, `[M]`; 0 for those.
        groups: the subgroup of each, `[M]`.
        known: whether the labels of the test pictures are known.
    """

    label: int
    rows: np.ndarray
    tested: np.ndarray
    vectors: np.ndarray
    errors: np.ndarray
    judged: np.ndarray
    rarer: np.ndarray
    groups: np.ndarray
    known: bool


def _pool(k: int, learnt: Sample, tested: Sample | None) -> _Pool:
    sides = [learnt, tested] if tested else [learnt]
    rows = [np.flatnonzero(side.labels == k) for side in sides]
    vectors = np.concatenate([side.vectors[own] for side, own in zip(sides, rows, strict=True)])
    n = len(rows[0])
    return _Pool(
        label=k,
        rows=np.concatenate(rows),
        tested=np.arange(len(vectors)) >= n,
        vectors=vectors,
        errors=np.concatenate([s.errors[own] for s, own in zip(sides, rows, strict=True)]),
        judged=np.concatenate(
            [s.judged[own] & s.known for s, own in zip(sides, rows, strict=True)]
        ),
        rarer=np.concatenate([np.zeros(n), scarcity(vectors[n:], vectors[:n])]),
        groups=subgroups(
            vectors, [s.digests[i] for s, own in zip(sides, rows, strict=True) for i in own]
        ),
        known=tested is None or tested.known,
    )


def _subgroups(pool: _Pool, wholes: tuple[int, int]) -> list[Subgroup]:
    number = len(np.unique(pool.groups))
    sizes = np.bincount(pool.groups[~pool.tested], minlength=number)
    usual = int(np.median(sizes)) if number else 0
    return [_subgroup(pool, pool.groups == group, number, usual, wholes) for group in range(number)]


def _subgroup(
    pool: _Pool, own: np.ndarray, among: int, usual: int, wholes: tuple[int, int]
) -> Subgroup:
    """The subgroup of the pictures `own`, one `among` so many; `wholes` are all pictures, of all
    labels, that were learnt from and tested."""
    learnt, tested = (_central(pool, own & side) for side in (~pool.tested, pool.tested))
    have, came = len(learnt), len(tested)
    all_learnt, all_tested = int((~pool.tested).sum()), int(pool.tested.sum())
    wrong, rest = _wrong(pool, own), _wrong(pool, ~own)
    missing = came >= FEWEST and _beyond_chance(
        came, came + have, all_tested, all_learnt + all_tested, among
    )
    hard = min(wrong.n, 2 * wrong.correct) >= FEWEST and _beyond_chance(
        wrong.correct, wrong.n, wrong.correct + rest.correct, wrong.n + rest.n, among
    )
    add = to_add(have, all_learnt, came / all_tested if all_tested else 0.0, usual)
    rarer = float(pool.rarer[own & pool.tested].mean()) if came else 0.0
    mends = 1 - math.exp(-max(rarer, 0.0))
    if hard or not all_tested:
        mends = max(mends, 1 - ((have + 1) / (have + 1 + add)) ** GROWTH)
    by_test = missing or (all_tested > 0 and not hard)
    told = own & pool.tested if by_test else own
    of_a_hundred = 100 * int(told.sum()) / max(1, wholes[1] if by_test else sum(wholes))
    likely = float(pool.errors[told].sum())
    return Subgroup(
        label=pool.label,
        learnt=learnt,
        tested=tested,
        wrong=wrong,
        rest=rest,
        wrong_tested=_wrong(pool, own & pool.tested) if pool.known and came else None,
        likely_wrong=likely,
        scarcity=rarer,
        missing=missing,
        hard=hard,
        add=add,
        mended=_scaled(
            of_a_hundred * mends,
            float(wrong.correct) if pool.known else likely,
            wrong.n if pool.known else int(told.sum()),
        ),
    )


def _beyond_chance(hits: int, drawn: int, special: int, total: int, among: int) -> bool:
    """Whether so many hits are too many for chance, in any of so many subgroups (Bonferroni)."""
    return tail(hits, drawn, special, total) <= CHANCE / among


def _scaled(weight: float, wrong: float, judged: int) -> Estimate:
    """A fraction of errors by the rule of succession, with Wilson's interval, times a weight."""
    low, high = Proportion(round(wrong), judged).interval
    return Estimate(weight * (wrong + 1) / (judged + 2), (weight * low, weight * high))


def _wrong(pool: _Pool, own: np.ndarray) -> Proportion:
    judged = own & pool.judged
    return Proportion(round(float(pool.errors[judged].sum())), int(judged.sum()))


def _central(pool: _Pool, own: np.ndarray) -> np.ndarray:
    """The rows of some pictures in their sample, the most central first."""
    return np.asarray(pool.rows[own][central(pool.vectors[own])] if own.any() else pool.rows[own])


def _log_choices(n: int, k: int) -> float:
    """The logarithm of how many ways there are to choose k of n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
