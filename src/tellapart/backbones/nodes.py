"""A short way of writing ONNX: nodes and constants collected under one prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

Attribute: TypeAlias = "int | float | str | list[int]"

OPSET = 18  # the first with an antialiased Resize, and with ReduceMean taking its axes as an input
IR_VERSION = 8


class Nodes:
    """Collects the nodes of a part of a graph; every name gets the part's prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def constant(self, name: str, value: object, dtype: type[np.generic] = np.float32) -> str:
        """Add a constant tensor; returns its full name."""
        from onnx import numpy_helper

        full = f"{self.prefix}/{name}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), full))
        return full

    def add(self, kind: str, inputs: list[str], name: str, **attributes: Attribute) -> str:
        """Add a node with one output; returns the output's full name."""
        return self.add_named(kind, inputs, f"{self.prefix}/{name}", **attributes)

    def add_named(self, kind: str, inputs: list[str], output: str, **attributes: Attribute) -> str:
        """Add a node whose output's name is public and gets no prefix."""
        from onnx import helper

        node = helper.make_node(kind, inputs, [output], name=output, **attributes)  # type: ignore[arg-type]
        self.nodes.append(node)
        return output

    def add_smallest(self, x: str, count: int, name: str) -> str:
        """Add a node that takes the `count` smallest of each row; returns their full name."""
        from onnx import helper

        full = f"{self.prefix}/{name}"
        inputs = [x, self.constant(f"{name}/count", [count], np.int64)]
        self.nodes.append(
            helper.make_node("TopK", inputs, [full, f"{full}/which"], name=full, largest=0)
        )
        return full
