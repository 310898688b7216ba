"""Keras layers as ONNX nodes: a small table, enough for the applications and networks like them.

Maps are `[N,H,W,C]` in Keras and `[N,C,H,W]` here; batch norms, dropout and random layers are as
they are when a network is used, not trained. A layer that is not in the table is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from ...backbones.nodes import Nodes
from ...errors import BackboneError
from .runtime import keras

if TYPE_CHECKING:
    import keras as keras_types

Shape: TypeAlias = "tuple[int | None, ...]"


def write_layers(
    part: Nodes, entry: str, source: keras_types.KerasTensor, target: keras_types.KerasTensor
) -> str:
    """Add the nodes from `source`, which is called `entry` in ONNX, to `target`; its name there.

    Raises:
        BackboneError: a layer between them is not in the table.
    """
    return _Writer(part, {id(source): entry}).tensor(target)


class _Call(Protocol):
    """Keras's record of one call of a layer."""

    input_tensors: Sequence[keras_types.KerasTensor]
    arguments: keras_types.KerasTensor  # with `args` and `kwargs`


class _Writer:
    """Walks back from a tensor to those that are known already, writing each layer once."""

    def __init__(self, part: Nodes, known: dict[int, str]) -> None:
        self.part = part
        self.known = known
        self.layer: keras_types.Layer = None
        self.node: _Call
        self.shape: Shape = ()
        self.at = ""  # what the names of this layer's nodes begin with

    def tensor(self, wanted: keras_types.KerasTensor) -> str:
        stack = [wanted]  # networks are deeper than Python's own stack allows
        while stack:
            tensor = stack[-1]
            if id(tensor) in self.known:
                stack.pop()
                continue
            layer, node = _origin(tensor)
            missing = [t for t in node.input_tensors if id(t) not in self.known]
            if missing:
                stack += missing
                continue
            self.known[id(tensor)] = self._layer(layer, node)
        return self.known[id(wanted)]

    def _layer(self, layer: keras_types.Layer, node: _Call) -> str:
        inputs = node.input_tensors
        names = [self.known[id(tensor)] for tensor in inputs]
        if isinstance(layer, keras().Model):
            known = {id(t): name for t, name in zip(layer.inputs, names, strict=True)}
            return _Writer(self.part, known).tensor(layer.outputs[0])
        kind = type(layer).__name__
        if kind in _UNCHANGED or kind.startswith("Random"):
            return names[0]
        if kind not in _LAYERS:
            raise BackboneError(
                f"This network has a layer of the kind {kind} ({layer.name}), which cannot be "
                f"turned into ONNX here.",
                hint=f"These can: {', '.join(sorted(_LAYERS))}.",
            )
        self.layer, self.node = layer, node
        self.shape = inputs[0].shape
        self.at = f"{len(self.part.nodes)}/{layer.name}"
        return self._activated(_LAYERS[kind](self, names))

    def _activated(self, name: str) -> str:
        """A layer's own activation, where it has one beside its work."""
        if type(self.layer).__name__ == "Activation" or not hasattr(self.layer, "activation"):
            return name
        return self.activation(name, self.layer.activation)

    def add(self, kind: str, inputs: Sequence[str], **attributes: object) -> str:
        place = f"{self.at}/{kind}/{len(self.part.nodes)}"
        return self.part.add(kind, list(inputs), place, **attributes)  # type: ignore[arg-type]

    def constant(self, value: object, dtype: type[np.generic] = np.float32) -> str:
        return self.part.constant(f"{self.at}/{len(self.part.initializers)}", value, dtype)

    def activation(self, name: str, function: Callable[..., object]) -> str:
        kind = keras().activations.serialize(function)
        if kind == "linear":
            return name
        if kind in ("relu6", "silu", "gelu"):
            return _COMPOSED[kind](self, name)
        simple: dict[str, tuple[str, dict[str, object]]] = {
            "relu": ("Relu", {}),
            "sigmoid": ("Sigmoid", {}),
            "tanh": ("Tanh", {}),
            "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
            "hard_silu": ("HardSwish", {}),
            "softmax": ("Softmax", {"axis": 1}),
        }
        if kind not in simple:
            raise BackboneError(
                f"This network has the activation {kind} ({self.layer.name}), which cannot be "
                f"turned into ONNX here.",
                hint=f"These can: {', '.join(sorted([*simple, *_COMPOSED]))}.",
            )
        operator, attributes = simple[kind]
        return self.add(operator, [name], **attributes)

    def same(self, window: Sequence[int], strides: Sequence[int], gaps: Sequence[int]) -> list[int]:
        """TensorFlow's padding for a layer, in ONNX's order."""
        layer = self.layer
        if layer.data_format != "channels_last":
            raise BackboneError("This network has its channels first, which is not supported.")
        if layer.padding == "valid":
            return [0, 0, 0, 0]
        before, after = [], []
        for side, reach, stride, gap in zip(self.shape[1:3], window, strides, gaps, strict=True):
            assert side is not None
            whole = (reach - 1) * gap + 1
            padding = max((-(-side // stride) - 1) * stride + whole - side, 0)
            before.append(padding // 2)
            after.append(padding - padding // 2)
        return before + after

    def convolve(self, name: str, kernel: np.ndarray, bias: np.ndarray | None, groups: int) -> str:
        """A convolution with a kernel `[O,I/groups,h,w]`, by the layer's strides and padding."""
        layer = self.layer
        window = [int(side) for side in kernel.shape[2:]]
        strides, gaps = list(layer.strides), list(layer.dilation_rate)
        inputs = [name, self.constant(kernel)] + ([] if bias is None else [self.constant(bias)])
        return self.add(
            "Conv",
            inputs,
            kernel_shape=window,
            strides=strides,
            dilations=gaps,
            pads=self.same(window, strides, gaps),
            group=groups,
        )

    def channels(self, values: object) -> str:
        """A constant for each channel, or one for all, shaped for the input's maps."""
        array = np.asarray(values, np.float32).reshape(-1)
        return self.constant(array.reshape(-1, 1, 1) if len(self.shape) == 4 else array)

    def operands(self, names: Sequence[str]) -> list[str]:
        """The inputs of an operator in their order, plain numbers included."""
        left, found = list(names), []
        arguments = self.node.arguments
        for value in (*arguments.args, *arguments.kwargs.values()):
            if isinstance(value, list | tuple):
                return list(names)
            if isinstance(value, int | float):
                found.append(self.constant(value))
            elif left:
                found.append(left.pop(0))
        return found


def _origin(tensor: keras_types.KerasTensor) -> tuple[keras_types.Layer, _Call]:
    """The layer that made a tensor, and the call that did."""
    layer, index, _ = tensor._keras_history
    nodes = layer._inbound_nodes
    if not nodes or not nodes[index].input_tensors:
        raise BackboneError("The features of this network do not come from its image input alone.")
    return layer, nodes[index]


def _array(variable: keras_types.Variable | None) -> np.ndarray | None:
    return None if variable is None else np.asarray(variable)


def _bias(layer: keras_types.Layer) -> np.ndarray | None:
    return _array(layer.bias) if layer.use_bias else None


def _convolution(w: _Writer, names: Sequence[str]) -> str:
    kernel = np.asarray(w.layer.kernel).transpose(3, 2, 0, 1)
    return w.convolve(names[0], kernel, _bias(w.layer), w.layer.groups)


def _by_channel(kernel: np.ndarray) -> np.ndarray:
    """Keras's depthwise kernel `[h,w,C,m]` as ONNX's `[C*m,1,h,w]`."""
    turned = kernel.transpose(2, 3, 0, 1)
    return np.asarray(turned.reshape(-1, 1, *turned.shape[2:]))


def _depthwise(w: _Writer, names: Sequence[str]) -> str:
    kernel = np.asarray(w.layer.kernel)
    return w.convolve(names[0], _by_channel(kernel), _bias(w.layer), kernel.shape[2])


def _separable(w: _Writer, names: Sequence[str]) -> str:
    depthwise = np.asarray(w.layer.depthwise_kernel)
    x = w.convolve(names[0], _by_channel(depthwise), None, depthwise.shape[2])
    pointwise = w.constant(np.asarray(w.layer.pointwise_kernel).transpose(3, 2, 0, 1))
    bias = _bias(w.layer)
    return w.add("Conv", [x, pointwise] + ([] if bias is None else [w.constant(bias)]))


def _dense(w: _Writer, names: Sequence[str]) -> str:
    kernel, bias = np.asarray(w.layer.kernel), _bias(w.layer)
    extra = [] if bias is None else [w.constant(bias)]
    if len(w.shape) == 4:
        return w.add("Conv", [names[0], w.constant(kernel.T[:, :, None, None]), *extra])
    return w.add("Gemm", [names[0], w.constant(kernel), *extra])


def _batch_norm(w: _Writer, names: Sequence[str]) -> str:
    layer = w.layer
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    if axis not in (-1, len(w.shape) - 1):
        raise BackboneError("This network normalises along another axis than its channels.")
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gain = np.ones_like(mean) if layer.gamma is None else np.asarray(layer.gamma)
    shift = np.zeros_like(mean) if layer.beta is None else np.asarray(layer.beta)
    inputs = [names[0], *(w.constant(a) for a in (gain, shift, mean, variance))]
    return w.add("BatchNormalization", inputs, epsilon=float(layer.epsilon))


def _layer_norm(w: _Writer, names: Sequence[str]) -> str:
    layer = w.layer
    axis = layer.axis if isinstance(layer.axis, int) else list(layer.axis)[-1]
    if axis not in (-1, len(w.shape) - 1) or getattr(layer, "rms_scaling", False):
        raise BackboneError("This network normalises along another axis than its channels.")
    width = w.shape[-1] or 1
    gain = np.ones(width) if layer.gamma is None else np.asarray(layer.gamma)
    shift = np.zeros(width) if layer.beta is None else np.asarray(layer.beta)
    x = w.add("Transpose", names, perm=[0, 2, 3, 1]) if len(w.shape) == 4 else names[0]
    inputs = [x, w.constant(gain), w.constant(shift)]
    x = w.add("LayerNormalization", inputs, axis=-1, epsilon=float(layer.epsilon))
    return w.add("Transpose", [x], perm=[0, 3, 1, 2]) if len(w.shape) == 4 else x


def _relu(w: _Writer, names: Sequence[str]) -> str:
    layer = w.layer
    if layer.threshold or (layer.negative_slope and layer.max_value is not None):
        raise BackboneError("This network has a ReLU with a threshold, which is not supported.")
    if layer.negative_slope:
        return w.add("LeakyRelu", names, alpha=float(layer.negative_slope))
    if layer.max_value is None:
        return w.add("Relu", names)
    return w.add("Clip", [names[0], w.constant(0.0), w.constant(float(layer.max_value))])


def _relu6(w: _Writer, name: str) -> str:
    return w.add("Clip", [name, w.constant(0.0), w.constant(6.0)])


def _silu(w: _Writer, name: str) -> str:
    return w.add("Mul", [name, w.add("Sigmoid", [name])])


def _gelu(w: _Writer, name: str) -> str:
    bent = w.add("Erf", [w.add("Div", [name, w.constant(np.sqrt(2.0))])])
    half = w.add("Mul", [w.add("Add", [bent, w.constant(1.0)]), w.constant(0.5)])
    return w.add("Mul", [name, half])


def _pool(kind: str) -> Callable[[_Writer, Sequence[str]], str]:
    def write(w: _Writer, names: Sequence[str]) -> str:
        window, strides = list(w.layer.pool_size), list(w.layer.strides)
        pads = w.same(window, strides, (1, 1))
        return w.add(kind, names, kernel_shape=window, strides=strides, pads=pads)

    return write


def _global(kind: str) -> Callable[[_Writer, Sequence[str]], str]:
    def write(w: _Writer, names: Sequence[str]) -> str:
        return w.add(kind, [names[0], w.constant([2, 3], np.int64)], keepdims=int(w.layer.keepdims))

    return write


def _joined(kind: str) -> Callable[[_Writer, Sequence[str]], str]:
    def write(w: _Writer, names: Sequence[str]) -> str:
        first, *others = w.operands(names)
        for other in others:
            first = w.add(kind, [first, other])
        return first

    return write


def _concatenated(w: _Writer, names: Sequence[str]) -> str:
    if w.layer.axis not in (-1, len(w.shape) - 1):
        raise BackboneError("This network joins maps along another axis than their channels.")
    return w.add("Concat", names, axis=1)


def _padded(w: _Writer, names: Sequence[str]) -> str:
    (top, bottom), (left, right) = w.layer.padding
    pads = w.constant([0, 0, top, left, 0, 0, bottom, right], np.int64)
    return w.add("Pad", [names[0], pads])


def _cropped(w: _Writer, names: Sequence[str]) -> str:
    (top, bottom), (left, right) = w.layer.cropping
    height, width = w.shape[1:3]
    assert height is not None
    assert width is not None
    ends = [height - bottom, width - right]
    bounds = [w.constant(v, np.int64) for v in ([top, left], ends, [2, 3])]
    return w.add("Slice", [names[0], *bounds])


def _rescaled(w: _Writer, names: Sequence[str]) -> str:
    x = w.add("Mul", [names[0], w.channels(w.layer.scale)])
    return w.add("Add", [x, w.channels(w.layer.offset)])


def _normalised(w: _Writer, names: Sequence[str]) -> str:
    if getattr(w.layer, "invert", False):
        raise BackboneError("This network has an inverted Normalization, which is not supported.")
    deviation = np.maximum(np.sqrt(np.asarray(w.layer.variance)), keras().config.epsilon())
    x = w.add("Sub", [names[0], w.channels(np.asarray(w.layer.mean))])
    return w.add("Div", [x, w.channels(deviation)])


def _reshaped(w: _Writer, names: Sequence[str]) -> str:
    target = [int(side) for side in w.layer.target_shape]
    width = w.shape[-1]
    if len(target) == 3 and target[:2] == [1, 1] and w.shape[1:-1] in ((), (1, 1)):
        return w.add("Reshape", [names[0], w.constant([-1, width, 1, 1], np.int64)])
    if len(target) == 1 and w.shape[1:-1] in ((), (1, 1)):
        return w.add("Reshape", [names[0], w.constant([-1, width], np.int64)])
    raise BackboneError(f"This network reshapes {w.shape} to {target}, which is not supported.")


def _scaled_channels(w: _Writer, names: Sequence[str]) -> str:
    return w.add("Mul", [names[0], w.channels(np.asarray(w.layer.gamma))])


def _scaled_sum(w: _Writer, names: Sequence[str]) -> str:
    """The residual sum of Inception-ResNet: x + scale * y."""
    return w.add("Add", [names[0], w.add("Mul", [names[1], w.constant(float(w.layer.scale))])])


_COMPOSED: Mapping[str, Callable[[_Writer, str], str]] = {
    "relu6": _relu6,
    "silu": _silu,
    "gelu": _gelu,
}
_UNCHANGED = frozenset(
    {
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "SpatialDropout2D",
        "StochasticDepth",
    }
)
_LAYERS: Mapping[str, Callable[[_Writer, Sequence[str]], str]] = {
    "Activation": lambda w, names: w.activation(names[0], w.layer.activation),
    "Add": _joined("Add"),
    "AveragePooling2D": _pool("AveragePool"),
    "BatchNormalization": _batch_norm,
    "Concatenate": _concatenated,
    "Conv2D": _convolution,
    "Cropping2D": _cropped,
    "CustomScaleLayer": _scaled_sum,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "GlobalAveragePooling2D": _global("ReduceMean"),
    "GlobalMaxPooling2D": _global("ReduceMax"),
    "LayerNormalization": _layer_norm,
    "LayerScale": _scaled_channels,
    "LeakyReLU": lambda w, names: w.add("LeakyRelu", names, alpha=float(w.layer.negative_slope)),
    "MaxPooling2D": _pool("MaxPool"),
    "Maximum": _joined("Max"),
    "Multiply": _joined("Mul"),
    "Normalization": _normalised,
    "ReLU": _relu,
    "Rescaling": _rescaled,
    "Reshape": _reshaped,
    "SeparableConv2D": _separable,
    "Subtract": _joined("Sub"),
    "ZeroPadding2D": _padded,
}
