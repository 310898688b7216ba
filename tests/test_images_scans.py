"""A JPEG that goes over its pixels too often is refused before it holds a thread for minutes."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import draw_scene, encoded
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

START = b"\xff\xda"
CONTENT = encoded(draw_scene(96, 64), "JPEG", progressive=True)
SCANS = CONTENT.count(START)
LAST = CONTENT[CONTENT.rfind(START) : -2]


def repeated(scans: int, *, scan: bytes = LAST) -> bytes:
    """The picture with its last scan again and again, so that it has so many."""
    return CONTENT[:-2] + scan * (scans - SCANS) + CONTENT[-2:]


@pytest.mark.parametrize("before", [b"", b"\xff\xff", b"\xff\x00\xff\xd0\x17"])
def test_a_jpeg_has_at_most_a_hundred_scans(before: bytes) -> None:
    assert read_picture(repeated(100)).shape == (64, 96, 3)
    for scans in (101, 4000):
        with pytest.raises(PictureError, match="more than 100 scans"):
            read_picture(repeated(scans, scan=before + LAST))


def test_what_only_looks_like_a_scan_is_none() -> None:
    whole = read_picture(CONTENT)
    remark = b"\xff\xed" + (2 + 600).to_bytes(2, "big") + START * 300
    assert np.array_equal(read_picture(CONTENT[:2] + remark + CONTENT[2:]), whole)
    assert np.array_equal(read_picture(CONTENT + START * 300), whole)
