"""A model file as a Keras network and as TensorFlow functions; what every TensorFlow target uses.

    image - crop, squash - resize - [square pictures] - mirror - trunk - mean - length - scores
    \\____ scores_of_pixels / keras_classifier ____/  \\____________ network ______________/

Only this package's own process imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from ...images.decode import ENOUGH
from ..anatomy import Anatomy, TrunkPart
from .operators import convert_trunk


def picture_name(geometry: str, size: int) -> str:
    """What the input for a square picture is called: `crop_224`."""
    return f"{geometry}_{size}"


def network(anatomy: Anatomy) -> keras.Model:
    """From square pictures `[N,S,S,3]` in 0..255, by name, to `scores` and `embedding`."""
    inputs = {
        picture_name(geometry, size): keras.Input(
            (size, size, 3), name=picture_name(geometry, size)
        )
        for geometry, size in anatomy.pictures
    }
    return keras.Model(inputs, _answers(anatomy, inputs))


def keras_classifier(anatomy: Anatomy) -> keras.Model:
    """From `image` uint8 `[N,H,W,3]` of any size to scores; only what Keras itself brings."""
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    pixels = ops.cast(image, "float32")  # or some releases of Keras would round as they like
    squares = {}
    for geometry, size in anatomy.pictures:
        resize = layers.Resizing(
            size,
            size,
            interpolation="bicubic",
            antialias=True,
            crop_to_aspect_ratio=geometry == "crop",
            data_format="channels_last",
            name=picture_name(geometry, size),
        )
        squares[picture_name(geometry, size)] = ops.clip(ops.round(resize(pixels)), 0.0, 255.0)
    return keras.Model(image, _answers(anatomy, squares)["scores"], name="tellapart")


def _answers(anatomy: Anatomy, squares: Mapping[str, Any]) -> dict[str, Any]:
    embeddings = [_embedding(anatomy, trunk, squares) for trunk in anatomy.trunks]
    embedding = embeddings[0]
    if len(embeddings) > 1:
        embedding = layers.Concatenate(name="embedding")(embeddings)
    if anatomy.shortest is not None:
        length = ops.sqrt(ops.sum(ops.square(embedding), axis=1, keepdims=True))
        embedding = embedding / ops.maximum(length, anatomy.shortest)
    head = layers.Dense(len(anatomy.labels), activation="softmax", name="scores")
    scores = head(embedding)
    head.set_weights([anatomy.weights.T, anatomy.bias])
    return {"scores": scores, "embedding": embedding}


def maps_of(anatomy: Anatomy, trunk: TrunkPart, squares: Mapping[str, Any]) -> Any:
    """A trunk's maps `[V*N,h,w,C]` of square pictures by name: views are stacked as pictures of one
    batch."""
    mean, scale = np.array(trunk.mean), np.array(trunk.scale)
    normal = layers.Rescaling((1 / scale).tolist(), (-mean / scale).tolist())
    plain = {g: normal(squares[picture_name(g, s)]) for g, s in anatomy.pictures if s == trunk.size}
    stacked = [
        ops.flip(plain[view.geometry], axis=2) if view.mirrored else plain[view.geometry]
        for view in anatomy.views
    ]
    pixels = stacked[0] if len(stacked) == 1 else ops.concatenate(stacked, axis=0)
    return convert_trunk(trunk, anatomy.constants, pixels)


def _embedding(anatomy: Anatomy, trunk: TrunkPart, squares: Mapping[str, Any]) -> Any:
    """The mean over views and positions `[N,C]`."""
    maps, views = maps_of(anatomy, trunk, squares), len(anatomy.views)
    means = layers.GlobalAveragePooling2D(data_format="channels_last")(maps)
    if views == 1:
        return means
    return ops.mean(ops.reshape(means, (views, -1, means.shape[-1])), axis=0)


def squares_of(pixels: Any, anatomy: Anatomy) -> dict[str, Any]:
    """The square pictures of a batch `[N,H,W,3]` in 0..255: Pillow's BICUBIC, in whole numbers."""
    image = tf.cast(pixels, tf.float32)
    sides = tf.shape(image)[1:3]
    shortest = tf.reduce_min(sides)
    top, left = tf.unstack((sides - shortest) // 2)
    whole = {
        "squash": image,
        "crop": image[:, top : top + shortest, left : left + shortest],
    }
    return {
        picture_name(geometry, size): tf.clip_by_value(
            tf.round(
                tf.image.resize(whole[geometry], (size, size), method="bicubic", antialias=True)
            ),
            0.0,
            255.0,
        )
        for geometry, size in anatomy.pictures
    }


def decoded_at_scale(contents: Any) -> Any:
    """Pixels of what `DecodeJpeg` reads; big JPEGs smaller, as `images.decode` reads them."""
    shortest = tf.cond(
        is_jpeg(contents),
        lambda: tf.reduce_min(tf.image.extract_jpeg_shape(contents)[:2]),
        lambda: tf.constant(0),
    )
    return _decoded(contents, shortest, 1)


def is_jpeg(contents: Any) -> Any:
    return tf.equal(tf.strings.substr(contents, 0, 2), b"\xff\xd8")


def _decoded(contents: Any, shortest: Any, ratio: int) -> Any:
    """At `1 / ratio`, or smaller where the shorter side stays long enough."""

    def decode() -> Any:
        # Exact as Pillow's is; TensorFlow's usual way is quicker and a little off.
        return tf.raw_ops.DecodeJpeg(
            contents=contents, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE"
        )

    if ratio == 8:
        return decode()
    smaller = shortest > (2 * ENOUGH - 1) * ratio  # sides are rounded up
    return tf.cond(smaller, lambda: _decoded(contents, shortest, 2 * ratio), decode)


# Where the bytes of a picture say how it lies (EXIF tag 0x0112), in either order of bytes.
_LITTLE = bytes([0x12, 0x01, 0x03, 0x00, 0x01, 0x00, 0x00, 0x00])
_BIG = bytes([0x01, 0x12, 0x00, 0x03, 0x00, 0x00, 0x00, 0x01])
_HEADER = 2**16  # bytes in which it is looked for
# For orientations 0 (none) to 8: whether rows and columns change places, and then what is reversed.
_SWAPPED = [False, False, False, False, False, True, True, True, True]
_REVERSED = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0)]


