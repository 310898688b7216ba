"""When a picture was taken, as its EXIF says.

bytes of a file -> (day, second) or None

Only DateTimeOriginal counts: the other times of EXIF say when a file was changed or scanned. It
is the camera's local time, and the camera's clock may be wrong.
"""

from __future__ import annotations

import re
import struct
from datetime import date

from ..errors import PictureError
from .tiff_tags import Directory, directory_at, first_directory

_EXIF, _ORIGINAL, _FRACTION = 0x8769, 0x9003, 0x9291
_ORDERS = (b"II*\0", b"MM\0*")
_MARKS = (b"Exif\0\0", b"eXIf", b"EXIF")  # JPEG, HEIC and AVIF; PNG; WebP, then four bytes of size
_EPOCH = date(1970, 1, 1).toordinal()
_TIME = re.compile(
    rb"\s*(\d{4})[:\-/.](\d\d?)[:\-/.](\d\d?)[ T]+(\d\d?)[:.](\d\d?)(?:[:.](\d\d?)(?:[.,](\d+))?)?"
)


def taken(content: bytes) -> tuple[int, float] | None:
    """The day since 1970 and the second of that day, with its fraction; None where a file does not
    say, or says what is no time, such as 0000:00:00."""
    try:
        directory = _directory(content)
    except (PictureError, struct.error, OverflowError):
        return None
    if directory is None:
        return None
    return _moment(directory.blob(_ORIGINAL), directory.blob(_FRACTION))


def _directory(content: bytes) -> Directory | None:
    """The directory of EXIF that has the times."""
    exif = content if content[:4] in _ORDERS else _exif_in(content)
    first = first_directory(exif) if exif else None
    at = first.integer(_EXIF) if first else 0
    return directory_at(exif, first.order, at) if first and at else None


def _exif_in(content: bytes) -> bytes:
    """From where the EXIF of a JPEG, PNG, WebP, HEIC or AVIF begins; empty if it has none."""
    for mark in _MARKS:
        at = content.find(mark)
        while at >= 0:
            after = at + len(mark)
            for start in (after, after + 4, after + 10):
                if content[start : start + 4] in _ORDERS:
                    return content[start:]
            at = content.find(mark, after)
    return b""


def _moment(written: bytes, fraction: bytes) -> tuple[int, float] | None:
    """`2016:08:09 10:11:12`, or what devices write instead, with the digits after its point."""
    found = _TIME.match(written)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if hour > 23 or minute > 59 or second > 59:
        return None
    try:
        whole = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    digits = found[7] or fraction.strip(b" \0")
    part = float(b"0." + digits) if digits.isdigit() else 0.0
    return whole, 3600 * hour + 60 * minute + second + part
