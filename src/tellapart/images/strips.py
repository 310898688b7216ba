"""A large picture turned into pixels strip by strip: it is never held twice.

Pillow keeps RGB in four bytes a pixel, and each conversion makes a copy of the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import PIL.Image

STRIP = 2**20  # pixels


def pixels_by_strips(
    image: PIL.Image.Image,
    to_rgb: Callable[[PIL.Image.Image], PIL.Image.Image],
    *,
    reduced: int = 1,
) -> np.ndarray:
    """uint8 `[H,W,3]` of what `to_rgb` makes of a picture; each `reduced` x `reduced` pixels become
    their mean. Only deep grey is turned as a whole, for its range is that of all its pixels."""
    width, height = image.size
    rows = max(STRIP // width // reduced, 1) * reduced
    if image.mode in ("I", "F"):
        image = to_rgb(image)
    if rows >= height and reduced == 1:
        return np.asarray(to_rgb(image))
    pixels = np.empty((-(-height // reduced), -(-width // reduced), 3), np.uint8)
    for top in range(0, height, rows):
        strip = to_rgb(image.crop((0, top, width, min(top + rows, height))))
        strip = strip.reduce(reduced) if reduced > 1 else strip
        pixels[top // reduced :][: strip.height] = np.asarray(strip)
    return pixels
