"""The EfficientNet-Lite family as Keras models, from the same table and the same weights.

Batch norms are layers of their own here, so that the network can be trained further; its weights
go back under the names they came from, and `lite.py` folds them into the ONNX graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...backbones.lite import BATCH_NORM_EPSILON, STAGES
from ...backbones.rows import Backbone
from ...backbones.weights import read_checkpoint
from .runtime import keras

if TYPE_CHECKING:
    import keras as keras_types

_NORM = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}  # Keras's order


def build_lite_network(row: Backbone) -> keras_types.Model:
    """A model from normalised pixels `[N,S,S,3]` to the feature map `[N,h,w,C]`."""
    return _Builder(row).build()


def lite_weights(row: Backbone, model: keras_types.Model) -> dict[str, np.ndarray]:
    """The model's weights under the checkpoint's names, in the checkpoint's layout."""
    weights = {}
    for layer in model.layers:
        name = layer.name.removeprefix(row.name)
        arrays = layer.get_weights()
        if len(arrays) == len(_NORM):
            weights.update({f"{name}.{key}": arrays[at] for key, at in _NORM.items()})
        elif arrays:
            order = (2, 3, 0, 1) if name.endswith("_depthwise_conv") else (3, 2, 0, 1)
            weights[f"{name}.weight"] = np.ascontiguousarray(arrays[0].transpose(order))
    return weights


class _Builder:
    def __init__(self, row: Backbone) -> None:
        self.row = row
        self.weights: Mapping[str, np.ndarray] = read_checkpoint(row.checkpoint)
        self.layers = keras().layers

    def build(self) -> keras_types.Model:
        row = self.row
        entry = self.layers.Input((row.size, row.size, 3), name=f"{row.name}_pixels")
        x = self._convolution(entry, "_conv_stem", "_bn0", stride=2)
        block = 0
        for (stage_stride, expansion), repeats in zip(STAGES, row.repeats, strict=True):
            for repeat in range(repeats):
                stride = stage_stride if repeat == 0 else 1
                x = self._block(x, f"_blocks.{block}", stride, expansion, repeat > 0)
                block += 1
        x = self._convolution(x, "_conv_head", "_bn1")
        return keras().Model(entry, x, name=row.name)

    def _block(
        self,
        entry: keras_types.KerasTensor,
        name: str,
        stride: int,
        expansion: int,
        skip: bool,
    ) -> keras_types.KerasTensor:
        x = entry
        if expansion != 1:
            x = self._convolution(x, f"{name}._expand_conv", f"{name}._bn0")
        x = self._convolution(x, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
        x = self._convolution(x, f"{name}._project_conv", f"{name}._bn2", activation=False)
        if not skip:
            return x
        return self.layers.Add(name=f"{self.row.name}{name}.sum")([x, entry])

    def _convolution(
        self,
        entry: keras_types.KerasTensor,
        name: str,
        norm: str,
        *,
        stride: int = 1,
        activation: bool = True,
    ) -> keras_types.KerasTensor:
        """A convolution, its batch norm and ReLU6."""
        kernel = self.weights[f"{name}.weight"]
        common = {
            "kernel_size": kernel.shape[-1],
            "strides": stride,
            "padding": "same",
            "use_bias": False,
            "data_format": "channels_last",
            "name": f"{self.row.name}{name}",
        }
        if name.endswith("_depthwise_conv"):
            layer, order = self.layers.DepthwiseConv2D(**common), (2, 3, 0, 1)
        else:
            layer = self.layers.Conv2D(kernel.shape[0], **common)
            order = (2, 3, 1, 0)
        x = layer(entry)
        layer.set_weights([kernel.transpose(order)])
        layer = self.layers.BatchNormalization(
            axis=-1, epsilon=BATCH_NORM_EPSILON, name=f"{self.row.name}{norm}"
        )
        x = layer(x)
        layer.set_weights([self.weights[f"{norm}.{key}"] for key in _NORM])
        if not activation:
            return x
        return self.layers.ReLU(max_value=6.0, name=f"{self.row.name}{name}.relu6")(x)
