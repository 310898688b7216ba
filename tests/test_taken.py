"""When a picture was taken: the time in EXIF, of every kind of file, or none."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tellapart.images.taken import taken

ORIGINAL, FRACTION, CHANGED, EXIF = 0x9003, 0x9291, 0x0132, 0x8769


def dated(kind: str, when: str | None, fraction: str = "", changed: str = "") -> bytes:
    """A small picture of which EXIF says that it was taken `when`."""
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    if changed:
        exif[CHANGED] = changed
    inner = exif.get_ifd(EXIF)
    if when is not None:
        inner[ORIGINAL] = when
    if fraction:
        inner[FRACTION] = fraction
    if kind == "TIFF":  # as a RAW picture begins: EXIF has its form
        return exif.tobytes().removeprefix(b"Exif\0\0")
    stream = io.BytesIO()
    Image.new("RGB", (16, 12), "teal").save(stream, kind, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_time_is_read_of_every_kind_of_file(kind: str) -> None:
    assert taken(dated(kind, "1970:01:03 01:02:03", "25")) == (2, 3723.25)


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("2016-08-09T10:11:12", (17022, 36672.0)),
        ("2016/08/09 10:11:12.5", (17022, 36672.5)),
        (" 2016:8:9 10:11", (17022, 36660.0)),
        ("2016:08:09 10:11:12+02:00", (17022, 36672.0)),
        ("1969:12:31 00:00:01", (-1, 1.0)),
        ("0000:00:00 00:00:00", None),
        ("    :  :     :  :  ", None),
        ("2016:02:30 10:11:12", None),
        ("2016:08:09 25:11:12", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_what_devices_write_is_a_time_or_none(
    when: str | None, found: tuple[int, float] | None
) -> None:
    assert taken(dated("JPEG", when)) == found


def test_the_time_of_a_change_is_not_when_it_was_taken() -> None:
    assert taken(dated("JPEG", None, changed="2016:08:09 10:11:12")) is None


def test_a_picture_without_exif_has_no_time() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (16, 12), "teal").save(stream, "JPEG")
    assert taken(stream.getvalue()) is None
    assert taken(b"") is None


@given(st.data())
def test_damaged_exif_never_fails(data: st.DataObject) -> None:
    content = bytearray(dated("JPEG", "2016:08:09 10:11:12"))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = taken(bytes(content[: data.draw(st.integers(0, len(content)))]))
    assert found is None or 0 <= found[1] < 86_400
