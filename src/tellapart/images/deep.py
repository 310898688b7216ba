"""Samples of any depth -> 0..255: by what the format says, else by where nearly all values lie.

Pillow's `convert` clips what is deeper than 8 bits; one hot pixel must not make a picture black.
"""

from __future__ import annotations

import math

import numpy as np

FEW = 0.001  # of the values may lie outside what is taken for the range: hot and dead pixels
_OUTLIERS = 0.02  # of the values may be hot or dead pixels, where these lie far from all others
_FAR = 8  # as many outliers at least lie farther off than a range is wide, as nearer
_OVERSHOT = 1.5  # resampling and light above white go beyond a range by this much, and no more
# White, and the least that the brightest values must come to for that white to be meant.
_RANGES = ((1.0, 1 / 32), (255.0, 8.0), (65535.0, 2.0**13), (2.0**32 - 1, 2.0**27))
_ENOUGH = 2**22  # values a range is judged by
_AT_ONCE = 2**20  # values in the room of eight bytes each


def scaled(
    values: np.ndarray, *, bits: int = 0, limits: tuple[float, float] | None = None
) -> np.ndarray:
    """Samples of any type and shape as uint8 of that shape; NaN is black, infinity black or white.

    `bits` are those that an unsigned sample has, where they are fewer than its type's; `limits` are
    the values of black and white, where the file says so.
    """
    low, high = limits or value_range(values, bits)
    scale = 255 / (high - low) if high > low else 0.0
    exact = values.dtype.kind == "f" or values.dtype.itemsize > 2
    result = np.empty(values.shape, np.uint8)
    rows = max(1, _AT_ONCE // max(1, math.prod(values.shape[1:])))
    for top in range(0, len(values), rows):
        light = values[top : top + rows].astype(np.float64 if exact else np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            light -= low
            light *= scale
        if values.dtype.kind == "f":
            np.nan_to_num(light, copy=False, nan=0.0, posinf=255.0, neginf=0.0)
        np.clip(light, 0, 255, out=light)
        result[top : top + rows] = np.rint(light, out=light)
    return result


def value_range(values: np.ndarray, bits: int = 0) -> tuple[float, float]:
    """The values of black and white of samples whose file does not say.

    Unsigned samples of at most 24 bits have the range of their type. All others are stored in more
    room than they need, or in no range at all: the first of the usual ranges that nearly all values
    fit is taken; where they fit none, they lie between black and white themselves.
    """
    kind, depth = values.dtype.kind, bits or 8 * values.dtype.itemsize
    if kind in "ub" and depth <= 24:
        return 0.0, 255.0 if kind == "b" else 2.0**depth - 1
    flat = _sample(values)
    if (kind == "f" or depth > 16) and (white := _beside_outliers(flat)):
        return 0.0, white
    bottom, top = _nearly_all(flat)
    if kind == "f":
        if bottom < 0 and -bottom > 0.1 * abs(top):
            return (-1.0, 1.0) if 0.6 < max(-bottom, top) <= _OVERSHOT else (bottom, top)
        return 0.0, _usual(top)
    half = 2.0 ** (depth - 1)
    low, high = (-half, half - 1) if kind == "i" else (0.0, 2 * half - 1)
    if bottom < 0:  # a picture moved below zero has its type's range; measurements have their own
        return (low, high) if top - bottom > (high - low) / 8 else (bottom, top)
    if depth <= 16:
        return 0.0, high
    whole = (*_RANGES[1:3], (high, high / 32))
    return 0.0, next((white for white, least in whole if least < top <= white), top)


def _usual(top: float) -> float:
    """What white is for floats that nearly all lie between zero and `top`."""
    for white, least in _RANGES:
        if least < top <= white * _OVERSHOT:
            return white
    return top if top > 0 else 1.0


def _beside_outliers(flat: np.ndarray) -> float | None:
    """White of the usual range that all of the values lie in but for some hot or dead pixels, which
    lie far from it; None where there are no such pixels, and where light goes on beyond a range."""
    flat = flat.astype(np.float64)
    for white, least in _RANGES[:3]:
        inside = flat[(flat >= -0.1 * white) & (flat <= 1.1 * white)]
        outliers = flat.size - inside.size
        if not 0 < outliers <= max(2, _OUTLIERS * flat.size):
            continue
        near = np.count_nonzero((flat >= -white) & (flat <= 2 * white)) - inside.size
        is_bright = np.count_nonzero(inside > least) > max(2, FEW * flat.size)
        steps = white == 1 and np.array_equal(
            inside, np.rint(inside)
        )  # a dark one of whole numbers
        if is_bright and not steps and _FAR * near <= outliers:
            return white
    return None


def _sample(values: np.ndarray) -> np.ndarray:
    """The finite values `[N]`; of very many, an even sample."""
    flat = values.reshape(-1)
    flat = flat[:: max(1, flat.size // _ENOUGH)]
    finite: np.ndarray = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
    return finite


def _nearly_all(flat: np.ndarray) -> tuple[float, float]:
    """The range that all but `FEW` of the values lie in, and all but one of them at each end."""
    if not flat.size:
        return 0.0, 0.0
    outside = min(max(1, int(flat.size * FEW)), (flat.size - 1) // 2)
    ends = np.partition(flat, [outside, flat.size - 1 - outside])
    return float(ends[outside]), float(ends[flat.size - 1 - outside])
