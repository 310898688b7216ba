"""TIFFs of every depth, sign, order and arrangement mean the picture that was written."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn_arrays
from PIL import Image

from conftest import CUT_SHORT, draw_scene, encoded, mostly_slow, tried
from tellapart.errors import PictureError
from tellapart.images.decode import read_picture
from tellapart.images.deep import scaled
from tellapart.images.tiff_samples import A_KIND

pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

SCENE = np.asarray(draw_scene(75, 51)).copy()
SCENE[0, 0], SCENE[0, 1] = 0, 255
GREY = SCENE[..., 0]
COVER = np.asarray(draw_scene(75, 51, seed=1))[..., :1]
ON_WHITE = np.rint(SCENE * (COVER / 255) + 255.0 - COVER)
NEAR = 2  # of 255

# How 0..255 is stored in each type, its whole range used.
STORED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "u1": lambda light: light.astype(np.uint8),
    "u2": lambda light: light.astype(np.uint16) * 257,
    "u4": lambda light: light.astype(np.uint32) * 0x01010101,
    "u8": lambda light: light.astype(np.uint64) * np.uint64(0x0101010101010101),
    "i1": lambda light: (light.astype(int) - 128).astype(np.int8),
    "i2": lambda light: (light.astype(int) * 257 - 2**15).astype(np.int16),
    "i4": lambda light: (light.astype(np.int64) * 0x01010101 - 2**31).astype(np.int32),
    "f2": lambda light: (light / 255).astype(np.float16),
    "f4": lambda light: (light / 255).astype(np.float32),
    "f8": lambda light: light / 255,
}


def written(pixels: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)  # type: ignore[arg-type]
    return file.getvalue()


def off(content: bytes, expected: np.ndarray) -> float:
    """How far the picture read is from the one expected, at most."""
    pixels = read_picture(content).astype(float)
    expected = expected if expected.ndim == 3 else expected[..., None]
    assert pixels.shape[:2] == expected.shape[:2]
    return float(np.abs(pixels - expected).max())


@pytest.mark.parametrize("compression", mostly_slow([None, "zlib", "lzma"], 1))
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("stored", STORED)
def test_every_kind_of_number_is_the_same_picture(
    stored: str, order: str, compression: str | None
) -> None:
    store = STORED[stored]
    options: list[dict[str, object]] = [{"rowsperstrip": 17}, {"tile": (16, 32)}]
    options += [{"predictor": 2, "rowsperstrip": 20}] if compression and stored[0] != "f" else []
    for more in options:
        ways: dict[str, object] = {"byteorder": order, "compression": compression, **more}
        grey = written(store(GREY), photometric="minisblack", **ways)
        negative = written(store(255 - GREY), photometric="miniswhite", **ways)
        colour = written(store(SCENE), photometric="rgb", **ways)
        apart = written(
            store(np.moveaxis(SCENE, -1, 0)), photometric="rgb", planarconfig="separate", **ways
        )
        assert max(off(grey, GREY), off(negative, GREY), off(colour, SCENE), off(apart, SCENE)) <= 1


@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("stored", ["u1", "u2", "u4", "f2", "f4", "f8"])
def test_transparency_is_laid_on_white(stored: str, planes: str) -> None:
    premultiplied = np.rint(SCENE * (COVER / 255))
    for kind, colours, expected in (
        ("unassalpha", SCENE, ON_WHITE),
        ("assocalpha", premultiplied, ON_WHITE),
        ("unspecified", SCENE, SCENE),
    ):
        pixels = STORED[stored](np.concatenate([colours, COVER], -1))
        pixels = pixels if planes == "contig" else np.moveaxis(pixels, -1, 0)
        content = written(pixels, photometric="rgb", extrasamples=[kind], planarconfig=planes)
        assert off(content, expected) <= NEAR, kind
        grey = STORED[stored](np.concatenate([colours[..., :1], COVER], -1))
        content = written(
            grey, photometric="minisblack", extrasamples=[kind], planarconfig="contig"
        )
        assert off(content, expected[..., :1]) <= NEAR, kind


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("stored", ["u1", "u2", "f4"])
def test_orientation_is_applied_once(stored: str, orientation: int) -> None:
    upright = {
        1: SCENE,
        2: SCENE[:, ::-1],
        3: SCENE[::-1, ::-1],
        4: SCENE[::-1],
        5: SCENE.swapaxes(0, 1),
        6: SCENE.swapaxes(0, 1)[:, ::-1],
        7: SCENE.swapaxes(0, 1)[::-1, ::-1],
        8: SCENE.swapaxes(0, 1)[::-1],
    }[orientation]
    content = written(
        STORED[stored](SCENE), photometric="rgb", extratags=[(274, "H", 1, orientation, True)]
    )
    assert off(content, upright) <= 1


@pytest.mark.parametrize("stored", ["u2", "f4"])
@pytest.mark.parametrize("way", ["imagej", "hyperstack", "ome", "pages", "bigtiff"])
def test_of_a_stack_the_first_plane_is_taken(way: str, stored: str) -> None:
    stack = STORED[stored](np.stack([GREY, 255 - GREY] * 6))
    hyper = stack.reshape(2, 3, 2, *GREY.shape)
    axes = {"metadata": {"axes": "TZCYX"}}
    content = {
        "imagej": lambda: written(stack, imagej=True),
        "hyperstack": lambda: written(hyper, imagej=True, **axes),
        "ome": lambda: written(hyper, ome=True, photometric="minisblack", **axes),
        "pages": lambda: written(stack, photometric="minisblack"),
        "bigtiff": lambda: written(stack, photometric="minisblack", bigtiff=True),
    }[way]()
    assert off(content, GREY) <= 1


@pytest.mark.parametrize("stored", ["u1", "u2", "f4"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
def test_ink_is_read(stored: str, planes: str) -> None:
    ink = STORED[stored](np.concatenate([255 - SCENE, np.zeros_like(COVER)], -1))
    ink = ink if planes == "contig" else np.moveaxis(ink, -1, 0)
    assert off(written(ink, photometric="separated", planarconfig=planes), SCENE) <= 1


def test_palettes_are_read() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (256, 3))
    places = np.random.default_rng(1).integers(0, 256, GREY.shape)
    table = (colours.T * 257).astype(np.uint16)
    content = written(places.astype(np.uint8), photometric="palette", colormap=table)
    assert off(content, colours[places]) == 0
    table = np.repeat(table, 256, axis=1)
    content = written((places * 256 + 9).astype(np.uint16), photometric="palette", colormap=table)
    assert off(content, colours[places]) == 0


def tiff(tags: Mapping[int, int | Sequence[int]], data: bytes, order: str = "<") -> bytes:
    """A TIFF by hand, of one strip unless the tags say otherwise."""
    tags = {256: 75, 257: 51, 259: 1, 273: 8, 277: 1, 278: 51, 279: len(data), **tags}
    data += bytes(len(data) % 2)
    start = 8 + len(data)
    entries, beyond = b"", b""
    for number in sorted(tags):
        value = tags[number]
        values = list(value) if isinstance(value, Sequence) else [value]
        kind, letter = (3, "H") if max(values) < 65536 else (4, "I")
        packed = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(packed) > 4:
            place = start + 2 + 12 * len(tags) + 4 + len(beyond)
            beyond += packed + bytes(len(packed) % 2)
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", number, kind, len(values)) + packed.ljust(4, b"\0")
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, start)
    return head + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + beyond


def packed(values: np.ndarray, bits: int) -> bytes:
    """Whole numbers `[H,W]` in so many bits each, the highest first, rows from a whole byte."""
    each = (values[..., None].astype(np.int64) >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(each.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


@pytest.mark.parametrize("white", [0, 1])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20])
def test_any_number_of_bits_is_read(bits: int, order: str, white: int) -> None:
    most = 2**bits - 1
    values = np.rint(GREY / 255.0 * most).astype(np.int64)
    stored = values if white else most - values
    data = stored.astype(f"{order}u2").tobytes() if bits == 16 else packed(stored, bits)
    expected = values * (255 / most)
    assert off(tiff({258: bits, 262: 1 - (1 - white)}, data, order), expected) <= 1
    mirrored = bytes(int(f"{value:08b}"[::-1], 2) for value in data)
    assert off(tiff({258: bits, 262: white, 266: 2}, mirrored, order), expected) <= 1


@pytest.mark.parametrize("order", "<>")
def test_24_bits_and_colours_of_12_are_read(order: str) -> None:
    values = (GREY.astype(np.uint32) * 0x010101).astype(f"{order}u4").tobytes()
    parts = np.frombuffer(values, np.uint8).reshape(-1, 4)
    parts = parts[:, :3] if order == "<" else parts[:, 1:]
    assert off(tiff({258: 24, 262: 1}, parts.tobytes(), order), GREY) <= 1
    twelve = packed(np.rint(SCENE.reshape(51, -1) / 255.0 * 4095), 12)
    assert off(tiff({258: (12, 12, 12), 277: 3, 262: 2}, twelve, order), SCENE) <= 1


def differences(floats: np.ndarray) -> bytes:
    """Rows of floats after Adobe's floating-point predictor."""
    size = floats.dtype.itemsize
    raw = floats.astype(f">f{size}").view(np.uint8).reshape(len(floats), -1, size)
    planes = np.moveaxis(raw, 2, 1).reshape(len(floats), -1)
    return np.diff(planes, axis=1, prepend=np.uint8(0)).astype(np.uint8).tobytes()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("size", [2, 4, 8])
