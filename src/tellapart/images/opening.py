"""From the bytes of a file to an opened picture: which reader takes which kind of file.

Pillow reads what it reads right; HEIC, RAW pictures and some TIFFs have readers of their own. What
is sound and of a kind that nobody here reads is said to be so, and not called damaged.
"""

from __future__ import annotations

import io
import struct
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import PictureError
from ..text import shown
from . import tiff_tags as tag
from .budget import BUDGET, MAX_PIXELS, check_size
from .heif import read_heif
from .kinds import sniff
from .png import without_remarks
from .raw import is_raw, read_raw
from .scans import check_scans
from .tiff import pillow_reads, read_tiff
from .tiff_samples import A_KIND, layout_of
from .tiff_tags import CUT_SHORT, first_directory

if TYPE_CHECKING:
    import PIL.Image

ENOUGH = 360  # a picture is halved while its shorter side stays at least this: see `decode`
HUGE = 89_478_485  # pixels: Pillow alone takes more for an attack, if it is no JPEG read smaller
HEADER_DAMAGED = "damaged: its header cannot be read"

_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "WEBP": "WebPImagePlugin",
    "BMP": "BmpImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
}
# What Pillow and its libraries say of sound files that they do not read.
_NOT_READ = (
    "unsupported",
    "not supported",
    "not yet supported",
    "cannot handle",
    "unknown pixel mode",
    "unknown data organization",
    "not implemented",
)
_WEBP = 50001  # a compression of TIFFs
_LOSSLESS_OR_LAYERED = frozenset([*range(0xC3, 0xC8), *range(0xCB, 0xD0)]) - {0xC4, 0xCC}


def opened(content: bytes, kind: str, *, suffix: str, enough: int) -> PIL.Image.Image:
    """A picture of a kind in `FORMATS`, not yet decoded where Pillow reads it.

    Raises:
        PictureError: it is damaged, too large, or of a kind that is not read.
    """
    if kind == "HEIC":
        return read_heif(content)
    if kind == "RAW":
        return read_raw(content, enough=enough)
    if kind == "TIFF":
        return _tiff(content, suffix, enough)
    return open_by_pillow(content, kind)


def _tiff(content: bytes, suffix: str, enough: int) -> PIL.Image.Image:
    directory = first_directory(content)
    if is_raw(content, directory, suffix):
        return read_raw(content, enough=enough)
    width, height = directory.whole_size
    check_size(width, height)
    if pillow_reads(directory):
        try:
            return open_by_pillow(content, "TIFF")
        except PictureError:
            if not directory.integer(tag.BITS):  # nothing to go by
                raise
    layout = layout_of(directory)
    numbers = width * height * ((layout.colours + 1) * layout.dtype.itemsize + 8)
    with BUDGET.room(numbers + 2 * layout.block_bytes):
        return read_tiff(content, directory)


def open_by_pillow(content: bytes, kind: str) -> PIL.Image.Image:
    """Opened by the one plugin of that kind: `Image.open` would judge its size by a global, and
    keep to itself what is wrong."""
    from PIL import Image

    if kind == "JPEG":
        check_scans(content)
    try:
        import_module(f"PIL.{_PLUGINS[kind]}")
        try:
            image: PIL.Image.Image = Image.OPEN[kind][0](io.BytesIO(content), "")
        except (SyntaxError, ValueError, OSError, IndexError):
            if kind != "PNG":
                raise
            image = Image.OPEN[kind][0](io.BytesIO(without_remarks(content)), "")
        return image
    except KeyError as error:
        raise PictureError(f"{a_kind(kind)} (this Pillow was built without it)") from error
    except Exception as error:  # Pillow raises ValueError, SyntaxError, struct.error and others
        raise PictureError(damage(error, kind, content, opening=True)) from error


def read_by_pillow_alone(content: bytes, suffix: str = "") -> bool:
    """Whether a program that has nothing but Pillow reads a file, and as it is read here; what
    such a program cannot be sure of, it leaves alone (see `exporters/examples/pictures.py`)."""
    from PIL import Image

    kind = sniff(content)
    try:
        if kind == "TIFF":
            directory = first_directory(content)
            if not pillow_reads(directory) or is_raw(content, directory, suffix):
                return False
            if suffix.lower() not in (".tif", ".tiff") or tag.SUB_DIRECTORIES in directory.tags:
                return False
        with Image.open(io.BytesIO(content), formats=[kind]) as image:
            whole = image.size
            image.draft(None, (ENOUGH, ENOUGH))
            if image.size == whole and whole[0] * whole[1] > HUGE:
                return False
            image.load()
    except Exception:  # for whatever reason
        return False
    return True


def a_kind(kind: str) -> str:
    """Of a sound file that is not read."""
    return A_KIND.replace("TIFF", kind)


def damage(error: Exception, kind: str, content: bytes, *, opening: bool = False) -> str:
    """Why a file cannot be read, in plain words, from what Pillow said of it."""
    from PIL import Image, UnidentifiedImageError

    words = str(error).lower()
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"too large: more than {MAX_PIXELS / 1e6:.0f} million pixels once unpacked"
    if isinstance(error, MemoryError) or "out of memory" in words:
        return "too large for the memory that is free"
    if kind and (any(phrase in words for phrase in _NOT_READ) or _is_not_read(kind, content)):
        return a_kind(kind)
    if "decompressed data too large" in words:
        return "too large: the text in it is longer than a picture's may be"
    if isinstance(error, UnidentifiedImageError):
        return HEADER_DAMAGED
    if "truncated" in words or "unrecognized data stream" in words or "eof" in words:
        return CUT_SHORT
    if _ends_too_early(kind, content):
        return CUT_SHORT
    if opening and isinstance(error, SyntaxError | IndexError | TypeError | struct.error):
        return HEADER_DAMAGED
    if "decoder error" in words or not words:
        return "damaged: its data cannot be unpacked"
    return f"damaged: {shown(str(error).splitlines()[0])}"


def _ends_too_early(kind: str, content: bytes) -> bool:
    """Whether a file says that it is longer than it is: WebP in its head, AVIF in its boxes."""
    if kind == "WEBP":
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    at = 0
    while kind == "AVIF" and at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:  # the size follows the name, in eight bytes
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        if size < 8:  # none that goes on: the last box is as long as the file
            return False
        at += size
    return at > len(content)


def _is_not_read(kind: str, content: bytes) -> bool:
    """Whether a file that failed says that it is of a kind which libjpeg or libtiff may lack: a
    JPEG that is lossless, hierarchical or of more than 8 bits, a TIFF packed as WebP."""
    if kind == "TIFF":
        return first_directory(content).integer(tag.COMPRESSION) == _WEBP
    at = 2
    while kind == "JPEG" and at + 5 <= len(content) and content[at] == 0xFF:
        code = content[at + 1]
        if code in _LOSSLESS_OR_LAYERED:
            return True
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            return content[at + 4] != 8
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return False
