"""A trunk's ONNX nodes as Keras layers: one small function an operator, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops

from ..anatomy import TrunkPart
from .step import Step, Tensor, plain, real, turned

if TYPE_CHECKING:
    from onnx import NodeProto

_LAST = {0: 0, 1: 3, 2: 1, 3: 2}  # where an axis of [N,C,h,w] is in [N,h,w,C]


def convert_trunk(trunk: TrunkPart, constants: Mapping[str, np.ndarray], pixels: Any) -> Any:
    """From normalised pixels `[N,S,S,3]` to maps `[N,h,w,C]`.

    Raises:
        BackboneError: an operator, or a way of using one, is not in the table; it is named.
    """
    from onnx import helper

    tensors: dict[str, Tensor | None] = {name: Tensor(value) for name, value in constants.items()}
    tensors.update({"": None, trunk.entry: Tensor(pixels, True)})
    for node in trunk.nodes:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        step = Step(node.op_type, tuple(tensors[name] for name in node.input), attributes)
        if step.kind not in _OPERATORS:
            raise step.refused("")
        tensors[node.output[0]] = _result(step, node)
    return turned(real(tensors[trunk.output] or Tensor(pixels, True))).value


def _result(step: Step, node: NodeProto) -> Tensor:
    if any(node.output[1:]) and step.kind != "Dropout":
        raise step.refused(" for more than one result")
    return _OPERATORS[step.kind](step)


def _weighted(layer: keras.layers.Layer, x: Any, weights: Sequence[np.ndarray | None]) -> Any:
    """A layer's answer, with its weights set."""
    result = layer(x)
    layer.set_weights([weight for weight in weights if weight is not None])
    return result


