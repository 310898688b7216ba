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
EACH = 0.6  # what each judge gives at least to the label it is changed to
_PLANTED = (0.03, 0.1)  # of the pictures, at least and at most
_FEWEST_PLANTED = 5
_FEW_PLANTED = 10  # that say half of what they seem to
_WORTH = 0.5  # with less of it, a list says nothing
FEWEST = 3  # groups of a label, with fewer of which nothing can be said of it
CERTAIN = -np.inf  # log odds of what is not to be doubted
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
        tried: among how many pictures; 0 if among all.
    """

    order: np.ndarray
    scores: np.ndarray
    suggested: np.ndarray
    sure: np.ndarray
    planted: int
    found: int
    worth: float
    tried: int = 0

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
        among = f" among {self.tried:,} pictures" if self.tried else ""
        trial = (
            f"or a trial{among}, {several(self.planted, 'label')} "
            f"{'was' if self.planted == 1 else 'were'} made wrong in memory, with no file or label "
            f"of yours changed"
        )
        if not self.tells:
            return (
                f"Wrong labels cannot be told from right ones here: f{trial}, and only "
                f"{self.found:,} of them came as far up the list as wrong ones should."
            )
        first = min(FIRST, len(self.order))
        said = (
            f"Of the first {first} labels on the list, {_about(self.expected(first))} wrong; "
            f"of all {len(self.order):,}, {_about(self.expected())}."
        )
        return (
            f"{said} F{trial}, and {self.found:,} of them came as far up the list as wrong ones "
            f"should."
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
    than `FEWEST` groups to learn from, of which nothing can be said.
    """
    doubtful = judges.tested(labels, FEWEST)
    if known is not None:
        doubtful &= ~known
    opinions = judges.judge(labels)
    mixture = opinions.mean(axis=0)
    odds = np.where(doubtful, _log_odds(judges, mixture, labels), CERTAIN)
    order = in_order(odds, *own_and_other(mixture, labels))
    trial = try_planted(judges, mixture, labels, odds, digests)
    suggested = _without(mixture, labels).argmax(axis=1)
    agreed = np.all(opinions[:, np.arange(len(labels)), suggested] >= EACH, axis=0)
    return ranked(order, odds, suggested, agreed, trial)


@dataclass(frozen=True)
class Trial:
    """What came of labels that were `planted` wrong: how many were `found`, what the list is
    `worth`, and what is to be added to the log odds of labels that may be wrong."""

    planted: int = 0
    found: int = 0
    worth: float = 0.0
    shift: float = 0.0


def try_planted(
    judges: Judges,
    mixture: np.ndarray,
    labels: np.ndarray,
    odds: np.ndarray,
    digests: Sequence[str],
) -> Trial:
    """Plant some labels wrong among N pictures and judge all again; `mixture` `[N,K]` and the log
    `odds` `[N]` are what was made of them as they are."""
    planted = _planted(judges, mixture, labels, odds, digests)
    changed = planted != labels
    if not changed.any():
        return Trial()
    again = judges.judge(planted, deals=1).mean(axis=0)
    rows, doubtful = judges.learnt, odds > CERTAIN
    trial = np.where(rows & doubtful, _log_odds(judges, again, planted), CERTAIN)
    truth = np.where(changed, 1.0, _logistic(odds))
    many = int(np.count_nonzero(changed))
    shift = _shift(trial[rows], truth[rows]) * many / (many + _FEW_PLANTED)
    first = round(float(truth[rows].sum()))
    order = in_order(trial, *own_and_other(again, planted))
    found = int(np.count_nonzero(changed[order[:first]]))
    chance = first / np.count_nonzero(rows)
    return Trial(many, found, max(0.0, (found / many - chance) / max(1 - chance, 1e-9)), shift)


def ranked(
    order: np.ndarray,
    odds: np.ndarray,
    suggested: np.ndarray,
    agreed: np.ndarray,
    trial: Trial,
    tried: int = 0,
) -> LabelErrors:
    """The list, from its order, the log odds of each label, the likeliest other, and whether all
    judges say that, each `[N]`; and what a trial brought, among so many."""
    doubtful = odds > CERTAIN
    scores = np.empty(len(odds))
    scores[order] = _falling(np.where(doubtful, _logistic(odds + trial.shift), 0.0)[order])
    scores *= 1.0 if trial.worth >= _WORTH else trial.worth  # so that none is likely wrong
    return LabelErrors(
        order=order,
        scores=scores,
        suggested=suggested,
        sure=agreed & (scores >= SURE),
        planted=trial.planted,
        found=trial.found,
        worth=trial.worth,
        tried=tried,
    )


def _log_odds(judges: Judges, mixture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The logarithm of the odds that each label is wrong, by what the judges say together
    `[N,K]`: `[N]`."""
    rows = judges.learnt
    return label_noise(mixture[rows], labels[rows]).odds(mixture, labels)


def in_order(odds: np.ndarray, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The order of N pictures, the likeliest to have a wrong label first.

    The log odds know which labels are mistaken for which, the ratio of the likeliest other label to
    their own is best with few wrong labels, and the difference of these two with many. The sum
    finds wrong labels more often than each of them alone (benchmarks/label_errors.py).
    """
    ratio = np.log(np.maximum(other, 1e-12) / np.maximum(own, 1e-12))
    suspect = np.where(odds > CERTAIN, odds + ratio + _STEEP * (other - own), -np.inf)
    return np.argsort(-suspect, kind="stable")


def own_and_other(mixture: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What probabilities `[N,K]` say of each one's own label and of the likeliest other, `[N]`."""
    return mixture[np.arange(len(labels)), labels], _without(mixture, labels).max(axis=1)


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
    rows = np.flatnonzero(judges.learnt & (odds > CERTAIN) & (odds < 0))
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
