"""From a path, bytes, a Pillow image or an array to upright RGB pixels: the one decoder.

Every door (training, guessing, sorting, the server) comes through `read_picture`, so a picture
means the same everywhere. What cannot be read raises `PictureError` with its reason in plain words.
The one resize is inside the model's graph (`graph.py`).
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..errors import PictureError, UsageError
from .kinds import FORMATS, misnamed, sniff
from .reading import read_content

if TYPE_CHECKING:
    import PIL.Image

Picture: TypeAlias = "str | os.PathLike[str] | bytes | PIL.Image.Image | np.ndarray"

DECODER_VERSION = 1  # part of every cache key: raise it when the pixels of any picture change

MAX_SIDE = 30_000  # pixels
MAX_PIXELS = 89_478_485  # where Pillow itself begins to warn of a decompression bomb
ENOUGH = 520  # a big JPEG is decoded at the smallest scale whose shorter side is at least this


def read_picture(picture: Picture, *, enough: int = ENOUGH) -> np.ndarray:
    """Upright RGB pixels, uint8 `[H,W,3]`.

    EXIF orientation is applied, transparency is laid on white, 16-bit grey is scaled, of an
    animation the first frame is taken, and a big JPEG is decoded at the smallest scale whose
    shorter side is at least `enough`; leave that alone but for showing a picture small.

    Raises:
        PictureError: the file cannot be read; the message is the reason in plain words.
        UsageError: an array of another shape or type.
    """
    if isinstance(picture, np.ndarray):
        return _checked_array(picture)
    if isinstance(picture, bytes):
        return decode(picture, enough=enough)
    if isinstance(picture, str | os.PathLike):
        return decode(read_content(Path(picture)), suffix=Path(picture).suffix, enough=enough)
    from PIL import Image

    if isinstance(picture, Image.Image):
        return _decoded(picture)
    raise UsageError(
        f"A picture is a path, bytes, a Pillow image or an array, not {type(picture).__name__}."
    )


def decode(content: bytes, *, suffix: str = "", enough: int = ENOUGH) -> np.ndarray:
    """Pixels of an encoded picture; `suffix` is only for naming a file that is something else."""
    from PIL import Image

    if not content:
        raise PictureError("an empty file")
    kind = sniff(content)
    if kind not in FORMATS:
        raise PictureError(misnamed(kind, suffix))
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Exception as error:  # Pillow raises ValueError, SyntaxError, struct.error and others
        raise PictureError(_damage(error)) from error
    with image:
        return _decoded(image, enough=enough)


def _damage(error: Exception) -> str:
    """A Pillow error in plain words."""
    from PIL import Image, UnidentifiedImageError

    words = str(error).lower()
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"too large: more than {MAX_PIXELS / 1e6:.0f} million pixels once unpacked"
    if isinstance(error, MemoryError) or "out of memory" in words:
        return "too large for the memory that is free"
    if isinstance(error, UnidentifiedImageError):
        return "damaged: its header cannot be read"
    if "truncated" in words or "unrecognized data stream" in words or "eof" in words:
        return "cut short: the end of the file is missing"
    if "decoder error" in words or not words:
        return "damaged: its data cannot be unpacked"
    return f"damaged: {str(error).splitlines()[0]}"


def _decoded(image: PIL.Image.Image, *, enough: int = 0) -> np.ndarray:
    """Pixels of an opened picture; one that may be opened smaller, if its shorter side stays
    `enough`."""
    width, height = image.size
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise PictureError(
            f"too large: {width} x {height} pixels; the limits are {MAX_SIDE} a side and "
            f"{MAX_PIXELS / 1e6:.0f} million in all"
        )
    if min(width, height) < 1:
        raise PictureError("damaged: it has no pixels")
    try:
        if enough:
            image.draft(None, (enough, enough))
        image.load()
        return np.asarray(_as_rgb(_upright(image)))
    except Exception as error:  # 37 of 761 broken files raised something else than OSError
        raise PictureError(_damage(error)) from error


def _upright(image: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import ExifTags, ImageOps

    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
        return ImageOps.exif_transpose(image) if turned else image
    except Exception:  # EXIF that cannot be read says nothing about how the picture lies
        return image


def _as_rgb(image: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_scaled(np.asarray(image)))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    return image if image.mode == "RGB" else image.convert("RGB")


def _scaled(grey: np.ndarray) -> np.ndarray:
    """Deep grey values to 0..255 by the range they are stored in (Pillow's `convert` clips)."""
    values = np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0).clip(min=0.0)
    if grey.dtype.newbyteorder("=") == np.uint16:
        full = 65535.0
    else:
        ranges = (1.0, 255.0, 65535.0) if grey.dtype.kind == "f" else (255.0, 65535.0)
        largest = float(values.max())
        full = next((limit for limit in ranges if largest <= limit), largest)
    return np.rint(values * (255 / full)).astype(np.uint8)


def _checked_array(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise UsageError(
            f"A picture as an array is uint8 [height, width, 3]; this one is "
            f"{array.dtype} {list(array.shape)}."
        )
    if max(array.shape[:2]) > MAX_SIDE or array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(f"too large: {array.shape[1]} x {array.shape[0]} pixels")
    return np.ascontiguousarray(array)
