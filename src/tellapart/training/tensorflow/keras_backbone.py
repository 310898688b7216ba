"""A Keras application or a `.keras` file as a backbone: its features are found, its head cut off.

Nothing is downloaded: an application's weights must be in Keras's own cache already. A `.keras`
file is opened in Keras's safe mode, which runs no code of the file's.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from ...backbones.foreign import DEFAULT_SIDE, PIXELS, Pixels
from ...backbones.nodes import IR_VERSION, OPSET, Nodes
from ...backbones.rows import Trunk
from ...backbones.runtime import open_session
from ...backbones.signs import never_negative
from ...errors import BackboneError, option
from ...text import shown
from ..tensorflow_settings import KerasBackbone
from .networks import KerasTrunk, layers_of
from .onnx_layers import write_layers
from .runtime import keras

if TYPE_CHECKING:
    import keras as keras_types

_SIDES: Mapping[str, int] = {  # of the pictures that an application was trained on
    "EfficientNetB1": 240,
    "EfficientNetB2": 260,
    "EfficientNetB3": 300,
    "EfficientNetB4": 380,
    "EfficientNetB5": 456,
    "EfficientNetB6": 528,
    "EfficientNetB7": 600,
    "EfficientNetV2B1": 240,
    "EfficientNetV2B2": 260,
    "EfficientNetV2B3": 300,
    "EfficientNetV2S": 384,
    "EfficientNetV2M": 480,
    "EfficientNetV2L": 480,
    "InceptionResNetV2": 299,
    "InceptionV3": 299,
    "NASNetLarge": 331,
    "Xception": 299,
}
_POOLINGS = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D"})
_TOLERANCE = 1e-3  # how far ONNX may be from Keras, as a fraction of the largest feature
_LOCK = threading.Lock()


def read_keras_backbone(backbone: KerasBackbone) -> KerasTrunk:
    """The network up to its features, which go into its last global pooling.

    Raises:
        BackboneError: there is no such network, its weights are not here, or it is of a kind that
            cannot be turned into ONNX.
    """
    path = Path(backbone.name)
    pixels = PIXELS[backbone.pixels] if backbone.pixels else None
    order = [0, 1, 2]
    if path.suffix == ".keras" or path.exists():
        model = _read_file(path)
        if pixels is None:
            pixels = _own_pixels(model, path)
    else:
        module, build = _application(backbone.name)
        model = _read_application(backbone.name, build)
        if pixels is None:
            pixels, order = _expected(module)
    return _as_trunk(_features(_sized(model)), pixels, order)


def _application(name: str) -> tuple[ModuleType, Callable[..., keras_types.Model]]:
    applications = keras().applications
    build = getattr(applications, name, None) if name[0].isupper() else None
    if build is not None:
        return sys.modules[build.__module__], build
    known = sorted(n for n in vars(applications) if n[0].isupper())
    raise BackboneError(
        f"There is no Keras application called {shown(name)}, and no such file.",
        hint=f"Give the path of a .keras file, or one of: {', '.join(known)}.",
    )


def _read_application(name: str, build: Callable[..., keras_types.Model]) -> keras_types.Model:
    side = _SIDES.get(name, DEFAULT_SIDE)
    missing = ""
    for top in (False, True):  # Keras keeps them in two files; either will do
        try:
            with _offline():
                shape = (side, side, 3)
                return build(weights="imagenet", include_top=top, input_shape=shape)
        except _NotCachedError as error:
            missing = missing or str(error)
    raise BackboneError(
        f"The weights of {name} are not in Keras's own cache (as {missing}), and nothing is ever "
        f"downloaded here.",
        hint=f"Where there is a network, type once: python -c "
        f"'import keras; keras.applications.{name}(include_top=False)'",
    )


class _NotCachedError(Exception):
    """Keras asked for a file from the network."""


@contextmanager
def _offline() -> Iterator[None]:
    """Keras finds what it has, and is stopped where it would download."""
    from keras.src.utils import file_utils

    def refuse(origin: str, *_: object, **__: object) -> None:
        raise _NotCachedError(origin.rsplit("/", 1)[-1])

    with _LOCK:
        download = file_utils.urlretrieve
        talks = keras().config.is_interactive_logging_enabled()
        file_utils.urlretrieve = refuse
        keras().config.disable_interactive_logging()  # it says that it downloads, on stdout
        try:
            yield
        finally:
            file_utils.urlretrieve = download
            if talks:
                keras().config.enable_interactive_logging()


def _read_file(path: Path) -> keras_types.Model:
    if not path.is_file():
        raise BackboneError(f"There is no file {shown(path)}.")
    try:
        model = keras().saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises ValueError, TypeError, OSError and worse
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackboneError(
            f"{shown(path)} cannot be read as a Keras model: {reason}",
            hint="Save it with model.save('NAME.keras'); own layers and lambdas are refused.",
        ) from error
    if not isinstance(model, keras().Model) or not getattr(model, "inputs", None):
        raise BackboneError(f"{shown(path)} holds no functional or sequential Keras model.")
    return model


def _own_pixels(model: keras_types.Model, path: Path) -> Pixels:
    kinds = {type(layer).__name__ for layer in layers_of(model)}
    if kinds & {"Rescaling", "Normalization"}:
        return PIXELS["0..255"]
    raise BackboneError(
        f"{shown(path)} does not say which pixels it expects: it has no Rescaling layer.",
        hint=f"Say it with {option('backbone_pixels')}: one of {', '.join(PIXELS)}.",
    )


def _expected(module: ModuleType) -> tuple[Pixels, list[int]]:
    """What an application's `preprocess_input` does, and its order of the channels.

    It is affine in each channel, so a black pixel and one of each colour tell all.
    """
    probe = np.zeros((1, 2, 2, 3), np.float32)
    probe[0, [0, 1, 1], [1, 0, 1], [0, 1, 2]] = 255.0
    found = np.asarray(module.preprocess_input(probe, data_format="channels_last"), np.float64)[0]
    black = found[0, 0]
    slopes = (np.stack([found[0, 1], found[1, 0], found[1, 1]]) - black) / 255.0  # [colour, out]
    order = np.abs(slopes).argmax(axis=0)
    mean, scale = np.zeros(3), np.ones(3)
    for out, colour in enumerate(order):
        scale[colour] = round(1 / slopes[colour, out], 4)
        mean[colour] = round(abs(black[out] / slopes[colour, out]), 4)
    return Pixels(tuple(mean.tolist()), tuple(scale.tolist())), order.tolist()


def _sized(model: keras_types.Model) -> keras_types.Model:
    """The model with a fixed square input of three channels."""
    shape = tuple(model.inputs[0].shape)
    if len(model.inputs) != 1 or len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2]:
        raise BackboneError(
            f"This network needs exactly one square image input with three channels last; it has "
            f"{[list(tensor.shape) for tensor in model.inputs]}."
        )
    if shape[1] is not None:
        return model
    entry = keras().Input((DEFAULT_SIDE, DEFAULT_SIDE, 3))
    clone = keras().models.clone_model(model, input_tensors=entry)
    clone.set_weights(model.get_weights())
    return clone


def _features(model: keras_types.Model) -> keras_types.Model:
    """The part of a model from its input to its features `[N,h,w,C]`."""
    output = model.outputs[0]
    found = output if len(output.shape) == 4 else _before_pooling(output)
    if found.shape[1] != found.shape[2]:
        raise BackboneError(
            f"The features of this network are not a square map: {list(found.shape[1:])}."
        )
    return keras().Model(model.inputs[0], found)


def _before_pooling(tensor: keras_types.KerasTensor) -> keras_types.KerasTensor:
    """Back from the output through the head to what goes into the last global pooling."""
    while True:
        layer, index, _ = tensor._keras_history
        inputs = layer._inbound_nodes[index].input_tensors
        if len(inputs) != 1:
            raise BackboneError(
                "This network has no global pooling before its head to find its features by.",
                hint="Give a network that ends with its last feature map.",
            )
        kind, shape = type(layer).__name__, inputs[0].shape
        if kind in _POOLINGS or (kind == "Flatten" and len(shape) == 4 and shape[1] != 1):
            return inputs[0]
        if isinstance(layer, keras().Model):
            inner = _before_pooling(layer.outputs[0])
            return keras().Model(layer.inputs[0], inner)(inputs[0])
        tensor = inputs[0]


def _as_trunk(model: keras_types.Model, pixels: Pixels, order: list[int]) -> KerasTrunk:
    """With RGB pixels going in, whatever order of the channels the network was trained with."""
    if order != [0, 1, 2]:
        entry = keras().Input(model.inputs[0].shape[1:])
        turn = keras().layers.Conv2D(3, 1, use_bias=False, trainable=False, name="channel_order")
        turned = turn(entry)
        turn.set_weights([np.eye(3, dtype=np.float32)[:, order][None, None]])
        model = keras().Model(entry, model(turned))
    side, channels = int(model.inputs[0].shape[1]), int(model.outputs[0].shape[3])
    onnx = _onnx_trunk(model, pixels)
    _check(model, onnx)
    return KerasTrunk(
        "own",
        model,
        side,
        channels,
        pixels.mean,
        pixels.scale,
        lambda: _onnx_trunk(model, pixels),
        onnx.never_negative,
    )


def _onnx_trunk(model: keras_types.Model, pixels: Pixels) -> Trunk:
    part = Nodes("own")
    entry = f"{part.prefix}/pixels"
    output = write_layers(part, entry, model.inputs[0], model.outputs[0])
    shape = model.outputs[0].shape
    return Trunk(
        name="own",
        input=entry,
        output=output,
        size=int(model.inputs[0].shape[1]),
        channels=int(shape[3]),
        grid=int(shape[1]),
        mean=pixels.mean,
        scale=pixels.scale,
        build=lambda: part,
        never_negative=never_negative(part.nodes, part.initializers, output),
    )


def _check(keras_model: keras_types.Model, onnx: Trunk) -> None:
    """Run both on the same random pixels: what is in the table may still be written otherwise."""
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        onnx.part.nodes,
        "trunk",
        [value(onnx.input, TensorProto.FLOAT, ["N", 3, onnx.size, onnx.size])],
        [value(onnx.output, TensorProto.FLOAT, None)],
        onnx.part.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    values = np.random.default_rng(0).uniform(0, 255, (2, onnx.size, onnx.size, 3))
    inputs = ((values - np.array(onnx.mean)) / np.array(onnx.scale)).astype(np.float32)
    wanted = np.asarray(keras_model(inputs, training=False)).transpose(0, 3, 1, 2)
    try:
        session = open_session(model.SerializeToString())
        (found,) = session.run([onnx.output], {onnx.input: inputs.transpose(0, 3, 1, 2)})
    except Exception as error:  # the runtime's errors share no base of their own
        raise BackboneError(
            f"This network does not run as ONNX: {str(error).splitlines()[0]}"
        ) from error
    apart = np.abs(found - wanted).max() if found.shape == wanted.shape else np.inf
    if not apart <= _TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        raise BackboneError(
            f"This network gives other features as ONNX than in Keras: {apart:.2g} apart.",
            hint="Please report which layers it has.",
        )
