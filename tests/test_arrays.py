"""Pictures as Python programs hold them: arrays, Pillow images, open files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from conftest import draw_scene, encoded
from tellapart.errors import PictureError, UsageError
from tellapart.images.decode import CLOSED, Picture, read_picture

RGB = np.asarray(draw_scene(8, 6))
GREY = RGB[..., 1]
ALPHA = np.linspace(0, 255, 48).astype(np.uint8).reshape(6, 8)


def stacked(*channels: np.ndarray) -> np.ndarray:
    return np.stack(channels, axis=-1)


def on_white(colours: np.ndarray) -> np.ndarray:
    """The colours `[6,8,3]` with `ALPHA`, laid on white."""
    share = ALPHA[..., None] / 255
    return np.asarray(colours * share + 255 * (1 - share))


GREYS = stacked(GREY, GREY, GREY)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        pytest.param(GREY, GREYS, id="grey"),
        pytest.param(GREY[..., None], GREYS, id="grey-1"),
        pytest.param(stacked(GREY, ALPHA), on_white(GREYS), id="grey-alpha"),
        pytest.param(RGB, RGB, id="rgb"),
        pytest.param(stacked(*np.moveaxis(RGB, -1, 0), ALPHA), on_white(RGB), id="rgba"),
        pytest.param(GREY > 100, 255 * (GREYS > 100), id="bool"),
        pytest.param((GREY > 100)[..., None], 255 * (GREYS > 100), id="bool-1"),
    ],
)
@pytest.mark.parametrize("depth", ["8", "16", "16-big-endian", "fortran", "mirrored", "read-only"])
def test_an_array_of_any_channels_is_a_picture(
    array: np.ndarray, expected: np.ndarray, depth: str
) -> None:
    before = array.copy()
    if depth.startswith("16") and array.dtype == np.uint8:
        array = (array.astype(np.uint16) * 257).astype(">u2" if "big" in depth else "<u2")
    elif depth == "fortran":
        array = np.asfortranarray(array)
    elif depth == "mirrored":
        array, expected = array[::-1, ::-1], expected[::-1, ::-1]
    elif depth == "read-only":
        array = array.copy()
        array.flags.writeable = False
    found = read_picture(array)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(float) - expected).max() <= 1
    if depth == "8":
        assert np.array_equal(array, before)


@given(st.integers(0, 65535))
def test_deep_numbers_are_scaled_by_their_range(value: int) -> None:
    found = read_picture(np.full((1, 1, 3), value, np.uint16))
    assert abs(int(found[0, 0, 0]) - value / 257) <= 0.5


@pytest.mark.parametrize(
    ("array", "given", "hint"),
    [
        (np.zeros((4, 5, 3), np.float32), "float32 [4, 5, 3]", "(255 * array)"),
        (np.zeros((4, 5), np.float64), "float64 [4, 5]", "(255 * array)"),
        (np.zeros((4, 5, 3), np.int64), "int64 [4, 5, 3]", "array.astype(np.uint8)"),
        (np.zeros((3, 40, 50), np.uint8), "uint8 [3, 40, 50]", "array.transpose(1, 2, 0)"),
        (np.zeros((1, 40, 50), np.uint8), "uint8 [1, 40, 50]", "array.transpose(1, 2, 0)"),
        (np.zeros((2, 4, 5, 3), np.uint8), "uint8 [2, 4, 5, 3]", "predict_many(array)"),
        (np.zeros((40, 50, 5), np.uint8), "uint8 [40, 50, 5]", ""),
        (np.zeros((0, 5), np.uint8), "uint8 [0, 5]", ""),
        (np.zeros(7, np.uint8), "uint8 [7]", ""),
        (np.zeros((), np.uint8), "uint8 []", ""),
        (np.array([["a"]]), "<U1 [1, 1]", ""),
        (np.zeros((4, 5, 3), complex), "complex128 [4, 5, 3]", ""),
    ],
)
def test_an_array_that_is_no_picture_is_told_what_to_do(
    array: np.ndarray, given: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_picture(array)
    assert "[height, width, channels]" in caught.value.message
    assert caught.value.message.endswith(f"this one is {given}.")
    assert hint in caught.value.hint


MODES = ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "RGBX"]


@pytest.mark.parametrize("mode", [*MODES, "RGBa", "La", "I;16", "I;16L", "I;16B", "I;16N"])
def test_a_pillow_image_of_any_mode_is_a_picture(mode: str) -> None:
    scene = draw_scene(8, 6)
    if mode.startswith("I;16"):
        image = Image.new(mode, (8, 6), 30_000)
        assert (read_picture(image) == 117).all()
        return
    image = scene.convert({"RGBa": "RGBA", "La": "LA"}.get(mode, mode))
    if mode in ("RGBa", "La"):
        image = image.convert(mode)
    grey = mode in ("L", "LA", "La", "I", "F")
    expected = np.asarray(scene.convert("L" if grey else "RGB").convert("RGB")).astype(int)
    found = read_picture(image)
    rough = mode in ("1", "P", "PA")
    assert found.shape == (6, 8, 3)
    assert rough or np.abs(found - expected).mean() < 3


def test_a_pillow_image_that_was_closed_has_its_reason(tmp_path: Path) -> None:
    draw_scene().save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pass
    lazy = [image]
    with open(tmp_path / "a.png", "rb") as file:
        lazy.append(Image.open(file))
    copied = draw_scene()
    copied.close()
    for closed in (*lazy, copied):
        with pytest.raises(PictureError) as caught:
            read_picture(closed)
        assert caught.value.message == CLOSED


def test_an_open_file_is_read_from_where_it_stands(tmp_path: Path) -> None:
    content = encoded(draw_scene())
    expected = read_picture(content)
    path = tmp_path / "a.bin"
    path.write_bytes(b"before" + content)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", content)
    with (
        open(path, "rb") as file,
        open(path, "rb", buffering=0) as raw,
        zipfile.ZipFile(tmp_path / "a.zip") as archive,
        archive.open("a.png") as member,
    ):
        for opened in (file, raw):
            opened.seek(6)
        sources: list[Picture] = [file, raw, member, io.BytesIO(content)]
        for source in sources:
            assert np.array_equal(read_picture(source), expected)
    for data in (bytearray(content), memoryview(content)):
        assert np.array_equal(read_picture(data), expected)


class Trickle(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a network does."""

    def __init__(self, content: bytes) -> None:
        self.left = content

    def read(self, size: int = -1) -> bytes:
        part, self.left = self.left[:7], self.left[7:]
        return part


