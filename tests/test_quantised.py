"""The network in whole numbers gives what whole numbers give, everywhere.

The reference counts with int64 in numpy, from the constants in the file: each layer's steps must be
its very steps, whatever kernels a runtime has chosen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, helper, numpy_helper

from conftest import draw_scene, mostly_slow
from tellapart.backbones.graph import Network, network_of
from tellapart.backbones.ranges import RANGES
from tellapart.backbones.rounding import LARGEST, Usual, rounded
from tellapart.backbones.rows import BACKBONES, quality
from tellapart.backbones.runtime import open_session

PRECISE = ("lite0", "lite2")
LAST_STEPS = {  # sha256
    "lite0": "d1d3f907a43b3d69e6979048cc4fffba5f3761f60b5a1fa177dbbd8b3b0327d8",
    "lite2": "4db9120b40fb009700de5683d741f9e6694b346dabe973d865175fcc4aa97130",
}


def in_whole_numbers(name: str) -> ModelProto:
    """A network from `image`, with the steps of each layer among its outputs."""
    network = Network(name, (BACKBONES[name].trunk(precision="int8"),), ("crop",))
    model = onnx.load_model_from_string(network.content)
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            model.graph.output.append(
                helper.make_tensor_value_info(node.output[0], onnx.TensorProto.UINT8, None)
            )
    return model


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    lot = np.random.default_rng(12)
    scene = np.asarray(draw_scene(230, 224))
    return np.clip(scene + lot.normal(0, 12, scene.shape), 0, 255).astype(np.uint8)[None]


class Reference:
    """The nodes of a trunk in numpy: sums in int64, and between layers one float32 product."""

    def __init__(self, model: ModelProto) -> None:
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.made_by = {node.output[0]: node for node in model.graph.node}
        self.steps: dict[str, np.ndarray] = {}

    def layers(self, pixels: str, steps: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The name and the steps of each layer, from those of the pixels on."""
        self.steps[pixels] = steps
        for name, node in self.made_by.items():
            if node.op_type == "QuantizeLinear" and name != pixels:
                work = self.made_by[node.input[0]]
                layer = {"Conv": self._convolution, "Add": self._sum}[work.op_type]
                self.steps[name] = layer(work, node)
                yield name, self.steps[name]

    def _convolution(self, work: NodeProto, after: NodeProto) -> np.ndarray:
        (steps, scale, zero), (kernel, kernel_scale, _), (bias, *_) = map(self._read, work.input)
        given = {a.name: helper.get_attribute_value(a) for a in work.attribute}
        top, left, bottom, right = given["pads"]
        padded = np.pad(
            steps.astype(np.int64) - int(zero), ((0, 0), (0, 0), (top, bottom), (left, right))
        )
        reach, stride = kernel.shape[2], given["strides"][0]
        windows = np.lib.stride_tricks.sliding_window_view(padded, (reach, reach), (2, 3))
        windows = windows[:, :, ::stride, ::stride]
        kernel = kernel.astype(np.int64)
        if given["group"] > 1:
            sums = np.einsum("ncyxij,cij->ncyx", windows, kernel[:, 0])
        elif reach == 1:
            sums = np.einsum(
                "ncp,oc->nop", padded.reshape(*padded.shape[:2], -1), kernel[..., 0, 0]
            )
            sums = sums.reshape(1, len(kernel), *padded.shape[2:])
        else:
            sums = np.einsum("ncyxij,ocij->noyx", windows, kernel)
        sums += bias[:, None, None]
        assert np.abs(sums).max() < 2**24  # as floats they are still exact
        to, middle = (self.constants[name] for name in after.input[1:])
        share = (scale * kernel_scale / to)[:, None, None]
        return self._clipped(np.rint(sums.astype(np.float32) * share), middle)

    def _sum(self, work: NodeProto, after: NodeProto) -> np.ndarray:
        (first, scale, zero), (second, other, middle) = map(self._read, work.input)
        to, end = (self.constants[name] for name in after.input[1:])
        total = (first - zero.astype(np.float64)) * scale + (
            second - middle.astype(np.float64)
        ) * other
        return self._clipped(np.rint(total / to), end)

    def _clipped(self, steps: np.ndarray, zero: np.ndarray) -> np.ndarray:
        return np.clip(steps + float(zero), 0, 255).astype(np.uint8)

    def _read(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The steps, scale and zero that a DequantizeLinear reads."""
        steps, scale, *zero = self.made_by[name].input
        value = self.constants[steps] if steps in self.constants else self.steps[steps]
        return value, self.constants[scale], self.constants[zero[0]] if zero else np.zeros(1)


@pytest.mark.slow
@pytest.mark.parametrize("name", mostly_slow(PRECISE, 1))
def test_every_layer_is_what_whole_numbers_give(name: str, image: np.ndarray) -> None:
    model = in_whole_numbers(name)
    wanted = [output.name for output in model.graph.output[1:]]
    found = dict(
        zip(
            wanted,
            open_session(model.SerializeToString()).run(wanted, {"image": image}),
            strict=True,
        )
    )
    first = wanted[0]
    layers = dict(Reference(model).layers(first, found[first]))
    assert [first, *layers] == wanted
    for layer, steps in layers.items():
        assert np.array_equal(found[layer], steps), layer


def test_fast_is_in_whole_numbers_and_its_features_begin_at_zero(image: np.ndarray) -> None:
    network = network_of(quality("fast"))
    trunk = network.trunks[0]
    model = onnx.load_model_from_string(network.content)
    assert len(network.content) < 4_000_000  # float32: 13.6 MB
    kinds = {"kernel": onnx.TensorProto.INT8, "bias": onnx.TensorProto.INT32}
    for tensor in model.graph.initializer:
        _, _, kind = tensor.name.rpartition(".")
        if kind in kinds:
            assert tensor.data_type == kinds[kind], tensor.name
    model.graph.output.append(
        helper.make_tensor_value_info(trunk.output, onnx.TensorProto.FLOAT, None)
    )
    (features,) = open_session(model.SerializeToString()).run([trunk.output], {"image": image})
    assert features.shape == (1, trunk.channels, trunk.grid, trunk.grid)
    assert features.min() == 0


@pytest.mark.parametrize("name", mostly_slow(PRECISE, 1))
def test_no_two_products_overflow_16_bits(name: str) -> None:
    """What processors without 8-bit dot products add in pairs."""
    part = BACKBONES[name].trunk(precision="int8").part
    for tensor in part.initializers:
        if tensor.name.endswith(".kernel"):
            assert 255 * 2 * np.abs(numpy_helper.to_array(tensor).astype(int)).max() < 2**15


@pytest.mark.slow
def test_the_precise_networks_and_those_in_whole_numbers_agree(image: np.ndarray) -> None:
    for name in PRECISE:
        (precise, whole) = (
            open_session(
                Network(name, (BACKBONES[name].trunk(precision=each),), ("crop",)).content
            ).run(["embedding"], {"image": image})[0][0]
            for each in ("float32", "int8")
        )
        likeness = precise @ whole / np.linalg.norm(precise) / np.linalg.norm(whole)
        assert likeness > 0.995, name  # with weights rounded to the nearest 0.986 and 0.989


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_errors_cancel_for_the_usual_input(seed: int, count: int) -> None:
    lot = np.random.default_rng(seed)
    weights = lot.normal(size=(5, count))
    scale = (np.abs(weights).max(axis=1) / LARGEST).astype(np.float32)
    usual = Usual(lot.uniform(0, 3, (1, count)), lot.uniform(0, 2, (1, count)))
    found = rounded(weights, scale, usual, usual)
    error = found.steps * scale[:, None].astype(np.float64) - weights
    nearest = np.rint(weights / scale[:, None]) * scale[:, None].astype(np.float64) - weights
    left, before = (np.abs(errors @ usual.mean[0]) for errors in (error, nearest))
    assert (left <= before + 0.01 * count * scale).all()
    assert (np.abs(error) < 1.001 * scale[:, None]).all()
    assert np.abs(found.steps.astype(int)).max() <= LARGEST
    assert np.allclose(found.excess, error @ usual.mean[0], atol=0.01 * count * scale.max())


def test_each_activation_that_can_be_negative_has_its_reach() -> None:
    for name in PRECISE:
        outputs = {node.output[0] for node in BACKBONES[name].trunk().part.nodes}
        wanted = {
            output.removeprefix(f"{name}/")
            for output in outputs
            if output.endswith(("._project_conv", ".sum"))
        }
        assert set(RANGES[name]) == wanted
        assert all(1 <= reach <= 127 for reach in RANGES[name].values())


@pytest.mark.parametrize("name", mostly_slow(PRECISE, 1))
def test_the_last_steps_are_the_same_on_every_machine(name: str) -> None:
    """A picture in whole numbers that needs no resizing; its last map is known to the last bit."""
    side = BACKBONES[name].size
    down, across, channel = np.indices((side, side, 3))
    waves = np.abs((across * (channel + 2) + down * (5 - channel)) % 510 - 255)
    model = in_whole_numbers(name)
    last = model.graph.output[-1].name
    (steps,) = open_session(model.SerializeToString()).run(
        [last], {"image": waves.astype(np.uint8)[None]}
    )
    assert hashlib.sha256(steps.tobytes()).hexdigest() == LAST_STEPS[name]
