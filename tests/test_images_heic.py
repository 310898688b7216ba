"""HEIC, the format of phones, is read upright and whole, whatever its brand.

`golden/heic.json` holds drawings of `draw_scene()` that pillow-heif and x265 encoded; two were
put together from tiles by hand. What the project rests on cannot write such files.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import CUT_SHORT, draw_scene, tried
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture
from tellapart.images.heif import A_KIND, read_heif
from tellapart.images.kinds import sniff

GOLDEN = json.loads((Path(__file__).parent / "golden" / "heic.json").read_text())
FILES = {name: base64.b64decode(content) for name, content in GOLDEN.items()}
PLAIN = FILES["plain"]
SCENE = np.asarray(draw_scene()).astype(int)


def off(pixels: np.ndarray, expected: np.ndarray = SCENE) -> float:
    assert pixels.shape == expected.shape
    return float(np.abs(pixels - expected).mean())


@pytest.mark.parametrize("name", ["plain", "10-bit", "profile", "second-is-primary", "grid"])
def test_a_heic_is_the_picture_that_was_drawn(name: str) -> None:
    assert off(read_picture(FILES[name])) < 6


def test_grey_and_transparency_are_read() -> None:
    grey = np.asarray(draw_scene().convert("L").convert("RGB")).astype(int)
    assert off(read_picture(FILES["grey"]), grey) < 5
    pixels = read_picture(FILES["alpha"])
    assert pixels[:, 52:].min() > 245
    assert off(pixels[:, :44], SCENE[:, :44]) < 6


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turn_is_applied_once(orientation: int) -> None:
    """Each file states it twice: for HEIC (`irot`, `imir`), and in EXIF."""
    upright = {
        2: SCENE[:, ::-1],
        3: SCENE[::-1, ::-1],
        4: SCENE[::-1],
        5: SCENE.swapaxes(0, 1),
        6: SCENE.swapaxes(0, 1)[:, ::-1],
        7: SCENE.swapaxes(0, 1)[::-1, ::-1],
        8: SCENE.swapaxes(0, 1)[::-1],
    }[orientation]
    assert off(read_picture(FILES[f"orientation-{orientation}"]), upright) < 6


def test_tiles_are_put_together_and_turned_as_phones_store_them() -> None:
    """Two tiles of 64 x 64 for a picture of 96 x 64, and a turn of the whole."""
    assert off(read_picture(FILES["grid-turned"]), np.rot90(SCENE, -1)) < 6
    assert np.array_equal(
        read_picture(FILES["grid-turned"]), np.rot90(read_picture(FILES["grid"]), -1)
    )


def test_the_profile_is_handed_on() -> None:
    assert read_heif(FILES["profile"]).info["icc_profile"][36:40] == b"acsp"


BRANDS = b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf MiHE".split()


@pytest.mark.parametrize("brand", BRANDS)
def test_every_brand_is_read(brand: bytes, tmp_path: Path) -> None:
    content = PLAIN[:8] + brand + PLAIN[12:]
    for suffix in (".heic", ".HEIF", ".hif", ".jpg"):
        path = tmp_path / f"picture{suffix}"
        path.write_bytes(content)
        assert np.array_equal(read_picture(path), read_picture(PLAIN))


def test_a_brand_of_its_own_with_heic_among_the_compatible_ones_is_read() -> None:
    assert sniff(PLAIN[:8] + b"abcd" + PLAIN[12:]) == "HEIC"
    assert sniff(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42") == "a video"


@pytest.mark.parametrize("kept", [12, 30, 100, 300, 500, -1])
def test_a_heic_that_was_cut_is_said_to_be(kept: int) -> None:
    with pytest.raises(PictureError) as caught:
        read_picture(PLAIN[:kept])
    assert caught.value.message == CUT_SHORT


def test_another_coding_in_the_same_boxes_is_a_kind_and_not_damaged() -> None:
    with pytest.raises(PictureError) as caught:
        read_picture(PLAIN.replace(b"hvc1", b"jpeg").replace(b"hvcC", b"jpgC"))
    assert caught.value.message == A_KIND


def test_a_size_over_the_limits_is_refused_before_it_is_decoded() -> None:
    at = PLAIN.index(b"ispe") + 8
    size = (29_999).to_bytes(4, "big")
    with pytest.raises(PictureError) as caught:
        read_picture(PLAIN[:at] + size + size + PLAIN[at + 8 :])
    assert caught.value.message.startswith("too large: 29999 x 29999 pixels")


@settings(max_examples=tried(80))
@given(st.data())
def test_a_damaged_heic_is_pixels_or_a_reason(data: st.DataObject) -> None:
    content = bytearray(PLAIN)
    for at in data.draw(st.lists(st.integers(12, len(PLAIN) - 1), max_size=6)):
        content[at] ^= data.draw(st.integers(1, 255))
    try:
        pixels = read_picture(bytes(content))
    except PictureError as error:
        pixels = np.zeros(len(error.message), np.uint8)
    assert pixels.dtype == np.uint8
    assert pixels.size


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_a_heic_of_which_only_a_part_was_written_is_refused(share: float) -> None:
    kept = int(len(PLAIN) * share)
    with pytest.raises(PictureError):
        read_picture(PLAIN[:kept] + bytes(len(PLAIN) - kept))
