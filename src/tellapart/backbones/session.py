"""Running a model file: ONNX Runtime on the calling thread, with only the nodes that are needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..images.budget import BUDGET, SMALL
from .runtime import open_session, shrinking
from .untrusted import parse_onnx

if TYPE_CHECKING:
    from .runtime import Session

_ROOM = 7  # bytes for each of a picture's: resizing begins with floats


def only(content: bytes, outputs: Collection[str]) -> bytes:
    """A model without what only its other outputs need.

    ONNX Runtime works out every node whatever is asked for (1.32; `only_execute_path_to_fetches`
    changes nothing), so what is asked of many pictures is asked of a smaller model.
    """
    model = parse_onnx(content)
    graph = model.graph
    needed = set(outputs)
    spare = []
    for index, node in reversed([*enumerate(graph.node)]):
        if needed.isdisjoint(node.output):
            spare.append(index)
        else:
            needed.update(node.input)
    for index in spare:
        del graph.node[index]
    kept = [value for value in graph.output if value.name in outputs]
    del graph.output[:]
    graph.output.extend(kept)
    return bytes(model.SerializeToString())


class LazySession:
    """A session that is opened when it is first run, by whichever thread comes first.

    With `outputs` it gives these alone, and needs less. What is open stays in its process: a copy,
    a pickle and a forked process open it anew, and give the same answers.
    """

    def __init__(self, content: bytes, outputs: Collection[str] | None = None) -> None:
        self._content = content
        self._outputs = outputs
        self._session: Session | None = None
        self._process = 0  # in which it is open

    def run(self, outputs: Sequence[str], image: np.ndarray) -> list[np.ndarray]:
        """The named outputs for `image` uint8 `[N,H,W,3]`."""
        session = self._session if self._process == os.getpid() else self._opened()
        assert session
        asked, fed = list(outputs), {"image": image}
        result: list[np.ndarray]
        if image.nbytes <= SMALL:
            result = session.run(asked, fed)
            return result
        with BUDGET.room(image.nbytes * _ROOM):
            result = session.run(asked, fed, shrinking())
            return result

    def _opened(self) -> Session:
        with _opening:
            if self._session is None or self._process != os.getpid():
                _left_behind.append(self._session)  # closing it would wait for its locks
                content = self._content
                if self._outputs is not None:
                    content = only(content, self._outputs)
                self._session = open_session(content)
                self._process = os.getpid()
            return self._session

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_session": None, "_process": 0}


# Another thread may hold any lock while a process is forked: in the new one it is held for ever. So
# there the lock of ours is another, and the runtime's own, in what was open, are never touched.
_opening = threading.Lock()
_left_behind: list[Session | None] = []


def _forked() -> None:
    global _opening
    _opening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
