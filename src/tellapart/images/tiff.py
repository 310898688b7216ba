"""TIFFs that Pillow reads wrongly or not at all: deep, signed and floating-point samples, planes
apart, and odd numbers of bits.

Its libtiff unpacks what is compressed, within bounds; what the samples mean is worked out here.
(tifffile has no codec for LZW, no floating-point predictor, and no 10, 12, 14 or 24 bits of its
own, and unpacks without bounds.)
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from ..errors import PictureError
from . import tiff_tags as tag
from .deep import scaled
from .tiff_samples import (
    A_KIND,
    ASSOCIATED,
    CMYK,
    FLOAT,
    ICC_LAB,
    LAB,
    PALETTE,
    UNASSOCIATED,
    UNDEFINED,
    UNPACKED,
    UNSIGNED,
    WHITE_IS_ZERO,
    YCBCR,
    Layout,
    layout_of,
    samples_of,
)
from .tiff_tags import Directory

if TYPE_CHECKING:
    import PIL.Image


def pillow_reads(directory: Directory) -> bool:
    """Whether Pillow reads such a picture, and reads it right."""
    compression = directory.integer(tag.COMPRESSION, 1)
    if compression not in UNPACKED:
        return True
    if directory.integer(tag.PHOTOMETRIC) == YCBCR:
        return compression != 1 or directory.integers(tag.SUBSAMPLING) == (1, 1)
    if compression == 1 and 2 in (directory.integer(tag.PLANAR), directory.integer(tag.FILL_ORDER)):
        return False
    if ASSOCIATED in directory.integers(tag.EXTRA_SAMPLES):
        return False
    unsigned = set(directory.integers(tag.FORMAT)) <= {UNSIGNED, UNDEFINED}
    return unsigned and set(directory.integers(tag.BITS) or (1,)) <= {1, 2, 4, 8}


def read_tiff(content: bytes, directory: Directory) -> PIL.Image.Image:
    """The first picture of a TIFF in 8 bits: grey, RGB, CMYK or Lab, with its profile and
    orientation.

    Raises:
        PictureError: it is of a kind that is not read, or damaged.
    """
    from PIL import Image

    layout = layout_of(directory)
    samples = samples_of(content, directory, layout)
    pixels = _eight_bits(samples, directory, layout)
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[pixels.shape[2]]
    if layout.photometric in (LAB, ICC_LAB):
        mode = "LAB"
    height, width = pixels.shape[:2]
    image = Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())
    if profile := directory.blob(tag.PROFILE):
        image.info["icc_profile"] = profile
    exif = Image.Exif()
    exif[tag.ORIENTATION] = directory.integer(tag.ORIENTATION, 1)
    image.info["exif"] = exif.tobytes()
    return image


def _eight_bits(samples: np.ndarray, directory: Directory, layout: Layout) -> np.ndarray:
    """uint8 `[H,W,1, 3 or 4]`, transparency laid on white."""
    bits = layout.bits if layout.form in (UNSIGNED, UNDEFINED) else 0
    colours = samples[..., : layout.colours]
    if layout.photometric == PALETTE:
        return _by_palette(colours[..., 0], directory)
    if layout.photometric in (LAB, ICC_LAB):
        return _lab(colours, layout)
    limits = _limits(directory, layout)
    if layout.form == FLOAT and limits is None:
        colours = _without_no_data(colours, directory)
    light = scaled(colours, bits=bits, limits=limits)
    if layout.photometric == WHITE_IS_ZERO:
        light = 255 - light
    if not layout.alpha or layout.photometric == CMYK:
        return light
    cover = scaled(samples[..., layout.colours :], bits=bits).astype(np.uint16)
    if layout.alpha == UNASSOCIATED:
        return ((light * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)
    return np.minimum(light + (255 - cover), 255).astype(np.uint8)


def _by_palette(indices: np.ndarray, directory: Directory) -> np.ndarray:
    table = np.array(directory.integers(tag.COLOUR_MAP), np.uint32)
    if not len(table) or len(table) % 3:
        raise PictureError("damaged: its palette is missing")
    colours = table.reshape(3, -1).T
    colours = colours if colours.max() < 256 else np.rint(colours / 257)  # some write 8 bits
    palette: np.ndarray = colours.astype(np.uint8)
    return np.take(palette, indices, axis=0, mode="clip")


def _lab(colours: np.ndarray, layout: Layout) -> np.ndarray:
    """As Pillow lays out Lab: lightness, then a and b as signed bytes."""
    if layout.form == FLOAT or layout.bits not in (8, 16):
        raise PictureError(A_KIND)
    high = (colours >> (layout.bits - 8)).astype(np.uint8)
    if layout.photometric == ICC_LAB:
        high[..., 1:] ^= 128
    return high


def _limits(directory: Directory, layout: Layout) -> tuple[float, float] | None:
    """The values of black and white that the file states: the specification's tags for them, or the
    range that ImageJ shows.

    Not of unsigned samples, whose type has a range: there the tags hold the least and most that
    occur, as a statistic, and viewers pass them over.
    """
    if layout.form in (UNSIGNED, UNDEFINED) and layout.bits <= 24:
        return None
    least, most = directory.numbers(tag.LEAST), directory.numbers(tag.MOST)
    if least and most and math.isfinite(min(least)) and math.isfinite(max(most)):
        return (min(least), max(most)) if max(most) > min(least) else None
    text = directory.blob(tag.DESCRIPTION)[:10_000]
    if layout.form == FLOAT and text.startswith(b"ImageJ="):
        stated = dict(re.findall(rb"^(min|max)=(\S+)\s*$", text, re.M))
        try:
            low, high = float(stated[b"min"]), float(stated[b"max"])
            return (low, high) if high > low else None
        except (KeyError, ValueError):
            return None
    return None


def _without_no_data(colours: np.ndarray, directory: Directory) -> np.ndarray:
    """Floats with GDAL's mark for "no value" made NaN."""
    try:
        mark = float(directory.blob(tag.NO_DATA).rstrip(b"\0 ") or b"nan")
    except ValueError:
        return colours
    return np.where(colours == colours.dtype.type(mark), np.nan, colours)
