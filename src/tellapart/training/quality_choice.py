"""Which quality `quality="auto"` takes, and why: arithmetic and words, no picture and no clock.

answers of each quality on the same pictures -> the quality to take, and its figures
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..evaluation.metrics import Estimate, Proportion, paired_gain
from ..text import duration, percent, several

AUTO = "auto"
TIME_LIMIT = 300.0  # seconds


@dataclass(frozen=True)
class Trial:
    """What is known of one quality.

    Attributes:
        quality: a row of `QUALITIES`.
        milliseconds: what embedding a picture took on this machine, all its cores at work; None
            where that was not measured.
        slower: how many times as long that is as with the quickest quality.
        accuracy: of the pictures compared on, cross-validated; None where it was not tried.
        gain: how much more often it is right than the quickest; None for that one, and where it was
            not tried.
        gain_on_chosen: how much more often a slower one is right than the one chosen, if that is
            not the quickest.
        needs: a limit in seconds that would do for comparing and training with it, where there
            was not so much time.
    """

    quality: str
    milliseconds: float | None = None
    slower: float | None = None
    accuracy: Proportion | None = None
    gain: Estimate | None = None
    gain_on_chosen: Estimate | None = None
    needs: float | None = None


@dataclass(frozen=True)
class QualityChoice:
    """The quality that was taken, and what speaks for it.

    Attributes:
        quality: the one that was taken.
        trials: all qualities, the quickest first.
        pictures: how many training pictures they were compared on; 0 where nothing was compared.
        of: how many training pictures there are.
        time_limit: the seconds that there were, training included.
        seconds: what choosing took, embedding included.
    """

    quality: str
    trials: tuple[Trial, ...]
    pictures: int
    of: int
    time_limit: float
    seconds: float

    @property
    def words(self) -> str:
        """The choice with its figures, in sentences."""
        return " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        quickest, *slower = self.trials
        limit = _exactly(self.time_limit)
        if quickest.accuracy:
            tried = _listed([trial.quality for trial in self.trials if trial.accuracy])
            on = several(self.of, "training picture")
            if self.pictures < self.of:
                on = f"{self.pictures:,} of {on}"
            yield f"Quality {self.quality} was chosen: {tried} were cross-validated on {on}."
            yield f"{quickest.quality}: {percent(quickest.accuracy.value)} right."
        else:
            others = _listed([trial.quality for trial in slower])
            yield f"Quality {self.quality} was taken without comparing it with {others}."
            if quickest.milliseconds is None:
                yield (
                    f"Embedding all pictures with {quickest.quality} took "
                    f"{duration(self.seconds)}, and the limit is {limit}."
                )
            elif all(trial.needs is None for trial in slower):
                yield "Cross-validation could judge no picture."
        for trial in slower:
            late = f"that takes about {duration(trial.needs or 0)} in all, and the limit is {limit}"
            if trial.gain:
                more = f"{points(trial.gain)} over {quickest.quality}, {self._remark(trial)}"
                yield f"{trial.quality}: {more}."
                if trial.needs:
                    yield f"There is no time to train with it: {late}."
            elif trial.needs:
                yield f"{trial.quality}, {_times(trial.slower)}, was not tried: {late}."

    def _remark(self, trial: Trial) -> str:
        """How slow it is, and whether its gain is more than luck."""
        assert trial.gain
        slower, (low, high), more = _times(trial.slower), trial.gain.interval, trial.gain_on_chosen
        if low <= 0 <= high:
            return f"{slower}; that may be luck"
        if more and more.value <= 0 < low:
            return f"{slower}, and no better than {self.quality}"
        if more and more.interval[0] <= 0 < low:
            return f"{slower}; what it adds to {self.quality} may be luck"
        return slower


def points(gain: Estimate) -> str:
    """`+1.2 points (0.3 to 2.1)`."""
    low, high = (100 * bound for bound in gain.interval)
    return f"{100 * gain.value:+.1f} points ({low:.1f} to {high:.1f})"


def _times(ratio: float | None) -> str:
    """`8 times slower`, `2.6 times slower`; `as fast` where one would not notice."""
    assert ratio is not None
    if ratio < 1.05:
        return "as fast"
    return f"{ratio:.0f} times slower" if ratio >= 3 else f"{ratio:.1f} times slower"


def _exactly(seconds: float) -> str:
    """A limit as it was given: `90 seconds`, `2 minutes`, `0.5 seconds`."""
    for unit, noun in ((3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            return several(int(seconds // unit), noun)
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    """`fast, good and best`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def better(right: Mapping[str, np.ndarray], keys: Sequence[str]) -> str:
    """The quality to take, by which of S pictures each has right, bool `[S]`, the quickest first.

    A slower one is taken only where it is right more often by more than luck (the 95 % interval of
    the difference lies above 0) than the quicker one that would be taken otherwise. `keys` `[S]`
    are equal for pictures that may not be parted, such as those of a burst.
    """
    taken, *slower = right
    for name in slower if keys else ():
        if paired_gain(right[taken], right[name], keys).interval[0] > 0:
            taken = name
    return taken


def with_figures(
    trials: Mapping[str, Trial],
    right: Mapping[str, np.ndarray],
    keys: Sequence[str],
    chosen: str,
    in_time: Collection[str],
) -> list[Trial]:
    """The same trials with what `right` says of those that were tried, as for `better`, and what
    those need that training with would take too long: all slower ones but those `in_time`."""
    quickest, *slower = right
    found = []
    for name, trial in trials.items():
        if name in right and keys:
            gain = paired_gain(right[quickest], right[name], keys)
            more = paired_gain(right[chosen], right[name], keys)
            beyond = chosen != quickest and name in slower[slower.index(chosen) + 1 :]
            trial = replace(
                trial,
                accuracy=Proportion(int(right[name].sum()), len(keys)),
                gain=gain if name != quickest else None,
                gain_on_chosen=more if beyond else None,
            )
        found.append(replace(trial, needs=None) if name in in_time else trial)
    return found
