"""Regions -> outlines over a picture, black and white so that they show on any."""

from __future__ import annotations

import numpy as np

_LINE = 120  # of the longer side: a line is that part of it wide, and at least a pixel
_DASH = 4  # widths of the line


def outlined(pixels: np.ndarray, box: tuple[slice, slice], *, dashed: bool = False) -> np.ndarray:
    """A picture uint8 `[H,W,3]` with a line within the edge of some rows and columns of it.

    The line is white between two black ones; dashed, its white comes and goes.
    """
    drawn = np.array(pixels)
    inside = drawn[box]
    height, width = inside.shape[:2]
    wide = max(1, round(max(pixels.shape[:2]) / _LINE))
    down, across = np.arange(height)[:, None], np.arange(width)[None]
    depth = np.minimum(np.minimum(down, height - 1 - down), np.minimum(across, width - 1 - across))
    along = np.where(np.minimum(down, height - 1 - down) == depth, across, down)
    gap = dashed & (along // (_DASH * wide) % 2 == 1)
    inside[depth < 3 * wide] = 0
    inside[(depth >= wide) & (depth < 2 * wide) & ~gap] = 255
    return drawn
