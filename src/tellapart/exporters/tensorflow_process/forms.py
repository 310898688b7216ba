"""The files that TensorFlow writes: one function a form, in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ...images.decode import read_picture
from ..anatomy import Anatomy, in_floats
from .conversion import tflite_of
from .frigate import write_frigate
from .network import (
    decoded_at_scale,
    is_jpeg,
    keras_classifier,
    network,
    picture_name,
    squares_of,
    upright,
)
from .tflite_metadata import with_metadata

Form: TypeAlias = Callable[..., None]  # of Anatomy, folder, pictures; some have options

_IMAGE = tf.TensorSpec([None, None, None, 3], tf.float32, name="pixels")
_FOR_CALIBRATION = 100  # pictures


def write_keras(anatomy: Anatomy, folder: Path, pictures: Sequence[Path]) -> None:
    """model.keras: pixels of any size to scores."""
    keras_classifier(anatomy).save(folder / "model.keras")


def write_graph(anatomy: Anatomy, folder: Path, pictures: Sequence[Path]) -> None:
    """retrained_graph.pb with the names of 2016: DecodeJpeg/contents, DecodeJpeg, final_result."""
    answer = network(anatomy)
    scores = tf.function(lambda pixels: answer(squares_of(pixels, anatomy))["scores"])
    frozen = convert_variables_to_constants_v2(scores.get_concrete_function(_IMAGE))
    with tf.Graph().as_default() as graph:
        # With a default, so that whoever feeds DecodeJpeg:0 need not feed the bytes too.
        contents = tf.compat.v1.placeholder_with_default(b"", [], name="DecodeJpeg/contents")
        tf.compat.v1.disable_control_flow_v2()  # which needs functions, unknown in 2016
        decoded = tf.ensure_shape(decoded_at_scale(contents), [None, None, 3], name="DecodeJpeg")
        tf.compat.v1.enable_control_flow_v2()
        pixels = tf.expand_dims(tf.cast(upright(decoded, contents), tf.float32), 0)
        (result,) = tf.graph_util.import_graph_def(
            frozen.graph.as_graph_def(),
            input_map={frozen.inputs[0].name: pixels},
            return_elements=[frozen.outputs[0].name],
            name="network",
        )
        tf.identity(result, name="final_result")
        (folder / "retrained_graph.pb").write_bytes(graph.as_graph_def().SerializeToString())


class _Served(tf.Module):  # type: ignore[misc]
    """What TensorFlow Serving calls: scores and the best label for pixels or for encoded bytes."""

    def __init__(self, anatomy: Anatomy) -> None:
        super().__init__(name="tellapart")
        self._anatomy = anatomy
        self._network = network(anatomy)
        self._labels = tf.constant(list(anatomy.labels))
        whole = tf.TensorSpec([None, None, None, 3], tf.uint8, name="pixels")
        strings = tf.TensorSpec([None], tf.string, name="encoded")
        self.pixels = tf.function(self._of_pixels, input_signature=[_IMAGE])
        self.pixels_uint8 = tf.function(self._of_pixels, input_signature=[whole])
        self.encoded = tf.function(self._of_encoded, input_signature=[strings])

    def _answer(self, squares: Mapping[str, Any]) -> dict[str, Any]:
        scores = self._network(squares)["scores"]
        return {"scores": scores, "label": tf.gather(self._labels, tf.argmax(scores, axis=1))}

    def _of_pixels(self, pixels: Any) -> dict[str, Any]:
        return self._answer(squares_of(pixels, self._anatomy))

    def _of_encoded(self, encoded: Any) -> dict[str, Any]:
        """Pictures of any sizes: each is decoded and made square before they become a batch."""
        specs = {
            picture_name(geometry, size): tf.TensorSpec([size, size, 3], tf.float32)
            for geometry, size in self._anatomy.pictures
        }
        return self._answer(tf.map_fn(self._squares, encoded, fn_output_signature=specs))

    def _squares(self, contents: Any) -> dict[str, Any]:
        decoded = tf.cond(
            is_jpeg(contents),
            lambda: decoded_at_scale(contents),
            lambda: tf.io.decode_image(contents, channels=3, expand_animations=False),
        )
        decoded = tf.ensure_shape(upright(decoded, contents), [None, None, 3])
        return {
            name: square[0] for name, square in squares_of(decoded[None], self._anatomy).items()
        }


def write_saved_model(anatomy: Anatomy, folder: Path, pictures: Sequence[Path]) -> None:
    """model/1: laid out as TensorFlow Serving looks for it, a folder a version."""
    served = _Served(anatomy)
    signatures = {
        "serving_default": served.encoded,
        "encoded": served.encoded,
        "pixels": served.pixels,
        "pixels_uint8": served.pixels_uint8,
    }
    tf.saved_model.save(served, str(folder / "model" / "1"), signatures=signatures)


def _write_tflite(
    anatomy: Anatomy,
    folder: Path,
    pictures: Sequence[Path],
    *,
    half: bool = False,
    integers: bool = False,
) -> None:
    """model.tflite: one square picture in, uint8, for each (geometry, size) there is."""
    answer = network(in_floats(anatomy) if half or integers else anatomy)
    names = [picture_name(geometry, size) for geometry, size in anatomy.pictures]
    specs = {
        name: tf.TensorSpec([1, size, size, 3], tf.uint8, name=name)
        for name, (_, size) in zip(names, anatomy.pictures, strict=True)
    }

    def classify(**squares: Any) -> dict[str, Any]:
        as_float = {name: tf.cast(square, tf.float32) for name, square in squares.items()}
        return {"scores": answer(as_float)["scores"]}

    content = tflite_of(
        classify,
        specs,
        half=half,
        calibration=(lambda: _calibration(anatomy, pictures)) if integers else None,
    )
    labels = (folder / "labels.txt").read_bytes()
    (folder / "model.tflite").write_bytes(with_metadata(content, anatomy.pictures, labels))


def _calibration(anatomy: Anatomy, pictures: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Some pictures as the network sees them, evenly from first to last."""
    for number in np.linspace(0, len(pictures) - 1, min(_FOR_CALIBRATION, len(pictures))):
        squares = squares_of(read_picture(pictures[int(number)])[None], anatomy)
        yield {name: tf.cast(square, tf.uint8) for name, square in squares.items()}


FORMS: Mapping[str, Form] = {
    "keras": write_keras,
    "saved-model": write_saved_model,
    "tensorflow-graph": write_graph,
    "tflite": _write_tflite,
    "tflite-float16": lambda *job: _write_tflite(*job, half=True),
    "tflite-int8": lambda *job: _write_tflite(*job, integers=True),
    "frigate": write_frigate,
}
