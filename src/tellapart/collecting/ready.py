"""A file's bytes or a frame's pixels -> a picture that may be kept: decoded, and made smaller where
that was asked for."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..dataset.filenames import suffix_of_kind
from ..images.decode import decode_with_sides
from ..images.kinds import sniff
from .copies import Look, look_of

if TYPE_CHECKING:
    import PIL.Image

_QUALITY = 92  # of JPEGs that are saved anew
_TAKEN, _EXIF = 0x9003, 0x8769  # EXIF: when a picture was taken, and the directory that says it


@dataclass(frozen=True)
class Ready:
    """A picture to keep: its bytes, and how its name ends, by its content."""

    content: bytes
    suffix: str
    sha256: str
    look: Look
    as_it_came: bool  # the bytes are those that were given


def ready(content: bytes, *, suffix: str = "", max_side: int | None = None) -> Ready:
    """Decode a picture, which is how it is checked, and keep its bytes; one with a side longer than
    `max_side` is saved anew as an upright JPEG in sRGB that fits.

    Raises:
        PictureError: it cannot be read; the message is the reason in plain words.
    """
    whole = max_side or 0
    decoded = decode_with_sides(content, suffix=suffix, **({"enough": whole} if whole else {}))
    if whole and max(decoded.sides) > whole:
        return of_pixels(decoded.pixels, max_side=whole, taken=_taken(content))
    ending = suffix_of_kind(sniff(content[:512])) or suffix
    return Ready(content, ending, _sha256(content), look_of(decoded.pixels), True)


def of_pixels(pixels: np.ndarray, *, max_side: int | None = None, taken: str = "") -> Ready:
    """Upright sRGB pixels, uint8 `[H,W,3]`, as a JPEG whose sides are at most `max_side`."""
    from PIL import Image

    image: PIL.Image.Image = Image.fromarray(pixels)
    if max_side and max(image.size) > max_side:
        scale = max_side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    exif = Image.Exif()
    if taken:
        exif.get_ifd(_EXIF)[_TAKEN] = taken
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY, **({"exif": exif} if taken else {}))
    content = file.getvalue()
    return Ready(content, ".jpg", _sha256(content), look_of(pixels), False)


def _taken(content: bytes) -> str:
    """When a picture was taken, as its file says it: what tells pictures of one occasion."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as image:
            return str(image.getexif().get_ifd(_EXIF).get(_TAKEN, ""))
    except Exception:  # whatever is wrong in what a file says besides its pixels
        return ""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
