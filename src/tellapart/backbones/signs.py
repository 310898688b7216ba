"""Whether a tensor of an ONNX network can be negative, as far as its operators alone can tell.

Only what holds for every picture and all weights counts. Where it cannot be proved, a tensor counts
as one that can be negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

_NEVER = frozenset({"Abs", "Exp", "HardSigmoid", "Relu", "Sigmoid", "Softmax", "Softplus"})
# What gives values of its first input, or means of them.
_PASSES = frozenset(
    {
        *(
            "AveragePool",
            "GlobalAveragePool",
            "GlobalMaxPool",
            "MaxPool",
            "ReduceMax",
            "ReduceMean",
        ),
        *("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"),
    }
)
_JOINS = frozenset({"Add", "Concat", "Mul", "Sum"})  # never negative if none of its inputs is


def never_negative(
    nodes: Iterable[NodeProto], constants: Iterable[TensorProto], tensor: str
) -> bool:
    """Whether no value of `tensor`, which `nodes` in their order make, can be below zero."""
    known = {constant.name: constant for constant in constants}
    proved: set[str] = set()
    for node in nodes:
        if node.op_type == "Constant":
            known.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
        elif node.domain == "" and _proves(node, known, proved.__contains__):
            proved.add(node.output[0])
    return tensor in proved


def _proves(
    node: NodeProto, known: Mapping[str, TensorProto], positive: Callable[[str], bool]
) -> bool:
    """Whether the first result of a node cannot be negative, given which tensors cannot."""
    if node.op_type in _PASSES:
        return positive(node.input[0])
    if node.op_type in _JOINS:
        return all(map(positive, node.input))
    if node.op_type == "Clip":  # with a minimum above the maximum, all is the maximum
        low, high = [*node.input[1:], "", ""][:2]
        return _least(known.get(low)) >= 0 and (not high or _least(known.get(high)) >= 0)
    return node.op_type in _NEVER


def _least(constant: TensorProto | None) -> float:
    """The smallest value of a constant; minus infinity where it is not known."""
    from onnx import numpy_helper

    values = np.empty(0) if constant is None else numpy_helper.to_array(constant)
    return float(values.min()) if values.size else -np.inf
