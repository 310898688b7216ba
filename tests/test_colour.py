"""Colours are those that a browser shows, whatever they are stored as; plain pictures stay as they
are."""

from __future__ import annotations

import base64
import io
import json
import struct
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

import icc
from conftest import draw_scene, encoded, flipped, tried
from tellapart.errors import PictureError
from tellapart.images import colour
from tellapart.images.decode import read_picture
from tellapart.images.primaries import SRGB

LOT = np.random.default_rng(0)
PIXELS = LOT.integers(0, 256, (12, 16, 3), dtype=np.uint8)
PIXELS[0] = np.linspace(0, 255, 16)[:, None]  # greys, from black to white
PICTURE = Image.fromarray(PIXELS)
FLAT = PICTURE.resize((128, 96), Image.Resampling.NEAREST)  # which JPEG keeps
GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
GREYS = np.repeat(GREY[..., None], 3, axis=2)
P3 = icc.rgb(icc.P3)


def chunk(name: bytes, content: bytes) -> bytes:
    crc = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + crc


def gama(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(100_000 * value)))


def chrm(points: icc.Points) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(100_000 * v) for xy in points for v in xy)))


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))


def cicp(primaries: int, transfer: int, matrix: int = 0, is_full: int = 1) -> bytes:
    return chunk(b"cICP", bytes([primaries, transfer, matrix, is_full]))


SRGB_CHUNK = chunk(b"sRGB", b"\0")


def png(*chunks: bytes, picture: Image.Image = PICTURE, **options: object) -> bytes:
    """A PNG with more chunks behind its header."""
    content = encoded(picture, "PNG", **options)
    return b"".join([content[:33], *chunks, content[33:]])


def off(content: bytes, expected: np.ndarray) -> float:
    """The largest difference from what is expected, of 255."""
    found = read_picture(content).astype(float)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


# profiles, in every format

LOOKS = [
    pytest.param(P3, icc.P3, None, id="display-p3"),
    pytest.param(icc.rgb(icc.P3, version=2), icc.P3, None, id="display-p3-v2"),
    pytest.param(icc.rgb(icc.ADOBE, 2.2), icc.ADOBE, 2.2, id="adobe-rgb"),
    pytest.param(icc.rgb(icc.ADOBE, 563 / 256, version=2), icc.ADOBE, 563 / 256, id="adobe-v2"),
    pytest.param(icc.rgb(icc.PROPHOTO, 1.8), icc.PROPHOTO, 1.8, id="prophoto"),
    pytest.param(icc.rgb(icc.SRGB, 1), icc.SRGB, 1, id="linear"),
    pytest.param(icc.rgb(icc.ROTATED), icc.ROTATED, None, id="rotated"),
    pytest.param(icc.rgb(icc.SWAPPED, 2.2), icc.SWAPPED, 2.2, id="swapped"),
    pytest.param(icc.rgb(icc.P3, kind="scnr"), icc.P3, None, id="scanner"),
    pytest.param(icc.rgb(icc.P3, kind="spac"), icc.P3, None, id="colour-space"),
]


@pytest.mark.parametrize(("profile", "points", "gamma"), LOOKS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_a_profile_is_followed(
    kind: str, profile: bytes, points: icc.Points, gamma: float | None
) -> None:
    options: dict[str, object] = {"quality": 100, "subsampling": 0}
    picture = FLAT if kind in ("JPEG", "AVIF") else PICTURE
    if kind == "WEBP":
        options = {"lossless": True}
    if kind == "AVIF":
        options = {"quality": 100, "subsampling": "4:4:4"}
    stored = read_picture(encoded(picture, kind, **options))  # AVIF and JPEG round a little
    content = encoded(picture, kind, icc_profile=profile, **options)
    assert off(content, icc.in_srgb(stored, points, gamma)) <= 1


def test_a_profile_in_many_segments_is_followed() -> None:
    padded = icc.profile(
        {
            **{f"{c}XYZ": icc.xyz(row) for c, row in zip("rgb", icc.to_xyz(icc.P3).T, strict=True)},
            **{f"{c}TRC": icc.curve(None, 4) for c in "rgb"},
            "more": bytes(200_000),
        }
    )
    content = encoded(FLAT, "JPEG", quality=100, subsampling=0, icc_profile=padded)
    assert content.count(b"ICC_PROFILE") == 4
    stored = read_picture(encoded(FLAT, "JPEG", quality=100, subsampling=0))
    assert off(content, icc.in_srgb(stored, icc.P3)) <= 1
    lost = content.replace(b"ICC_PROFILE", b"ICC_PROFILX", 1)  # one segment of four
    assert np.array_equal(read_picture(lost), stored)


def bmp(profile: bytes, kind: bytes = b"DEBM") -> bytes:
    """A BMP of the fifth version, which can hold a profile."""
    rows = PIXELS[::-1, :, ::-1].tobytes()
    head = struct.pack("<IiiHHIIiiII", 124, 16, 12, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    head += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0) + kind + bytes(48)
    head += struct.pack("<IIII", 4, 124 + len(rows), len(profile), 0)
    whole = 14 + len(head) + len(rows) + len(profile)
    return b"BM" + struct.pack("<IHHI", whole, 0, 0, 138) + head + rows + profile


def test_the_profile_of_a_bmp_is_followed() -> None:
    assert off(bmp(P3), icc.in_srgb(PIXELS, icc.P3)) <= 1
    assert np.array_equal(read_picture(bmp(b"", b"BGRs")), PIXELS)
    assert np.array_equal(read_picture(bmp(b"")), PIXELS)


def as_pillow(picture: Image.Image, profile: bytes) -> np.ndarray:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, source, target, outputMode="RGB")
    assert converted
    return np.asarray(converted).astype(float)