def upright(pixels: Any, contents: Any) -> Any:
    """Decoded pixels `[H,W,3]` turned as the EXIF orientation in the encoded bytes says.

    TensorFlow's decoders ignore it, and every second photo of a telephone lies on its side. Only
    plain operators are used, so that it works in a frozen graph too.
    """
    orientation = _orientation(contents)
    order = tf.gather([(1, 0, 2) if swap else (0, 1, 2) for swap in _SWAPPED], orientation)
    turned = tf.transpose(pixels, order)
    reversal = tf.gather([(*map(bool, axes), False) for axes in _REVERSED], orientation)
    return tf.raw_ops.Reverse(tensor=turned, dims=reversal)


def _orientation(contents: Any) -> Any:
    """1 to 8, or 0 where nothing is said."""
    header = tf.io.decode_raw(tf.strings.substr(contents, 0, _HEADER), tf.uint8)
    header = tf.concat([tf.zeros([16], tf.uint8), header, tf.zeros([16], tf.uint8)], 0)
    places = tf.size(header) - 10
    windows = tf.stack([header[at : at + places] for at in range(10)], axis=1)  # [places, 10]
    found = [
        tf.where(tf.reduce_all(tf.equal(windows[:, :8], list(tag)), 1), windows[:, value], 0)
        for tag, value in ((_LITTLE, 8), (_BIG, 9))
    ]
    values = tf.cast(tf.maximum(*found), tf.int32)
    first = tf.argmax(tf.cast(values > 0, tf.int32))
    value = tf.gather(values, first)
    return tf.where(value <= 8, value, 0)
