"""What a model is run with: whole, or cut down to its answer where that is all that many ask for.

ONNX Runtime computes every node, whatever is asked for. A copy without the maps of evidence, which
cost the more the more labels there are, gives the same answers, bit for bit. But cutting it and
opening it take as long as some pictures do, so it is made for those who will ask often.
"""

from __future__ import annotations

import threading
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

    def run(self, outputs: Sequence[str], pixels: np.ndarray) -> list[np.ndarray]:
        """The named outputs for pictures, uint8 `[N,H,W,3]`.

        Raises:
            ModelError: it cannot be run.
        """
        if not set(outputs) <= set(ANSWER):
            return self._whole.run(outputs, pixels)
        self._asked += 1
        often = self._asked >= _OFTEN and self._answering is None
        if often and _cutting.acquire(blocking=False):  # other threads go on meanwhile
            try:
                self.cut_down()
            finally:
                _cutting.release()
        return (self._answering or self._whole).run(outputs, pixels)

    def cut_down(self) -> None:
        """Be ready for many pictures: with a copy that is cut down to the answer, and open."""
        if self._answering is None:
            answering = LazySession(beginning(self._content, *ANSWER))
            answering.open()
            self._answering = answering


_cutting = threading.Lock()