def test_a_profile_of_tables_is_followed() -> None:
    profile = icc.turned_table()
    content = png(iccp(profile))
    assert off(content, as_pillow(PICTURE, profile)) == 0
    strong = np.where(PIXELS > 127, 255, 0).astype(np.uint8)  # where tables are exact
    assert off(png(iccp(profile), picture=Image.fromarray(strong)), strong[..., [1, 2, 0]]) <= 2


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_are_seen_as_their_profile_says(kind: str) -> None:
    inks = np.zeros((8, 40, 4), np.uint8)
    for ink in range(4):
        inks[:, 8 + 8 * ink : 16 + 8 * ink, ink] = 255
    picture = Image.frombytes("CMYK", (40, 8), inks.tobytes())
    options: dict[str, object] = {"quality": 100} if kind == "JPEG" else {}
    plain = read_picture(encoded(picture, kind, **options)).astype(int)
    found = read_picture(encoded(picture, kind, icc_profile=icc.cmyk(), **options)).astype(int)
    assert np.abs(found - as_pillow(picture, icc.cmyk())).max() <= 3
    assert np.abs(found - plain).max() > 20
    paper, cyan, _, _, black = (found[4, at].tolist() for at in (4, 12, 20, 28, 36))
    assert paper == [255, 255, 255]
    assert cyan[0] + 100 < cyan[1]
    assert max(black) < 40


@pytest.mark.parametrize("gamma", [1, 1.8, 2.6])
@pytest.mark.parametrize("mode", ["L", "LA", "16"])
@pytest.mark.parametrize("make", [icc.grey, lambda gamma: icc.rgb(icc.SRGB, gamma)])
def test_greys_are_those_of_their_profile(mode: str, gamma: float, make: object) -> None:
    assert callable(make)
    picture = Image.fromarray(GREY)
    if mode == "16":
        picture = Image.fromarray(GREY.astype(np.uint16) * 257)
    elif mode == "LA":
        picture = picture.convert("LA")
    expected = icc.in_srgb(GREYS, icc.SRGB, gamma)
    assert off(encoded(picture, "PNG", icc_profile=make(gamma)), expected) <= 1


def test_deep_greys_are_converted_before_they_are_rounded() -> None:
    deep = np.arange(0, 65536, 61, dtype=np.uint16)[None]
    content = encoded(Image.fromarray(deep), "PNG", icc_profile=icc.grey(1))
    expected = icc.srgb_of_light(deep / 65535)[..., None].repeat(3, axis=2)
    assert off(content, expected) <= 1


# what does not fit, or makes no sense, is as if it were not there

IGNORED = {
    "device link": icc.rgb(icc.P3, kind="link"),
    "abstract": icc.rgb(icc.P3, kind="abst"),
    "named colours": icc.rgb(icc.P3, kind="nmcl"),
    "of greys": icc.grey(1),
    "of inks": icc.cmyk(),
    "of Lab": icc.rgb(icc.P3, space="Lab "),
    "cut": P3[:-40],
    "a header": P3[:128],
    "no tags": icc.profile({}),
    "no curves": icc.profile({"rXYZ": icc.xyz(icc.D50)}),
    "garbage": b"garbage" * 99,
    "garbage behind its header": P3[:132] + bytes(len(P3) - 132),
    "of version 9": icc.rgb(icc.P3, version=9),
    "without its signature": P3.replace(b"acsp", b"ascp"),
    "too large": struct.pack(">I", 5_000_000) + P3[4:] + bytes(5_000_000 - len(P3)),
}


