"""Files that lack only their end: whether all of the pixels are there, and the file made whole.

A JPEG without its end marker, a PNG without its last chunk, a picture without the bytes that only
fill a row: every viewer shows these. A file that was cut in the middle of its pixels stays one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np

from .filled import PADDING, png_is_filled_up

_END_OF_IMAGE = b"\xff\xd9"
_NOISE = bytes(range(0xFE, 0x50, -3)) * 16  # no scan asks for it that has all of its own data
_SCAN, _TABLES_END = 0xDA, frozenset([0xD8, 0x01, *range(0xD0, 0xD8)])
_FRAMES = frozenset([0xC0, 0xC1, 0xC2, 0xC9, 0xCA])  # baseline, extended, progressive
_COEFFICIENTS = 64  # of a block


def pixels_without_end(
    content: bytes, kind: str, pixels_of: Callable[[bytes], np.ndarray]
) -> np.ndarray | None:
    """The pixels of a file that was found cut short, if they are all there; `pixels_of` reads a
    file as usual."""
    if kind == "JPEG":
        return _jpeg(content, pixels_of)
    mend = {"PNG": _png, "WEBP": _webp, "BMP": _bmp}.get(kind)
    whole = mend(content) if mend else None
    return pixels_of(whole) if whole else None


def _jpeg(content: bytes, pixels_of: Callable[[bytes], np.ndarray]) -> np.ndarray | None:
    """A decoder fills what is missing from what comes after: if pixels differ with that, they were
    not all there. Whole scans that are missing leave no such trace: those are counted."""
    for padding in (b"\0", b"\xff"):
        stripped = content.rstrip(padding)
        if len(content) - len(stripped) >= PADDING:
            content = stripped
    content = content.removesuffix(b"\xff")  # half of the end marker
    if not _has_all_scans(content):
        return None
    pixels = pixels_of(content + _END_OF_IMAGE)
    again = pixels_of(content + _NOISE + _END_OF_IMAGE)
    return pixels if np.array_equal(pixels, again) else None


def _has_all_scans(content: bytes) -> bool:
    """Whether the scans of a JPEG bring every coefficient of every component to its last bit.

    Markers and the fields of a scan's header: ITU-T T.81, B.2.
    """
    missing: dict[int, np.ndarray] = {}  # by component: the bits still to come, by coefficient
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:  # entropy-coded data: to the next marker
            at = content.find(b"\xff", at)
            if not 0 <= at <= len(content) - 4:
                break
        code = content[at + 1]
        if code in (0x00, 0xFF) or code in _TABLES_END:
            at += 1 if code == 0xFF else 2
            continue
        size = struct.unpack_from(">H", content, at + 2)[0]
        body = content[at + 4 : at + 2 + size]
        if code in _FRAMES and len(body) >= 6:
            missing = {
                body[6 + 3 * i]: np.full(_COEFFICIENTS, 99)
                for i in range(body[5])
                if 6 + 3 * i < len(body)
            }
        elif code == _SCAN and body and len(body) >= 4 + 2 * body[0]:
            first, last, shifts = body[1 + 2 * body[0] :][:3]
            for component in body[1 : 1 + 2 * body[0] : 2]:
                if component in missing:
                    missing[component][first : last + 1] = shifts & 15
        at += 2 + size
    return bool(missing) and not any(bits.any() for bits in missing.values())


def _png(content: bytes) -> bytes | None:
    """The file with its rows packed anew, if it holds them all."""
    if png_is_filled_up(content):
        return None
    head, data, at = content[:8], zlib.decompressobj(), 8
    wanted, rows = 0, b""
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        body = content[at + 8 : at + 8 + size]
        if name == b"IHDR" and len(body) == 13:
            wanted = _png_bytes(body)
        if name == b"IDAT":
            try:
                rows += data.decompress(body, wanted - len(rows)) if len(rows) < wanted else b""
            except zlib.error:
                return None
        elif not rows and len(body) == size:
            head += content[at : at + 12 + size]
        at += 12 + size
    if not wanted or len(rows) < wanted:
        return None
    return head + _chunk(b"IDAT", zlib.compress(rows, 1)) + _chunk(b"IEND", b"")


def _png_bytes(header: bytes) -> int:
    """Bytes of all rows of a PNG, each with its filter; 0 where that is not known."""
    width, height, depth, colour, *_, interlace = struct.unpack(">IIBBBBB", header)
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 0)
    passes = [(0, 0, 1, 1)]
    if interlace:  # Adam7: first column and row, and steps
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)]
        passes += [(1, 0, 2, 2), (0, 1, 1, 2)]
    total = 0
    for left, top, step, down in passes:
        columns, rows = -(-(width - left) // step), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits + 7) // 8)
    return total if bits else 0


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _webp(content: bytes) -> bytes | None:
    """With the byte that fills up a chunk of odd length."""
    short = int.from_bytes(content[4:8], "little") + 8 - len(content)
    return content + b"\0" if short == 1 and len(content) % 2 else None


def _bmp(content: bytes) -> bytes | None:
    """With the bytes that fill up the last row to four."""
    if len(content) < 54:
        return None
    start, _, width, height, _, depth = struct.unpack_from("<IIiiHH", content, 10)
    unused = -(width * depth) % 32 // 8
    short = start + (width * depth + 31) // 32 * 4 * abs(height) - len(content)
    return content + bytes(short) if 0 < short <= unused else None