def test_the_predictor_of_floats_is_undone(size: int, order: str) -> None:
    data = zlib.compress(differences((GREY / 255).astype(f"f{size}")))
    assert off(tiff({258: 8 * size, 262: 1, 339: 3, 259: 8, 317: 3}, data, order), GREY) <= 1


def test_floats_of_24_bits_are_read() -> None:
    light = (GREY / 255).astype(np.float32)
    bits = light.view(np.uint32)
    exponent = np.maximum((bits >> 23 & 0xFF).astype(int) - 127 + 63, 0)
    short = np.where(light > 0, exponent << 16 | (bits >> 7 & 0xFFFF), 0).astype(">u4")
    data = np.frombuffer(short.tobytes(), np.uint8).reshape(-1, 4)[:, 1:]
    assert off(tiff({258: 24, 262: 1, 339: 3}, data.tobytes(), ">"), GREY) <= 1
    assert off(tiff({258: 24, 262: 1, 339: 3}, data[:, ::-1].tobytes()), GREY) <= 1


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "tiff_deflate"])
def test_what_libtiff_unpacks_may_be_deep(compression: str) -> None:
    raw = (SCENE.astype(np.uint16) * 257).astype("<u2").view(np.uint8).reshape(51, -1)
    whole = encoded(Image.fromarray(raw), "TIFF", compression=compression)
    with tifffile.TiffFile(io.BytesIO(whole)) as file:
        page = file.pages[0]
        places, sizes = page.dataoffsets, page.databytecounts
        code = int(page.compression)
        rows = int(page.tags["RowsPerStrip"].value) if "RowsPerStrip" in page.tags else 51
    data = b"".join(whole[at : at + size] for at, size in zip(places, sizes, strict=True))
    starts = [8 + sum(sizes[:number]) for number in range(len(sizes))]
    tags = {258: (16, 16, 16), 277: 3, 262: 2, 259: code, 273: starts, 278: rows, 279: sizes}
    assert off(tiff(tags, data), SCENE) <= 1


