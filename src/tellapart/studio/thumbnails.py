"""Small upright copies of pictures, for the page."""

from __future__ import annotations

import io
from pathlib import Path

from ..images.decode import read_picture


def thumbnail(path: Path, side: int) -> bytes:
    """A picture as WebP whose longer side is at most `side`.

    Raises:
        PictureError: it cannot be read.
    """
    from PIL import Image

    image = Image.fromarray(read_picture(path, enough=side))
    image.thumbnail((side, side))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=75, method=2)
    return file.getvalue()