def _pads(
    step: Step, x: Any, reach: Sequence[int], strides: Sequence[int]
) -> tuple[list[int], bool]:
    """The pads [top, left, bottom, right], and whether they are what TensorFlow calls "same"."""
    sides = x.shape[1:3]
    total = [
        max((-(-side // stride) - 1) * stride + extent - side, 0)
        for side, extent, stride in zip(sides, reach, strides, strict=True)
    ]
    same = [*(size // 2 for size in total), *(size - size // 2 for size in total)]
    automatic = bytes(step.attributes.get("auto_pad", b"NOTSET")).decode()
    if automatic == "SAME_LOWER":
        raise step.refused(" with auto_pad SAME_LOWER")
    if automatic == "SAME_UPPER":
        return same, True
    pads = [int(pad) for pad in step.attributes.get("pads", [0, 0, 0, 0])]
    return pads, pads == same


def _padded(x: Any, pads: Sequence[int]) -> Any:
    top, left, bottom, right = pads
    return layers.ZeroPadding2D(((top, bottom), (left, right)))(x) if any(pads) else x


def _convolution(step: Step) -> Tensor:
    """A convolution. Of whole steps, it is one of whole numbers, held as floats: sums of them are
    exact below 2**24, so that they are those of the integer kernels of ONNX Runtime."""
    inputs = [step.steps(number) for number, given in enumerate(step.inputs) if given]
    scales = [given.scale for given in inputs if given.scale is not None]
    if len(inputs) == len(scales) == 3:
        whole = tuple(replace(given, scale=None) for given in inputs)
        sums = _plain_convolution(replace(step, inputs=whole))
        whole_sums = ops.round(sums.value)  # they are; but no converter multiplies through it
        return Tensor(whole_sums, sums.channels_last, scales[0] * scales[1])
    return _plain_convolution(step)


def _dequantised(step: Step) -> Tensor:
    """Whole steps, from their zero on."""
    x, scale, zero = step.tensor(), step.array(1), step.optional_array(2)
    if scale.ndim and (not x.constant or step.number("axis", 1)):
        raise step.refused(" with a scale by channel of what is computed")
    middle = 0 if zero is None or not zero.any() else float(zero)
    value = x.value.astype(np.float32) if x.constant else x.value
    return Tensor(value - middle if middle else value, x.channels_last, scale)


def _quantised(step: Step) -> Tensor:
    """Values or sums of steps as the nearest whole steps, half to even."""
    x, scale, zero = step.steps(), step.array(1), step.optional_array(2)
    if scale.ndim or zero is None:
        raise step.refused(" by channel or without a zero")
    value = x.value / scale if x.scale is None else x.value * (x.scale / scale)
    limits = np.iinfo(zero.dtype)
    return Tensor(
        ops.clip(ops.round(value) + float(zero), float(limits.min), float(limits.max)),
        x.channels_last,
    )


def _plain_convolution(step: Step) -> Tensor:
    x, kernel, bias = turned(step.tensor()).value, step.array(1), step.optional_array(2)
    if kernel.ndim != 4:
        raise step.refused(" for anything but pictures")
    group = step.number("group", 1)
    strides = [int(stride) for stride in step.attributes.get("strides", [1, 1])]
    dilations = [int(dilation) for dilation in step.attributes.get("dilations", [1, 1])]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], dilations, strict=True)]
    pads, same = _pads(step, x, reach, strides)
    options = {
        "kernel_size": kernel.shape[2:],
        "strides": strides,
        "dilation_rate": dilations,
        "padding": "same" if same else "valid",
        "use_bias": bias is not None,
        "data_format": "channels_last",
    }
    x = x if same else _padded(x, pads)
    channels, wide = x.shape[-1], kernel.transpose(2, 3, 1, 0)  # [h, w, in / group, out]
    if group == channels and group > 1 and strides[0] == strides[1]:
        wide = wide.reshape(*wide.shape[:2], channels, -1)
        layer = layers.DepthwiseConv2D(depth_multiplier=wide.shape[3], **options)
    else:
        layer = layers.Conv2D(wide.shape[3], groups=group, **options)
    return Tensor(_weighted(layer, x, [wide, bias]), True)


def _batch_norm(step: Step) -> Tensor:
    scale, bias, mean, variance = (step.array(number) for number in range(1, 5))
    layer = layers.BatchNormalization(axis=-1, epsilon=step.number("epsilon", 1e-5))
    x = turned(step.tensor()) if step.tensor().rank == 4 else step.tensor()
    return Tensor(_weighted(layer, x.value, [scale, bias, mean, variance]), x.channels_last)


def _clip(step: Step) -> Tensor:
    x, low, high = step.tensor(), step.optional_array(1), step.optional_array(2)
    if low is not None and low == 0:
        limit = None if high is None else float(high)
        return Tensor(layers.ReLU(max_value=limit)(x.value), x.channels_last)
    bounds = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    return Tensor(ops.clip(x.value, *bounds), x.channels_last)


def _each(function: Callable[[Step, Any], Any]) -> Callable[[Step], Tensor]:
    """An operator that treats every value alike, however it is laid out."""
    return lambda step: Tensor(
        function(step, step.tensor().value), channels_last=step.tensor().channels_last
    )


def _elementwise(function: Callable[[Any, Any], Any]) -> Callable[[Step], Tensor]:
    """An operator between tensors that broadcast."""

    def convert(step: Step) -> Tensor:
        tensors = [step.tensor(number) for number in range(len(step.inputs))]
        last = any(tensor.channels_last for tensor in tensors)
        values = [turned(t).value if last and t.rank else t.value for t in tensors]
        result = values[0]
        for value in values[1:]:
            result = function(result, value)
        return Tensor(result, last)

    return convert


def _pool(layer: type[keras.layers.Layer]) -> Callable[[Step], Tensor]:
    def convert(step: Step) -> Tensor:
        x = turned(step.tensor()).value
        reach = [int(side) for side in step.attributes["kernel_shape"]]
        strides = [int(stride) for stride in step.attributes.get("strides", [1, 1])]
        pads, same = _pads(step, x, reach, strides)
        if step.number("ceil_mode", 0) or set(step.attributes.get("dilations", [1])) != {1}:
            raise step.refused(" with ceil_mode or dilations")
        if layer is layers.AveragePooling2D:
            if step.number("count_include_pad", 0):
                x, same = _padded(x, pads), False
            elif any(pads) and not same:
                raise step.refused(" with pads that do not count")
        elif any(pads) and not same:  # what is outside the map is never the largest
            sides = ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0))
            x = ops.pad(x, sides, constant_values=float(np.finfo(np.float32).min))
        padding = "same" if same else "valid"
        return Tensor(layer(reach, strides, padding, data_format="channels_last")(x), True)

    return convert


