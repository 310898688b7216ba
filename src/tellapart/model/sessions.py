"""What a model is run with: whole, or cut down to its answer where that is all that many ask for.

ONNX Runtime computes every node, whatever is asked for. A copy without the maps of evidence, which
cost the more the more labels there are, gives the same answers, bit for bit. But cutting it and
opening it take as long as some pictures do, so it is made for those who will ask often.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from ..backbones.session import LazySession, beginning

ANSWER = ("scores", "novelty")
_OFTEN = 100  # pictures from which on the copy is worth its making


class Sessions:
    """A model's sessions, which all copies of a classifier share, whatever each of them admits."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._whole = LazySession(content)
        self._answering: LazySession | None = None
        self._asked = 0
        self._cut_by = 0  # the process that cuts the copy, or has done so: a fork cuts its own

    def run(self, outputs: Sequence[str], pixels: np.ndarray) -> list[np.ndarray]:
        """The named outputs for pictures, uint8 `[N,H,W,3]`.

        Raises:
            ModelError: it cannot be run.
        """
        if not set(outputs) <= set(ANSWER):
            return self._whole.run(outputs, pixels)
        self._asked += 1
        often = self._asked >= _OFTEN and self._answering is None
        if often and self._cut_by != os.getpid():  # by one thread: the others go on meanwhile
            self._cut_by = os.getpid()
            self.cut_down()
        return (self._answering or self._whole).run(outputs, pixels)

    def cut_down(self) -> None:
        """Be ready for many pictures: with a copy that is cut down to the answer, and open."""
        if self._answering is None:
            answering = LazySession(beginning(self._content, *ANSWER))
            answering.open()
            self._answering = answering

    def __getstate__(self) -> dict[str, object]:
        """For a pickle: whoever has the copy may be a process of the same number."""
        return {**self.__dict__, "_cut_by": 0}