LIGHT = (GREY / 255).astype(np.float32)


def with_pixel(pixels: np.ndarray, value: float) -> np.ndarray:
    changed: np.ndarray = pixels.copy()
    changed[3, 3] = value
    return changed


@pytest.mark.parametrize("factor", [1, 255, 65535])
@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.nan, 0), (np.inf, 255), (-np.inf, 0), (1e30, 255), (-1e30, 0), (None, 255)],
)
def test_one_pixel_does_not_change_the_others(
    factor: float, value: float | None, expected: int
) -> None:
    hot = factor * 1.002 if value is None else value
    content = encoded(Image.fromarray(with_pixel(LIGHT * np.float32(factor), hot)), "TIFF")
    assert off(content, with_pixel(GREY, expected)) <= 1
    image = Image.fromarray(with_pixel(LIGHT * np.float32(factor), hot))
    assert np.array_equal(read_picture(image), read_picture(content))


@pytest.mark.parametrize("size", [(48, 64), (16, 20), (300, 400)])
@pytest.mark.parametrize("factor", [1, 255, 65535])
@pytest.mark.parametrize("hot", [50.0, -50.0, 3.0, 1e9])
def test_a_few_hot_pixels_in_a_hundred_do_not_change_the_others(
    hot: float, factor: float, size: tuple[int, int]
) -> None:
    light = np.random.default_rng(0).random(size).astype(np.float32)
    expected = np.rint(light * 255)
    floats = light * np.float32(factor)
    floats.flat[::100], expected.flat[::100] = hot * factor, 255 if hot > 0 else 0
    assert off(encoded(Image.fromarray(floats), "TIFF"), expected) <= 1
    if factor > 1 and 0 < hot < 1e9:
        whole = np.rint(floats.astype(np.float64)).astype(np.uint32)
        assert off(written(whole, photometric="minisblack"), expected) <= 1


