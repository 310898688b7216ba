"""How often a JPEG goes over its pixels: a file of two megabytes can ask for it thousands of times,
each over all of them, and hold a decoder for minutes."""

from __future__ import annotations

import re

from ..errors import PictureError

MOST_SCANS = 100
"""libjpeg writes 10 at most by itself, mozjpeg 64; by a script of its user jpegtran writes 100, and
libtiff reads no more (its JPEG_MAX_ALLOWED_SCAN_NUMBER)."""

_SCAN, _END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")  # not 0, a restart, or one of no meaning
_WITH_A_BODY = frozenset(range(0xC0, 0xFF)) - {0xD8, _END}


def check_scans(content: bytes) -> None:
    """Refuse a JPEG that goes over its pixels too often; nothing is decoded.

    Raises:
        PictureError: it does.
    """
    if content.count(b"\xff\xda") > MOST_SCANS and _scans(content) > MOST_SCANS:
        raise PictureError(
            f"it has more than {MOST_SCANS} scans, which would take too long to read: save it as "
            "an ordinary JPEG"
        )


def _scans(content: bytes) -> int:
    """The scans up to the end of the picture, as a decoder finds them (ITU-T T.81, B.1): what looks
    like one in the remarks of a program, or after the end, is none."""
    scans, at = 0, 2
    while scans <= MOST_SCANS and (marker := _MARKER.search(content, at)):
        code, at = marker[1][0], marker.end()
        if code == _END:
            break
        scans += code == _SCAN
        if code in _WITH_A_BODY:
            at += max(2, int.from_bytes(content[at : at + 2], "big"))
    return scans
