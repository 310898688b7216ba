"""Training by itself: after each change of the folder, a moment later, unless a newer one comes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from ..errors import TellapartError
from ..model.classifier import Classifier
from ..training.options import Watch
from ..training.result import TrainResult
from ..training.train import train

_log = logging.getLogger(__name__)
_PAUSE = 0.5  # seconds without a change, before it begins


class _NewerError(Exception):
    """What is trained on has changed meanwhile."""


class Trainer:
    """A thread that trains on a folder whenever it is told that something has changed."""

    def __init__(self, root: Path, quality: str, tell: Callable[[dict[str, object]], None]) -> None:
        self.root = root
        self.quality = quality
        self.result: TrainResult | None = None
        self.error = ""
        self.state: dict[str, object] = {"doing": ""}
        self._tell = tell
        self._wake = threading.Condition()
        self._asked = 0  # how often something has changed
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="training", daemon=True)

    @property
    def classifier(self) -> Classifier | None:
        """The newest model there is."""
        return self.result.classifier if self.result else None

    def start(self) -> None:
        self._thread.start()

    def ask(self) -> None:
        """Something has changed."""
        with self._wake:
            self._asked += 1
            self._wake.notify()

    def end(self) -> None:
        with self._wake:
            self._ended = True
            self._wake.notify()

    def _run(self) -> None:
        done = 0
        while True:
            with self._wake:
                while self._asked == done and not self._ended:
                    self._wake.wait()
                asked = self._asked
                while not self._ended and self._wake.wait(_PAUSE):
                    asked = self._asked
                if self._ended:
                    return
            try:
                self._train(asked)
            except _NewerError:
                continue
            except Exception as error:  # the page shows it, and the next change tries again
                if not isinstance(error, TellapartError):
                    _log.exception("Training has failed.")
                self.error = str(error)
                self._say("")
            done = asked

    def _train(self, asked: int) -> None:
        def pictures(done: int, total: int) -> None:
            self._check(asked)
            self._say("pictures", done=done, total=total)

        def doing(what: str) -> None:
            self._check(asked)
            self._say(what)

        result = train(self.root, quality=self.quality, watch=Watch(pictures, doing))
        self.result, self.error = result, ""
        self._say("")

    def _check(self, asked: int) -> None:
        if self._asked != asked or self._ended:
            raise _NewerError

    def _say(self, what: str, **more: object) -> None:
        accuracy = self.result.accuracy if self.result else None
        self.state = {
            "doing": what,
            **more,
            "error": self.error,
            "correct": accuracy.correct if accuracy else None,
            "n": accuracy.n if accuracy else None,
            "value": accuracy.value if accuracy else None,
            "interval": list(accuracy.interval) if accuracy else None,
        }
        self._tell(self.state)