def test_bright_spots_on_a_dark_ground_are_no_hot_pixels() -> None:
    night = np.random.default_rng(0).integers(0, 2, (60, 80)).astype(np.float32)
    night[20:26, 30:38] = 255  # 1 % of the pixels, and the ground is noise of 8 bits
    assert off(written(night, photometric="minisblack"), night) <= 1
    glow = LIGHT.copy()
    glow[0] = np.linspace(1, 4, glow.shape[1])  # light that goes on beyond white
    assert off(written(glow, photometric="minisblack"), np.rint(glow * 255 / 4)) <= 10


def test_one_hot_pixel_among_whole_numbers() -> None:
    for dtype, hot in ((np.uint32, 2**32 - 1), (np.int32, 2**31 - 1), (np.int32, -(2**31))):
        deep = with_pixel(GREY.astype(dtype) * 257, hot)
        expected = with_pixel(GREY, 255 if hot > 0 else 0)
        assert off(written(deep, photometric="minisblack"), expected) <= 1


@pytest.mark.parametrize(
    ("value", "expected"), [(0, 0), (0.5, 128), (1, 255), (100, 100), (np.nan, 0), (-3, 0)]
)
def test_a_picture_of_one_value(value: float, expected: int) -> None:
    content = written(np.full((9, 9), value, np.float32), photometric="minisblack")
    assert off(content, np.full((9, 9), expected)) == 0


def test_measurements_lie_between_black_and_white() -> None:
    for floats in (LIGHT * 2 - 1, LIGHT * 3000 - 1000, LIGHT * 1e-6, LIGHT * 4095):
        assert off(written(floats.astype(np.float32), photometric="minisblack"), GREY) <= 5
    hounsfield = np.rint(LIGHT * 3000 - 1000).astype(np.int16)
    assert off(written(hounsfield, photometric="minisblack"), GREY) <= 5


