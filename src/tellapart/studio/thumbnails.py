"""Pictures as a browser shows them: small ones of two sizes, kept by content, and whole ones.

Small ones are JPEGs: as WebP they take a tenth fewer bytes and eight times as long to make (0.15 ms
against 1.15 of 160 pixels), from which nobody gains on one computer.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from typing import TYPE_CHECKING

from ..cache.stores import THUMBNAILS
from ..images.decode import DECODER_VERSION, decode
from ..images.kinds import sniff

if TYPE_CHECKING:
    import PIL.Image

SIDES = (160, 320)  # pixels of the shorter side
MOST = 2**29  # bytes that are kept
JPEG = "image/jpeg"
_LONGEST = 3  # times the shorter side: of a panorama a tile shows the middle
_QUALITY = 76
_TRIMMED_EVERY = 2000  # that are made
_WHOLE = 1600  # pixels of the shorter side of what a browser does not read itself
_WHOLE_QUALITY = 90
# What browsers read themselves, and how they are told what it is.
_TYPES = {
    "JPEG": JPEG,
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}

_made = itertools.count()


def thumbnail(content: bytes, suffix: str, side: int) -> bytes:
    """A JPEG of a picture, upright, whose shorter side is at most `side`.

    Raises:
        PictureError: the picture cannot be read; the message is the reason in plain words.
    """
    digest = hashlib.sha256(content).hexdigest()
    name = f"{digest[:2]}/{digest[2:40]}-{side}-{DECODER_VERSION}.thumbnail"
    kept = THUMBNAILS.read(name)
    if kept is not None:
        return kept
    made = _small(content, suffix, side)
    THUMBNAILS.keep(name, made, lightly=True)
    if next(_made) % _TRIMMED_EVERY == 0:
        THUMBNAILS.trim(MOST)
    return made


def shown_by_browsers(content: bytes, suffix: str) -> tuple[bytes, str]:
    """A picture's file as it is, and its media type; or a JPEG where browsers do not read it.

    Raises:
        PictureError: the picture cannot be read.
    """
    kind = sniff(content)
    if kind in _TYPES:
        return content, _TYPES[kind]
    return _jpeg(_image(content, suffix, _WHOLE), _WHOLE_QUALITY), JPEG


def _small(content: bytes, suffix: str, side: int) -> bytes:
    from PIL import Image

    image = _image(content, suffix, side)
    scale = side / min(image.size)
    if scale < 1:
        width, height = (round(scale * one) for one in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    beyond = [max(0, one - _LONGEST * side) // 2 for one in image.size]
    if any(beyond):
        left, top = beyond
        image = image.crop((left, top, image.width - left, image.height - top))
    return _jpeg(image, _QUALITY)


def _image(content: bytes, suffix: str, enough: int) -> PIL.Image.Image:
    from PIL import Image

    return Image.fromarray(decode(content, suffix=suffix, enough=enough))


def _jpeg(image: PIL.Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
