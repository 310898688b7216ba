"""The maps of other heads on a model's own network, all in one run of it.

A class map is a 1x1 convolution of the feature maps with the head's weights, so a model file gives
the maps of any head on its features once that kernel is exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..backbones.graph import VIEWS
from ..backbones.untrusted import parse_onnx
from ..errors import ModelError
from ..head.linear import Head

_PART = "tellapart/evidence/"


def own_head(content: bytes) -> Head:
    """The head of a model file: `weights` `[K,D]` and `bias` `[K]`.

    Raises:
        ModelError: it is laid out in another way than ours are.
    """
    from onnx import numpy_helper

    found = {tensor.name: tensor for tensor in parse_onnx(content).graph.initializer}
    try:
        weights, bias = (
            numpy_helper.to_array(found[f"tellapart/head/{what}"]).astype(np.float64)
            for what in ("weights", "bias")
        )
    except KeyError as error:
        raise _other_layout(error) from error
    return Head(weights, bias)


def with_heads(content: bytes, heads: Sequence[Head]) -> bytes:
    """The model file `content`, but for its `evidence`: for H heads of K labels each it is
    `[N,H*K,h,w]`, head after head.

    Raises:
        ModelError: it is laid out in another way than ours are.
    """
    from onnx import numpy_helper

    model = parse_onnx(content)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    weights = np.concatenate([head.weights for head in heads])
    column = 0
    try:
        for name in [name for name in constants if name.startswith(_PART)]:
            trunk, _, what = name.removeprefix(_PART).rpartition("/")
            if what != "kernel" or "/" in trunk:
                continue
            shape = numpy_helper.to_array(constants[f"{_PART}{trunk}/by-view"]).copy()
            channels = constants[name].dims[1]
            kernel = weights[:, column : column + channels, None, None] / shape[0]
            column += channels
            shape[2] = len(weights)
            for changed, value in ((name, np.float32(kernel)), (f"{_PART}{trunk}/by-view", shape)):
                constants[changed].CopyFrom(numpy_helper.from_array(value, changed))
        maps = next(output for output in graph.output if output.name == "evidence")
        maps.type.tensor_type.shape.dim[1].dim_value = len(weights)
    except (KeyError, IndexError, StopIteration) as error:
        raise _other_layout(error) from error
    if column != weights.shape[1]:
        raise _other_layout(f"{column} channels")
    return bytes(model.SerializeToString())


def coverage(views: Sequence[str], height: int, width: int, grid: int) -> np.ndarray:
    """How much of what a network saw of a picture lies in each cell `[grid,grid]`; the mean is 1.

    Views that squash the picture see all of it alike, those that crop see its central square.
    """
    shortest = min(height, width)
    sides = []
    for side in (height, width):
        start = (side - shortest) // 2
        edges = (np.linspace(0, side, grid + 1) - start) / shortest
        sides.append(grid * np.diff(np.clip(edges, 0, 1)))
    crop = np.outer(*sides)
    cropped = sum(VIEWS[view].geometry == "crop" for view in views) / len(views)
    return np.asarray(cropped * crop + (1 - cropped))


def _other_layout(found: object) -> ModelError:
    return ModelError(
        f"This model is laid out in a way that this release does not know ({found}).",
        hint="Train it again.",
    )
