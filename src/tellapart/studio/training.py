"""Training by itself: after each change of the folder, a moment later, unless a newer one comes.

    ask() ─ a moment without another change ─ tellapart.train(folder) ─ result, told to all pages
                                                     └ a newer change, or Stop: ends at its pause

A newer change ends what is under way; but where changes come faster than a training ends, there
would never be a result. So after `_PATIENCE` seconds of that one is let through, and is followed by
another as soon as it is done. What fails leaves the model that there was, as long as the folder has
the labels that it tells apart; where there is nothing left to tell apart, there is no model either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..assess.comparing import may_be_luck
from ..backbones.rows import quality as quality_row
from ..dataset.sources import SkippedFile, read_dataset
from ..errors import TellapartError, UsageError
from ..evaluation.metrics import Proportion
from ..evaluation.sentences import headline
from ..model.classifier import Classifier
from ..training.options import Watch
from ..training.quality_trials import seconds_each
from ..training.result import TrainResult
from ..training.train import train
from ..workers.local import behind_others
from ..workers.pausing import pausing
from .preferences import is_score, read_preferences, write_preferences
from .problems import trouble
from .verdict import verdict

_PAUSE = 0.5  # seconds without a change, before it begins
_PATIENCE = 15.0  # seconds of changes, after which one training is let through
_OFTEN = 0.1  # seconds between two words on how many pictures were looked at

PICTURES = "pictures"  # what is being done while they are looked at


class _EndedError(Exception):
    """What is trained on has changed meanwhile, or nobody wants the result."""


@dataclass(frozen=True)
class Trained:
    """One training of this session.

    Attributes:
        round: its number.
        pictures: how many it learnt from.
        quality: with which quality.
        accuracy: the one to be believed.
        seconds: how long it took.
        judged: all that judged it, by name, the one to be believed first.
        lucky: the names of those by which luck alone may have moved the score since the training
            before.
    """

    round: int
    pictures: int
    quality: str
    accuracy: Proportion
    seconds: float
    judged: Mapping[str, Proportion]
    lucky: frozenset[str]

    def to_json(self) -> dict[str, object]:
        known = self.accuracy.n > 0
        return {
            "round": self.round,
            "pictures": self.pictures,
            "quality": self.quality,
            "correct": self.accuracy.correct,
            "n": self.accuracy.n,
            "value": self.accuracy.value if known else None,
            "interval": list(self.accuracy.interval) if known else None,
            "seconds": self.seconds,
        }


class Trainer:
    """A thread that trains on a folder whenever it is told that something has changed.

    Attributes:
        preferences: the quality, and what counts as sure.
        result: of the newest training; None before there is one, and when the folder has no longer
            what it could learn from.
        history: the trainings of this session, since there is a model.
        round: how many trainings there were in this session.
        error: why the last one failed, as a sentence and a hint; empty if it did not.
        missing: the labels that there are pictures of, where these are too few to train; else None.
        skipped: files that the last training could not read.
        costs: seconds that a picture takes with each quality; empty until somebody wants to know.
    """

    def __init__(
        self, root: Path, quality: str | None, tell: Callable[[dict[str, object]], None]
    ) -> None:
        self.root = root
        self.preferences = read_preferences(root)
        if quality:
            self.preferences = replace(self.preferences, quality=quality_row(quality).name)
        self.result: TrainResult | None = None
        self.history: list[Trained] = []
        self.round = 0
        self.error = ("", "")
        self.missing: tuple[str, ...] | None = None
        self.skipped: tuple[SkippedFile, ...] = ()
        self.costs: dict[str, float] = {}
        self.finished = 0.0  # when the newest model was, as time.time() says it
        self._tell = tell
        self._labels: list[str] = []  # that there was something to learn of, the last time
        self._wake = threading.Condition()
        self._asked = 0  # how often something has changed
        self._begun = 0  # of these, what is trained on
        self._done = 0  # of these, what was trained on or given up
        self._since = 0.0  # when the first change came that is not trained on yet
        self._last = 0.0  # when the last one came
        self._at_once = self._stopped = self._ended = self._curious = False
        self._doing: tuple[str, int, int] = ("", 0, 0)  # what, done, total
        self._told = 0.0
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)

    @property
    def quality(self) -> str:
        """What it trains with."""
        return self.preferences.quality

    @property
    def classifier(self) -> Classifier | None:
        """The newest model there is."""
        result = self.result
        return result.classifier if result else None

    @property
    def sure_above(self) -> float | None:
        """The score from which on an answer counts as sure: the one that was chosen, or else the
        one above which 99 % are right; None where no score is."""
        chosen = self.preferences.sure_above
        return self.usually_sure_above if chosen is None else chosen

    @property
    def usually_sure_above(self) -> float | None:
        """The score above which 99 % are right; None where no score is."""
        result = self.result
        found = next(iter(result.evaluations.values())).sure if result else None
        return found.score if found else None

    def start(self) -> None:
        self._thread.start()

    def ask(self, *, at_once: bool = False) -> None:
        """Something has changed; `at_once`: train without waiting for another change."""
        with self._wake:
            self._last = time.monotonic()
            if self._asked == self._done:
                self._since = self._last
            self._asked += 1
            self._at_once |= at_once
            self._stopped = False
            self._wake.notify()
        self._say()

    def stop(self) -> None:
        """Leave it, until the next change."""
        with self._wake:
            self._stopped = True
            self._wake.notify()

    def choose(self, quality: str) -> None:
        """Train with another quality from now on.

        Raises:
            UsageError: there is none of this name.
            OSError: it could not be written down; it is chosen all the same.
        """
        self.preferences = replace(self.preferences, quality=quality_row(quality).name)
        self.ask(at_once=True)
        write_preferences(self.root, self.preferences)

    def be_sure_above(self, score: float | None) -> None:
        """Count an answer as sure from another score on; None: where 99 % are right.

        Raises:
            UsageError: it is no score.
            OSError: as for `choose`.
        """
        if score is not None and not is_score(score):
            raise UsageError("A score is a number from 0 to 1.")
        self.preferences = replace(self.preferences, sure_above=score)
        self._say()
        write_preferences(self.root, self.preferences)

    def take_times(self) -> None:
        """Find out what each quality costs here, as soon as there is nothing else to do."""
        with self._wake:
            self._curious = not self.costs
            self._wake.notify()

    def end(self) -> None:
        with self._wake:
            self._ended = True
            self._wake.notify()

    def _run(self) -> None:
        with behind_others():
            while self._wait():
                try:
                    if self._begun == self._done:
                        self._time()
                    else:
                        self._train()
                except _EndedError:
                    if self._stopped:
                        self._finish()
                except Exception as error:  # the page shows it, and the next change tries again
                    if self._asked != self._begun:
                        continue  # files were moved under its hands
                    self.error = trouble(error, "Training has failed.")
                    if self.classifier and not set(self.classifier.labels) <= set(self._labels):
                        self._let_go()
                    self._finish()

    def _wait(self) -> bool:
        """Until there is something to do; whether there is, or it has ended."""
        with self._wake:
            while not self._ended:
                now = time.monotonic()
                if self._stopped and self._asked != self._done:
                    self._begun = self._asked
                    self._finish()
                if self._asked == self._done:
                    if self._curious:
                        break
                    self._wake.wait()
                elif self._at_once or self._is_late() or now >= self._last + _PAUSE:
                    break
                else:
                    self._wake.wait(self._last + _PAUSE - now)
            self._begun, self._at_once, self._stopped = self._asked, False, False
            return not self._ended

    def _is_late(self) -> bool:
        """Whether it has been changes without a result for too long."""
        return time.monotonic() - self._since > _PATIENCE

    def _check(self) -> None:
        if self._ended or self._stopped or (self._asked != self._begun and not self._is_late()):
            raise _EndedError

    def _train(self) -> None:
        begun = time.monotonic()
        dataset = read_dataset(self.root, at_least=0)
        held = ("test", "validation")
        labels = sorted({item.label for item in dataset.items if item.split not in held})
        self._labels = labels
        self.missing = tuple(labels) if len(labels) < 2 else None
        if self.missing is not None:
            self.skipped, self.error = dataset.skipped, ("", "")
            self._let_go()
            self._finish()
            return
        watch = Watch(self._pictures, self._stage, pause=self._check)
        result = train(self.root, quality=self.preferences.quality, watch=watch)
        before = self.result.evaluations if self.result else {}
        self.result, self.skipped, self.error = result, result.skipped, ("", "")
        self.finished = time.time()
        believed, evaluation = headline(result.evaluations)
        others = {name: one.accuracy for name, one in result.evaluations.items() if one.accuracy.n}
        self.round += 1
        self.history.append(
            Trained(
                round=self.round,
                pictures=sum(result.classifier.manifest.counts),
                quality=result.classifier.manifest.quality,
                accuracy=evaluation.accuracy,
                seconds=time.monotonic() - begun,
                judged={believed: evaluation.accuracy, **others},
                lucky=frozenset(
                    name
                    for name, one in result.evaluations.items()
                    if name in before and may_be_luck(before[name], one)
                ),
            )
        )
        self._finish()

    def _let_go(self) -> None:
        """The folder has nothing any more that the model is of."""
        self.result, self.history = None, []

    def _finish(self) -> None:
        """What was begun is done with."""
        with self._wake:
            self._done = self._begun
            if self._asked != self._done:
                self._since = time.monotonic()
        self._stage("")

    def _time(self) -> None:
        """See what each quality costs, unless something has to be trained."""
        self._curious = False
        with pausing(self._check):
            try:
                items = read_dataset(self.root, at_least=0).items
                self.costs = seconds_each([item.path for item in items]) if items else {}
            except (_EndedError, TellapartError):
                return
        self._say()

    def _pictures(self, done: int, total: int) -> None:
        self._check()
        self._doing = (PICTURES, done, total)
        if done == total or time.monotonic() - self._told > _OFTEN:
            self._say()

    def _stage(self, what: str) -> None:
        if what:
            self._check()
        self._doing = (what, 0, 0)
        self._say()

    @property
    def state(self) -> dict[str, object]:
        """How it stands, in short."""
        result, history = self.result, self.history  # as they are now: another thread trains
        last = history[-1] if history else None
        doing, done, total = self._doing
        error, hint = self.error
        return {
            "doing": doing,
            "done": done,
            "total": total,
            "waiting": self._asked != self._done,
            "error": error,
            "hint": hint,
            "missing": None if self.missing is None else list(self.missing),
            "quality": self.preferences.quality,
            "sure_above": self.sure_above,
            "sure_usual": self.usually_sure_above,
            "sure_chosen": self.preferences.sure_above is not None,
            "costs": self.costs,
            **(last.to_json() if last else {"round": 0, "value": None}),
            "judged": headline(result.evaluations)[0] if result else None,
            "moved": _moved(history),
            "enough": verdict(result) if result else None,
        }

    def _say(self) -> None:
        self._told = time.monotonic()
        self._tell(self.state)


def _moved(history: list[Trained]) -> list[dict[str, object]]:
    """All that judged the newest model, that to be believed first, with the share that is right
    now and `before`, by the training before; null where that was not judged so. `luck` is
    whether it may have moved by luck alone."""
    if not history:
        return []
    before = history[-2].judged if history[1:] else {}
    return [
        {
            "name": name,
            "now": one.value,
            "before": before[name].value if name in before else None,
            "n": one.n,
            "luck": name in history[-1].lucky,
        }
        for name, one in history[-1].judged.items()
        if one.n
    ]