@pytest.mark.parametrize("name", IGNORED)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_profile_that_makes_no_sense_is_ignored(name: str, kind: str) -> None:
    plain = encoded(FLAT, kind, lossless=True)
    content = encoded(FLAT, kind, lossless=True, icc_profile=IGNORED[name])
    assert np.array_equal(read_picture(content), read_picture(plain))


@pytest.mark.parametrize("profile", [P3, icc.grey(1)])
def test_inks_take_no_profile_of_light(profile: bytes) -> None:
    picture = FLAT.convert("CMYK")
    assert np.array_equal(
        read_picture(encoded(picture, "JPEG", icc_profile=profile)),
        read_picture(encoded(picture, "JPEG")),
    )


def test_lab_is_lab_whatever_profile_it_has() -> None:
    picture = PICTURE.convert("LAB")
    for profile in (P3, icc.grey(1), icc.rgb(icc.SRGB, space="Lab ")):
        content = encoded(picture, "TIFF", icc_profile=profile)
        assert np.array_equal(read_picture(content), read_picture(encoded(picture, "TIFF")))


@pytest.mark.parametrize(
    "damaged",
    [
        png(chunk(b"iCCP", b"name\0\1" + zlib.compress(P3))),  # no known way of packing
        png(chunk(b"iCCP", b"name\0\0" + zlib.compress(P3)[:-90])),
        png(chunk(b"iCCP", b"name")),
        png(flipped(iccp(P3), 40)),
        png(chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(3_000_000)))),
        png(chunk(b"gAMA", b"\0")),
        png(chunk(b"cHRM", b"\0" * 5)),
        png(chunk(b"sRGB", b"")),
        png(chunk(b"cICP", b"\x0c\x0d")),
        png(chunk(b"pHYs", b"\0")),
        png(gama(0)),
        png(gama(0.00001)),
        png(gama(0.5), chrm([(0.3, 0), (0.6, 0.3), (0.3, 0.6), (0.1, 0.1)])),
        png(gama(0.5), chrm([(0.3, 0.3)] * 4)),
        png(gama(0.5), chrm([(3, 3)] * 4)),
        png(gama(0.5), chrm([(0, 0)] * 4)),
    ],
)
def test_a_damaged_chunk_of_colours_is_ignored(damaged: bytes) -> None:
    assert np.array_equal(read_picture(damaged), PIXELS)


@settings(max_examples=tried(150))
@given(st.sampled_from([P3, icc.grey(1.8), icc.turned_table()[:3000], icc.rgb(icc.P3, version=2)]),
       st.data())  # fmt: skip
def test_a_damaged_profile_is_no_reason_to_refuse(profile: bytes, data: st.DataObject) -> None:
    content = bytearray(profile)
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert read_picture(png(iccp(bytes(content)))).shape == PIXELS.shape


# what a PNG says of its colours


def gamma_of(value: float, points: icc.Points = icc.SRGB) -> np.ndarray:
    return icc.in_srgb(PIXELS, points, 1 / value)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([gama(1)], gamma_of(1), id="linear"),
        pytest.param([gama(0.35)], gamma_of(0.35), id="gamma"),
        pytest.param([gama(0.45455)], PIXELS, id="usual gamma"),
        pytest.param([chrm(icc.P3)], PIXELS, id="chromaticities alone"),
        pytest.param([gama(0.45455), chrm(icc.P3)], gamma_of(0.45455, icc.P3), id="both"),
        pytest.param([gama(0.45455), chrm(icc.SRGB)], gamma_of(0.45455), id="both, usual"),
        pytest.param([gama(1), SRGB_CHUNK], PIXELS, id="srgb over gamma"),
        pytest.param([SRGB_CHUNK, iccp(P3)], icc.in_srgb(PIXELS, icc.P3), id="profile over srgb"),
        pytest.param([iccp(b"x" * 300), gama(1)], gamma_of(1), id="bad profile, gamma"),
        pytest.param([iccp(b"x" * 300), SRGB_CHUNK, gama(1)], PIXELS, id="bad profile, srgb"),
        pytest.param([cicp(1, 13), iccp(P3), gama(1)], PIXELS, id="codes over all"),
        pytest.param([iccp(P3), cicp(1, 13)], PIXELS, id="codes over all, in any order"),
        pytest.param([cicp(12, 13)], icc.in_srgb(PIXELS, icc.P3), id="codes of p3"),
        pytest.param([cicp(1, 8)], gamma_of(1), id="codes, linear"),
        pytest.param([cicp(1, 4)], gamma_of(1 / 2.2), id="codes, gamma 2.2"),
        pytest.param([cicp(1, 5)], gamma_of(1 / 2.8), id="codes, gamma 2.8"),
        pytest.param([cicp(1, 1)], gamma_of(1 / 2.4), id="codes, television"),
        pytest.param([cicp(12, 13, 0, 0), gama(1)], gamma_of(1), id="narrow codes"),
        pytest.param([cicp(12, 13, 1, 1), gama(1)], gamma_of(1), id="codes with a matrix"),
        pytest.param([cicp(2, 2), gama(1)], gamma_of(1), id="unspecified codes"),
        pytest.param([cicp(77, 99), gama(1)], gamma_of(1), id="unknown codes"),
    ],
)
def test_the_chunks_of_a_png_count_in_their_order(
    chunks: Sequence[bytes], expected: np.ndarray
) -> None:
    assert off(png(*chunks), expected) <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "16"])
