"""EfficientNet-Lite as ONNX nodes, from the published weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .nodes import Nodes

# The seven stages of every EfficientNet: stride of the first block, expansion.
# Tan & Le 2019 (arXiv:1905.11946), table 1; "Lite" leaves out squeeze-and-excitation, with ReLU6.
STAGES = ((1, 1), (2, 6), (2, 6), (2, 6), (1, 6), (2, 6), (1, 6))
CHANNELS = 1280  # of the feature maps, in every size of the family
FEATURES = "_conv_head.relu6"
BATCH_NORM_EPSILON = 1e-3


class LiteBuilder:
    """Builds an EfficientNet-Lite trunk, folding each batch norm into the convolution before it."""

    def __init__(
        self, name: str, size: int, repeats: Sequence[int], weights: Mapping[str, np.ndarray]
    ) -> None:
        self.name = name
        self.size = size
        self.repeats = repeats
        self.weights = weights
        self.part = Nodes(name)
        self.bounds = [self.part.constant("zero", 0), self.part.constant("six", 6)]

    def build(self) -> Nodes:
        """All nodes and constants, from `pixels` to the feature map."""
        x = self._entry(f"{self.name}/pixels")
        x, side = self._convolution(x, "_conv_stem", "_bn0", self.size, stride=2)
        block = 0
        for (stage_stride, expansion), repeats in zip(STAGES, self.repeats, strict=True):
            for repeat in range(repeats):
                stride = stage_stride if repeat == 0 else 1
                x, side = self._block(x, f"_blocks.{block}", side, stride, expansion, repeat > 0)
                block += 1
        x, _ = self._convolution(x, "_conv_head", "_bn1", side)
        self._exit(x)
        return self.part

    def _entry(self, pixels: str) -> str:
        return pixels

    def _exit(self, features: str) -> None:
        """Nothing: the last convolution's output has the feature map's name already."""

    def _sum(self, x: str, entry: str, name: str) -> str:
        return self.part.add("Add", [x, entry], name)

    def _block(
        self, entry: str, name: str, side: int, stride: int, expansion: int, skip: bool
    ) -> tuple[str, int]:
        """One inverted residual block (Sandler et al. 2018, arXiv:1801.04381)."""
        x = entry
        if expansion != 1:
            x, side = self._convolution(x, f"{name}._expand_conv", f"{name}._bn0", side)
        x, side = self._convolution(
            x, f"{name}._depthwise_conv", f"{name}._bn1", side, stride=stride, depthwise=True
        )
        x, side = self._convolution(
            x, f"{name}._project_conv", f"{name}._bn2", side, activation=False
        )
        return (self._sum(x, entry, f"{name}.sum") if skip else x), side

    def _convolution(
        self,
        entry: str,
        name: str,
        norm: str,
        side: int,
        *,
        stride: int = 1,
        depthwise: bool = False,
        activation: bool = True,
    ) -> tuple[str, int]:
        """A convolution, its batch norm and ReLU6; returns the output's name and side."""
        kernel, bias = self._folded(name, norm)
        constant, add = self.part.constant, self.part.add
        given = [entry, constant(f"{name}.kernel", kernel), constant(f"{name}.bias", bias)]
        x, out = self._node(given, name, kernel.shape, side, stride, depthwise=depthwise)
        return (add("Clip", [x, *self.bounds], f"{name}.relu6") if activation else x), out

    def _node(
        self,
        given: list[str],
        name: str,
        shape: tuple[int, ...],
        side: int,
        stride: int,
        *,
        depthwise: bool,
    ) -> tuple[str, int]:
        """The convolution itself, with a kernel of this shape."""
        reach = shape[-1]
        out = -(-side // stride)
        padding = max((out - 1) * stride + reach - side, 0)  # TensorFlow's "same"
        before, after = padding // 2, padding - padding // 2
        x = self.part.add(
            "Conv",
            given,
            name,
            kernel_shape=[reach, reach],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=shape[0] if depthwise else 1,
        )
        return x, out

    def _folded(self, name: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
        """The convolution's kernel and bias with the batch norm after it multiplied in."""
        weights = self.weights
        variance = weights[f"{norm}.running_var"].astype(np.float64)
        gain = weights[f"{norm}.weight"] / np.sqrt(variance + BATCH_NORM_EPSILON)
        gain = gain.astype(np.float32)
        kernel = weights[f"{name}.weight"] * gain[:, None, None, None]
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        return kernel, bias
