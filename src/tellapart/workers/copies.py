"""A copy of a unit in the process that works at it: the same in a local process and in an actor."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from typing import Any

from ..errors import TellapartError
from .crew import Batch, Done, News, Ready
from .local import Unit, limit_threads


class Copy:
    """A unit that came pickled. Whatever it raises is told, so the worker lives on."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._unit: Unit[Any, Any] | None = None

    def start(self) -> News:
        """Each worker has one core, so it works on one thread."""
        limit_threads(1)

        def begin() -> Batch:
            self._unit = pickle.loads(self._content)
            self._content = b""
            assert self._unit is not None
            self._unit.start()
            return ()

        begun = _told(begin)
        return begun if begun.error is not None else Ready()

    def process(self, content: bytes) -> Done:
        """Do a batch that came pickled."""
        unit = self._unit
        assert unit is not None, "start() comes first"
        return _told(lambda: unit.process(pickle.loads(content)))

    def finish(self) -> Done:
        def end() -> Batch:
            if self._unit is not None:
                self._unit.finish()
            return ()

        return _told(end)


def _told(work: Callable[[], Batch]) -> Done:
    """What work gives or raises, as something that can travel."""
    try:
        done = Done(work())
        pickle.dumps(done)
        return done
    except Exception as error:
        if not isinstance(error, TellapartError):  # it would lose where it was raised
            error.__notes__ = [f"In a worker:\n{traceback.format_exc()}"]  # type: ignore[attr-defined]
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return Done(error=RuntimeError(traceback.format_exc()))
        return Done(error=error)
