"""A PNG without what stands beside its pixels, on which Pillow stumbles and no browser does."""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = frozenset([b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT"])


def without_remarks(content: bytes) -> bytes:
    """The same pixels without texts, colour chunks and the like, and without chunks beside the
    pixels that are damaged; the end is left as it is where it makes no sense."""
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        chunk = content[at : at + 12 + length]
        if len(chunk) < 12 + length:
            break
        is_whole = zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
        is_needed = name[:1].isupper()  # for the pixels (PNG, third edition, 5.4)
        if name in _KEPT and (is_needed or is_whole):
            kept.append(chunk)
        at += len(chunk)
    return b"".join([*kept, content[at:]])
