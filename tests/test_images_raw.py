"""RAW pictures are developed where `tellapart[raw]` is installed; a thumbnail is never taken for
one."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from conftest import CUT_SHORT, draw_scene
from tellapart.errors import PictureError
from tellapart.images.decode import ENOUGH, read_picture
from tellapart.images.kinds import RAW_SUFFIXES, SUFFIXES, sniff
from tellapart.images.raw import A_KIND, NEEDS_EXTRA

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

FROM_XYZ = [3.2404542, -1.5371385, -0.4985314, -0.9692660, 1.8760108, 0.0415560]
FROM_XYZ += [0.0556434, -0.2040259, 1.0572252]  # to linear sRGB, which this camera sees


def sensor(pixels: np.ndarray) -> np.ndarray:
    """What a sensor behind red, green and blue filters sees of a picture, uint16 `[H,W]`."""
    light = pixels / 255
    light = np.where(light < 0.081, light / 4.5, ((light + 0.099) / 1.099) ** (1 / 0.45))  # BT.709
    seen = np.empty(light.shape[:2])
    for channel, (row, column) in ((0, (0, 0)), (1, (0, 1)), (1, (1, 0)), (2, (1, 1))):
        seen[row::2, column::2] = light[row::2, column::2, channel]
    return np.rint(seen * 65535).astype(np.uint16)


def dng(pixels: np.ndarray, orientation: int = 1) -> bytes:
    """A DNG of one picture, drawn."""
    matrix = [number for value in FROM_XYZ for number in (round(value * 10_000), 10_000)]
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),  # version
        (50708, "s", 0, "Drawn", True),  # camera
        (33421, "H", 2, (2, 2), True),  # the filters repeat so
        (33422, "B", 4, (0, 1, 1, 2), True),  # red, green, green, blue
        (50721, "2i", 9, matrix, True),
        (50728, "2I", 3, (1,) * 6, True),  # neutral
        (50778, "H", 1, 21, True),  # D65
        (50717, "I", 1, 65535, True),  # white
        (274, "H", 1, orientation, True),
    ]
    file = io.BytesIO()
    tifffile.imwrite(
        file, sensor(pixels), photometric="cfa", extratags=tags, metadata=None, software=False
    )
    return file.getvalue()


def thumbnail_before_the_sensor() -> bytes:
    """As Nikon, Sony and Pentax lay out their files: a small picture, and the other below it."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        small = np.asarray(draw_scene(40, 30))
        writer.write(small, photometric="rgb", subifds=1, metadata=None, subfiletype=1)
        seen = sensor(np.asarray(draw_scene(400, 300)))
        tags = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True)]
        writer.write(seen, photometric="cfa", metadata=None, extratags=tags)
    return file.getvalue()


def reason(content: bytes | Path) -> str:
    with pytest.raises(PictureError) as caught:
        read_picture(content)
    return caught.value.message


@pytest.fixture
def without_rawpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_dng_is_developed_upright(orientation: int) -> None:
    pytest.importorskip("rawpy")
    scene = np.asarray(draw_scene(128, 96))
    turned = {1: scene, 3: scene[::-1, ::-1], 6: np.rot90(scene, -1), 8: np.rot90(scene)}
    pixels = read_picture(dng(scene, orientation))
    expected = turned[orientation]
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).mean() < 1.5
    assert np.array_equal(pixels, read_picture(dng(scene, orientation)))


def test_a_large_dng_is_developed_at_half_its_size() -> None:
    pytest.importorskip("rawpy")
    scene = draw_scene(2 * ENOUGH + 60, 2 * ENOUGH)
    pixels = read_picture(dng(np.asarray(scene)))
    assert pixels.shape == (ENOUGH, ENOUGH + 30, 3)
    assert np.abs(pixels.astype(int) - np.asarray(scene.reduce(2))).mean() < 2


def test_without_the_extra_the_refusal_names_it(without_rawpy: None) -> None:
    assert 'pip install "tellapart[raw]"' in NEEDS_EXTRA
    assert reason(dng(np.asarray(draw_scene()))) == NEEDS_EXTRA
    assert reason(thumbnail_before_the_sensor()) == NEEDS_EXTRA


def test_a_thumbnail_is_not_taken_for_the_picture() -> None:
    pytest.importorskip("rawpy")
    try:
        pixels = read_picture(thumbnail_before_the_sensor())
    except PictureError as error:
        pixels = np.zeros((300, 400 if error.message == A_KIND else 0, 3), np.uint8)
    assert pixels.shape == (300, 400, 3)


HEADS = {
    "Canon CR2": b"II*\0\x10\0\0\0CR\x02\0",
    "Canon CR3": b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom",
    "Canon CRW": b"II\x1a\0\0\0HEAPCCDR",
    "Fujifilm": b"FUJIFILMCCD-RAW 0201",
    "Olympus": b"IIRO\x08\0\0\0",
    "Olympus of 2003": b"IIRS\x08\0\0\0",
    "Panasonic": b"IIU\0\x18\0\0\0",
    "Minolta": b"\0MRM\0\0\0\0",
    "Sigma": b"FOVb\0\0\0\0",
}


@pytest.mark.parametrize("camera", HEADS)
def test_every_camera_is_known_by_its_first_bytes(camera: str, without_rawpy: None) -> None:
    content = HEADS[camera] + bytes(600)
    assert sniff(content) == "RAW"
    assert reason(content) == NEEDS_EXTRA


@pytest.mark.parametrize("suffix", sorted(RAW_SUFFIXES))
def test_a_tiff_named_as_a_raw_picture_is_one(
    suffix: str, tmp_path: Path, without_rawpy: None
) -> None:
    path = tmp_path / f"picture{suffix.upper()}"
    draw_scene().save(path, "TIFF")
    assert suffix in SUFFIXES
    assert reason(path) == NEEDS_EXTRA


def test_a_plain_tiff_with_a_smaller_picture_below_it_is_no_raw_picture() -> None:
    file = io.BytesIO()
    scene = np.asarray(draw_scene())
    with tifffile.TiffWriter(file) as writer:
        writer.write(scene, photometric="rgb", subifds=1, metadata=None)
        writer.write(scene[::2, ::2], photometric="rgb", metadata=None, subfiletype=1)
    assert np.array_equal(read_picture(file.getvalue()), scene)


def test_a_damaged_raw_picture_has_its_reason() -> None:
    pytest.importorskip("rawpy")
    whole = dng(np.asarray(draw_scene()))
    assert reason(whole[: len(whole) // 2]) in (CUT_SHORT, "damaged: its data cannot be unpacked")
    for head in HEADS.values():
        assert reason(head + bytes(600)) in (
            A_KIND,
            CUT_SHORT,
            "damaged: its data cannot be unpacked",
        )