def test_a_file_that_gives_little_at_a_time_is_read_to_its_end() -> None:
    content = encoded(draw_scene())
    assert np.array_equal(read_picture(Trickle(content)), read_picture(content))


def test_files_that_give_no_bytes_are_refused(tmp_path: Path) -> None:
    draw_scene().save(tmp_path / "a.png")
    with open(tmp_path / "a.png") as text:
        for file in (text, io.StringIO("text")):
            with pytest.raises(UsageError, match="mode 'rb'"):
                read_picture(file)  # type: ignore[arg-type]
    for closed in (open(tmp_path / "a.png", "rb"), io.BytesIO(b"")):  # noqa: SIM115
        closed.close()
        with pytest.raises(PictureError, match="closed file"):
            read_picture(closed)
    with pytest.raises(PictureError, match="an empty file"):
        read_picture(io.BytesIO(b""))


def test_a_damaged_member_of_an_archive_has_its_reason() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", encoded(draw_scene()))
    content = file.getvalue().replace(b"IEND", b"IENX", 1)
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        archive.open("a.png") as member,
        pytest.raises(PictureError, match=r"cannot be read: Bad CRC-32"),
    ):
        read_picture(member)


def test_an_error_carries_the_path_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"<html>")
    pictures: list[Picture] = [path, str(path), "gone.jpg", "a\0b"]
    for picture in pictures:
        with pytest.raises(PictureError) as caught:
            read_picture(picture)
        assert caught.value.path == picture
    others: list[Picture] = [b"<html>", io.BytesIO(b""), np.zeros((1, 40_000), np.uint8)]
    for picture in others:
        with pytest.raises(PictureError) as caught:
            read_picture(picture)
        assert caught.value.path is None