def test_gamma_counts_for_every_kind_of_png(mode: str) -> None:
    picture = Image.fromarray(GREY)
    if mode == "16":
        picture = Image.fromarray(GREY.astype(np.uint16) * 257)
    elif mode != "L":
        picture = picture.convert(mode)
    stored = read_picture(encoded(picture))
    assert off(png(gama(1), picture=picture), icc.in_srgb(stored, icc.SRGB, 1)) <= 1


@pytest.mark.parametrize(("transfer", "of_white"), [(16, 148), (18, 191)])
def test_diffuse_white_of_high_dynamic_range_is_white(transfer: int, of_white: int) -> None:
    """203 cd/m2 are 58 % of PQ and 75 % of HLG (ITU-R BT.2408, table 1)."""
    greys = np.repeat(np.array([[0, of_white, 255]], np.uint8)[..., None], 3, axis=2)
    found = read_picture(png(cicp(9, transfer), picture=Image.fromarray(greys)))[0, :, 1]
    assert found[0] == 0
    assert found[1] >= 252
    assert found[2] == 255


def avif(primaries: int, transfer: int) -> bytes:
    content = encoded(FLAT, "AVIF", quality=100, subsampling="4:4:4")
    at = content.index(b"colrnclx") + 8
    return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]


@pytest.mark.parametrize(
    ("primaries", "transfer", "points", "gamma"),
    [
        (1, 13, icc.SRGB, None),
        (12, 13, icc.P3, None),
        (1, 8, icc.SRGB, 1),
        (1, 1, icc.SRGB, None),  # of television: as browsers do
        (2, 2, icc.SRGB, None),
    ],
)
def test_the_codes_of_an_avif_count(
    primaries: int, transfer: int, points: icc.Points, gamma: float | None
) -> None:
    stored = read_picture(avif(1, 13))
    assert off(avif(primaries, transfer), icc.in_srgb(stored, points, gamma)) <= 1


def test_the_codes_of_a_heic_count() -> None:
    golden = json.loads((Path(__file__).parent / "golden" / "heic.json").read_text())
    content = base64.b64decode(golden["plain"])
    at = content.index(b"colrnclx") + 8

    def with_codes(primaries: int, transfer: int) -> bytes:
        return content[:at] + struct.pack(">HH", primaries, transfer) + content[at + 4 :]

    stored = read_picture(with_codes(1, 13))
    assert off(with_codes(12, 13), icc.in_srgb(stored, icc.P3)) <= 1
    assert off(with_codes(1, 8), icc.in_srgb(stored, icc.SRGB, 1)) <= 1
    for said in ((1, 1), (1, 6), (2, 2)):
        assert np.array_equal(read_picture(with_codes(*said)), stored)


# colour and transparency


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "WEBP"])
def test_colours_are_converted_and_then_laid_on_white(mode: str) -> None:
    grey = mode == "LA"
    layer = Image.new("RGBA", (4, 1), (90, 90, 90, 255) if grey else (200, 40, 90, 255))
    layer.putpixel((1, 0), (10, 10, 10, 0))
    profile = icc.grey(1) if grey else icc.rgb(icc.ADOBE, 1)
    if mode == "WEBP":
        content = encoded(layer, "WEBP", lossless=True, exact=True, icc_profile=profile)
    elif mode == "P":
        palette = Image.new("P", (4, 1), 0)
        palette.putpalette([200, 40, 90, 10, 10, 10])
        palette.putpixel((1, 0), 1)
        content = encoded(palette, "PNG", transparency=1, icc_profile=profile)
    else:
        content = encoded(layer.convert(mode), "PNG", icc_profile=profile)
    found = read_picture(content)
    stored = np.asarray(layer.convert("RGB"))
    expected = icc.in_srgb(stored, icc.SRGB if grey else icc.ADOBE, 1)
    assert np.abs(found[0, 0] - expected[0, 0]).max() <= 1
    assert found[0, 1].tolist() == [255, 255, 255]


