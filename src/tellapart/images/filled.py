"""Files of which only a part was written, and the rest is filler: zeros, or bytes of ones alone.

A download that has reserved its place and stopped leaves such files, and so does a card that was
pulled out, or a disk that failed. Most decoders take filler for pixels, and do not complain. What
is compressed has no such runs; what is not (BMP, most TIFFs) has them where a picture is black or
white, so there it cannot be told.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np

from ..errors import PictureError

PADDING = 16  # of the same byte at the end of data: not data
_NOISE = bytes(range(0xFE, 0x50, -3))
_END_OF_IMAGE = b"\xff\xd9"


def is_filled_up(
    content: bytes, kind: str, pixels: np.ndarray, pixels_of: Callable[[bytes], np.ndarray]
) -> bool:
    """Whether `pixels`, which `pixels_of` has read from a file, are in part made of filler."""
    if kind == "JPEG":
        ends = content.rstrip(b"\0").endswith(_END_OF_IMAGE)
        return not any(content[-PADDING:]) and not ends
    if kind == "PNG":
        return png_is_filled_up(content)
    data = {"WEBP": _webp_data, "AVIF": _boxed_data, "HEIC": _boxed_data}.get(kind)
    found = _filler(content, *data(content)) if data else None
    if not found:
        return False
    start, end = found
    if kind == "WEBP":  # a picture of one colour may need zeros, but then nearly to the last
        last = max(end - start >> 3, PADDING // 2)
        return not _are_needed(content, end - last, end, pixels, pixels_of)
    return _are_needed(content, start, end, pixels, pixels_of)  # or it is of something else


def _are_needed(
    content: bytes,
    start: int,
    end: int,
    pixels: np.ndarray,
    pixels_of: Callable[[bytes], np.ndarray],
) -> bool:
    """Whether the picture would be another if there were other bytes from `start` to `end`."""
    noise = _NOISE * -(-(end - start) // len(_NOISE))
    try:
        again = pixels_of(content[:start] + noise[: end - start] + content[end:])
    except PictureError:
        return True
    return not np.array_equal(pixels, again)


def _filler(content: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The filler at the end of the data `content[start:end]`, if there is any."""
    last = content[end - 1 : end]
    if last not in (b"\0", b"\xff"):
        return None
    kept = start + len(content[start:end].rstrip(last))
    return (kept, end) if end - kept >= PADDING else None


def png_is_filled_up(content: bytes) -> bool:
    """A chunk of pixels that ends in filler in place of its checksum."""
    at = 8
    while at + 12 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        end = at + 8 + size
        if name == b"IDAT" and _filler(content, at + 8, min(end + 4, len(content))):
            check = zlib.crc32(content[at + 4 : end]).to_bytes(4, "big")
            if check != content[end : end + 4]:
                return True
        at = end + 4
    return False


def _webp_data(content: bytes) -> tuple[int, int]:
    """Where the data of the first picture are, as (start, end); nowhere if there are none.

    An encoder writes no more than a decoder needs. Filler in place of what is missing asks for the
    likeliest of everything, which takes fewer bits, so the end of it is never looked at.
    """
    at = 12
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        if name in (b"VP8 ", b"VP8L"):
            return at + 8, min(at + 8 + size, len(content))
        at += 8 + 16 if name == b"ANMF" else 8 + size + size % 2  # a frame has chunks of its own
    return 0, 0


def _boxed_data(content: bytes) -> tuple[int, int]:
    """Where the data of a file in boxes (ISO 14496-12) are, as (start, end): its last such box."""
    at, found = 0, (0, 0)
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        head = 8
        if size == 1 and at + 16 <= len(content):
            head, size = 16, struct.unpack_from(">Q", content, at + 8)[0]
        end = min(at + size, len(content)) if size >= head else len(content)
        if name == b"mdat":
            found = (min(at + head, end), end)
        at = end
    return found
