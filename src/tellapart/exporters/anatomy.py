"""What a model file is made of: trunks, views and a head, read back from its ONNX graph.

A target that has no ONNX runtime rebuilds the network from these parts. Weights come from the file
alone, so fine-tuned and foreign networks are read as our own are. The steps between the parts
(crop, resize, mirror, mean, length) are few and always the same: each target writes them in its own
terms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..backbones.graph import VIEWS, View
from ..backbones.untrusted import parse_onnx
from ..errors import ModelError
from ..model.file import check_model

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


@dataclass(frozen=True)
class TrunkPart:
    """A network inside the file, from normalised pixels `[N,3,S,S]` to maps `[N,C,h,w]`, which are
    rooted where the model's embeddings are of roots.

    A pixel p in 0..255 enters as (p - mean) / scale, per channel.

    Attributes:
        name: what it is called.
        entry: its input tensor.
        output: its output tensor.
        size: the side of its square input in pixels.
        mean: subtracted from each pixel.
        scale: what each pixel is then divided by.
        nodes: its ONNX nodes.
    """

    name: str
    entry: str
    output: str
    size: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    nodes: tuple[NodeProto, ...]


@dataclass(frozen=True)
class Anatomy:
    """The parts of a classifier.

    Attributes:
        labels: the model's labels.
        trunks: its networks.
        views: how it looks at a picture.
        constants: the constants of its graph, by name.
        weights: the weights of its head, `[K,D]`.
        bias: the bias of its head, `[K]`.
        shortest: the length that shorter embeddings count as having where they are brought to
            length 1; None where they stay as they are.
    """

    labels: tuple[str, ...]
    trunks: tuple[TrunkPart, ...]
    views: tuple[View, ...]
    constants: Mapping[str, np.ndarray]
    weights: np.ndarray
    bias: np.ndarray
    shortest: float | None

    @property
    def pictures(self) -> tuple[tuple[str, int], ...]:
        """The (geometry, size) of every square picture that the trunks look at."""
        geometries = dict.fromkeys(view.geometry for view in self.views)
        found = [(geometry, trunk.size) for trunk in self.trunks for geometry in geometries]
        return tuple(dict.fromkeys(found))


def read_anatomy(content: bytes) -> Anatomy:
    """Take a model file apart.

    Raises:
        ModelError: it is no model of ours, or laid out in another way than `graph.py` does.
    """
    from onnx import numpy_helper

    manifest = check_model(content)
    model = parse_onnx(content)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    made_by = {name: node for node in model.graph.node for name in node.output}
    try:
        joined, shortest = made_by["embedding"], None
        if joined.op_type == "Div":
            shortest = float(constants[made_by[joined.input[1]].input[1]])
            joined = made_by[joined.input[0]]
        names = [tensor.split("/")[1] for tensor in joined.input]
        trunks = [_trunk(name, model, made_by, constants) for name in names]
        return Anatomy(
            labels=manifest.labels,
            trunks=tuple(trunks),
            views=tuple(VIEWS[view] for view in manifest.views),
            constants=constants,
            weights=constants["tellapart/head/weights"],
            bias=constants["tellapart/head/bias"],
            shortest=shortest,
        )
    except (KeyError, IndexError) as error:
        raise ModelError(
            f"This model is laid out in a way that this release does not know ({error}).",
            hint="Train it again, or export it as onnx.",
        ) from error


def _trunk(
    name: str,
    model: ModelProto,
    made_by: Mapping[str, NodeProto],
    constants: Mapping[str, np.ndarray],
) -> TrunkPart:
    entry, output = f"{name}/pixels", made_by[f"tellapart/{name}/mean"].input[0]
    wanted, nodes = {output}, []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output) and entry not in node.output:
            nodes.append(node)
            wanted.update(node.input)
    return TrunkPart(
        name=name,
        entry=entry,
        output=output,
        size=int(constants[f"tellapart/{name}/size"][0]),
        mean=tuple(constants[f"tellapart/{name}/pixel-mean"].ravel().tolist()),
        scale=tuple(constants[f"tellapart/{name}/pixel-scale"].ravel().tolist()),
        nodes=tuple(nodes[::-1]),
    )


def in_floats(anatomy: Anatomy) -> Anatomy:
    """The same with networks that round nothing, where they are in whole numbers: for programs that
    round them in their own way. ReLU6 is again a node of its own."""
    constants = dict(anatomy.constants)
    trunks = tuple(_in_floats(trunk, constants) for trunk in anatomy.trunks)
    return replace(anatomy, trunks=trunks, constants=constants)


def _in_floats(trunk: TrunkPart, constants: dict[str, np.ndarray]) -> TrunkPart:
    """Adds to the `constants` what the nodes need."""
    from onnx import NodeProto, helper

    other: dict[str, str] = {}  # the names of values, by those of what stood for them
    nodes = []
    for node in trunk.nodes:
        name, output = other.get(node.input[0], node.input[0]), node.output[0]
        steps = node.op_type in ("QuantizeLinear", "DequantizeLinear")
        scale, zero = (constants.get(given) for given in (*node.input[1:3], "", "")[:2])
        if steps and name in constants and scale is not None:
            by_output = scale.reshape(-1, *(1,) * (constants[name].ndim - 1))
            middle = 0 if zero is None else zero.astype(np.float32)
            constants[output] = (constants[name].astype(np.float32) - middle) * by_output
        elif node.op_type == "QuantizeLinear" and not (scale is None or zero is None or zero.any()):
            bounds = {f"{output}.least": 0, f"{output}.most": np.iinfo(zero.dtype).max * scale}
            constants.update((key, np.asarray(to, np.float32)) for key, to in bounds.items())
            nodes.append(helper.make_node("Clip", [name, *bounds], [output], output))
        elif steps:
            other[output] = name
        else:
            kept = NodeProto()
            kept.CopyFrom(node)
            kept.input[:] = [other.get(given, given) for given in node.input]
            nodes.append(kept)
    return replace(trunk, nodes=tuple(nodes), output=other.get(trunk.output, trunk.output))
