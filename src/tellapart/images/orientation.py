"""How a picture lies: the EXIF orientation and nothing else, as in browsers.

EXIF is that of a JPEG, WEBP or PNG (eXIf), the tag of a TIFF, and for AVIF what its container says.
An orientation in XMP or in a text of ImageMagick's is ignored, and so is one that is not a whole
number of 1 to 8. Exported programs carry a copy of this file.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import PIL.Image

_TAG, _SHORT = 0x0112, 3


def load(image: PIL.Image.Image) -> None:
    """Read the pixels. Pillow turns a TIFF by itself then, but not as its XMP says."""
    xmp = image.info.pop("xmp", None)
    try:
        image.load()
    finally:
        if xmp is not None:
            image.info["xmp"] = xmp


def upright(image: PIL.Image.Image) -> PIL.Image.Image:
    """A loaded picture turned as it is meant to be seen; itself if it is upright."""
    from PIL import Image

    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def orientation(image: PIL.Image.Image) -> int:
    """1 to 8, or 0 where nothing is said."""
    exif = image.info.get("exif")
    return _orientation(exif) if isinstance(exif, bytes) else 0


def _orientation(exif: bytes) -> int:
    """That of EXIF's first directory."""
    content = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(content[:4])
    try:
        if order is None:
            return 0
        (start,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", content, at)
            if tag == _TAG:
                return value if (kind, values) == (_SHORT, 1) and value <= 8 else 0
    except struct.error:  # cut short
        pass
    return 0
