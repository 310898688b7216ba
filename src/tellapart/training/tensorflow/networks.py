"""Backbones as Keras models, and the views of a picture as `graph.py` makes them.

A `KerasNetwork` embeds pictures exactly as the ONNX graph of the same trunks does, and can embed
them distorted, which no finished model does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...backbones.embed import Embedder, Runs
from ...backbones.graph import SHORTEST, VIEWS, Network, View
from ...backbones.rows import BACKBONES, Trunk
from ...backbones.rows import quality as quality_row
from ..tensorflow_settings import Distortions
from .lite_network import build_lite_network, lite_weights
from .runtime import tensorflow

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    from tensorflow import Tensor

CHANCES = 6  # random numbers in 0..1 that decide one distorted picture
_FLATTEST = 0.01  # the least root whose own slope is taken: towards 0 it grows without end


@dataclass(frozen=True)
class KerasTrunk:
    """A Keras model from normalised pixels `[N,size,size,3]` to a feature map `[N,h,w,channels]`.

    A pixel p in 0..255 enters as (p - mean) / scale, per channel.

    Attributes:
        name: what it is called.
        model: the Keras model.
        size: the side of its square input in pixels.
        channels: the number of features.
        mean: subtracted from each pixel.
        scale: what each pixel is then divided by.
        trunk: makes the same network as ONNX, with the weights that the model has at that moment.
        never_negative: whether no value of its feature map can be below zero, for any picture.
    """

    name: str
    model: keras.Model
    size: int
    channels: int
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    trunk: Callable[[], Trunk]
    never_negative: bool


def lite_trunk(name: str) -> KerasTrunk:
    """A row of `rows.BACKBONES` in Keras."""
    row = BACKBONES[name]
    model = build_lite_network(row)
    channels = int(model.output.shape[-1])
    return KerasTrunk(
        name,
        model,
        row.size,
        channels,
        row.mean,
        row.scale,
        lambda: row.trunk(lite_weights(row, model)),
        row.trunk().never_negative,
    )


def quality_network(quality: str) -> KerasNetwork:
    """The network of a quality row in Keras."""
    row = quality_row(quality)
    return KerasNetwork(row.name, tuple(lite_trunk(name) for name in row.backbones), row.views)


class KerasNetwork:
    """Trunks and views under a name, as `graph.Network` has them, run by TensorFlow."""

    def __init__(self, name: str, trunks: tuple[KerasTrunk, ...], views: tuple[str, ...]) -> None:
        self.name = name
        self.trunks = trunks
        self.views = views

    def network(self, name: str = "") -> Network:
        """The same as ONNX, with the weights of this moment."""
        trunks = tuple(trunk.trunk() for trunk in self.trunks)
        return Network(name or self.name, trunks, self.views)

    @property
    def rooted(self) -> bool:
        """As `graph.Network.rooted`."""
        return all(trunk.never_negative for trunk in self.trunks)

    @property
    def variables(self) -> list[keras.Variable]:
        """All that fine-tuning changes: every weight but those of batch norms, which are frozen.

        With a handful of pictures a step, statistics of a batch would say little. From the lowest
        layers to the highest.
        """
        return [variable for _, variable in self._by_height]

    @property
    def heights(self) -> list[float]:
        """Where each of `variables` stands in its trunk: 0 the lowest layer, 1 the highest."""
        return [height for height, _ in self._by_height]

    @cached_property
    def _by_height(self) -> list[tuple[float, keras.Variable]]:
        found = []
        for trunk in self.trunks:
            layers = [
                layer.trainable_variables
                for layer in layers_of(trunk.model)
                if type(layer).__name__ != "BatchNormalization" and layer.trainable_variables
            ]
            top = max(1, len(layers) - 1)
            found += [(at / top, one) for at, layer in enumerate(layers) for one in layer]
        return sorted(found, key=lambda pair: pair[0])

    @cached_property
    def embed(self) -> Callable[[Tensor], Tensor]:
        """`[N,H,W,3]` uint8 -> embeddings `[N,D]`, as `graph.py` computes them."""
        tf = tensorflow()

        def embed(image: Tensor) -> Tensor:
            parts = []
            for trunk in self.trunks:
                pixels = [self._pixels(image, trunk, VIEWS[view]) for view in self.views]
                means = self.features(trunk, tf.concat(pixels, axis=0))
                by_view = tf.reshape(means, [len(self.views), -1, trunk.channels])
                parts.append(tf.reduce_mean(by_view, axis=0))
            return self._joined(parts)

        return _compiled(embed, tf.TensorSpec([None, None, None, 3], tf.uint8))

    def features(self, trunk: KerasTrunk, pixels: Tensor) -> Tensor:
        """Normalised pixels `[N,S,S,3]` -> the mean over positions of the feature map, or of its
        root, `[N,C]`."""
        maps = trunk.model(pixels, training=False)
        return tensorflow().reduce_mean(_root(maps) if self.rooted else maps, axis=[1, 2])

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        """Means `[N,C]` of each trunk -> embeddings `[N,D]`; the slope at length 0 is finite."""
        tf = tensorflow()
        joined = tf.concat(parts, axis=1)
        return tf.math.l2_normalize(joined, axis=1, epsilon=SHORTEST**2) if self.rooted else joined

    def embed_distorted(
        self, pictures: Sequence[np.ndarray], chances: np.ndarray, distortions: Distortions
    ) -> Tensor:
        """Embeddings `[N,D]` of pictures `[H,W,3]`, each by one view of it, distorted.

        `chances` `[N,CHANCES]` in 0..1 decide; equal chances give equal embeddings.
        """
        return self.embed_prepared(self.prepare(pictures, chances, distortions))

    @cached_property
    def embed_prepared(self) -> Callable[[Sequence[Tensor]], Tensor]:
        """Normalised pixels `[N,S,S,3]` for each trunk -> embeddings `[N,D]`."""
        tf = tensorflow()
        return _compiled(
            lambda inputs: self._joined(
                [self.features(t, x) for t, x in zip(self.trunks, inputs, strict=True)]
            ),
            [tf.TensorSpec([None, t.size, t.size, 3], tf.float32) for t in self.trunks],
        )

    def prepare(
        self, pictures: Sequence[np.ndarray], chances: np.ndarray, distortions: Distortions
    ) -> list[Tensor]:
        """Normalised pixels `[N,S,S,3]` for each trunk, each picture in one view, distorted."""
        tf = tensorflow()
        prepared: list[list[Tensor]] = [[] for _ in self.trunks]
        for picture, row in zip(pictures, chances, strict=True):
            view = self.views[min(int(row[5] * len(self.views)), len(self.views) - 1)]
            prepare = self._distorters(distortions)[view]
            numbers = tf.constant(row, tf.float32)
            for at, pixels in enumerate(prepare(tf.constant(picture), numbers)):
                prepared[at].append(pixels)
        return [tf.stack(pixels) for pixels in prepared]

    def _distorters(
        self, distortions: Distortions
    ) -> dict[str, Callable[[Tensor, Tensor], list[Tensor]]]:
        made = self._made.get(distortions)
        if made is None:
            made = {view: self._distorter(VIEWS[view], distortions) for view in self.views}
            self._made[distortions] = made
        return made

    @cached_property
    def _made(self) -> dict[Distortions, dict[str, Callable[..., list[Tensor]]]]:
        return {}

    def _distorter(
        self, view: View, distortions: Distortions
    ) -> Callable[[Tensor, Tensor], list[Tensor]]:
        tf = tensorflow()

        def distort(image: Tensor, chances: Tensor) -> list[Tensor]:
            return [_distorted(image, chances, trunk, view, distortions) for trunk in self.trunks]

        return _compiled(
            distort, tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([CHANCES], tf.float32)
        )

    def _pixels(self, image: Tensor, trunk: KerasTrunk, view: View) -> Tensor:
        """One view's normalised pixels `[N,S,S,3]`, as `graph.py` computes them."""
        tf = tensorflow()
        pixels = _resized(_geometry(image, view), tf.constant([trunk.size, trunk.size]))
        pixels = _normalised(pixels, trunk)
        return tf.reverse(pixels, axis=[2]) if view.mirrored else pixels


