"""The model that Frigate runs: one picture of 224 x 224 pixels in, whole numbers out.

    image - resize | mirror - trunk - maps | root - mean - length - scores - none - shares
     uint8    float |    8-bit integers     |                float                    uint8

Frigate takes the first output and divides it by its sum. It has made the whole picture square: the
central square and the whole picture are the same then, so views that differ in that alone are one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...backbones.novelty_nodes import stored_novelty
from ...head.novelty import NEIGHBOURS, TINY
from ...images.decode import read_picture
from ..anatomy import Anatomy, TrunkPart, in_floats
from ..frigate import NONE, SIDE, WHOLE, WHOLE_PICTURE, labelmap
from ..frigate_feed import squashed
from .conversion import tflite_of
from .joining import in_steps, joined
from .network import maps_of, picture_name

_FOR_CALIBRATION = 100  # pictures


def write_frigate(
    anatomy: Anatomy, folder: Path, pictures: Sequence[Path], *, unknown_above: float
) -> None:
    """model.tflite: `image` uint8 `[1,224,224,3]` to shares of 255, one a line of labelmap.txt."""
    anatomy = _of_squares(in_floats(anatomy))
    trunks = tuple(_unrooted(trunk) for trunk in anatomy.trunks) if anatomy.shortest else ()
    network = _maps_network(replace(anatomy, trunks=trunks or anatomy.trunks))
    image = tf.TensorSpec([1, SIDE, SIDE, 3], tf.uint8, name="image")
    squares = tflite_of(lambda image: _squares(anatomy, image), {"image": image})
    inside = tflite_of(
        lambda **squares: network(squares),
        {
            name: tf.TensorSpec(square.shape, tf.float32, name=name)
            for name, square in network.input.items()
        },
        calibration=lambda: _calibration(anatomy, pictures),
    )
    specs = {
        name: tf.TensorSpec(maps.shape, tf.float32, name=name)
        for name, maps in network.output.items()
    }
    tail = _Tail(anatomy, unknown_above)
    answer = tflite_of(lambda **maps: {"scores": tail(maps)}, specs)
    content = in_steps(joined(joined(squares, inside), answer), "scores", 1 / WHOLE)
    (folder / "model.tflite").write_bytes(content)


def _of_squares(anatomy: Anatomy) -> Anatomy:
    """As it sees pictures that are square: each distinct view once, where all are there equally
    often, as in each of our own networks."""
    views = [replace(view, geometry="squash") for view in anatomy.views]
    often = {view: views.count(view) for view in views}
    once = tuple(often) if len(set(often.values())) == 1 else tuple(views)
    return replace(anatomy, views=once)


def _unrooted(trunk: TrunkPart) -> TrunkPart:
    """A trunk without the root at its end: that is not for integers."""
    *nodes, root = trunk.nodes
    return replace(trunk, nodes=tuple(nodes), output=root.input[0])


def _squares(anatomy: Anatomy, image: Any) -> dict[str, Any]:
    """The square pictures `[1,S,S,3]` by name, in whole numbers 0..255 as the model makes them."""
    square, found = tf.cast(image, tf.float32), {}
    for geometry, size in anatomy.pictures:
        resized = square
        if size != SIDE:
            weights = np.float32(_cubic(size).T)
            for _ in range(2):  # down, and then across
                columns = tf.reshape(tf.transpose(resized, [0, 2, 3, 1]), [-1, SIDE])
                shorter = tf.reshape(tf.linalg.matmul(columns, weights), [1, -1, 3, size])
                resized = tf.transpose(shorter, [0, 1, 3, 2])
            resized = tf.clip_by_value(tf.round(resized), 0.0, 255.0)
        found[picture_name(geometry, size)] = resized
    return found


def _cubic(size: int) -> np.ndarray:
    """What each of `size` pixels takes of 224, `[size,224]`: Pillow's BICUBIC."""
    scale = SIDE / size
    places = (np.arange(size)[:, None] + 0.5) * scale
    x = np.abs(np.arange(SIDE) + 0.5 - places) / max(scale, 1)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    weights = np.where(x < 1, near, np.where(x < 2, far, 0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _maps_network(anatomy: Anatomy) -> keras.Model:
    """From the square pictures by name to the maps `[V,h,w,C]` of each trunk by name."""
    squares = {
        picture_name(geometry, size): keras.Input(
            (size, size, 3), batch_size=1, name=picture_name(geometry, size)
        )
        for geometry, size in anatomy.pictures
    }
    maps = {trunk.name: maps_of(anatomy, trunk, squares) for trunk in anatomy.trunks}
    return keras.Model(squares, maps)


class _Tail:
    """All that follows the trunks' maps, in floating point; see `backbones.graph` and
    `backbones.novelty_nodes`."""

    def __init__(self, anatomy: Anatomy, unknown_above: float) -> None:
        self._anatomy = anatomy
        self._unknown_above = unknown_above
        names = labelmap(anatomy.labels, unknown_above)
        self._lines, self._none = len(names), names.index(NONE) if NONE in names else None

    def __call__(self, maps: Mapping[str, Any]) -> Any:
        """Shares uint8 `[1,L]` that add up to 255."""
        means = []
        for trunk in self._anatomy.trunks:
            features = maps[trunk.name]
            if self._anatomy.shortest:
                features = tf.sqrt(tf.nn.relu(features))
            means.append(tf.reduce_mean(features, axis=[0, 1, 2])[None])
        embedding = tf.concat(means, axis=1)
        if self._anatomy.shortest:
            embedding = embedding / tf.maximum(_length(embedding), self._anatomy.shortest)
        logits = tf.linalg.matmul(embedding, self._anatomy.weights.T) + self._anatomy.bias
        scores = tf.nn.softmax(logits)
        if np.isfinite(self._unknown_above):
            scores = self._with_none(scores, self._novelty(embedding, logits))
        # Each share is rounded so that all of them together are 255, however many there are.
        sums = tf.round(tf.cumsum(scores, axis=1) * WHOLE)
        return tf.cast(sums - tf.pad(sums[:, :-1], [[0, 0], [1, 0]]), tf.uint8)

    def _with_none(self, scores: Any, novelty: Any) -> Any:
        """Scores `[1,L]`: all of it is for `none` where the picture is unknown."""
        unknown = tf.cast(novelty > self._unknown_above, tf.float32)
        scores = tf.pad(scores, [[0, 0], [0, self._lines - scores.shape[1]]])
        return scores * (1 - unknown) + unknown * tf.one_hot([self._none], self._lines)

    def _novelty(self, embedding: Any, logits: Any) -> Any:
        """The novelty `[1,1]`."""
        novelty = stored_novelty(self._anatomy.constants)
        kept = novelty.exemplars
        exemplars = kept.standard.T
        standard = (embedding - kept.mean) / kept.deviation
        products = tf.linalg.matmul(standard, exemplars)
        raw = tf.linalg.matmul(embedding * kept.deviation, exemplars)
        raw += tf.linalg.matmul(embedding, kept.mean[:, None])
        apart = [
            1 - product / (tf.maximum(_length(of), TINY) * lengths)
            for of, product, lengths in zip(
                (embedding, standard), (raw, products), kept.lengths, strict=True
            )
        ]
        own = tf.reduce_sum(tf.square(standard), axis=1, keepdims=True)
        rest = kept.lengths[1] ** 2 - 2 * products
        squared = tf.nn.relu(own + tf.reduce_min(rest, axis=1, keepdims=True))
        scores = [
            *(_nearest(each / radii) for each, radii in zip(apart, kept.radii, strict=True)),
            -_log_sum_exp(logits),
            tf.reduce_min(apart[0], axis=1, keepdims=True),
            tf.sqrt(squared),
        ]
        return _log_sum_exp((tf.concat(scores, axis=1) - novelty.centre) / novelty.spread)


def _length(vectors: Any) -> Any:
    return tf.sqrt(tf.reduce_sum(tf.square(vectors), axis=1, keepdims=True))


def _log_sum_exp(values: Any) -> Any:
    most = tf.reduce_max(values, axis=1, keepdims=True)
    return most + tf.math.log(tf.reduce_sum(tf.exp(values - most), axis=1, keepdims=True))


def _nearest(apart: Any) -> Any:
    """The mean of the `NEIGHBOURS` smallest of `[1,M]`, as `[1,1]`."""
    smallest, _ = tf.math.top_k(-apart, min(NEIGHBOURS, apart.shape[1]))
    return -tf.reduce_mean(smallest, axis=1, keepdims=True)


def _calibration(anatomy: Anatomy, pictures: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Some pictures as the networks see them, evenly from first to last."""
    for number in np.linspace(0, len(pictures) - 1, min(_FOR_CALIBRATION, len(pictures))):
        whole = read_picture(pictures[int(number)], enough=WHOLE_PICTURE)
        yield _squares(anatomy, squashed(whole, SIDE)[None])