def test_a_dark_picture_stays_dark() -> None:
    assert off(written(LIGHT / 4, photometric="minisblack"), GREY / 4) <= 1
    assert off(written((GREY // 4).astype(np.float32), photometric="minisblack"), GREY // 4) <= 1


def test_the_range_that_a_file_states_is_taken() -> None:
    tags = [(340, "f", 1, 50.0, True), (341, "f", 1, 815.0, True)]
    floats = GREY.astype(np.float32) * 3 + 50
    assert off(written(floats, photometric="minisblack", extratags=tags), GREY) <= 1
    tags = [(340, "h", 1, 100, True), (341, "h", 1, 4180, True)]
    whole = GREY.astype(np.int16) * 16 + 100
    assert off(written(whole, photometric="minisblack", extratags=tags), GREY) <= 1
    tags = [(340, "H", 1, 10_000, True), (341, "H", 1, 40_000, True)]
    unsigned = GREY.astype(np.uint16) * 100 + 10_000  # here they are a statistic
    expected = np.rint(unsigned / 257)
    assert off(written(unsigned, photometric="minisblack", extratags=tags), expected) <= 1
    shown = {"min": 7.0, "max": 2557.0}
    floats = GREY.astype(np.float32) * 10 + 7
    assert off(written(floats, imagej=True, metadata=shown), GREY) <= 1


def test_values_that_are_marked_as_missing_are_black() -> None:
    floats, expected = LIGHT.copy(), GREY.copy()
    floats[:5], expected[:5] = -9999, 0
    tags = [(42113, "s", 0, "-9999", True)]
    assert off(written(floats, photometric="minisblack", extratags=tags), expected) <= 1


@pytest.mark.parametrize(
    "content",
    [
        written(LIGHT.astype(np.complex64), photometric="minisblack"),
        tiff({258: (5, 6, 5), 277: 3, 262: 2}, bytes(2 * 75 * 51)),
        tiff({258: 8, 262: 1, 259: 34712}, bytes(400)),  # JPEG 2000
        tiff({258: (8, 8, 8), 277: 3, 262: 6, 530: (2, 2)}, bytes(9000)),
        tiff({258: 16, 262: 1, 339: 3, 259: 8, 317: 34894}, bytes(400)),
        tiff({258: 8, 262: 34892 + 100}, bytes(4000)),
    ],
    ids=["complex", "565", "jpeg-2000", "subsampled", "predictor", "photometric"],
)
def test_a_sound_kind_that_is_not_read_is_not_called_damaged(content: bytes) -> None:
    with pytest.raises(PictureError) as caught:
        read_picture(content)
    assert caught.value.message == A_KIND


def test_a_tiff_that_lacks_its_end_is_cut_short() -> None:
    whole = tiff({258: 16, 262: 0}, bytes(2 * 75 * 51))
    in_front = written(GREY.astype(np.float32), photometric="minisblack")
    for content in (whole[:5000], in_front[:5000], whole[:-100]):
        with pytest.raises(PictureError) as caught:
            read_picture(content)
        assert caught.value.message == CUT_SHORT


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (tiff({256: 29_999, 257: 29_999, 258: 32, 262: 1}, b""), "too large"),
        (tiff({258: 16, 262: 0, 273: 2**31}, b"12"), CUT_SHORT),
        (tiff({258: 16, 262: 0, 278: 1}, bytes(9000)), "damaged: parts of it are missing"),
        (tiff({258: 16, 262: 0, 256: 0}, bytes(9000)), "damaged: it has no pixels"),
        (tiff({258: 32, 262: 0, 259: 8}, bytes(9000)), "damaged: its data cannot be unpacked"),
        (b"II*\0\x08\0\0\0\xff\xff" + bytes(900), "damaged: its header cannot be read"),
        (b"II+\0\x08\0\0\0\x10" + bytes(7) + b"\xff" * 900, "damaged: its header"),
    ],
)
def test_a_hostile_tiff_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(PictureError) as caught:
        read_picture(content)
    assert caught.value.message.startswith(said)


@settings(max_examples=tried(200))
@given(st.sampled_from(["f4", "u2", "i4"]), st.sampled_from([None, "zlib"]), st.data())
def test_a_damaged_tiff_is_pixels_or_a_reason(
    stored: str, compression: str | None, data: st.DataObject
) -> None:
    whole = written(STORED[stored](SCENE[:20, :20]), photometric="rgb", compression=compression)
    content = bytearray(whole)
    for at in data.draw(st.lists(st.integers(0, min(300, len(whole) - 1)), max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    try:
        pixels = read_picture(bytes(content))
    except PictureError as error:
        pixels = np.zeros(len(error.message), np.uint8)
    assert pixels.dtype == np.uint8


def test_a_part_that_would_unpack_to_gigabytes_is_refused() -> None:
    tags = {258: 16, 262: 0, 259: 8, 277: 4096, 322: 2**16, 323: 2**16, 324: 8, 325: 9}
    with pytest.raises(PictureError, match="too large"):
        read_picture(tiff(tags, bytes(9)))


@pytest.mark.slow
def test_a_strip_never_unpacks_to_more_than_it_should() -> None:
    bomb = zlib.compress(bytes(2**28), 9)  # 256 MB in 260 KB
    pixels = read_picture(tiff({258: 16, 262: 0, 259: 8}, bomb))
    assert pixels.shape == (51, 75, 3)


numbers = st.one_of(
    *(
        drawn_arrays.arrays(dtype, drawn_arrays.array_shapes(min_dims=2, max_dims=3, max_side=12))
        for dtype in (np.float16, np.float32, np.float64, np.int8, np.int32, np.uint16, np.uint64)
    )
)


@settings(max_examples=tried(150))
@given(numbers)
def test_numbers_of_any_kind_become_light(values: np.ndarray) -> None:
    light = scaled(values)
    assert light.dtype == np.uint8
    assert light.shape == values.shape


@given(st.integers(0, 2**32 - 1), st.floats(1.01, 1e30))
def test_more_light_is_never_darker(seed: int, hot: float) -> None:
    values = np.random.default_rng(seed).random((40, 40), np.float32)
    values[0, 0] = hot
    order = np.argsort(values, axis=None)
    assert (np.diff(scaled(values).ravel()[order].astype(int)) >= 0).all()
    assert abs(float(scaled(values).mean()) - 127.5) < 8


def test_the_cases_are_read_as_expected(shared_data: Path) -> None:
    cases = shared_data / "cases"
    for name in ("tiff16-rgb-planar", "tiff16-white-is-zero"):
        expected = read_picture(cases / name / "expected.png")
        for path in (cases / name).glob("*.tif"):
            assert off(path.read_bytes(), expected) <= 1, path.name
    means = [
        read_picture(path).mean() for path in (cases / "tiff-float-one-hot-pixel").glob("*.tif")
    ]
    assert all(121 < mean < 123 for mean in means)
    assert all(
        read_picture(path).mean() > 120
        for path in (cases / "tiff-kinds-called-damaged").glob("*.tif")
    )