class KerasEmbedder(Embedder):
    """`embeddings.Embedder` with TensorFlow at work; its embeddings are kept apart."""

    def __init__(
        self, network: KerasNetwork, onnx: Network, cache_folder: Path | None = None
    ) -> None:
        super().__init__(onnx, cache_folder)
        self._keras = network

    def open(self) -> Runs:
        return _Session(self._keras)

    def space(self) -> str:
        return f"{super().space()}-tensorflow"


class _Session:
    """What `session.LazySession` is for ONNX: one picture at a time, on all cores."""

    def __init__(self, network: KerasNetwork) -> None:
        self._network = network
        self._lock = threading.Lock()

    def run(self, outputs: Sequence[str], given: np.ndarray) -> list[np.ndarray]:
        assert list(outputs) == ["embedding"]
        with self._lock:
            return [np.asarray(self._network.embed(tensorflow().constant(given)))]


def layers_of(model: keras.Model) -> list[keras.Layer]:
    """All layers, those of models used as layers included, each once."""
    found = {}
    for layer in model.layers:
        inner = layers_of(layer) if getattr(layer, "layers", None) else [layer]
        found.update({id(one): one for one in inner})
    return list(found.values())


def _compiled(function: Callable[..., object], *signature: object) -> Callable[..., Tensor]:
    return tensorflow().function(  # type: ignore[no-any-return]
        function, input_signature=signature, autograph=False
    )


