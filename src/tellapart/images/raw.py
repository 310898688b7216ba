"""RAW pictures of cameras, by the extra `tellapart[raw]`: LibRaw develops them, always alike.

Most are TIFFs whose first picture is a thumbnail, which must not be taken for the picture.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np

from ..errors import PictureError
from . import tiff_tags as tag
from .budget import BUDGET, check_size
from .kinds import RAW_SUFFIXES
from .tiff_tags import Directory, directory_at

if TYPE_CHECKING:
    import PIL.Image

NEEDS_EXTRA = (
    'a RAW picture of a camera: type: pip install "tellapart[raw]", or save it as JPEG first'
)
A_KIND = "a kind of RAW that cannot be read here: save it as PNG or JPEG"
BYTES_A_PIXEL = 24  # of the sensor: LibRaw works on four 16-bit samples, and writes three

_COLOUR_FILTERS, _LINEAR_RAW = 32803, 34892  # photometric interpretations of sensors' samples
_TIFF_EP = 37398  # the tag of TIFF/EP, the standard below Nikon's and others' formats
_RAW_COMPRESSIONS = frozenset([32767, 32769, 32770, 32867, 34713, 65000, 65535])


def is_raw(content: bytes, directory: Directory, suffix: str = "") -> bool:
    """Whether a TIFF holds what a sensor saw, beside or instead of a picture."""
    if suffix.lower() in RAW_SUFFIXES or tag.DNG_VERSION in directory.tags:
        return True
    found = [directory]
    for at in directory.integers(tag.SUB_DIRECTORIES)[:8]:
        try:
            found.append(directory_at(content, directory.order, at))
        except (PictureError, struct.error, OverflowError):
            continue
    return any(
        one.integer(tag.PHOTOMETRIC) in (_COLOUR_FILTERS, _LINEAR_RAW)
        or one.integer(tag.COMPRESSION) in _RAW_COMPRESSIONS
        for one in found
    ) or (_TIFF_EP in directory.tags and len(found) > 1)


def read_raw(content: bytes, *, enough: int) -> PIL.Image.Image:
    """The picture in sRGB, upright, with the camera's white balance and no automatic brightness; at
    half its size, which needs no guesses at colours, where its shorter side stays `enough`.

    Raises:
        PictureError: rawpy is not installed, or the picture is damaged or of a kind unknown to it.
    """
    from PIL import Image

    try:
        import rawpy
    except ImportError:
        raise PictureError(NEEDS_EXTRA) from None
    try:
        with rawpy.imread(io.BytesIO(content)) as raw:
            width, height = raw.sizes.width, raw.sizes.height
            check_size(width, height)
            half = enough > 0 and min(width, height) >= 2 * enough
            with BUDGET.room(width * height * BYTES_A_PIXEL // (4 if half else 1)):
                pixels = raw.postprocess(
                    use_camera_wb=True,
                    no_auto_bright=True,
                    output_bps=8,
                    output_color=rawpy.ColorSpace.sRGB,
                    demosaic_algorithm=rawpy.DemosaicAlgorithm.AHD,
                    half_size=half,
                )
        return Image.fromarray(np.ascontiguousarray(pixels))
    except PictureError:
        raise
    except rawpy.LibRawFileUnsupportedError as error:
        raise PictureError(A_KIND) from error
    except rawpy.LibRawIOError as error:
        raise PictureError("cut short: the end of the file is missing") from error
    except Exception as error:
        raise PictureError("damaged: its data cannot be unpacked") from error
