"""One ONNX node at work: what goes in and how it is laid out, its attributes, and its refusal.

ONNX keeps maps as `[N,C,h,w]`; TensorFlow is several times faster on a CPU with `[N,h,w,C]`, and
TFLite takes nothing else. So each tensor remembers which of the two it holds, and is turned only
where an operator needs it otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from ...errors import BackboneError

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Tensor:
    """A Keras tensor or a constant.

    Attributes:
        value: its values, or whole steps, as floats.
        channels_last: whether a map of ONNX's `[N,C,h,w]` is held turned.
        scale: what a step stands for, one number or one for each channel; `None` for values.
    """

    value: Any
    channels_last: bool = False
    scale: np.ndarray | None = None

    @property
    def constant(self) -> bool:
        return isinstance(self.value, np.ndarray)

    @property
    def rank(self) -> int:
        return len(self.value.shape)


@dataclass(frozen=True)
class Step:
    """One node: what goes in, and its attributes."""

    kind: str
    inputs: tuple[Tensor | None, ...]
    attributes: Mapping[str, Any]

    def refused(self, why: str) -> BackboneError:
        return BackboneError(
            f"This model's network uses the ONNX operator {self.kind}{why}, which cannot be "
            "written for TensorFlow here.",
            hint="Export it as onnx, which every ONNX runtime reads.",
        )

    def tensor(self, number: int = 0) -> Tensor:
        """An input, as values."""
        return real(self.steps(number))

    def steps(self, number: int = 0) -> Tensor:
        """An input, in whole steps if that is how it is held."""
        found = self.inputs[number] if number < len(self.inputs) else None
        if found is None:
            raise self.refused(f" without its input {number}")
        return found

    def number(self, name: str, default: float) -> Any:
        return self.attributes.get(name, default)

    def array(self, number: int) -> np.ndarray:
        """An input that must be constant."""
        found = self.tensor(number)
        if not isinstance(found.value, np.ndarray):
            raise self.refused(f" with an input {number} that is computed")
        return found.value

    def optional_array(self, number: int) -> np.ndarray | None:
        given = number < len(self.inputs) and self.inputs[number] is not None
        return self.array(number) if given else None


def real(x: Tensor) -> Tensor:
    """As values: whole steps times what they stand for."""
    if x.scale is None:
        return x
    if x.constant and x.scale.ndim:  # a kernel, by its outputs
        return Tensor(x.value * x.scale.reshape(-1, *(1,) * (x.rank - 1)))
    return Tensor(x.value * x.scale, x.channels_last)


def turned(x: Tensor) -> Tensor:
    """A map `[N,C,h,w]` held as `[N,h,w,C]`, whichever way it came; constants broadcast."""
    if x.channels_last:
        return x
    if not isinstance(x.value, np.ndarray):
        return Tensor(ops.transpose(x.value, (0, 2, 3, 1)), True)
    shape = (1,) * (4 - x.rank) + x.value.shape
    return Tensor(x.value.reshape(shape).transpose(0, 2, 3, 1), True)


def plain(x: Tensor) -> Tensor:
    """As ONNX has it."""
    return Tensor(ops.transpose(x.value, (0, 3, 1, 2))) if x.channels_last else x
