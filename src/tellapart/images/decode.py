"""From a path, bytes, a Pillow image or an array to upright RGB pixels: the one decoder.

Every door (training, guessing, sorting, the server) comes through `read_picture`, so a picture
means the same everywhere. What cannot be read raises `PictureError` with its reason in plain words.
The one resize is inside the model's graph (`graph.py`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..errors import PictureError, UsageError
from .budget import BUDGET, MAX_PIXELS, MAX_SIDE, SMALL, check_size, give_back
from .deep import scaled
from .kinds import FORMATS, misnamed, sniff
from .opening import damage, opened
from .reading import read_content
from .strips import pixels_by_strips
from .tiff_tags import CUT_SHORT
from .whole import is_filled_up, pixels_without_end

if TYPE_CHECKING:
    import PIL.Image

Picture: TypeAlias = "str | os.PathLike[str] | bytes | PIL.Image.Image | np.ndarray"

DECODER_VERSION = 2  # part of every cache key: raise it when the pixels of any picture change

ENOUGH = 520  # a big JPEG is decoded at the smallest scale whose shorter side is at least this
HUGE = 89_478_485  # pixels: a picture of another kind that has more is reduced, down to `ENOUGH`


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
    """Pixels of an encoded picture; `suffix` is for naming a file that is something else, and tells
    RAW pictures from other TIFFs."""
    if not content:
        raise PictureError("an empty file")
    kind = sniff(content)
    if kind not in FORMATS:
        raise PictureError(misnamed(kind, suffix))

    def pixels_of(whole: bytes) -> np.ndarray:
        with opened(whole, kind, suffix=suffix, enough=enough) as image:
            pixels = _decoded(image, enough=enough, kind=kind, content=whole)
            large = image.width * image.height > SMALL
        if large:
            del image
            give_back()
        return pixels

    try:
        if is_filled_up(content, kind):
            raise PictureError(CUT_SHORT)
        return pixels_of(content)
    except PictureError as error:
        if error.message != CUT_SHORT:
            raise
        try:
            pixels = pixels_without_end(content, kind, pixels_of)
        except PictureError:
            pixels = None  # what was cut short is not read: the first reason stands
        if pixels is None:
            raise
        return pixels


def _decoded(
    image: PIL.Image.Image, *, enough: int = 0, kind: str = "", content: bytes = b""
) -> np.ndarray:
    """Pixels of an opened picture; one that may be opened smaller, if its shorter side stays
    `enough`. `kind` and `content` are of its file."""
    whole, reduced = image.size, 1
    if enough:
        image.draft(None, (enough, enough))
    if enough and whole == image.size and whole[0] * whole[1] > HUGE:
        while reduced < 8 and min(whole) >= 2 * enough * reduced:  # as far as a JPEG's draft goes
            reduced *= 2
    sequential = not image.info.get("progressive")
    unpacked = whole[0] // image.size[0] if sequential and min(image.size) else 1
    check_size(*whole, unpacked=unpacked)
    try:
        with BUDGET.room(_bytes_needed(image, whole)):
            image.load()
            return pixels_by_strips(_upright(image), _as_rgb, reduced=reduced)
    except Exception as error:  # 37 of 761 broken files raised something else than OSError
        raise PictureError(damage(error, kind, content)) from error


def _bytes_needed(image: PIL.Image.Image, whole: tuple[int, int]) -> int:
    """An estimate of the memory that a picture takes at most on its way to RGB pixels."""
    width, height = image.size
    held = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    decoder = {"WEBP": 8, "AVIF": 8, "TIFF": 4}.get(image.format or "", 0)
    coefficients = 3 * whole[0] * whole[1] if image.info.get("progressive") else 0
    return width * height * (held + decoder + 3) + coefficients


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
        image = Image.fromarray(scaled(np.asarray(image)))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    return image if image.mode == "RGB" else image.convert("RGB")


def _checked_array(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise UsageError(
            f"A picture as an array is uint8 [height, width, 3]; this one is "
            f"{array.dtype} {list(array.shape)}."
        )
    if max(array.shape[:2]) > MAX_SIDE or array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(f"too large: {array.shape[1]} x {array.shape[0]} pixels")
    return np.ascontiguousarray(array)