def test_half_transparent_is_mixed_after_it_was_converted() -> None:
    layer = Image.new("RGBA", (1, 1), (55, 55, 55, 128))
    found = read_picture(encoded(layer, "PNG", icc_profile=icc.rgb(icc.SRGB, 1)))
    light = icc.in_srgb(np.full((1, 1, 3), 55), icc.SRGB, 1)
    assert np.abs(found - (light * 128 + 255 * 127) / 255).max() <= 1


def test_one_deep_grey_is_transparent_in_its_own_numbers() -> None:
    deep = np.array([[1000, 1001, 30_000]], np.uint16)
    content = encoded(Image.fromarray(deep), "PNG", transparency=1000, icc_profile=icc.grey(1))
    found = read_picture(content)[0, :, 0]
    expected = icc.srgb_of_light(deep[0] / 65535)
    assert found[0] == 255
    assert np.abs(found[1:] - expected[1:]).max() <= 1


# pictures that need nothing


def test_srgb_pictures_are_as_they_were_stored() -> None:
    """And nothing is computed on them: the very same picture goes on."""
    for profile in (icc.rgb(icc.SRGB), icc.rgb(icc.SRGB, version=2), SRGB):
        assert colour.to_srgb(PICTURE, profile) is PICTURE
        assert np.array_equal(read_picture(encoded(PICTURE, icc_profile=profile)), PIXELS)
    pillows = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour.to_srgb(PICTURE, pillows) is PICTURE
    for profile in (icc.grey(None), icc.rgb(icc.P3)):  # on greys these are sRGB's
        picture = Image.fromarray(GREY)
        assert colour.to_srgb(picture, profile) is picture


def test_a_pillow_image_brings_its_profile() -> None:
    with Image.open(io.BytesIO(png(iccp(P3)))) as image:
        expected = icc.in_srgb(PIXELS, icc.P3)
        assert np.abs(read_picture(image) - expected).max() <= 1
        assert np.abs(read_picture(image) - expected).max() <= 1  # loaded by now
        assert image.info["icc_profile"] == P3
        assert np.array_equal(np.asarray(image), PIXELS)
    with Image.open(io.BytesIO(png(cicp(12, 13)))) as image:
        assert np.abs(read_picture(image) - expected).max() <= 1


def test_threads_may_share_a_profile() -> None:
    """Each thread gets what one alone gets, also through tables, which keep the last pixel."""
    contents = [png(iccp(p), picture=FLAT) for p in (icc.turned_table(), P3, icc.rgb(icc.ADOBE, 2))]
    alone = [read_picture(content) for content in contents]
    wrong: list[int] = []

    def subgroup() -> None:
        for turn in range(30):
            at = turn % len(contents)
            if not np.array_equal(read_picture(contents[at]), alone[at]):
                wrong.append(at)

    threads = [threading.Thread(target=subgroup) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_pillow_without_littlecms_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong colour would be silent. It is said for pictures with a profile, and for no others."""

    class Missing:
        def __getattr__(self, name: str) -> object:
            raise ImportError("The _imagingcms C module is not installed")

    monkeypatch.setattr(ImageCms, "core", Missing())
    colour._transform.cache_clear()
    with pytest.raises(PictureError) as caught:
        read_picture(png(iccp(P3)))
    assert caught.value.message == (
        "its colours cannot be converted: Pillow was built without LittleCMS"
    )
    assert np.array_equal(read_picture(png()), PIXELS)


def test_plain_pictures_have_the_pixels_that_pillow_gives() -> None:
    scene = draw_scene()
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        content = encoded(scene, kind)
        with Image.open(io.BytesIO(content)) as image:
            assert np.array_equal(read_picture(content), np.asarray(image.convert("RGB")))


def test_real_examples_of_profiles(shared_data: Path) -> None:
    folder = shared_data / "cases" / "icc-profile-ignored"
    expected = read_picture(folder / "expected.png").astype(int)
    for name in ("icc_P3.jpg", "icc_AdobeRGB.jpg"):
        assert np.abs(read_picture(folder / name) - expected).max() <= 3
