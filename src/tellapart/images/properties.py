"""Image properties: the light, the border, the size and the file type of a picture.

They are measured once, when the pixels are decoded, and kept beside the embedding.
`health/shortcuts.py` uses them to find properties that tell a label without showing it.
"""

from __future__ import annotations

import numpy as np

from .decode import ENOUGH
from .hushing import hushed
from .kinds import FORMATS, sniff
from .opening import open_by_pillow

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


def properties_of(pixels: np.ndarray, content: bytes) -> np.ndarray:
    """The `PROPERTIES` of a picture, float32 `[T]`, from its pixels uint8 `[H,W,3]` and its file.

    Brightness is mean luma, 0 to 1, and contrast its standard deviation; both also of the outermost
    pixels. Width and height are the file's, in pixels, of the picture as it is seen. The file type
    is an index into `FORMATS`.
    """
    down, across = (max(1, side // _SAMPLES) for side in pixels.shape[:2])
    light = pixels[::down, ::across] @ _LUMA
    edges = np.concatenate([pixels[[0, -1], ::across].ravel(), pixels[::down, [0, -1]].ravel()])
    border = edges.reshape(-1, 3) @ _LUMA
    kind = sniff(content[:512])
    sides = _sides(pixels, content, kind)
    lights = (light.mean(), light.std(), border.mean(), border.std())
    return np.array([*lights, *sides, FORMATS.index(kind)], np.float32)


def _sides(pixels: np.ndarray, content: bytes, kind: str) -> tuple[int, int]:
    """Width and height in the file; a big JPEG may have been decoded smaller than it is. (So may a
    RAW picture and any of more than 89 million pixels, whose sides are those decoded.)"""
    height, width = pixels.shape[:2]
    if kind != "JPEG" or min(width, height) < ENOUGH:
        return width, height
    with hushed(), open_by_pillow(content, kind) as opened:
        sides = sorted(opened.size)
    return (sides[1], sides[0]) if width > height else (sides[0], sides[1])
