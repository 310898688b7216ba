"""A picture -> the bytes that a server is sent, which mean the same there as here."""

from __future__ import annotations

import io
import os
from pathlib import Path

from ..errors import PictureError
from ..images.decode import Picture, encoded, read_picture
from ..images.kinds import EMPTY, FORMATS, RAW_SUFFIXES, misnamed, sniff


def sendable(picture: Picture) -> bytes:
    """The bytes of a picture's file as they are; of an array, a Pillow image, and a camera's RAW
    file, which only its name tells from others, a PNG of the pixels that a model sees.

    Raises:
        PictureError: it cannot be read.
        UsageError: it is no picture.
    """
    whole = encoded(picture)
    if whole is None or whole[1].lower() in RAW_SUFFIXES:
        return _as_png(picture)
    if not whole[0]:
        raise PictureError(EMPTY)
    return whole[0]


def no_picture(picture: Picture, content: bytes) -> PictureError | None:
    """The error of the library for bytes that are no picture, which names the file's ending as a
    server cannot; None if they are one."""
    kind = sniff(content)
    if kind in FORMATS:
        return None
    suffix = Path(picture).suffix if isinstance(picture, str | os.PathLike) else ""
    return PictureError(misnamed(kind, suffix))


def _as_png(picture: Picture) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(read_picture(picture)).save(file, "PNG", compress_level=1)
    return file.getvalue()
