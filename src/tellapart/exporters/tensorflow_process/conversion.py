"""A function of TensorFlow as a TFLite model of builtin operators."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from ...errors import ModelError


def tflite_of(
    function: Callable[..., Mapping[str, Any]],
    specs: Mapping[str, Any],
    *,
    half: bool = False,
    calibration: Callable[[], Iterator[Mapping[str, Any]]] | None = None,
) -> bytes:
    """A model with the named inputs `specs`, which `function` takes and answers with named outputs.

    With `half`, weights have 16 bits. With `calibration`, which gives inputs to learn ranges from,
    it computes in 8-bit integers.

    Raises:
        ModelError: TensorFlow Lite has no builtin operator for something.
    """
    # The converter does not find the variables of Keras (TensorFlow 2.21): constants then.
    traced = tf.function(function, autograph=False).get_concrete_function(**specs)
    frozen = convert_variables_to_constants_v2(traced)
    order = [tensor.name.partition(":")[0] for tensor in frozen.inputs]
    outputs = sorted(traced.structured_outputs)  # as they are flattened

    def constant(**given: Any) -> dict[str, Any]:
        found = tf.nest.flatten(frozen(*(given[name] for name in order)))
        return dict(zip(outputs, found, strict=True))

    module = tf.Module()
    module.constant = tf.function(constant, autograph=False)
    with tempfile.TemporaryDirectory() as place:
        signature = module.constant.get_concrete_function(**specs)
        tf.saved_model.save(module, place, signatures={"serving_default": signature})
        converter = tf.lite.TFLiteConverter.from_saved_model(
            place, signature_keys=["serving_default"]
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if half or calibration:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if half:
            converter.target_spec.supported_types = [tf.float16]
        if calibration:
            converter.representative_dataset = calibration
        try:
            content: bytes = converter.convert()
        except tf.errors.OpError as error:  # the converter's own error is one of Python's
            raise ModelError(f"TensorFlow Lite cannot take this network: {error}.") from error
    return content
