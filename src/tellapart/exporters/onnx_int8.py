"""The model with its networks in 8-bit integers: a third of the size, and quicker.

Quantised statically (QDQ): weights by channel, activations by the range they take on some of the
model's own pictures. Only the networks are: the resizing before them and the head after them stay
in float, and so do each network's first two blocks, whose few channels have the widest ranges.

Weights take 7 of their 8 bits: processors without 8-bit dot products (before about 2019, and many
rented ones) add products in pairs in 16 bits, and full weights overflow there without a word. So
the file gives the same answers everywhere.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..backbones.runtime import quantization
from ..backbones.untrusted import parse_onnx
from ..errors import ModelError, PictureError
from ..files.workspaces import temporary_folder
from ..images.decode import read_picture
from ..model.file import SEAL_KEY, sealed
from ..model.folder import MODEL_FILE
from .target import Export, write_program

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

CALIBRATION = 64  # pictures
_OURS = "tellapart/"  # how the names of all nodes begin that are no network's
_QUANTISED = ("Conv", "Clip", "Add")
_IN_FLOAT = 6  # the first convolutions of each network: its stem and its first two blocks


def write(export: Export) -> None:
    """Quantise the model; the program that runs it is that of the target `onnx`."""
    step = max(1, len(export.pictures) // CALIBRATION)
    content = quantised(export.classifier.content, export.pictures[::step][:CALIBRATION])
    (export.folder / MODEL_FILE).write_bytes(content)
    write_program(export.folder, "onnx.py")


def quantised(content: bytes, pictures: Sequence[Path]) -> bytes:
    """A model file with its networks in integers, calibrated on `pictures`.

    One whose networks are in integers already, as those of quality `fast`, is left as it is.

    Raises:
        ModelError: none of the pictures can be read, or the model holds no convolution.
    """
    from onnx import helper

    model = parse_onnx(content)
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        return content
    nodes = [node for node in model.graph.node if _is_network(node, model)]
    for node in nodes:
        node.name = node.output[0]  # networks from elsewhere may leave their nodes without names
    convolutions: dict[str, list[str]] = {}  # by network
    for node in nodes:
        if node.op_type == "Conv":
            convolutions.setdefault(node.name.partition("/")[0], []).append(node.name)
    if not convolutions:
        raise ModelError("This model has no convolutions: there is nothing to quantise.")
    reader = _Pictures(pictures)
    if not reader.readable:
        raise ModelError("None of the pictures to calibrate with can be read.")
    with_integers = quantization()
    with temporary_folder() as folder, _quiet():
        written = Path(folder, MODEL_FILE)
        with_integers.quantize_static(
            model,
            written,
            reader,
            quant_format=with_integers.QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            weight_type=with_integers.QuantType.QInt8,
            activation_type=with_integers.QuantType.QUInt8,
            op_types_to_quantize=list(_QUANTISED),
            nodes_to_quantize=[node.name for node in nodes],
            nodes_to_exclude=[
                name for names in convolutions.values() for name in names[:_IN_FLOAT]
            ],
        )
        result = parse_onnx(written.read_bytes())
    _spell_out_sizes(result)
    del result.graph.value_info[:]
    result.producer_name = model.producer_name
    entries = (*result.metadata_props, *parse_onnx(content).metadata_props)
    kept = {entry.key: entry.value for entry in entries if entry.key != SEAL_KEY}
    helper.set_model_props(result, kept)
    return sealed(bytes(result.SerializeToString(deterministic=True)))


def _is_network(node: NodeProto, model: ModelProto) -> bool:
    outputs = {value.name for value in model.graph.output}
    return not node.name.startswith(_OURS) and node.name not in outputs


def _spell_out_sizes(model: ModelProto) -> None:
    """Give every `Resize` all four sizes in place of two and the axes they belong to.

    Where a network is in integers, onnxruntime lays the pixels out by channel last, and moves that
    through the `Resize`; with `axes` it then takes the wrong sizes, and refuses the model.
    """
    from onnx import helper

    nodes = []
    for node in model.graph.node:
        if node.op_type == "Resize" and any(given.name == "axes" for given in node.attribute):
            kept, sizes = f"{node.name}/kept", f"{node.name}/sizes"
            nodes.append(helper.make_node("Shape", [node.input[0]], [kept], kept, start=0, end=2))
            nodes.append(helper.make_node("Concat", [kept, node.input[3]], [sizes], sizes, axis=0))
            node.input[3] = sizes
            attributes = [given for given in node.attribute if given.name != "axes"]
            del node.attribute[:]
            node.attribute.extend(attributes)
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


class _Pictures:
    """Hands out the pictures one at a time, as `quantize_static` asks for them."""

    def __init__(self, pictures: Sequence[Path]) -> None:
        self.readable = 0
        self._arrays = self._read(pictures)
        self._first = next(self._arrays, None)

    def _read(self, pictures: Sequence[Path]) -> Iterator[np.ndarray]:
        for path in pictures:
            try:
                pixels = read_picture(path)
            except PictureError:
                continue
            self.readable += 1
            yield pixels[None]

    def get_next(self) -> dict[str, np.ndarray] | None:
        array, self._first = self._first, None
        if array is None:
            array = next(self._arrays, None)
        return None if array is None else {"image": array}


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises steps that the graph has had already, through the root logger, and what
    its own sessions have to say goes to stdout."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)
