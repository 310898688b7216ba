"""Running a model file: ONNX Runtime on the calling thread, with only the nodes that are needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ModelError
from ..images.budget import BUDGET, SMALL
from .runtime import open_session, shrinking
from .untrusted import parse_onnx

if TYPE_CHECKING:
    from onnx import GraphProto

    from .runtime import Session

_ROOM = 7  # bytes for each of a picture's: resizing begins with floats


def beginning(content: bytes, *ends: str) -> bytes:
    """A model's beginning: from its input to the outputs `ends`, and nothing that is only needed
    elsewhere. Of a model that `classifier_graph` made, these are its network's very bytes."""
    model = parse_onnx(content)
    graph = model.graph
    _keep(graph, {*ends}, without=())
    kept = [value for value in graph.output if value.name in ends]
    del graph.output[:], model.metadata_props[:]
    graph.output.extend(kept)
    return bytes(model.SerializeToString(deterministic=True))


def ending(content: bytes, start: str) -> bytes:
    """A model's end: from the value `start` `[N,D]`, which becomes its input, to `scores`,
    `novelty`, and `logits`, which are what `scores` are the softmax of.

    Raises:
        ModelError: it has no such end.
    """
    from onnx import TensorProto, helper

    model = parse_onnx(content)
    graph = model.graph
    made = [node for node in graph.node if "scores" in node.output]
    if len(made) != 1 or made[0].op_type != "Softmax":
        raise ModelError("This model file is damaged: its scores are no softmax.")
    logits = made[0].input[0]
    _keep(graph, {"scores", "novelty", logits}, without=(start,))
    graph.node.append(helper.make_node("Identity", [logits], ["logits"]))
    del graph.input[:], graph.output[:], model.metadata_props[:]
    graph.input.append(helper.make_tensor_value_info(start, TensorProto.FLOAT, ["N", None]))
    for name, shape in (("logits", ["N", None]), ("scores", ["N", None]), ("novelty", ["N"])):
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    return bytes(model.SerializeToString())


def _keep(graph: GraphProto, wanted: set[str], *, without: Collection[str]) -> None:
    """Delete the nodes and constants that none of the `wanted` values needs; those `without` are
    given, and what makes them is not needed."""
    needed, spare = set(wanted), []
    for index, node in reversed([*enumerate(graph.node)]):
        if needed.isdisjoint(node.output) or not set(without).isdisjoint(node.output):
            spare.append(index)
        else:
            needed.update(node.input)
    for index in spare:
        del graph.node[index]
    constants = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(constants)


class LazySession:
    """A session that is opened when it is first run, by whichever thread comes first.

    An open session stays in its process. A copy, a pickle and a forked process open their own, and
    give the same answers.
    """

    def __init__(self, content: bytes, takes: str = "image") -> None:
        self._content = content
        self._takes = takes
        self._session: Session | None = None
        self._process = 0  # in which it is open

    def run(self, outputs: Sequence[str], given: np.ndarray) -> list[np.ndarray]:
        """The named outputs for what the model takes: `image` uint8 `[N,H,W,3]` if not said.

        Raises:
            ModelError: it cannot be run.
        """
        asked, fed = list(outputs), {self._takes: given}
        session = self.open()
        try:
            if given.nbytes <= SMALL:
                return list(session.run(asked, fed))
            with BUDGET.room(given.nbytes * _ROOM):
                return list(session.run(asked, fed, shrinking()))
        except Exception as error:
            raise _broken(error) from error

    def open(self) -> Session:
        """The open session.

        Raises:
            ModelError: it cannot be opened.
        """
        if self._session is not None and self._process == os.getpid():
            return self._session
        try:
            return self._opened()
        except Exception as error:
            raise _broken(error) from error

    def _opened(self) -> Session:
        with _opening:
            if self._session is None or self._process != os.getpid():
                _left_behind.append(self._session)  # closing it would wait for its locks
                self._session = open_session(self._content)
                self._process = os.getpid()
            return self._session

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_session": None, "_process": 0}


def _broken(error: Exception) -> ModelError:
    """Of any kind: the runtime's errors share no base of their own."""
    said = str(error).partition("\n")[0]
    return ModelError(f"This model file is damaged, it does not run: {said}")


# Another thread may hold any lock while a process is forked: in the new one it is held for ever. So
# there the lock of ours is another, and the runtime's own, in what was open, are never touched.
_opening = threading.Lock()
_left_behind: list[Session | None] = []


def _forked() -> None:
    global _opening
    _opening = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
