"""What the first directory of a TIFF says, read within bounds: how its samples are laid out.

TIFF 6.0 (1992) and BigTIFF; numbers of tags and their values are those of the specification.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import PictureError

CUT_SHORT = "cut short: the end of the file is missing"

MAX_PLACE = 2**40  # in a file: what says that it lies after is no directory
MAX_ENTRIES = 4096  # of a directory: more is no picture
MAX_VALUES = 2**20  # of a tag

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
FILL_ORDER, DESCRIPTION, MAKE = 266, 270, 271
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR = 273, 277, 278, 279, 284
ORIENTATION, PREDICTOR, COLOUR_MAP = 274, 317, 320
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
SUB_DIRECTORIES, EXTRA_SAMPLES, FORMAT, LEAST, MOST = 330, 338, 339, 340, 341
SUBSAMPLING, PROFILE, NO_DATA, DNG_VERSION = 530, 34675, 42113, 50706

_TYPES = {  # of values: struct's letter, bytes
    1: ("B", 1),
    2: ("s", 1),
    3: ("H", 2),
    4: ("I", 4),
    5: ("II", 8),
    6: ("b", 1),
    7: ("s", 1),
    8: ("h", 2),
    9: ("i", 4),
    10: ("ii", 8),
    11: ("f", 4),
    12: ("d", 8),
    13: ("I", 4),
    16: ("Q", 8),
    17: ("q", 8),
    18: ("Q", 8),
}


@dataclass(frozen=True)
class Directory:
    """The tags of a picture: numbers as tuples, text and blobs as bytes; `order` is "<" or ">"."""

    order: str
    tags: Mapping[int, tuple[float, ...] | bytes]

    def numbers(self, tag: int) -> tuple[float, ...]:
        value = self.tags.get(tag, ())
        return value if isinstance(value, tuple) else ()

    def integers(self, tag: int) -> tuple[int, ...]:
        return tuple(int(value) for value in self.numbers(tag) if value == value // 1)

    def integer(self, tag: int, default: int = 0) -> int:
        return (self.integers(tag) or (default,))[0]

    def blob(self, tag: int) -> bytes:
        value = self.tags.get(tag, b"")
        return value if isinstance(value, bytes) else b""

    @property
    def whole_size(self) -> tuple[int, int]:
        return self.integer(WIDTH), self.integer(LENGTH)


def first_directory(content: bytes) -> Directory:
    """The tags of a TIFF's first picture.

    Raises:
        PictureError: there is none, or it lies outside of the file.
    """
    order = "<" if content[:2] == b"II" else ">"
    try:
        big = struct.unpack_from(order + "H", content, 2)[0] == 43
        (at,) = struct.unpack_from(order + ("Q" if big else "I"), content, 8 if big else 4)
        return directory_at(content, order, at, big=big)
    except (struct.error, OverflowError) as error:
        raise PictureError("damaged: its header cannot be read") from error


def directory_at(content: bytes, order: str, at: int, *, big: bool = False) -> Directory:
    """The tags of the directory at a place in the file; tags that cannot be read are left out.

    Raises:
        PictureError: the directory, or a part of it, lies after the end of the file.
        struct.error: it is none.
    """
    if len(content) <= at < MAX_PLACE:
        raise PictureError(CUT_SHORT)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), content, at)
    if count > MAX_ENTRIES:
        raise struct.error("too many tags")
    at += 8 if big else 2
    entry, room = (20, 8) if big else (12, 4)
    if at + count * entry > len(content):
        raise PictureError(CUT_SHORT)
    tags: dict[int, tuple[float, ...] | bytes] = {}
    for number in range(count):
        start = at + number * entry
        tag, kind, values = struct.unpack_from(order + ("HHQ" if big else "HHI"), content, start)
        letters, size = _TYPES.get(kind, ("", 0))
        value_at = start + entry - room
        if size * values > room:
            (value_at,) = struct.unpack_from(order + ("Q" if big else "I"), content, value_at)
        if not letters or value_at + size * values > len(content):
            continue
        if letters == "s":
            tags[tag] = content[value_at : value_at + values]
        elif values <= MAX_VALUES:
            tags[tag] = struct.unpack_from(f"{order}{letters * values}", content, value_at)
    return Directory(order, tags)