def _root(maps: Tensor) -> Tensor:
    """The root of each value, with a slope that is finite at 0 too, and exact from `_FLATTEST`."""
    tf = tensorflow()

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def root(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        y = tf.sqrt(x)
        return y, lambda slope: slope * 0.5 / tf.maximum(y, _FLATTEST)

    return root(maps)


def _geometry(image: Tensor, view: View) -> Tensor:
    """`[N,H,W,3]` as floats: the central square or the whole."""
    tf = tensorflow()
    if view.geometry == "crop":
        height, width = tf.shape(image)[1], tf.shape(image)[2]
        side = tf.minimum(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        image = image[:, top : top + side, left : left + side]
    return tf.cast(image, tf.float32)


def _resized(image: Tensor, sides: Tensor) -> Tensor:
    """Pillow's BICUBIC, rounded to whole pixel values as Pillow does."""
    tf = tensorflow()
    resized = tf.image.resize(image, sides, method="bicubic", antialias=True)
    return tf.clip_by_value(tf.round(resized), 0.0, 255.0)


def _normalised(pixels: Tensor, trunk: KerasTrunk) -> Tensor:
    tf = tensorflow()
    return (pixels - tf.constant(trunk.mean, tf.float32)) / tf.constant(trunk.scale, tf.float32)


def _distorted(
    image: Tensor,
    chances: Tensor,
    trunk: KerasTrunk,
    view: View,
    distortions: Distortions,
) -> Tensor:
    """`add_input_distortions` of retrain.py for one picture and one trunk, `[S,S,3]`.

    Two things differ: the picture is a view of ours before it is enlarged, and values beyond white
    are cut off. Of the chances `[CHANCES]` one each decides scale, place down and across, mirroring
    and brightness.
    """
    tf = tensorflow()
    size = float(trunk.size)
    scale = 1.0 + distortions.random_crop / 100
    scale *= 1.0 + chances[0] * distortions.random_scale / 100
    side = tf.cast(tf.round(size * scale), tf.int32)
    enlarged = _resized(_geometry(image[None], view), tf.stack([side, side]))[0]
    spare = tf.cast(side - trunk.size + 1, tf.float32)
    corner = tf.minimum(tf.cast(chances[1:3] * spare, tf.int32), side - trunk.size)
    pixels = enlarged[corner[0] : corner[0] + trunk.size, corner[1] : corner[1] + trunk.size]
    flip = tf.logical_and(distortions.flip_left_right, chances[3] < 0.5)
    flip = tf.math.logical_xor(flip, view.mirrored)
    pixels = tf.cond(flip, lambda: tf.reverse(pixels, axis=[1]), lambda: pixels)
    brightness = 1.0 + (2.0 * chances[4] - 1.0) * distortions.random_brightness / 100
    pixels = tf.ensure_shape(pixels, [trunk.size, trunk.size, 3])
    return _normalised(tf.clip_by_value(pixels * brightness, 0.0, 255.0), trunk)
