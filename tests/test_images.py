"""Every file ends as upright RGB pixels or as a reason, whichever door it comes through."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from conftest import CUT_SHORT, HEADER_DAMAGED, LIMITS, draw_scene, encoded, tried
from tellapart.errors import PictureError, UsageError
from tellapart.images.decode import ENOUGH, Picture, read_picture
from tellapart.images.kinds import FORMATS, SUFFIXES, sniff

# Pillow warns of odd metadata and large sizes; a warning is no error to somebody who runs this.
pytestmark = pytest.mark.filterwarnings(r"ignore:::PIL\.")

UNREADABLE_ODD_FILES = {
    "broken.png": HEADER_DAMAGED,
    "crash-465703f71a0f0094873a3e0e82c9f798161171b8.sgi": "an SGI picture",
    "crash-4fb027452e6988530aa5dabee76eecacb3b79f8a.j2k": "a JPEG 2000 picture",
    "crash-5762152299364352.fli": "not a picture of a kind that can be read",
    "decompression_bomb.gif": "too large: more than 179 million pixels once unpacked",
    "drawing.jpg": "an SVG drawing saved as .jpg",
    "empty.jpg": "an empty file",
    "hopper.ico": "an icon (ICO)",
    "hopper.ppm": "a PPM/PGM picture",
    "hopper_16bit.pgm": "a PPM/PGM picture",
    "negative_size.ppm": "a text file saved as .ppm",
    "page.jpg": "an HTML page saved as .jpg",
    "truncated_image.png": CUT_SHORT,
}
WRITTEN = FORMATS[:7]  # those that Pillow writes
NEVER_READ = ("crash-", "decompression_", "png_decompression_dos", "broken_data_stream")


def reason(picture: Picture) -> str:
    """Why a picture cannot be read; fails where it can."""
    with pytest.raises(PictureError) as caught:
        read_picture(picture)
    return caught.value.message


def test_every_broken_picture_has_its_reason(broken_pictures: dict[Path, str]) -> None:
    assert {path.name: reason(path) for path in broken_pictures} == {
        path.name: expected for path, expected in broken_pictures.items()
    }


def test_a_broken_picture_is_left_as_it_was(broken_pictures: dict[Path, str]) -> None:
    before = {path: path.read_bytes() for path in broken_pictures}
    for path in broken_pictures:
        reason(path)
    assert {path: path.read_bytes() for path in broken_pictures} == before


def test_every_odd_file_is_a_picture_or_has_a_reason(shared_data: Path) -> None:
    reasons = {}
    for path in sorted((shared_data / "odd").iterdir()):
        try:
            pixels = read_picture(path)
        except PictureError as error:
            reasons[path.name] = error.message
        else:
            assert pixels.dtype == np.uint8
            assert pixels.ndim == 3
            assert pixels.shape[2] == 3
    for name, expected in UNREADABLE_ODD_FILES.items():
        assert reasons.pop(name, "read").startswith(expected), name
    assert [name for name in reasons if not name.startswith(NEVER_READ)] == []


def test_real_pictures_in_every_orientation_are_one_picture(shared_data: Path) -> None:
    upright = {
        name: read_picture(shared_data / "odd" / f"hopper_orientation_{name}").astype(int)
        for name in (*(f"{n}.jpg" for n in range(2, 9)), "3.webp", "6.webp")
    }
    for name, pixels in upright.items():
        assert np.abs(pixels - upright["2.jpg"]).mean() < 8, name


# Orientation -> how a camera held so lays the pixels down (EXIF 2.3, tag 274).
LAID_DOWN: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda image: image,
    2: ImageOps.mirror,
    3: lambda image: image.rotate(180),
    4: ImageOps.flip,
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.rotate(90, expand=True),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.rotate(-90, expand=True),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", LAID_DOWN)
def test_orientation_is_applied(orientation: int, kind: str) -> None:
    upright = draw_scene(96, 64)
    exif = Image.Exif()
    exif[274] = orientation
    options: dict[str, object] = {"lossless": True} if kind == "WEBP" else {"quality": 98}
    pixels = read_picture(
        encoded(LAID_DOWN[orientation](upright), kind, exif=exif.tobytes(), **options)
    )
    difference = np.abs(pixels.astype(int) - np.asarray(upright))
    assert difference.mean() < (3 if kind == "JPEG" else 0.001)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff"]
)
def test_exif_that_cannot_be_read_does_not_matter(exif: bytes) -> None:
    scene = draw_scene()
    assert np.array_equal(
        read_picture(encoded(scene, "JPEG", exif=exif)), read_picture(encoded(scene, "JPEG"))
    )


def exif(kind: int, value: bytes, count: int = 1) -> bytes:
    """EXIF with an orientation of any type, in Intel's order."""
    return struct.pack("<4sIHHHI", b"II*\0", 8, 1, 274, kind, count) + value + bytes(4)


XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
SHORT, LONG, ASCII, RATIONAL = 3, 4, 2, 5


def named_text(name: str, text: str) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt(name, text)
    return info


IN_HEX = f"\nexif\n      30\n{exif(SHORT, bytes([6, 0, 0, 0])).hex()}\n"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param("JPEG", {"xmp": XMP}, id="jpeg-xmp"),
        pytest.param("WEBP", {"xmp": XMP, "lossless": True}, id="webp-xmp"),
        pytest.param("AVIF", {"xmp": XMP}, id="avif-xmp"),
        pytest.param("TIFF", {"tiffinfo": {700: XMP}}, id="tiff-xmp"),
        pytest.param(
            "PNG", {"pnginfo": named_text("XML:com.adobe.xmp", XMP.decode())}, id="png-xmp"
        ),
        pytest.param(
            "PNG", {"pnginfo": named_text("Raw profile type exif", IN_HEX)}, id="png-imagemagick"
        ),
        *(
            pytest.param("JPEG", {"exif": b"Exif\0\0" + value}, id=f"jpeg-{name}")
            for name, value in {
                "0": exif(SHORT, bytes(4)),
                "9": exif(SHORT, bytes([9, 0, 0, 0])),
                "65535": exif(SHORT, bytes([255, 255, 0, 0])),
                "long": exif(LONG, bytes([6, 0, 0, 0])),
                "text": exif(ASCII, b"6\0\0\0", 2),
                "fraction": exif(RATIONAL, struct.pack("<III", 26, 6, 1)),
                "several": exif(SHORT, bytes([6, 0, 6, 0]), 2),
                "cut": exif(SHORT, bytes([6, 0, 0, 0]))[:19],
                "nowhere": b"II*\0\xff\xff\xff\xff",
            }.items()
        ),
    ],
)
def test_what_browsers_do_not_turn_is_not_turned(kind: str, options: dict[str, object]) -> None:
    scene = draw_scene()
    content = encoded(scene, kind, **options)
    assert b"rientation" in content or b"exif" in content.lower()
    assert read_picture(content).shape == (64, 96, 3)
    with Image.open(io.BytesIO(content)) as image:
        assert read_picture(image).shape == (64, 96, 3)


@pytest.mark.parametrize(("number", "turned"), [(1, False), (3, False), (6, True)])
def test_exif_counts_where_xmp_says_something_else(number: int, turned: bool) -> None:
    content = encoded(draw_scene(), "JPEG", exif=orientation(number), xmp=XMP)
    expected = LAID_DOWN[{6: 8}.get(number, number)](draw_scene())
    found = read_picture(content)
    assert found.shape == ((96, 64, 3) if turned else (64, 96, 3))
    assert np.abs(found - np.asarray(expected).astype(int)).mean() < 8


def orientation(number: int) -> bytes:
    found = Image.Exif()
    found[274] = number
    return found.tobytes()


@pytest.mark.parametrize("number", LAID_DOWN)
def test_an_avif_is_turned_once(number: int) -> None:
    """As its container says; the EXIF beside it says the same once more."""
    laid_down = LAID_DOWN[number](draw_scene(96, 64))
    found = read_picture(encoded(laid_down, "AVIF", quality=100, exif=orientation(number)))
    assert np.abs(found - np.asarray(draw_scene(96, 64)).astype(int)).mean() < 4


