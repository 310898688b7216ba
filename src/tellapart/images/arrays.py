"""A picture that is given as an array of numbers -> a Pillow image, or what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import UsageError

if TYPE_CHECKING:
    import PIL.Image

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by the number of channels
_EXPECTED = (
    "A picture as an array is [height, width] or [height, width, channels], with 1 channel (grey), "
    "2 (grey, alpha), 3 (RGB) or 4 (RGBA), and holds uint8 (0 to 255), uint16 (0 to 65535) or bool"
)


def is_rgb(array: np.ndarray) -> bool:
    """Whether an array is pixels as they are meant to be, uint8 `[H,W,3]`."""
    return array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3 and array.size > 0


def image_of(array: np.ndarray) -> PIL.Image.Image:
    """A picture of numbers `[H,W]` or `[H,W,C]`: grey, grey and alpha, RGB or RGBA, in sRGB.

    Raises:
        UsageError: another shape, no pixels, or numbers whose range cannot be told.
    """
    given = f"this one is {array.dtype} {list(array.shape)}"
    shape = array.shape if array.ndim != 2 else (*array.shape, 1)
    if len(shape) != 3 or shape[2] not in _MODES or array.size == 0:
        raise UsageError(f"{_EXPECTED}; {given}.", hint=_turned(array))
    pixels = np.asarray(array).reshape(shape)
    if pixels.dtype == bool:
        pixels = pixels * np.uint8(255)
    elif pixels.dtype.newbyteorder("=") == np.uint16:
        pixels = np.rint(pixels / np.float32(257)).astype(np.uint8)
    elif pixels.dtype != np.uint8:
        raise UsageError(f"{_EXPECTED}; {given}.", hint=_converted(array))
    from PIL import Image

    flat = pixels[..., 0] if shape[2] == 1 else pixels
    return Image.fromarray(np.ascontiguousarray(flat))


def _turned(array: np.ndarray) -> str:
    if array.ndim == 3 and array.shape[0] in _MODES:
        return "Its channels come first: give array.transpose(1, 2, 0)."
    if array.ndim == 4:
        return "Of several pictures each is given by itself: predict_many(array)."
    return ""


def _converted(array: np.ndarray) -> str:
    if array.dtype.kind == "f":
        return (
            "Whether 1.0 is white or nearly black cannot be told: give "
            "(255 * array).round().astype(np.uint8) if it is white."
        )
    return "If its values are 0 to 255, give array.astype(np.uint8)."