def _reduced(function: Callable[..., Any]) -> Callable[[Step], Tensor]:
    def convert(step: Step) -> Tensor:
        given = step.optional_array(1)
        axes = step.attributes.get("axes") if given is None else given.tolist()
        x, keep = step.tensor(), bool(step.number("keepdims", 1))
        if axes is None:
            raise step.refused(" over all axes")
        axes = sorted(int(axis) % x.rank for axis in axes)
        if x.channels_last and (keep or axes == [2, 3]):
            result = function(x.value, axis=[_LAST[axis] for axis in axes], keepdims=keep)
            return Tensor(result, keep)
        return Tensor(function(plain(x).value, axis=axes, keepdims=keep))

    return convert


def _global_mean(step: Step) -> Tensor:
    return Tensor(ops.mean(turned(step.tensor()).value, axis=[1, 2], keepdims=True), True)


def _concat(step: Step) -> Tensor:
    tensors = [step.tensor(number) for number in range(len(step.inputs))]
    axis = int(step.attributes["axis"]) % tensors[0].rank
    if all(tensor.channels_last for tensor in tensors):
        return Tensor(layers.Concatenate(_LAST[axis])([t.value for t in tensors]), True)
    return Tensor(layers.Concatenate(axis)([plain(tensor).value for tensor in tensors]))


def _transpose(step: Step) -> Tensor:
    """Turning between the two layouts is only a change of mind about what is held."""
    x, order = step.tensor(), tuple(step.attributes["perm"])
    if x.channels_last and order == (0, 2, 3, 1):
        return Tensor(x.value)
    if not x.channels_last and order == (0, 3, 1, 2):
        return Tensor(x.value, True)
    return Tensor(ops.transpose(plain(x).value, order))


def _unsqueeze(step: Step) -> Tensor:
    x = plain(step.tensor()).value
    axes = sorted(int(axis) for axis in step.array(1))
    if len(x.shape) == 2 and axes == [2, 3]:
        return Tensor(ops.expand_dims(x, (1, 2)), True)
    return Tensor(ops.expand_dims(x, axes))


def _pad(step: Step) -> Tensor:
    x, pads, value = step.tensor(), step.array(1).tolist(), step.optional_array(2)
    zeros = step.attributes.get("mode", b"constant") == b"constant" and (
        value is None or not value.any()
    )
    if not zeros or len(step.inputs) > 3 or len(pads) != 8 or any(pads[:2] + pads[4:6]):
        raise step.refused(" for anything but zeros around a map")
    return Tensor(_padded(turned(x).value, [*pads[2:4], *pads[6:]]), True)


def _slice(step: Step) -> Tensor:
    """A map without some of its edge."""
    starts, ends, axes = (step.array(number).tolist() for number in (1, 2, 3))
    steps = step.optional_array(4)
    if step.tensor().rank != 4 or axes != [2, 3] or (steps is not None and set(steps) != {1}):
        raise step.refused(" for anything but the sides of a map")
    x = turned(step.tensor()).value
    spans = [
        slice(*pair).indices(side) for *pair, side in zip(starts, ends, x.shape[1:3], strict=True)
    ]
    cut = tuple((at, side - end) for (at, end, _), side in zip(spans, x.shape[1:3], strict=True))
    return Tensor(layers.Cropping2D(cut, data_format="channels_last")(x), True)


def _reshape(step: Step) -> Tensor:
    """Between `[N,C]` and `[N,C,1,1]`."""
    x, shape = step.tensor(), step.array(1).tolist()
    width = x.value.shape[-1] if x.channels_last else x.value.shape[1]
    flat = x.rank == 2 or tuple(turned(x).value.shape[1:3]) == (1, 1)
    if shape[0] not in (-1, 0) or not flat or shape[1:] not in ([width], [width, 1, 1]):
        raise step.refused(" but between [N,C] and [N,C,1,1]")
    values = x.value if x.rank == 2 else layers.Flatten()(turned(x).value)
    return Tensor(values if len(shape) == 2 else ops.expand_dims(values, (1, 2)), len(shape) == 4)


