"""Any ONNX network as a backbone: its image input and its features are found, or named.

The features are looked for where almost every classifier has them: in the map that goes into the
last global average pool. What comes after that (the network's own head) is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import BackboneError, ModelError, UsageError, option
from ..text import shown
from .nodes import IR_VERSION, OPSET, Nodes
from .rows import Trunk
from .runtime import open_session
from .signs import never_negative
from .untrusted import parse_onnx, read_network, refuse_hostile

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

DEFAULT_SIDE = 224  # where the network leaves its input's size open


@dataclass(frozen=True)
class Pixels:
    """What a network expects of a pixel p in 0..255: (p - mean) / scale, per channel."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]


PIXELS: Mapping[str, Pixels] = {
    "imagenet": Pixels((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "0..1": Pixels((0.0,) * 3, (255.0,) * 3),
    "-1..1": Pixels((127.5,) * 3, (127.5,) * 3),
    "0..255": Pixels((0.0,) * 3, (1.0,) * 3),
}


@dataclass(frozen=True)
class ForeignBackbone:
    """An ONNX file, and what of it must be said: names left empty are found."""

    path: Path
    input: str = ""
    output: str = ""
    pixels: str = "imagenet"

    def __post_init__(self) -> None:
        if self.pixels not in PIXELS:
            raise UsageError(
                f"There are no pixels called {self.pixels!r}.",
                hint=f"Choose one of: {', '.join(PIXELS)}.",
            )

    def trunk(self) -> Trunk:
        """The network up to its features.

        Raises:
            BackboneError: it is no such network; the message names what was found.
        """
        model = self._read()
        entry = _find_input(model, self.input)
        output = self.output or _find_features(model)
        nodes = _needed_for(model, output)
        features = _probe(model, nodes, entry, output)
        return _as_trunk(model, nodes, entry, features, PIXELS[self.pixels])

    def _read(self) -> ModelProto:
        from onnx import version_converter

        try:
            model = parse_onnx(read_network(self.path))
            refuse_hostile(model)
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise BackboneError(f"{shown(self.path)} cannot be read: {reason}.") from error
        except ModelError as error:
            raise BackboneError(f"{shown(self.path)}: {error.message}", hint=error.hint) from error
        version = max((entry.version for entry in model.opset_import), default=1)
        if version == OPSET:
            return model
        try:
            return version_converter.convert_version(model, OPSET)
        except Exception as error:  # the converter raises RuntimeError and worse
            raise BackboneError(
                f"{shown(self.path)} is written in ONNX opset {version}, and cannot be brought to "
                f"{OPSET}.",
                hint=f"Export it again with opset {OPSET}.",
            ) from error


@dataclass(frozen=True)
class _Entry:
    """The image input: its name, its side in pixels, and whether channels come last."""

    name: str
    side: int
    channels_last: bool


@dataclass(frozen=True)
class _Features:
    """The feature tensor: its name, and its shape for one picture without the first axis."""

    name: str
    shape: tuple[int, ...]


def _find_input(model: ModelProto, name: str) -> _Entry:
    from onnx import TensorProto

    constants = {tensor.name for tensor in model.graph.initializer}
    found, others = [], {}
    for value in model.graph.input:
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        if value.name in constants or len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
            continue
        last = sizes[1] != 3
        height, width = (sizes[1], sizes[2]) if last else (sizes[2], sizes[3])
        if height != width and height and width:
            continue
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            found.append(_Entry(value.name, height or width or DEFAULT_SIDE, last))
        else:
            others[value.name] = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    chosen = [entry for entry in found if name in ("", entry.name)]
    if not chosen and (mistyped := [one for one in others if name in ("", one)]):
        raise BackboneError(
            f"The image input of this network, {mistyped[0]}, takes {others[mistyped[0]]} numbers; "
            f"a backbone takes normalised pixels, float32.",
            hint="A finished classifier, such as a tellapart model, normalises pixels itself: give "
            "the network that it was built on.",
        )
    if len(chosen) != 1:
        names = ", ".join(value.name for value in model.graph.input)
        raise BackboneError(
            f"This network has {len(chosen)} square image inputs with three channels"
            f"{f' called {name}' if name else ''}; its inputs are: {names}.",
            hint=f"Name the one to use with {option('backbone_input')}.",
        )
    return chosen[0]


def _find_features(model: ModelProto) -> str:
    """What goes into the last global average pool; without one, the only output."""
    axes = _known_tensors(model)
    for node in reversed(model.graph.node):
        if node.op_type == "GlobalAveragePool" or (
            node.op_type == "ReduceMean" and _spatial(node, axes)
        ):
            return str(node.input[0])
    if len(model.graph.output) == 1:
        return str(model.graph.output[0].name)
    names = ", ".join(value.name for value in model.graph.output)
    raise BackboneError(
        f"It is not clear which tensor of this network has its features; its outputs are: {names}.",
        hint=f"Name it with {option('backbone_output')}.",
    )


def _known_tensors(model: ModelProto) -> dict[str, TensorProto]:
    """All constants by name: stored with the graph, or as nodes, as some exporters write them."""
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant":
            known.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    return known


def _spatial(node: NodeProto, known: Mapping[str, TensorProto]) -> bool:
    """Whether a ReduceMean is over the two axes of positions."""
    from onnx import numpy_helper

    if len(node.input) < 2 or node.input[1] not in known:
        return False
    axes = known[node.input[1]]
    return sorted(int(axis) % 4 for axis in numpy_helper.to_array(axes)) in ([2, 3], [1, 2])


def _needed_for(model: ModelProto, output: str) -> list[NodeProto]:
    """The nodes that a tensor depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(model.graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    if not kept:
        raise BackboneError(f"This network has no tensor called {output}.")
    return kept[::-1]


def _probe(model: ModelProto, nodes: list[NodeProto], entry: _Entry, output: str) -> _Features:
    """Run the network on two blank pictures to learn the shape of its features."""
    from onnx import TensorProto, helper

    shape = (
        [2, entry.side, entry.side, 3] if entry.channels_last else [2, 3, entry.side, entry.side]
    )
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info(entry.name, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        _constants(model, nodes),
    )
    probe = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    probe.ir_version = IR_VERSION
    try:
        session = open_session(probe.SerializeToString())
        (found,) = session.run([output], {entry.name: np.zeros(shape, np.float32)})
    except Exception as error:  # the runtime's errors share no base of their own
        raise BackboneError(
            f"This network does not run on two pictures of {entry.side} x {entry.side}: "
            f"{str(error).splitlines()[0]}",
            hint="Export it with an open batch size.",
        ) from error
    if found.ndim not in (2, 4) or len(found) != 2:
        raise BackboneError(
            f"The tensor {output} has the shape {list(found.shape)} for two pictures; features are "
            f"[N,C] or [N,C,h,w].",
            hint=f"Name another with {option('backbone_output')}.",
        )
    return _Features(output, tuple(int(size) for size in found.shape[1:]))


def _constants(model: ModelProto, nodes: list[NodeProto]) -> list:  # type: ignore[type-arg]
    used = {name for node in nodes for name in node.input}
    return [tensor for tensor in model.graph.initializer if tensor.name in used]


def _as_trunk(
    model: ModelProto, nodes: list[NodeProto], entry: _Entry, features: _Features, pixels: Pixels
) -> Trunk:
    """Under our own names, with pixels `[N,3,S,S]` going in and maps `[N,C,h,w]` coming out."""
    part = Nodes("own")
    pixels_in = f"{part.prefix}/pixels"
    if entry.channels_last:
        part.add_named("Transpose", [pixels_in], _renamed(entry.name), perm=[0, 2, 3, 1])
    else:
        part.add_named("Identity", [pixels_in], _renamed(entry.name))
    part.nodes.extend(_renamed_nodes(nodes))
    for tensor in _constants(model, nodes):
        copy = type(tensor)()
        copy.CopyFrom(tensor)
        copy.name = _renamed(tensor.name)
        copy.ClearField("doc_string")
        part.initializers.append(copy)
    output, shape = _renamed(features.name), features.shape
    if len(shape) == 1:
        axes = part.constant("trunk/axes", [2, 3], np.int64)
        output, shape = part.add("Unsqueeze", [output, axes], "trunk/map"), (*shape, 1, 1)
    elif entry.channels_last and shape[0] == shape[1] != shape[2]:
        output = part.add("Transpose", [output], "trunk/map", perm=[0, 3, 1, 2])
        shape = (shape[2], shape[0], shape[1])
    if shape[1] != shape[2]:
        raise BackboneError(f"The features of this network are no square map: {list(shape)}.")
    return Trunk(
        name="own",
        input=pixels_in,
        output=output,
        size=entry.side,
        channels=shape[0],
        grid=shape[1],
        mean=pixels.mean,
        scale=pixels.scale,
        build=lambda: part,
        never_negative=never_negative(part.nodes, part.initializers, output),
    )


def _renamed(name: str) -> str:
    """A tensor of the network, under a prefix that none of our own names has."""
    return f"own/network/{name}" if name else ""


def _renamed_nodes(nodes: list[NodeProto]) -> Iterator[NodeProto]:
    for number, node in enumerate(nodes):
        copy = type(node)()
        copy.CopyFrom(node)
        for names in (copy.input, copy.output):
            names[:] = map(_renamed, names)
        copy.name = f"own/node/{number}"  # theirs may be missing or not unique
        _forget_origin(copy)
        yield copy


def _forget_origin(node: NodeProto) -> None:
    """Exporters note there which file on whose machine a node was written in."""
    node.ClearField("doc_string")
    node.ClearField("metadata_props")
    for attribute in node.attribute:
        attribute.ClearField("doc_string")
        if attribute.HasField("t"):
            attribute.t.ClearField("doc_string")
        for inner in attribute.g.node:
            _forget_origin(inner)
