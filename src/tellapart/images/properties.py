"""Image properties: the light, the border, the size, the file type, the sharpness and so on.

They are measured once, when the pixels are decoded, and kept beside the embedding.
`health/shortcuts.py` uses them to find properties that tell a label without showing it; a
check also finds bad pictures by them, the same picture again, and pictures taken together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .decode import Decoded
from .kinds import FORMATS, sniff
from .taken import taken

if TYPE_CHECKING:
    import PIL.Image

HASH = ("hash 1", "hash 2", "hash 3", "hash 4")  # 16 bits each, which float32 holds exactly
PROPERTIES = (
    "brightness",
    "contrast",
    "border brightness",
    "border contrast",
    "width",
    "height",
    "file type",
    "darkest",
    "lightest",
    "black",
    "white",
    "entropy",
    "sharpness",
    "detail",
    "edges",
    "flat",
    "bands",
    "colours",
    "day",
    "second",
    *HASH,
)
PROPERTIES_VERSION = 2  # part of every cache key: raise it when any value changes
_SAMPLES = 48  # a side: enough for a mean
_LUMA = np.array([0.299, 0.587, 0.114], np.float32) / 255  # of red, green, blue (ITU-R BT.601)
_SEEN = 256  # pixels of the longer side, by about which it is asked whether it looks sharp
_LINES = 64  # rows, and columns, whose steps from pixel to pixel are looked at
_FAR = 4  # pixels, over which even a blurred edge has most of its height
_STEEPEST = 0.005  # of all steps from pixel to pixel: they are edges
_STEP = 12  # of 255, from which a step is no noise
_BLACK, _WHITE = 8, 247  # of 255: clipped, with what a JPEG adds
_LEVEL = 6  # of 255, by which a row of pixels that is all one differs at most
_HASHED = 32  # pixels a side


def properties_of(picture: Decoded, content: bytes) -> np.ndarray:
    """The `PROPERTIES` of a picture, float32 `[T]`, as it was decoded, and from its file.

    - Brightness is mean luma, 0 to 1, and contrast its standard deviation; both also of the
      outermost pixels. "darkest" and "lightest" are the luma that 1 % of the pixels are below and
      above, "black" and "white" the shares of pixels that are clipped, "entropy" the bits of the
      histogram of luma, 0 to 8.
    - Width and height are the file's, in pixels, of the picture as it is seen. The file type is an
      index into `FORMATS`.
    - "sharpness" and "detail" are how steep edges are: of luma's steps from pixel to pixel the
      height that 0.5 % have, over what 2 % of its steps over four pixels have: near 0.25 where
      all is blurred, 1 and more where edges are sharp. "detail"
      is that at the scale at which the picture was decoded, and "sharpness" where it is brought by
      whole numbers near 256 pixels (171 to 384) along its longer side, if it has more.
    - "edges" is the share of steps that are no noise, at that scale; "flat" the share of neighbours
      that are equal, and "bands" how often a row that is all one begins below one that is not;
      "colours" how many there are among 48 x 48 pixels, at 5 bits each.
    - "day" (since 1970) and "second" (of the day) say when the picture was taken; nan if unknown.
    - `HASH` are the 64 bits of `hash_of`.
    """
    from PIL import Image

    pixels = picture.pixels
    down, across = (max(1, side // _SAMPLES) for side in pixels.shape[:2])
    some = pixels[::down, ::across]
    light = some @ _LUMA
    edges = np.concatenate([pixels[[0, -1], ::across].ravel(), pixels[::down, [0, -1]].ravel()])
    border = edges.reshape(-1, 3) @ _LUMA
    lights = (light.mean(), light.std(), border.mean(), border.std())
    kind = FORMATS.index(sniff(content[:512]))
    grey = seen = Image.fromarray(pixels).convert("L")
    smaller = round(max(grey.size) / _SEEN)
    if smaller > 1:
        seen = grey.reduce(smaller)
    when = taken(content) or (np.nan, np.nan)
    return np.array(
        [
            *lights,
            *_sides(picture),
            kind,
            *_looks(grey, seen),
            _colours(some),
            *when,
            *hash_parts(hash_of(seen)),
        ],
        np.float32,
    )


def _sides(picture: Decoded) -> tuple[int, int]:
    """Width and height in the file of the picture as it is seen; it may have been decoded smaller
    than it is. (A RAW picture's are those decoded.)"""
    height, width = picture.pixels.shape[:2]
    short, long = sorted(picture.sides)
    return (long, short) if width > height else (short, long)


def _looks(grey: PIL.Image.Image, seen: PIL.Image.Image) -> tuple[float, ...]:
    """From "darkest" to "bands", of a grey picture as it was decoded and as it is `seen`."""
    shares = np.array(seen.histogram()) / (seen.width * seen.height)
    below = np.cumsum(shares)
    darkest, lightest = np.searchsorted(below, (0.01, 0.99)) / 255
    found = shares[shares > 0]
    small, whole = np.asarray(seen), np.asarray(grey)
    near, far = _steps(small, 1), _steps(small, _FAR)
    here, there = (near, far) if seen is grey else (_steps(whole, 1), _steps(whole, _FAR))
    level = whole.max(axis=1) - whole.min(axis=1) <= _LEVEL
    return (
        float(darkest),
        float(lightest),
        float(below[_BLACK]),
        float(1 - below[_WHITE - 1]),
        float(-np.sum(found * np.log2(found))),
        _steepness(near, far),
        _steepness(here, there),
        float(near[_STEP:].sum()),
        float(here[0]),
        float(np.count_nonzero(level[1:] & ~level[:-1])),
    )


def _steps(grey: np.ndarray, apart: int) -> np.ndarray:
    """How often luma differs by how much between pixels so far apart, in rows and in columns: the
    shares of 0 to 255, `[256]`. Some lines stand for all."""
    from PIL import Image

    height, width = grey.shape
    rows, columns = grey[:: -(-height // _LINES)], grey[:, :: -(-width // _LINES)]
    found = np.zeros(256)
    for one, other in (
        (rows[:, apart:], rows[:, :-apart]),
        (columns[apart:], columns[:-apart]),
    ):
        if one.size:  # Pillow counts far faster than numpy
            step = np.maximum(one, other) - np.minimum(one, other)
            found += Image.fromarray(step).histogram()
    return np.asarray(found / max(1.0, found.sum()))


def _steepness(near: np.ndarray, far: np.ndarray) -> float:
    """From the shares of steps between neighbours, and of steps over `_FAR` pixels."""
    height = float(np.searchsorted(np.cumsum(near), 1 - _STEEPEST))
    whole = float(np.searchsorted(np.cumsum(far), 1 - _FAR * _STEEPEST))  # an edge makes so many
    return height / whole if whole else 1.0


def _colours(pixels: np.ndarray) -> int:
    """How many colours `[H,W,3]` has, at 5 bits of each of red, green and blue."""
    red, green, blue = np.moveaxis(pixels.astype(np.int32) >> 3, -1, 0)
    return int(np.count_nonzero(np.bincount((red << 10 | green << 5 | blue).ravel())))


def hash_of(grey: PIL.Image.Image) -> int:
    """64 bits that pictures share which were saved again or resized: the signs of the lowest
    frequencies of a small square of it (its cosine transform; after Zauner 2010, with the 64 lowest
    but for the mean)."""
    from PIL import Image

    small = np.asarray(grey.resize((_HASHED, _HASHED), Image.Resampling.BOX), np.float32)
    waves = (_COSINES @ small @ _COSINES.T)[_LOWEST]
    return int.from_bytes(np.packbits(waves > 0).tobytes(), "big")


def hash_parts(bits: int) -> tuple[int, ...]:
    """The `HASH` columns."""
    return tuple(bits >> shift & 0xFFFF for shift in (48, 32, 16, 0))


def hashes_of(properties: np.ndarray) -> np.ndarray:
    """The hashes of pictures, uint64 `[N]`, from their properties `[N,T]`.

    Those of pictures whose properties are not known (nan) are drawn by lot: like no other.
    """
    first = PROPERTIES.index(HASH[0])
    parts = properties[:, first : first + len(HASH)]
    unknown = np.isnan(parts).any(axis=1)
    shifts = np.array([48, 32, 16, 0], np.uint64)
    whole = np.where(unknown[:, None], 0, parts).astype(np.uint64)
    found = np.asarray(np.bitwise_or.reduce(whole << shifts, axis=1), np.uint64)
    lot = np.random.default_rng(0).integers(0, 2**64, int(unknown.sum()), np.uint64)
    found[unknown] = lot
    return found


def _transform() -> np.ndarray:
    """The cosine transform of `_HASHED` pixels: `[_HASHED,_HASHED]`, a row for each frequency."""
    place = (np.arange(_HASHED) + 0.5) / _HASHED
    return np.cos(np.pi * np.arange(_HASHED)[:, None] * place).astype(np.float32)


_COSINES = _transform()
_ORDER = sorted(
    ((down, across) for down in range(12) for across in range(12)),
    key=lambda pair: (pair[0] ** 2 + pair[1] ** 2, pair),
)[1:65]
_LOWEST = tuple(np.array(axis) for axis in zip(*_ORDER, strict=True))
MIRRORED = np.uint64(int("".join(str(across % 2) for _, across in _ORDER), 2))
"""What turns a hash into that of the mirrored picture, by exclusive or: the waves that are uneven
from left to right change their sign."""
