"""From a path, bytes, a Pillow image or an array to upright RGB pixels: the one decoder.

Every door (training, guessing, sorting, the server) comes through `read_picture`, so a picture
means the same everywhere. What cannot be read raises `PictureError` with its reason in plain words.

A big picture is read at a half, a quarter and so on, as long as its shorter side keeps `ENOUGH`
pixels: a JPEG is decoded so, and of any other each square of pixels becomes its mean. That is 1.4
times the largest square that our networks look at, and costs them no answer: 450 flowers enlarged
to 12 megapixels were told apart as well at 378 x 504 as at 756 x 1008. A user's own network whose
square is larger sees a big picture somewhat blurred. The one resize to the squares is inside the
model's graph (`graph.py`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, cast

import numpy as np

from ..errors import PictureError, UsageError
from ..files.reading import MAX_BYTES, read_content
from ..files.stored import Stored as Stored
from ..files.stored import suffix_of_place
from ..text import shown
from .arrays import image_of, is_rgb
from .budget import BUDGET, SMALL, check_size, give_back
from .colour import eight_bits, profile_of, to_srgb
from .deep import scaled
from .filled import is_filled_up
from .hushing import hushed
from .kinds import EMPTY, FORMATS, misnamed, sniff
from .opening import ENOUGH as ENOUGH
from .opening import damage, opened
from .orientation import load, upright
from .strips import pixels_by_strips
from .tiff_tags import CUT_SHORT
from .transparency import on_white, transparent_colour, with_transparent
from .whole import pixels_without_end

if TYPE_CHECKING:
    import PIL.Image


class OpenFile(Protocol):
    """What gives bytes: a file that is open, a member of an archive, an answer from a network."""

    def read(self, size: int, /) -> bytes: ...


Bytes: TypeAlias = "bytes | bytearray | memoryview"
Picture: TypeAlias = (
    "str | os.PathLike[str] | Stored | Bytes | OpenFile | PIL.Image.Image | np.ndarray"
)

Given = TypeVar("Given")

DECODER_VERSION = 5  # part of every cache key: raise it when the pixels of any picture change

CLOSED = "it was closed before its pixels were read"
_PART = 2**20  # bytes of an open file that are read at a time


def read_picture(picture: Picture, *, enough: int = ENOUGH) -> np.ndarray:
    """Upright RGB pixels, uint8 `[H,W,3]`.

    EXIF orientation is applied, colours are converted to sRGB, transparency is laid on white,
    16-bit grey is scaled, of an animation the first frame is taken, and a big picture is halved
    while its shorter side stays at least `enough`; leave that alone but for showing a picture
    small. A file that is open is read from where it stands to its end.

    Raises:
        PictureError: the file cannot be read; the message is the reason in plain words.
        UsageError: no picture at all, or an array of another shape or type.
    """
    with naming(picture):
        whole = encoded(picture)
        if whole is not None:
            return decode(whole[0], suffix=whole[1], enough=enough)
        if isinstance(picture, np.ndarray):
            if is_rgb(picture) and min(picture.shape[:2]) < 2 * enough:  # as they are
                check_size(picture.shape[1], picture.shape[0])
                return np.ascontiguousarray(picture)
            return _decoded(image_of(picture), enough=enough)
        return _decoded(cast("PIL.Image.Image", picture), enough=enough)


@contextmanager
def naming(picture: Picture) -> Iterator[None]:
    """Lets a `PictureError` say which picture it is of, if that has a path or a name."""
    try:
        yield
    except PictureError as error:
        if isinstance(picture, str | os.PathLike):
            error.path = picture
        elif isinstance(picture, Stored):
            error.path = picture.name
        raise


def encoded(picture: Picture) -> tuple[bytes, str] | None:
    """The bytes of a picture that is a path, stored, bytes or an open file, and the suffix of its
    path.

    None for an array or a Pillow image, which have none.

    Raises:
        PictureError: the file cannot be read.
        UsageError: it is no picture at all.
    """
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture), ""
    if isinstance(picture, str | os.PathLike):
        return read_content(Path(picture)), Path(picture).suffix
    if isinstance(picture, np.ndarray):
        return None
    if isinstance(picture, Stored):
        return read_content(picture), suffix_of_place(picture)
    from PIL import Image

    if isinstance(picture, Image.Image):
        return None
    if hasattr(picture, "read"):
        return _read_file(picture), ""
    raise UsageError(
        f"A picture is a path, bytes, an open file, a Pillow image or an array, not "
        f"{type(picture).__name__}."
    )


def each_of(pictures: Iterable[Given]) -> Iterator[Given]:
    """Many pictures one by one: of a list, a generator, an array `[N,H,W,C]`.

    Raises:
        UsageError: it is one picture, or none at all.
    """
    one = isinstance(pictures, str | os.PathLike | bytes | bytearray | memoryview | Stored)
    if isinstance(pictures, np.ndarray) and pictures.dtype.kind not in "OSU":
        one = pictures.ndim != 4
    given = f"{type(pictures).__name__}"
    if isinstance(pictures, str | os.PathLike):
        given += f" {shown(os.fspath(pictures))}"
    try:
        if not one and not hasattr(pictures, "read"):
            return iter(pictures)
    except TypeError:  # a Pillow image, a number
        pass
    raise UsageError(
        "Several pictures must be a list, a generator or an array [number, height, width, "
        f"channels], not {given}.",
        hint="For one picture call predict(picture), or put it into a list: [picture].",
    )


def _read_file(file: OpenFile) -> bytes:
    """What is left of an open file, which may give less at a time than it is asked for."""
    content = bytearray()
    while len(content) <= MAX_BYTES:
        try:
            part = "" if isinstance(file, io.TextIOBase) else file.read(_PART)
        except Exception as error:  # it is closed, or its archive is damaged, or its server is gone
            reason = shown(str(error) or type(error).__name__)
            raise PictureError(f"cannot be read: {reason}") from error
        if not isinstance(part, bytes):
            raise UsageError(
                "A picture as an open file must give bytes; this one gives "
                f"{'nothing' if part is None else 'text'}: open it with mode 'rb'."
            )
        if not part:
            return bytes(content)
        content += part
    raise PictureError(f"larger than {MAX_BYTES // 2**20} MB")


@dataclass(frozen=True)
class Decoded:
    """Pixels uint8 `[H,W,3]` of an encoded picture, and its sides as they are in the file, in any
    order."""

    pixels: np.ndarray
    sides: tuple[int, int]


def decode(content: bytes, *, suffix: str = "", enough: int = ENOUGH) -> np.ndarray:
    """Pixels of an encoded picture; `suffix` is for naming a file that is something else, and tells
    RAW pictures from other TIFFs."""
    return decode_with_sides(content, suffix=suffix, enough=enough).pixels


def decode_with_sides(content: bytes, *, suffix: str = "", enough: int = ENOUGH) -> Decoded:
    """The same, with the sides of the picture in its file."""
    if not content:
        raise PictureError(EMPTY)
    kind = sniff(content)
    if kind not in FORMATS:
        raise PictureError(misnamed(kind, suffix))

    sides = (0, 0)

    def pixels_of(whole: bytes) -> np.ndarray:
        nonlocal sides
        with hushed(), opened(whole, kind, suffix=suffix, enough=enough) as image:
            sides = image.size
            pixels = _decoded(image, enough=enough, kind=kind, content=whole)
            large = image.width * image.height > SMALL
        if large:
            del image
            give_back()
        return pixels

    try:
        pixels = pixels_of(content)
        if is_filled_up(content, kind, pixels, pixels_of):
            raise PictureError(CUT_SHORT)
        return Decoded(pixels, sides)
    except PictureError as error:
        if error.message != CUT_SHORT:
            raise
        try:
            mended = pixels_without_end(content, kind, pixels_of)
        except PictureError:
            mended = None  # what was cut short is not read: the first reason stands
        if mended is None:
            raise
        return Decoded(mended, sides)


def _decoded(
    image: PIL.Image.Image, *, enough: int, kind: str = "", content: bytes = b""
) -> np.ndarray:
    """Pixels of an opened picture, halved while its shorter side stays `enough`. `kind` and
    `content` are of its file, if we opened that."""
    whole, reduced = image.size, 1
    if getattr(image, "tile", None) and _is_closed(image):
        raise PictureError(CLOSED)
    while min(whole) > (2 * enough - 1) * reduced:  # sides are rounded up: so it is done once only
        reduced *= 2
    if kind:
        scale = min(reduced, 8)
        image.draft(None, (whole[0] // scale, whole[1] // scale))
        reduced //= round(max(whole) / max(image.size))
    sequential = not image.info.get("progressive")
    unpacked = whole[0] // image.size[0] if sequential and min(image.size) else 1
    check_size(*whole, unpacked=unpacked)
    try:
        with BUDGET.room(_bytes_needed(image, whole)), hushed():
            profile, transparent = profile_of(image), transparent_colour(image)
            load(image)
            image = with_transparent(image, transparent)
            to_rgb = partial(_as_rgb, profile=profile)
            return pixels_by_strips(upright(image), to_rgb, reduced=reduced)
    except ImportError as error:
        raise PictureError(
            "its colours cannot be converted: Pillow was built without LittleCMS"
        ) from error
    except Exception as error:  # 37 of 761 broken files raised something else than OSError
        if "closed image" in str(error):
            raise PictureError(CLOSED) from error
        raise PictureError(damage(error, kind, content)) from error


def _bytes_needed(image: PIL.Image.Image, whole: tuple[int, int]) -> int:
    """An estimate of the memory that a picture takes at most on its way to RGB pixels."""
    width, height = image.size
    held = {"1": 1, "L": 1, "P": 1}.get(image.mode, 2 if image.mode.startswith("I;16") else 4)
    decoder = {"WEBP": 8, "AVIF": 8, "TIFF": 4}.get(image.format or "", 0)
    coefficients = 3 * whole[0] * whole[1] if image.info.get("progressive") else 0
    return width * height * (held + decoder + 3) + coefficients


def _is_closed(image: PIL.Image.Image) -> bool:
    file = getattr(image, "fp", None)
    return file is None or bool(getattr(file, "closed", False))


def _as_rgb(image: PIL.Image.Image, profile: bytes) -> PIL.Image.Image:
    from PIL import Image

    if image.mode.startswith("I;16"):
        return on_white(eight_bits(image, profile))
    if image.mode in ("I", "F"):
        image = Image.fromarray(scaled(np.asarray(image)))
    elif image.mode == "La":  # premultiplied, from which Pillow knows but one way
        image = image.convert("LA")
    return on_white(to_srgb(image, profile))
