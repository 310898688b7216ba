"""Running a model file: ONNX Runtime on the calling thread, with only the nodes that are needed."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..images.budget import BUDGET, SMALL
from .untrusted import parse_onnx

if TYPE_CHECKING:
    import onnxruntime

_ROOM = 7  # bytes for each of a picture's: resizing begins with floats


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    """A session that runs on the calling thread: parallelism is one picture a thread.

    Results do not depend on how many threads there are or on what else is in a batch.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # pictures differ in size, so no plan of memory holds
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


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
        self._session: onnxruntime.InferenceSession | None = None
        self._lock = threading.Lock()

    def run(self, outputs: Sequence[str], image: np.ndarray) -> list[np.ndarray]:
        """The named outputs for `image` uint8 `[N,H,W,3]`."""
        with self._lock:
            if self._session is None:
                self._session = open_session(self._content)
        asked, fed = list(outputs), {"image": image}
        result: list[np.ndarray]
        if image.nbytes <= SMALL:
            result = self._session.run(asked, fed)
            return result
        with BUDGET.room(image.nbytes * _ROOM):
            result = self._session.run(asked, fed, _shrinking())
            return result


def _shrinking() -> onnxruntime.RunOptions:
    """A run after which the session gives back the memory it took."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
