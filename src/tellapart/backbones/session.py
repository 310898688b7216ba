"""Running a model file: ONNX Runtime on the calling thread, with only the nodes that are needed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .runtime import open_session
from .untrusted import parse_onnx

if TYPE_CHECKING:
    from .runtime import Session


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
    """A session that is opened when it is first run, by whichever thread comes first."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._session: Session | None = None
        self._lock = threading.Lock()

    def run(self, outputs: Sequence[str], image: np.ndarray) -> list[np.ndarray]:
        """The named outputs for `image` uint8 `[N,H,W,3]`."""
        with self._lock:
            if self._session is None:
                self._session = open_session(self._content)
        result: list[np.ndarray] = self._session.run(list(outputs), {"image": image})
        return result
