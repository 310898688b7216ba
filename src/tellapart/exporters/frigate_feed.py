"""A picture made square as OpenCV's `resize` does it, without OpenCV.

`cv2.resize(picture, (224, 224))` takes, for each pixel, the four next to its place and mixes them
in whole numbers (INTER_LINEAR, OpenCV 4 and 5): weights are steps of 1/2048, and
the sums of a row lose 4 bits before they are mixed with those of the next. It does not smooth what
it makes smaller. A picture of twice the size each way is averaged instead. Programs that feed a
model so have other pixels than Pillow would give, so a proof for them needs these.
"""

from __future__ import annotations

import numpy as np

_ONE = 2048  # the weight of a whole pixel


def squashed(picture: np.ndarray, side: int) -> np.ndarray:
    """uint8 `[side,side,3]` of a picture uint8 `[H,W,3]`, whatever its shape."""
    height, width = picture.shape[:2]
    if (height, width) == (2 * side, 2 * side):
        quarters = picture.reshape(side, 2, side, 2, -1).astype(np.int32)
        return np.asarray((quarters.sum(axis=(1, 3)) + 2) >> 2, dtype=np.uint8)
    left, right, of_left, of_right = _places(width, side)
    mixed = picture[:, left].astype(np.int32) * of_left[:, None]
    mixed += picture[:, right].astype(np.int32) * of_right[:, None]
    above, below, of_above, of_below = _places(height, side)
    shares = [
        (weights[:, None, None] * (mixed[lines] >> 4)) >> 16
        for lines, weights in ((above, of_above), (below, of_below))
    ]
    return np.asarray((shares[0] + shares[1] + 2) >> 2, dtype=np.uint8)


def _places(length: int, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each of `side` pixels the two of `length` that it lies between, and their weights; beyond
    an edge both are the pixel at the edge."""
    place = ((np.arange(side) + 0.5) * (length / side) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    share = place - first.astype(np.float32)
    of_first = np.rint((1 - share) * np.float32(_ONE)).astype(np.int32)
    of_second = np.rint(share * np.float32(_ONE)).astype(np.int32)
    both = (np.clip(first + step, 0, length - 1) for step in (0, 1))
    return *both, of_first, of_second