def _layer_norm(step: Step) -> Tensor:
    x, scale, shift = plain(step.tensor()), step.array(1), step.optional_array(2)
    if step.number("axis", -1) % x.rank != x.rank - 1:
        raise step.refused(" over more than the last axis")
    layer = layers.LayerNormalization(
        epsilon=step.number("epsilon", 1e-5), center=shift is not None
    )
    return Tensor(_weighted(layer, x.value, [scale, shift]))


def _softmax(step: Step) -> Tensor:
    x, axis = step.tensor(), step.number("axis", -1) % step.tensor().rank
    return Tensor(ops.softmax(x.value, _LAST[axis] if x.channels_last else axis), x.channels_last)


def _flatten(step: Step) -> Tensor:
    if step.number("axis", 1) != 1:
        raise step.refused(" from another axis than the second")
    return Tensor(layers.Flatten()(plain(step.tensor()).value))


def _dense(step: Step) -> Tensor:
    weights, bias = step.array(1), step.optional_array(2)
    scales = (step.number("alpha", 1.0), step.number("beta", 1.0))
    if step.number("transA", 0) or scales != (1.0, 1.0) or weights.ndim != 2:
        raise step.refused(" in a way that no dense layer has")
    weights = weights.T if step.number("transB", 0) else weights
    layer = layers.Dense(weights.shape[1], use_bias=bias is not None)
    bias = None if bias is None else np.broadcast_to(bias, weights.shape[1:])
    return Tensor(_weighted(layer, plain(step.tensor()).value, [weights, bias]))


def _hard_sigmoid(step: Step, x: Any) -> Any:
    return ops.clip(x * step.number("alpha", 0.2) + step.number("beta", 0.5), 0.0, 1.0)


def _error_function(step: Step, x: Any) -> Any:
    """To 1.5e-7 (Abramowitz and Stegun 7.1.26): TFLite has no builtin operator for it."""
    size = ops.abs(x)
    t = 1 / (1 + 0.3275911 * size)
    factors = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
    series = factors[0] * t
    for factor in factors[1:]:
        series = (series + factor) * t
    return ops.sign(x) * (1 - series * ops.exp(-size * size))


_OPERATORS: Mapping[str, Callable[[Step], Tensor]] = {
    "Add": _elementwise(ops.add),
    "AveragePool": _pool(layers.AveragePooling2D),
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "Constant": lambda step: Tensor(_constant_value(step)),
    "Conv": _convolution,
    "DequantizeLinear": _dequantised,
    "Div": _elementwise(ops.divide),
    "Dropout": _each(lambda step, x: x),
    "Elu": _each(lambda step, x: ops.elu(x, step.number("alpha", 1.0))),
    "Erf": _each(_error_function),
    "Flatten": _flatten,
    "Gemm": _dense,
    "GlobalAveragePool": _global_mean,
    "HardSigmoid": _each(_hard_sigmoid),
    "HardSwish": _each(lambda step, x: x * ops.clip(x * (1 / 6) + 0.5, 0.0, 1.0)),
    "Identity": _each(lambda step, x: x),
    "LayerNormalization": _layer_norm,
    "LeakyRelu": _each(lambda step, x: ops.leaky_relu(x, step.number("alpha", 0.01))),
    "MatMul": _dense,
    "Max": _elementwise(ops.maximum),
    "MaxPool": _pool(layers.MaxPooling2D),
    "Mul": _elementwise(ops.multiply),
    "Pad": _pad,
    "QuantizeLinear": _quantised,
    "ReduceMax": _reduced(ops.max),
    "ReduceMean": _reduced(ops.mean),
    "Relu": _each(lambda step, x: layers.ReLU()(x)),
    "Reshape": _reshape,
    "Sigmoid": _each(lambda step, x: ops.sigmoid(x)),
    "Slice": _slice,
    "Softmax": _softmax,
    "Sqrt": _each(lambda step, x: ops.sqrt(x)),
    "Sub": _elementwise(ops.subtract),
    "Sum": _elementwise(ops.add),
    "Tanh": _each(lambda step, x: ops.tanh(x)),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}


def _constant_value(step: Step) -> np.ndarray:
    from onnx import numpy_helper

    if "value" not in step.attributes:
        raise step.refused(" without a tensor")
    return numpy_helper.to_array(step.attributes["value"])