def transparent(mode: str) -> bytes:
    """Left half opaque red or black, right half fully transparent over something dark."""
    image = Image.new("RGBA", (8, 4), (200, 0, 0, 255))
    image.paste((10, 10, 10, 0), (4, 0, 8, 4))
    if mode == "P":
        palette = Image.new("P", (8, 4), 0)
        palette.putpalette([200, 0, 0, 10, 10, 10])
        palette.paste(1, (4, 0, 8, 4))
        return encoded(palette, "PNG", transparency=1)
    if mode == "GIF":
        palette = Image.new("P", (8, 4), 0)
        palette.putpalette([200, 0, 0, 10, 10, 10])
        palette.paste(1, (4, 0, 8, 4))
        return encoded(palette, "GIF", transparency=1)
    if mode == "RGB":
        return encoded(image.convert("RGB"), "PNG", transparency=(10, 10, 10))
    if mode == "WEBP":
        return encoded(image, "WEBP", lossless=True, exact=True)
    return encoded(image.convert(mode), "PNG")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "GIF", "WEBP"])
def test_what_is_transparent_is_white(mode: str) -> None:
    pixels = read_picture(transparent(mode))
    assert (pixels[:, 4:] == 255).all()
    assert (pixels[:, :4, 1] < 100).all()


def packed_png(
    depth: int, kind: int, rows: Sequence[bytes], transparent: bytes, width: int
) -> bytes:
    """A PNG of any depth, written by hand, with one transparent colour."""
    head = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = ((b"IHDR", head), (b"tRNS", transparent), (b"IDAT", pixels), (b"IEND", b""))
    content = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        crc = struct.pack(">I", zlib.crc32(name + body))
        content += struct.pack(">I", len(body)) + name + body + crc
    return content


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("place", [0, 1])
def test_one_grey_of_any_depth_is_transparent(depth: int, place: int) -> None:
    """Two greys in each row, black and white; what is transparent is white, whichever it is."""
    most = 2**depth - 1
    dark, light = (0, most) if depth == 1 else (most // 3, 2 * most // 3)
    width = max(2, 8 // depth)
    numbers = [dark, light] * (width // 2)
    bits = "".join(f"{number:0{depth}b}" for number in numbers)
    row = int(bits, 2).to_bytes(len(bits) // 8, "big")
    colour = struct.pack(">H", (dark, light)[place])
    found = read_picture(packed_png(depth, 0, [row, row], colour, width))
    expected = [255 * dark / most, 255 * light / most]
    expected[place] = 255
    assert np.abs(found[..., 0] - np.tile(expected, (2, width // 2))).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_one_colour_of_any_depth_is_transparent(depth: int) -> None:
    most = 2**depth - 1
    code = ">3B" if depth == 8 else ">3H"
    colours = ((most // 2, most // 5, most // 7), (most // 5, most // 2, most // 3))
    row = b"".join(struct.pack(code, *colour) for colour in colours)
    found = read_picture(packed_png(depth, 2, [row], struct.pack(">3H", *colours[0]), 2))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert np.abs(found[0, 1] - 255 * np.array(colours[1]) / most).max() <= 1


ADAM7 = (  # first column and row of each pass, and steps
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4)),
    *((1, 0, 2, 2), (0, 1, 1, 2)),
)


@pytest.mark.parametrize("interlaced", [False, True])
def test_of_deep_colours_only_the_very_one_is_transparent(interlaced: bool) -> None:
    """Not the 255 others that are the same in 8 bits."""
    deep = (np.arange(48 * 64 * 3) + 20_000).astype(">u2").reshape(48, 64, 3)
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    rows = [
        row.tobytes() for left, top, step, down in passes for row in deep[top::down, left::step]
    ]
    content = packed_png(16, 2, rows, deep[20, 30].tobytes(), 64)
    head = struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, interlaced)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    found = read_picture(content[:16] + head + crc + content[33:])
    expected = (deep >> 8).astype(int)
    expected[20, 30] = 255
    assert np.abs(found - expected).max() <= 1
    assert (found == 255).all(axis=2).sum() == 1


@pytest.mark.parametrize(("depth", "kind"), [(16, 4), (16, 6), (8, 4), (8, 6)])
def test_alpha_of_any_depth_is_laid_on_white(depth: int, kind: int) -> None:
    most = 2**depth - 1
    numbers = [most // 5] * (kind // 2 - 1 if kind == 4 else 3)
    row = b"".join(
        struct.pack(f">{len(numbers) + 1}{'B' if depth == 8 else 'H'}", *numbers, alpha)
        for alpha in (most, 0)
    )
    content = packed_png(depth, kind, [row], b"", 2).replace(b"\0\0\0\0tRNS\xa7\x81\xc6\x1b", b"")
    found = read_picture(content)
    assert np.abs(found[0, 0] - 51).max() <= 1
    assert found[0, 1].tolist() == [255, 255, 255]


def test_an_animated_png_is_laid_on_white() -> None:
    frames = [Image.new("RGBA", (4, 4), (9, 9, 9, alpha)) for alpha in (0, 255)]
    content = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert (read_picture(content) == 255).all()


def test_a_real_deep_png_is_laid_on_white(shared_data: Path) -> None:
    folder = shared_data / "cases" / "png-grey16-trns"
    deep, plain = (read_picture(folder / f"grey{bits}_trns.png") for bits in (16, 8))
    assert (deep[16, 16] == 255).all()
    assert np.abs(deep.astype(int) - plain).max() <= 1


def test_half_transparent_is_half_white() -> None:
    assert (read_picture(encoded(Image.new("RGBA", (2, 2), (0, 0, 0, 128)))) == 127).all()


RAMP = np.linspace(0, 65535, 64).astype(np.uint16).reshape(4, 16)


def big_endian_tiff() -> bytes:
    """A TIFF of 16-bit grey in Motorola byte order, written by hand: Pillow writes none."""
    height, width = RAMP.shape
    entries = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1)]
    entries += [(278, height), (279, RAMP.nbytes)]
    directory = struct.pack(">H", len(entries))
    for tag, value in entries:
        directory += struct.pack(">HHIHH", tag, 3, 1, value, 0)
    start = struct.pack(">I", 8 + RAMP.nbytes)
    return b"MM\0*" + start + RAMP.astype(">u2").tobytes() + directory + bytes(4)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(encoded(Image.fromarray(RAMP), "PNG"), RAMP / 257, id="png"),
        pytest.param(encoded(Image.fromarray(RAMP), "TIFF"), RAMP / 257, id="tiff"),
        pytest.param(big_endian_tiff(), RAMP / 257, id="big-endian-tiff"),
        pytest.param(
            encoded(Image.fromarray((RAMP // 64).astype(np.uint16)), "PNG"),
            RAMP // 64 / 257,
            id="dark-stays-dark",
        ),
        pytest.param(
            encoded(Image.fromarray(RAMP.astype(np.int32)), "TIFF"), RAMP / 257, id="tiff-int32"
        ),
        pytest.param(
            encoded(Image.fromarray((RAMP / 65535).astype(np.float32)), "TIFF"),
            RAMP / 257,
            id="tiff-float-to-one",
        ),
        pytest.param(
            encoded(Image.fromarray((RAMP // 257).astype(np.float32)), "TIFF"),
            RAMP // 257,
            id="tiff-float-to-255",
        ),
    ],
)
def test_deep_grey_is_scaled_and_not_clipped(content: bytes, expected: np.ndarray) -> None:
    pixels = read_picture(content)
    assert np.abs(pixels.astype(float) - expected[..., None]).max() <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -5.0])
def test_grey_that_is_no_number_is_a_picture_all_the_same(value: float) -> None:
    grey = np.full((4, 4), 0.5, np.float32)
    grey[0, 0] = value
    assert read_picture(encoded(Image.fromarray(grey), "TIFF")).shape == (4, 4, 3)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB"])
def test_every_colour_space_becomes_rgb(mode: str) -> None:
    scene = draw_scene().convert("RGB")
    if mode == "LAB":
        content = encoded(Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF")
        assert read_picture(content).min() > 250
        return
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    pixels = read_picture(encoded(scene.convert(mode), kind))
    expected = np.asarray(scene.convert(mode).convert("RGB")).astype(int)
    assert np.abs(pixels - expected).mean() < (8 if kind == "JPEG" else 0.001)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "lime", "blue")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
    red, green, blue = read_picture(content).reshape(-1, 3).mean(axis=0)
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4 * ENOUGH, 8 * ENOUGH), (ENOUGH, 2 * ENOUGH)),
        ((2 * ENOUGH, 2 * ENOUGH), (ENOUGH, ENOUGH)),
        ((4 * ENOUGH - 1, 4 * ENOUGH - 1), (ENOUGH, ENOUGH)),  # whose half is rounded up
        ((2 * ENOUGH - 8, 3 * ENOUGH), (2 * ENOUGH - 8, 3 * ENOUGH)),
        ((30, 3000), (30, 3000)),
    ],
)
def test_a_big_jpeg_is_decoded_reduced_but_never_too_far(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    scene = draw_scene(*size)
    pixels = read_picture(encoded(scene, "JPEG", quality=95))
    assert pixels.shape == (expected[1], expected[0], 3)
    reference = np.asarray(scene.resize(expected, Image.Resampling.BOX)).astype(int)
    assert np.abs(pixels - reference).mean() < 5


@pytest.mark.parametrize("kind", [kind for kind in WRITTEN if kind not in ("GIF", "AVIF")])
@pytest.mark.parametrize("rows", [4 * ENOUGH - 1, 4 * ENOUGH + 3])  # half of one is rounded up
def test_a_big_picture_is_halved_at_every_door(kind: str, rows: int, tmp_path: Path) -> None:
    scene = draw_scene(6 * ENOUGH, rows)
    path = tmp_path / "picture"
    path.write_bytes(encoded(scene, kind))
    pixels = read_picture(path)
    assert pixels.shape == (-(-rows // 4), 3 * ENOUGH // 2, 3)
    reference = np.asarray(scene.reduce(4)).astype(int)
    assert np.abs(pixels - reference).mean() < 5
    assert np.array_equal(read_picture(pixels), pixels)  # and once only
    with Image.open(path) as image:
        image.load()
        array = read_picture(np.asarray(image.convert("RGB")))
        assert np.array_equal(read_picture(image), array)
        if kind != "JPEG":  # which is decoded at that size
            assert np.array_equal(array, pixels)


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_door_gives_the_same_pixels(kind: str, tmp_path: Path) -> None:
    content = encoded(draw_scene(), kind)
    path = tmp_path / "picture"
    path.write_bytes(content)
    with Image.open(io.BytesIO(content)) as image:
        doors: list[Picture] = [path, str(path), content, image, read_picture(content)]
        first, *others = (read_picture(door) for door in doors)
    assert first.shape == (64, 96, 3)
    for other in others:
        assert np.array_equal(first, other)


def test_a_pillow_image_is_not_changed() -> None:
    exif = Image.Exif()
    exif[274] = 6
    with Image.open(io.BytesIO(encoded(draw_scene(), "JPEG", exif=exif))) as image:
        assert read_picture(image).shape == (96, 64, 3)
        assert image.size == (96, 64)
        assert image.getexif()[274] == 6


def test_a_damaged_pillow_image_has_its_reason() -> None:
    content = encoded(draw_scene(), "JPEG")
    assert reason(Image.open(io.BytesIO(content[: len(content) // 2]))) == CUT_SHORT


def test_an_avif_of_a_general_brand_is_no_heic() -> None:
    content = encoded(draw_scene(), "AVIF")
    general = content.replace(b"ftypavif", b"ftypmif1", 1)
    assert np.array_equal(read_picture(general), read_picture(content))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.zeros((4, 5, 3), np.float32), "float32 [4, 5, 3]"),
        (np.zeros((4, 5), np.int64), "int64 [4, 5]"),
        (np.zeros((4, 5, 5), np.uint8), "uint8 [4, 5, 5]"),
        (np.zeros((1, 4, 5, 3), np.uint8), "uint8 [1, 4, 5, 3]"),
        (np.zeros((0, 5, 3), np.uint8), "uint8 [0, 5, 3]"),
        (None, "NoneType"),
        (7, "int"),
        ([1, 2], "list"),
    ],
)
def test_what_is_no_picture_is_named(value: Picture, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_picture(value)
    assert said in caught.value.message
    assert "array" in caught.value.message


def test_an_array_over_the_limits_is_refused() -> None:
    assert reason(np.zeros((1, 30_001, 3), np.uint8)) == f"too large: 30001 x 1 pixels; {LIMITS}"
    assert reason(np.zeros((30_001, 1), np.uint8)) == f"too large: 1 x 30001 pixels; {LIMITS}"


def test_an_array_that_is_a_view_is_read() -> None:
    pixels = np.asarray(draw_scene())[::2, ::-1]
    assert np.array_equal(read_picture(pixels), pixels)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (Path.mkdir, "not a file"),
        (make_pipe, "not a regular file"),
        (lambda path: None, "cannot be opened: no such file or directory"),
        (lambda path: path.symlink_to(path), "cannot be opened: too many levels"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
    ],
)
def test_what_is_no_file_is_not_opened(
    make: Callable[[Path], None], expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "picture.jpg"
    make(path)
    assert reason(path).startswith(expected)


@pytest.mark.parametrize("name", ["a\0b.jpg", "\ud800.jpg", "x" * 5000, ""])
def test_a_name_that_no_file_can_have(name: str) -> None:
    assert reason(name)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no room
    assert reason(path) == "larger than 256 MB"


@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe caf\xe9.png",
        "\N{SNOWFLAKE}\N{SNOWMAN}.png".encode(),
        b"two\nlines.png",
        b"x" * 251 + b".png",
        b"no-suffix",
        b"-rf.png",
        b"*?.png",
    ],
)
def test_a_name_of_any_bytes_is_opened(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(encoded(draw_scene()))
    assert read_picture(path).shape == (64, 96, 3)


def test_a_reason_is_one_printable_line(tmp_path: Path) -> None:
    path = tmp_path / "a.j\np\x1bg"
    path.write_bytes(b"<html>")
    assert reason(path) == "an HTML page saved as .j\\np\\x1bg"


@settings(max_examples=tried(200))
@given(st.binary(max_size=400), st.sampled_from(["", *sorted(SUFFIXES)]))
@example(b"BM", ".bmp")
@example(b"GIF8", ".gif")
@example(b"II*\0\x08\0\0\0\0\0", ".tif")
@example(b"RIFF\0\0\0\0WEBP", ".webp")
@example(b"\0\0\0\x20ftypavif", ".avif")
def test_any_bytes_are_pixels_or_a_reason(content: bytes, suffix: str) -> None:
    for head in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"BM", b"GIF89a"):
        check(head + content)
    assert sniff(content)


WHOLE = {kind: encoded(draw_scene(40, 30), kind) for kind in WRITTEN}


@settings(max_examples=tried(150))
@given(st.sampled_from(WRITTEN), st.data())
def test_a_damaged_picture_is_pixels_or_a_reason(kind: str, data: st.DataObject) -> None:
    content = bytearray(WHOLE[kind])
    places = st.integers(0, len(content) - 1)
    for at in data.draw(st.lists(places, max_size=6), label="flipped"):
        content[at] ^= data.draw(st.integers(1, 255))
    check(bytes(content[: data.draw(places, label="cut at") + 1]))


def outcome(content: bytes) -> np.ndarray | str:
    try:
        return read_picture(content)
    except PictureError as error:
        return error.message


def check(content: bytes) -> None:
    """Read bytes that may be damaged: pixels, or a reason of one line."""
    found = outcome(content)
    if isinstance(found, str):
        assert found
        assert "\n" not in found
    else:
        assert found.dtype == np.uint8
        assert found.ndim == 3
