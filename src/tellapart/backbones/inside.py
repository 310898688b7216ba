"""The embedding network inside a finished model, as something to put another head on.

A model file is all it takes: not the weights it was built from, nor the file of a user's own
network, nor what fine-tuned it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import ModelError
from .graph import VIEWS, Network, is_rooted
from .nodes import Nodes
from .rows import Trunk
from .session import beginning
from .untrusted import parse_onnx


@dataclass(frozen=True)
class NetworkInside(Network):
    """A network whose content is the beginning of a model file."""

    model: bytes = field(default=b"", repr=False)
    is_rooted: bool = True

    @property
    def rooted(self) -> bool:
        return self.is_rooted

    def _build(self) -> bytes:
        return beginning(self.model, "embedding")


def network_inside(
    model: bytes, name: str, trunks: Sequence[str], views: Sequence[str]
) -> NetworkInside:
    """The network of a model that `graph.classifier_graph` made, of which these are the names.

    Raises:
        ModelError: it has no such trunks or views inside.
    """
    from onnx import numpy_helper

    graph = parse_onnx(model).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes = {output: node for node in graph.node for output in node.output}
    found = []
    try:
        for trunk in trunks:
            at = f"tellapart/evidence/{trunk}"
            grid = int(numpy_helper.to_array(constants[f"{at}/by-view"])[-1])
            channels = constants[f"{at}/kernel"].dims[1]
            features = nodes[f"{at}/maps"].input[0]
            found.append(_trunk(trunk, features, channels, grid))
        if not (found and views and {*views} <= VIEWS.keys()):
            raise KeyError("views")
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(
            "This model's network cannot be found in its file.", hint="Train it again."
        ) from error
    return NetworkInside(name, tuple(found), tuple(views), model=model, is_rooted=is_rooted(model))


def _trunk(name: str, features: str, channels: int, grid: int) -> Trunk:
    """What a head has to know of a trunk; its nodes are in the network already."""
    return Trunk(
        name=name,
        input="",
        output=features,
        size=0,
        channels=channels,
        grid=grid,
        mean=(),
        scale=(),
        build=lambda: Nodes(name),
    )
