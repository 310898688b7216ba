"""A file that lacks only its end is read whole; one that was cut in its pixels is refused."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from conftest import CUT_SHORT, draw_scene, encoded, mostly_slow
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")


def noisy(width: int, height: int) -> Image.Image:
    """A scene with grain, so that every block has something to say."""
    grain = np.random.default_rng(0).integers(-12, 13, (height, width, 3))
    pixels = np.asarray(draw_scene(width, height)) + grain
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


JPEGS: Mapping[str, Mapping[str, object]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "fine": {"subsampling": 0, "quality": 95},
    "coarse": {"quality": 20},
    "restarts": {"restart_marker_rows": 1},
    "optimised": {"optimize": True},
}


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize(
    "size", [(96, 64), (250, 167), pytest.param((1301, 1103), marks=pytest.mark.slow)]
)
def test_a_jpeg_without_its_end_is_read(kind: str, size: tuple[int, int]) -> None:
    content = encoded(noisy(*size), "JPEG", **JPEGS[kind])
    whole = read_picture(content)
    for end in (b"", b"\xff", bytes(5000), b"\xff" * 300, b"\r\n", b"<html>no more</html>"):
        assert np.array_equal(read_picture(content[:-2] + end), whole), end
    assert np.array_equal(read_picture(content + b"and more" * 99), whole)


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize(
    "size", [(96, 64), (250, 167), pytest.param((1301, 1103), marks=pytest.mark.slow)]
)
def test_a_jpeg_cut_in_its_pixels_is_refused(kind: str, size: tuple[int, int]) -> None:
    content = encoded(noisy(*size), "JPEG", **JPEGS[kind])
    exact = read_picture(content)
    length = len(content)
    for cut in (4, 5, 6, 8, 12, 40, length // 10, length // 3, length // 2):
        for end in (b"", bytes(3000), b"\xff" * 40):
            try:
                pixels = read_picture(content[:-cut] + end)
            except PictureError as error:
                assert end or error.message == CUT_SHORT  # noqa: PT017
            else:  # the last bits of the last block may be those that a decoder fills in
                assert np.array_equal(pixels, exact)


def test_a_progressive_jpeg_cut_between_scans_is_refused() -> None:
    content = encoded(noisy(250, 167), "JPEG", progressive=True)
    starts = [at for at in range(len(content)) if content[at : at + 2] == b"\xff\xda"]
    assert len(starts) > 5
    for at in starts[1:]:
        tables = content.rindex(b"\xff\xc4", 0, at)
        for end in (at, tables):
            with pytest.raises(PictureError) as caught:
                read_picture(content[:end])
            assert caught.value.message == CUT_SHORT


def test_the_case_is_read_whole(shared_data: object) -> None:
    case = shared_data / "cases" / "jpeg-without-eoi"  # type: ignore[operator]
    assert np.array_equal(read_picture(case / "noeoi.jpg"), read_picture(case / "whole.jpg"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16"])
def test_a_png_without_its_last_chunks_is_read(mode: str) -> None:
    scene = noisy(96, 64)
    deep = Image.fromarray(np.asarray(scene.convert("L")).astype(np.uint16) * 257)
    content = encoded(deep if mode == "I;16" else scene.convert(mode))
    whole = read_picture(content)
    for cut in (1, 4, 12, 14, 16, 18, 20):  # the end's chunk, a checksum, that of all rows
        assert np.array_equal(read_picture(content[:-cut]), whole), cut
    for cut in (40, len(content) // 3):
        with pytest.raises(PictureError) as caught:
            read_picture(content[:-cut])
        assert caught.value.message == CUT_SHORT


def test_padding_that_is_missing_does_not_matter() -> None:
    scene = noisy(97, 64)  # rows of 291 bytes, filled up to 292
    bitmap = encoded(scene, "BMP")
    assert np.array_equal(read_picture(bitmap[:-1]), np.asarray(scene))
    for seed in range(20):
        picture = encoded(draw_scene(40, 30, seed=seed), "WEBP", quality=50)
        if picture[-1] == 0 and len(picture) % 2 == 0:
            assert np.array_equal(read_picture(picture[:-1]), read_picture(picture))
    animation = encoded(scene.convert("P"), "GIF")
    assert np.array_equal(read_picture(animation[:-2]), read_picture(animation))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG"])
def test_what_was_cut_in_the_middle_is_cut_short(kind: str) -> None:
    content = encoded(noisy(96, 64), kind)
    for kept in (len(content) // 2, len(content) * 3 // 4):
        with pytest.raises(PictureError) as caught:
            read_picture(content[:kept])
        assert caught.value.message == CUT_SHORT


def twelve_bits() -> bytes:
    content = encoded(draw_scene(), "JPEG")
    at = content.index(b"\xff\xc0")
    return content[: at + 4] + b"\x0c" + content[at + 5 :]


def bitmap_of_odd_fields() -> bytes:
    """32 bits a pixel, of which red has the lowest eleven."""
    head = struct.pack("<IiiHHIIiiII", 56, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0)
    head += struct.pack("<4I", 0x7FF, 0x3FF800, 0xFFC00000, 0)
    return b"BM" + struct.pack("<IHHI", 14 + 56 + 16, 0, 0, 70) + head + bytes(16)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (twelve_bits(), "JPEG"),
        (encoded(draw_scene(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3", 1), "JPEG"),
        (bitmap_of_odd_fields(), "BMP"),
    ],
    ids=["12 bits", "lossless", "bit fields"],
)
def test_a_sound_kind_that_is_not_read_is_not_called_damaged(content: bytes, kind: str) -> None:
    with pytest.raises(PictureError) as caught:
        read_picture(io.BytesIO(content).getvalue())
    expected = f"a kind of {kind} that cannot be read here: save it as PNG or JPEG"
    assert caught.value.message == expected


COMPRESSED: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "png": ("PNG", {}),
    "webp": ("WEBP", {}),
    "webp-coarse": ("WEBP", {"quality": 20}),
    "webp-lossless": ("WEBP", {"lossless": True, "method": 0}),
    "avif": ("AVIF", {"speed": 10}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {"compression": "tiff_lzw"}),
    "jpeg": ("JPEG", {}),
}


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("share", mostly_slow([0.1, 0.3, 0.6], 1))
@pytest.mark.parametrize("filler", mostly_slow([b"\0", b"\xff"], 1), ids=["zeros", "ones"])
def test_a_file_of_which_only_a_part_was_written_is_refused(
    kind: str, share: float, filler: bytes
) -> None:
    name, options = COMPRESSED[kind]
    content = encoded(noisy(300, 200), name, **options)
    kept = int(len(content) * share)
    with pytest.raises(PictureError):
        read_picture(content[:kept] + filler * (len(content) - kept))


@pytest.mark.parametrize("kind", mostly_slow(COMPRESSED, 1))
@pytest.mark.parametrize("colour", ["black", "white", "teal"])
def test_a_picture_that_is_mostly_one_colour_is_read(kind: str, colour: str) -> None:
    """Its data may end in zeros, or a file with what belongs to no picture."""
    name, options = COMPRESSED[kind]
    plain = Image.new("RGB", (1000, 700), colour)
    partly = plain.copy()
    partly.paste(noisy(1000, 90))
    for picture in (plain, partly, plain.resize((5, 3))):
        content = encoded(picture, name, **options)
        whole = read_picture(content)
        assert np.array_equal(read_picture(content + bytes(5000)), whole)
