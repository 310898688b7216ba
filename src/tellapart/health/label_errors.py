"""Which labels are likely wrong: all pictures ranked, the likeliest first, and what that is worth.

Judges say what each picture shows (judges.py), and how labels came about says how likely each is
wrong (label_noise.py). Labels are then planted wrong among these pictures, and all is judged again:
what comes out is known, so that the scores can be held to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dataset.split import position
from ..text import several
from .judges import Judges
from .label_noise import label_noise

FIRST = 20  # of a list, which its worth is told by
KEPT = 12  # in a row, after which the rest is likely right
LIKELY = 0.5  # the score from which a label is more likely wrong than right
SURE = 0.98  # the score of a label that can be changed without a look at the picture
_EACH = 0.6  # what each judge gives at least to the label it is changed to
_PLANTED = (0.03, 0.1)  # of the pictures, at least and at most
_FEWEST_PLANTED = 5
_FEW_PLANTED = 10  # that say half of what they seem to
_WORTH = 0.5  # with less of it, a list says nothing
_FEWEST = 3  # groups of a label, with fewer of which nothing can be said of it
_CERTAIN = -np.inf  # log odds of what is not to be doubted
_STEEP = 6.0  # what a difference of 1 counts beside a ratio of e


@dataclass(frozen=True)
class LabelErrors:
    """How likely the labels of N pictures are wrong.

    Attributes:
        order: int `[N]`, the pictures, the likeliest to be wrong first.
        scores: how likely each label is wrong, `[N]`.
        suggested: int `[N]`, the likeliest other label.
        sure: bool `[N]`, where all judges say the same other label and hardly any doubt is left.
        planted: how many labels were planted wrong for a trial.
        found: how many of them were as far up the list as all that are wrong should be.
        worth: how much more often they were than by chance, 1 at most; 0 where none was planted.
    """

    order: np.ndarray
    scores: np.ndarray
    suggested: np.ndarray
    sure: np.ndarray
    planted: int
    found: int
    worth: float

    @property
    def likely(self) -> np.ndarray:
        """The pictures whose labels are more likely wrong than right, in order."""
        return np.asarray(self.order[self.scores[self.order] >= LIKELY])

    def expected(self, first: int | None = None) -> float:
        """How many labels are wrong, among the first so many of the list or among all."""
        return float(self.scores[self.order[:first]].sum())

    @property
    def tells(self) -> bool:
        """Whether the list says anything: whether labels that were planted wrong come up."""
        return bool(self.planted > 0 and self.worth >= _WORTH)

    @property
    def words(self) -> str:
        """What the list is worth."""
        if not self.planted:
            return "These pictures are too few to say which labels are wrong."
        trial = (
            f"{several(self.planted, 'label')} {'was' if self.planted == 1 else 'were'} "
            f"made wrong in memory, with no file or label of yours changed"
        )
        if not self.tells:
            return (
                f"Wrong labels cannot be told from right ones here: for a trial, {trial}, and only "
                f"{self.found:,} of them came as far up the list as wrong ones should."
            )
        first = min(FIRST, len(self.order))
        said = (
            f"Of the first {first} labels on the list, {_about(self.expected(first))} wrong; "
            f"of all {len(self.order):,}, {_about(self.expected())}."
        )
        return (
            f"{said} For a trial, {trial}, and {self.found:,} of them came as far up the list as "
            f"wrong ones should."
        )


@dataclass(frozen=True)
class Rest:
    """What is left of a list that someone walks through.

    Attributes:
        enough: whether it is likely right.
        words: why, or an empty string.
    """

    enough: bool
    words: str


def rest_after(kept: Sequence[bool]) -> Rest:
    """Whether to stop, after so many decisions in the order of the list: true where a label was
    kept.

    If `KEPT` in a row are right, at most 22 % of the next are wrong, with 95 % confidence (0.78 to
    the power of 12 is 0.05), and the list gets better as it goes on.
    """
    last = kept[-KEPT:]
    if len(last) < KEPT or not all(last):
        return Rest(False, "")
    return Rest(True, "Twelve kept in a row: the rest is likely right.")


def _about(expected: float) -> str:
    if expected < 0.5:
        return "likely none is"
    return f"about {expected:,.0f} {'is' if round(expected) == 1 else 'are'}"


def find_label_errors(
    judges: Judges, labels: np.ndarray, digests: Sequence[str], known: np.ndarray | None = None
) -> LabelErrors:
    """Rank N pictures by how likely their `labels` int `[N]` are wrong.

    `digests` say which labels are planted wrong for a trial, so that the same pictures give the
    same answer. Labels that are `known` to be right, bool `[N]`, come last. So do labels of fewer
    than `_FEWEST` groups to learn from, of which nothing can be said.
    """
    doubtful = judges.tested(labels, _FEWEST)
    if known is not None:
        doubtful &= ~known
    opinions = judges.judge(labels)
    mixture = opinions.mean(axis=0)
    odds = np.where(doubtful, _log_odds(judges, mixture, labels), _CERTAIN)
    order = _order(mixture, labels, odds)
    planted = _planted(judges, mixture, labels, odds, digests)
    changed = planted != labels
    found, worth = 0, 0.0
    if changed.any():
        again = judges.judge(planted, deals=1).mean(axis=0)
        rows = judges.learnt
        trial = np.where(rows & doubtful, _log_odds(judges, again, planted), _CERTAIN)
        truth = np.where(changed, 1.0, _logistic(odds))
        many = int(np.count_nonzero(changed))
        shift = _shift(trial[rows], truth[rows]) * many / (many + _FEW_PLANTED)
        odds = np.where(doubtful, odds + shift, _CERTAIN)
        first = round(float(truth[rows].sum()))
        found = int(np.count_nonzero(changed[_order(again, planted, trial)[:first]]))
        chance = first / np.count_nonzero(rows)
        worth = max(0.0, (found / many - chance) / max(1 - chance, 1e-9))
    suggested = _without(mixture, labels).argmax(axis=1)
    agreed = (opinions[:, np.arange(len(labels)), suggested] >= _EACH).all(axis=0)
    scores = np.empty(len(labels))
    scores[order] = _falling(np.where(doubtful, _logistic(odds), 0.0)[order])
    scores *= 1.0 if worth >= _WORTH else worth  # so that none is likely wrong
    return LabelErrors(
        order=order,
        scores=scores,
        suggested=suggested,
        sure=agreed & (scores >= SURE),
        planted=int(np.count_nonzero(changed)),
        found=found,
        worth=worth,
    )


def _log_odds(judges: Judges, mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logarithm of the odds that each label is wrong, by what the judges say together
    `[N,K]`: `[N]`."""
    rows = judges.learnt
    return label_noise(mixture[rows], labels[rows]).odds(mixture, labels)


