"""HEIC and HEIF, the format of phones: opened by libheif, as the `pi-heif` package carries it.

libheif itself turns and mirrors the picture as the file says (`irot`, `imir`), and puts tiles
together; a turn that EXIF states beside that is not applied again. Of several pictures the primary
one is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import PictureError
from .budget import BUDGET, check_size

if TYPE_CHECKING:
    import PIL.Image

A_KIND = "a kind of HEIC that cannot be read here: save it as PNG or JPEG"
BYTES_A_PIXEL = 14  # planes, RGB, its copy in Python, Pillow's copy

# libheif's error codes (libheif/heif_error.h), as the text of its errors begins
_CUT_SHORT = ("end of file", "insufficient input", "cannot read full", "size too small")
_NOT_READ = ("unsupported", "no decoding plugin", "no decoder", "not supported")


def read_heif(content: bytes) -> PIL.Image.Image:
    """The primary picture in 8 bits, upright, with its profile in `info`.

    Raises:
        PictureError: it is damaged, or of a kind that libheif does not decode.
    """
    import pi_heif

    try:
        file = pi_heif.open_heif(content, convert_hdr_to_8bit=True)
        if not len(file):
            raise PictureError(A_KIND)  # there are pictures in it, of other codings
        width, height = file.size
        check_size(width, height)
        with BUDGET.room(width * height * BYTES_A_PIXEL):
            image: PIL.Image.Image = file[file.primary_index].to_pillow()
            return image
    except PictureError:
        raise
    except Exception as error:  # libheif's errors come as several of Python's
        raise PictureError(_reason(error)) from error


def _reason(error: Exception) -> str:
    words = str(error).lower()
    if any(phrase in words for phrase in _NOT_READ):
        return A_KIND
    if isinstance(error, EOFError) or any(phrase in words for phrase in _CUT_SHORT):
        return "cut short: the end of the file is missing"
    if "memory" in words or "security limit" in words:
        return "too large for the memory that is free"
    return "damaged: its data cannot be unpacked"
