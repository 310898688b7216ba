"""Image properties: the light, the border, the size and the file type of a picture.

They are measured once, when the pixels are decoded, and kept beside the embedding.
`health/shortcuts.py` uses them to find properties that tell a label without showing it.
"""

from __future__ import annotations

import numpy as np

from .decode import Decoded
from .kinds import FORMATS, sniff

PROPERTIES = (
    "brightness",
    "contrast",
    "border brightness",
    "border contrast",
    "width",
    "height",
    "file type",
)
PROPERTIES_VERSION = 1  # part of every cache key: raise it when any value changes
_SAMPLES = 48  # a side: enough for a mean
_LUMA = np.array([0.299, 0.587, 0.114], np.float32) / 255  # of red, green, blue (ITU-R BT.601)


def properties_of(picture: Decoded, content: bytes) -> np.ndarray:
    """The `PROPERTIES` of a picture, float32 `[T]`, as it was decoded, and from its file.

    Brightness is mean luma, 0 to 1, and contrast its standard deviation; both also of the outermost
    pixels. Width and height are the file's, in pixels, of the picture as it is seen. The file type
    is an index into `FORMATS`.
    """
    pixels = picture.pixels
    down, across = (max(1, side // _SAMPLES) for side in pixels.shape[:2])
    light = pixels[::down, ::across] @ _LUMA
    edges = np.concatenate([pixels[[0, -1], ::across].ravel(), pixels[::down, [0, -1]].ravel()])
    border = edges.reshape(-1, 3) @ _LUMA
    kind = sniff(content[:512])
    sides = _sides(picture)
    lights = (light.mean(), light.std(), border.mean(), border.std())
    return np.array([*lights, *sides, FORMATS.index(kind)], np.float32)


def _sides(picture: Decoded) -> tuple[int, int]:
    """Width and height in the file of the picture as it is seen; it may have been decoded smaller
    than it is. (A RAW picture's are those decoded.)"""
    height, width = picture.pixels.shape[:2]
    short, long = sorted(picture.sides)
    return (long, short) if width > height else (short, long)