def _order(mixture: np.ndarray, labels: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """The order of N pictures, the likeliest to have a wrong label first.

    The odds know which labels are mistaken for which, the ratio of the likeliest other label to
    their own is best with few wrong labels, and the difference of these two with many. The sum
    finds wrong labels more often than each of them alone (benchmarks/label_errors.py).
    """
    own = mixture[np.arange(len(labels)), labels]
    other = _without(mixture, labels).max(axis=1)
    ratio = np.log(np.maximum(other, 1e-12) / np.maximum(own, 1e-12))
    suspect = np.where(odds > _CERTAIN, odds + ratio + _STEEP * (other - own), -np.inf)
    return np.argsort(-suspect, kind="stable")


def _falling(values: np.ndarray) -> np.ndarray:
    """The values `[N]` that never rise and are nearest to these: means of neighbours that do (Ayer
    et al. 1955)."""
    means: list[float] = []
    sizes: list[int] = []
    for value in values.tolist():
        means.append(value)
        sizes.append(1)
        while len(means) > 1 and means[-2] < means[-1]:
            mean, size = means.pop(), sizes.pop()
            means[-1] = (means[-1] * sizes[-1] + mean * size) / (sizes[-1] + size)
            sizes[-1] += size
    return np.repeat(means, sizes)


def _planted(
    judges: Judges,
    mixture: np.ndarray,
    labels: np.ndarray,
    odds: np.ndarray,
    digests: Sequence[str],
) -> np.ndarray:
    """The labels with some made wrong: as many as seem to be wrong, within bounds.

    Which, is drawn by the pictures' contents. Every other one gets the label that is most often
    taken for its own, the others any.
    """
    rows = np.flatnonzero(judges.learnt & (odds > _CERTAIN) & (odds < 0))
    wrong = float(_logistic(odds[judges.learnt]).sum())
    least, most = (round(share * len(rows)) for share in _PLANTED)
    many = min(len(rows) // 3, max(_FEWEST_PLANTED, least, min(most, round(wrong))))
    place = np.array([position(digests[row], "planted/") for row in rows.tolist()])
    chosen = rows[np.argsort(place, kind="stable")[:many]]
    likeness = np.stack(
        [
            mixture[labels == k].mean(axis=0) if np.any(labels == k) else np.zeros(judges.count)
            for k in range(judges.count)
        ]
    )
    np.fill_diagonal(likeness, -1)
    nearest_first = np.argsort(-likeness, axis=1, kind="stable")
    found = labels.copy()
    for number, row in enumerate(chosen.tolist()):
        lot = position(digests[row], "label/") if number % 2 else 0.0
        found[row] = nearest_first[labels[row], int(lot * (judges.count - 1))]
    return np.asarray(found)


def _shift(log_odds: np.ndarray, truth: np.ndarray) -> float:
    """What is to be added to `log_odds` `[R]` so that as many are wrong as by `truth` `[R]`, which
    says how likely each is."""
    low, high = -2.0, 2.0
    for _ in range(30):
        middle = (low + high) / 2
        if _logistic(log_odds + middle).sum() < truth.sum():
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _without(mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities `[N,K]`, with none for each picture's own label."""
    found = mixture.copy()
    found[np.arange(len(labels)), labels] = -1
    return np.asarray(found)


def _logistic(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -500, 500))))
