"""EfficientNet-Lite in whole numbers: activations of 8 bits, weights of 7, sums of 32.

It is written as ONNX's QuantizeLinear and DequantizeLinear around plain convolutions, which ONNX
Runtime runs as integer kernels. Sums of whole numbers are exact, so the features are the same on
every processor, with or without instructions for dot products:

- Weights, one scale for each output, take 7 of their 8 bits: processors without 8-bit dot products
  (before about 2019, and many rented ones) add products in pairs in 16 bits, and full weights
  overflow there without a word.
- What follows ReLU6 takes the steps 0..255 of 6/255: the 8 bits end where ReLU6 does.
- The other activations have steps that are powers of two, so that sums of a block's entry and its
  own result are exact too. How far each reaches was seen on drawn pictures (`ranges.py`).
- A pixel is a whole number already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .lite import FEATURES, LiteBuilder
from .ranges import RANGES
from .rounding import LARGEST, Rounded, Usual, after_norm, clipped, rounded

_RELU6 = 6 / 255
_MIDDLE = 128  # the step that is 0 in what can be negative
_PIXEL = (1 / 128, 127)  # a pixel p enters as (p - 127) / 128
_PIXELS = Usual(np.array([-0.026, -0.084, -0.18]), np.full(3, 0.2))  # of ImageNet
_BIAS_STEPS = 2**22  # the most in a bias, so that it is a whole number of 32 bits with room to add


@dataclass(frozen=True)
class _Steps:
    """An activation of whole steps: value = (step - zero) * scale; and what it usually is."""

    scale: float
    zero: int
    usual: Usual


class IntegerBuilder(LiteBuilder):
    """Builds the trunk; between its layers, names stand for tensors of uint8."""

    def __init__(
        self, name: str, size: int, repeats: Sequence[int], weights: Mapping[str, np.ndarray]
    ) -> None:
        super().__init__(name, size, repeats, weights)
        self._steps: dict[str, _Steps] = {}
        del self.part.initializers[:]  # the bounds of ReLU6

    def _entry(self, pixels: str) -> str:
        return self._quantised(pixels, "pixels", _Steps(*_PIXEL, _PIXELS))

    def _exit(self, features: str) -> None:
        self.part.add("DequantizeLinear", [features, *self._scale(features)], FEATURES)

    def _sum(self, x: str, entry: str, name: str) -> str:
        total = self.part.add(
            "Add", [self._real(x, name), self._real(entry, f"{name}.entry")], name
        )
        usual = self._steps[x].usual + self._steps[entry].usual
        return self._quantised(total, name, _Steps(self._power(name), _MIDDLE, usual))

    def _convolution(
        self,
        entry: str,
        name: str,
        norm: str,
        side: int,
        *,
        stride: int = 1,
        depthwise: bool = False,
        activation: bool = True,
    ) -> tuple[str, int]:
        """A convolution, its batch norm and ReLU6; returns the name of its steps, and its side."""
        kernel, bias = self._folded(name, norm)
        given = self._steps[entry]
        whole = _whole(kernel, bias, given, depthwise)
        scales = whole.scale * given.scale
        constant, add = self.part.constant, self.part.add
        inputs = [self._real(entry, name)]
        for what, values, scale, kind in (
            ("kernel", whole.steps.reshape(kernel.shape), whole.scale, np.int8),
            ("bias", np.rint((bias - whole.excess) / scales.astype(np.float64)), scales, np.int32),
        ):
            steps = constant(f"{name}.{what}", values, kind)
            at = f"{name}.{what}"
            inputs.append(
                add(
                    "DequantizeLinear",
                    [steps, constant(f"{at}.scale", scale)],
                    f"{at}.real",
                    axis=0,
                )
            )
        x, out = self._node(inputs, name, kernel.shape, side, stride, depthwise=depthwise)
        usual = after_norm(self.weights[f"{norm}.bias"], self.weights[f"{norm}.weight"])
        if activation:
            return self._quantised(x, name, _Steps(_RELU6, 0, clipped(usual))), out
        return self._quantised(x, name, _Steps(self._power(name), _MIDDLE, usual)), out

    def _power(self, name: str) -> float:
        """The smallest power of two whose 127 steps reach as far as the activation does."""
        return math.ldexp(1, math.ceil(math.log2(RANGES[self.name][name] / 127)))

    def _quantised(self, x: str, name: str, steps: _Steps) -> str:
        scale = self.part.constant(f"{name}.scale", steps.scale)
        zero = self.part.constant(f"{name}.zero", steps.zero, np.uint8)
        output = self.part.add("QuantizeLinear", [x, scale, zero], f"{name}.steps")
        self._steps[output] = steps
        return output

    def _scale(self, output: str) -> list[str]:
        at = output.removesuffix(".steps")
        return [f"{at}.scale", f"{at}.zero"]

    def _real(self, steps: str, reader: str) -> str:
        """What steps stand for; each reader has its own, so that it is joined with its reader."""
        return self.part.add("DequantizeLinear", [steps, *self._scale(steps)], f"{reader}.input")


def _whole(kernel: np.ndarray, bias: np.ndarray, given: _Steps, depthwise: bool) -> Rounded:
    """The kernel's weights in whole numbers, as `[O,n]`."""
    flat = kernel.reshape(len(kernel), -1).astype(np.float64)
    needed = np.abs(bias) / (given.scale * _BIAS_STEPS)
    scale = np.maximum(np.abs(flat).max(axis=1) / LARGEST, needed)
    scale = np.maximum(scale, np.finfo(np.float32).tiny * 2**32).astype(np.float32)
    taps, usual = kernel.shape[2] * kernel.shape[3], given.usual
    if taps == 1:
        inputs = Usual(usual.mean[None], usual.variance[None])
        return rounded(flat, scale, inputs, inputs)
    by_output = usual.mean[:, None] if depthwise else usual.mean[None]
    inputs = Usual(*(np.repeat(by_output, taps, axis=1),) * 2)
    even = np.ones((1, flat.shape[1]))  # neighbouring pixels are much alike
    return rounded(flat, scale, inputs, Usual(even, even))
