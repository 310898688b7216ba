"""Image properties: what is measured of a picture once, and kept beside its embedding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from conftest import draw_scene, encoded
from tellapart.images.decode import decode_with_sides
from tellapart.images.properties import (
    MIRRORED,
    PROPERTIES,
    hash_parts,
    hashes_of,
    properties_of,
)


def row(picture: Image.Image, kind: str = "PNG", **options: object) -> np.ndarray:
    content = encoded(picture, kind, **options)
    return properties_of(decode_with_sides(content), content)


def properties(picture: Image.Image, kind: str = "PNG", **options: object) -> dict[str, float]:
    return dict(zip(PROPERTIES, row(picture, kind, **options).tolist(), strict=True))


def hashed(picture: Image.Image, kind: str = "PNG", **options: object) -> int:
    return int(hashes_of(row(picture, kind, **options)[None])[0])


def busy(width: int = 320, height: int = 240, seed: int = 0) -> Image.Image:
    """A scene full of sharp edges."""
    lot = np.random.default_rng(seed)
    picture = draw_scene(width, height, seed)
    pen = ImageDraw.Draw(picture)
    for _ in range(60):
        x, y, side = (
            int(lot.integers(low, high)) for low, high in ((0, width), (0, height), (8, 40))
        )
        pen.rectangle((x, y, x + side, y + side), tuple(lot.integers(0, 256, 3).tolist()))
    return picture


def differing(one: int, other: int) -> int:
    return (one ^ other).bit_count()


@given(st.integers(0, 2**64 - 1))
def test_a_hash_survives_float32(bits: int) -> None:
    kept = np.zeros((1, len(PROPERTIES)), np.float32)
    kept[0, -4:] = hash_parts(bits)
    assert int(hashes_of(kept)[0]) == bits


@pytest.mark.parametrize("seed", range(6))
def test_the_hash_of_a_picture_is_that_of_its_copies(seed: int) -> None:
    picture = busy(seed=seed)
    own = hashed(picture)
    assert differing(own, hashed(picture, "JPEG", quality=60)) <= 3
    assert differing(own, hashed(picture.resize((200, 150), Image.Resampling.BICUBIC))) <= 3
    assert differing(own ^ int(MIRRORED), hashed(ImageOps.mirror(picture))) <= 1
    assert differing(own, hashed(busy(seed=seed + 100))) > 12


def test_a_turned_picture_has_the_hash_that_it_is_seen_with() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned a quarter to the right
    picture = busy()
    lying = picture.transpose(Image.Transpose.ROTATE_90)
    assert differing(hashed(picture), hashed(lying, "PNG", exif=turned)) <= 1


def test_a_blurred_picture_is_less_sharp_at_any_contrast() -> None:
    sharp = properties(busy())
    soft = properties(busy().filter(ImageFilter.GaussianBlur(3)))
    pale = properties(Image.blend(busy(), Image.new("RGB", (320, 240), "grey"), 0.8))
    assert sharp["sharpness"] > 0.8 > 0.4 > soft["sharpness"]
    assert pale["sharpness"] == pytest.approx(sharp["sharpness"], abs=0.1)


def test_an_enlarged_picture_is_sharp_only_where_it_is_small() -> None:
    found = properties(busy(80, 60).resize((640, 480), Image.Resampling.BICUBIC))
    assert found["detail"] < 0.45 < found["sharpness"]


def test_the_light_of_a_picture() -> None:
    dark = properties(busy().point(lambda value: value // 32))
    bright = properties(busy().point(lambda value: 248 + value // 64))
    assert dark["black"] > 0.99
    assert dark["lightest"] < 0.04
    assert bright["white"] > 0.99
    assert bright["darkest"] > 0.96
    plain = properties(Image.new("RGB", (90, 60), "grey"))
    assert plain["entropy"] == plain["edges"] == plain["bands"] == 0
    assert plain["flat"] == plain["colours"] == plain["sharpness"] == 1


def test_lines_of_text_lie_in_bands() -> None:
    page = Image.new("RGB", (300, 200), "white")
    for top in range(20, 180, 20):
        ImageDraw.Draw(page).text((10, top), "eleven words of text on a plain page", "black")
    assert properties(page)["bands"] == 8
    assert properties(busy())["bands"] == 0


def test_the_time_of_a_picture_is_that_of_its_camera() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "1970:01:03 00:01:02"
    found = properties(busy(), "JPEG", exif=exif)
    assert (found["day"], found["second"]) == (2, 62)
    unknown = properties(busy(), "JPEG")
    assert np.isnan([unknown["day"], unknown["second"]]).all()
