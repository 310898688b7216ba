"""The samples of a TIFF as numbers: from strips and tiles, planes apart or not, of any depth.

What is compressed, the libtiff within Pillow unpacks, and never more than the tags announce.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import PictureError
from . import tiff_tags as tag
from .tiff_tags import CUT_SHORT, Directory

A_KIND = "a kind of TIFF that cannot be read here: save it as PNG or JPEG"

MAX_BLOCK = 2**31  # bytes of a strip or tile

WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR, LAB, ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
COLOURS = {WHITE_IS_ZERO: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4, LAB: 3, ICC_LAB: 3}
UNPACKED = frozenset([1, 5, 8, 32773, 32946, 34925, 50000])  # bytes in, the same bytes out
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
ASSOCIATED, UNASSOCIATED = 1, 2  # transparency that colours are multiplied by already, or not


@dataclass(frozen=True)
class Layout:
    """How the samples of a picture are laid out in its file, in strips or tiles.

    Attributes:
        width: of the picture, in pixels.
        length: the height of the picture, in pixels.
        samples: samples per pixel.
        bits: bits per sample, 1 to 64.
        form: what a sample is: the tag SampleFormat.
        photometric: what the samples mean: the tag PhotometricInterpretation.
        compression: the tag Compression.
        predictor: the tag Predictor.
        planar: whether the planes come one after the other.
        reversed_bits: whether the lowest bit of a byte comes first.
        order: the byte order, as in `struct`.
        block_width: the width of a strip or tile, in pixels.
        block_length: the height of a strip or tile, in pixels.
        alpha: the tag ExtraSamples of the sample after the colours.
    """

    width: int
    length: int
    samples: int
    bits: int
    form: int
    photometric: int
    compression: int
    predictor: int
    planar: bool
    reversed_bits: bool
    order: str
    block_width: int
    block_length: int
    alpha: int

    @property
    def colours(self) -> int:
        return COLOURS[self.photometric]

    @property
    def block_bytes(self) -> int:
        """Of a strip or tile, once it is unpacked."""
        samples = 1 if self.planar else self.samples
        return self.block_length * ((self.block_width * samples * self.bits + 7) // 8)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The smallest type of numpy that holds a sample, in the order of bytes of the file."""
        size = next(size for size in (1, 2, 4, 8) if 8 * size >= self.bits)
        letter = {SIGNED: "i", FLOAT: "f"}.get(self.form, "u")
        return np.dtype(f"{self.order}{letter}{size}")


def layout_of(directory: Directory) -> Layout:
    """How the samples lie, from the tags.

    Raises:
        PictureError: the tags are of a kind that is not read, or contradict each other.
    """
    width, length = directory.whole_size
    if width < 1 or length < 1:
        raise PictureError("damaged: it has no pixels")
    all_bits = directory.integers(tag.BITS) or (1,)
    forms = directory.integers(tag.FORMAT) or (UNSIGNED,)
    samples = directory.integer(tag.SAMPLES, len(all_bits))
    photometric = directory.integer(tag.PHOTOMETRIC)
    bits, form = all_bits[0], forms[0]
    predictor = directory.integer(tag.PREDICTOR, 1)
    compression = directory.integer(tag.COMPRESSION, 1)
    sound = (
        set(all_bits) == {bits}
        and set(forms) == {form}
        and photometric in COLOURS
        and compression in UNPACKED
        and samples >= COLOURS[photometric]
        and samples <= 4096
        and _is_number(form, bits)
        and (predictor == 1 or _predicts(predictor, form, bits))
    )
    if not sound:
        raise PictureError(A_KIND)
    tiled = tag.TILE_OFFSETS in directory.tags
    rows = directory.integer(tag.ROWS_PER_STRIP, length)
    extra = directory.integers(tag.EXTRA_SAMPLES)
    after_colours = extra[0] if extra and samples == COLOURS[photometric] + len(extra) else 0
    block_width = directory.integer(tag.TILE_WIDTH) if tiled else width
    block_length = directory.integer(tag.TILE_LENGTH) if tiled else min(rows, length)
    if block_width < 1 or block_length < 1:
        raise PictureError("damaged: its header cannot be read")
    layout = Layout(
        width=width,
        length=length,
        samples=samples,
        bits=bits,
        form=form,
        photometric=photometric,
        compression=compression,
        predictor=predictor,
        planar=directory.integer(tag.PLANAR, 1) == 2 and samples > 1,
        reversed_bits=directory.integer(tag.FILL_ORDER, 1) == 2,
        order=directory.order,
        block_width=block_width,
        block_length=block_length,
        alpha=after_colours if after_colours in (ASSOCIATED, UNASSOCIATED) else 0,
    )
    if layout.block_bytes > MAX_BLOCK:
        raise PictureError(f"too large: a part of it unpacks to more than {MAX_BLOCK >> 30} GB")
    return layout


def _is_number(form: int, bits: int) -> bool:
    if form == FLOAT:
        return bits in (16, 24, 32, 64)
    if form == SIGNED:
        return bits in (8, 16, 32, 64)
    return form in (UNSIGNED, UNDEFINED) and (1 <= bits <= 32 or bits == 64)


def _predicts(predictor: int, form: int, bits: int) -> bool:
    return (predictor == 2 and bits in (8, 16, 32, 64)) or (
        predictor == 3 and form == FLOAT and bits in (16, 24, 32, 64)
    )


def samples_of(content: bytes, directory: Directory, layout: Layout) -> np.ndarray:
    """All samples that are looked at, `[H,W,S]`: the colours, and what is transparent."""
    wanted = layout.colours + bool(layout.alpha)
    planes = layout.samples if layout.planar else 1
    in_block = 1 if layout.planar else layout.samples
    dtype = np.dtype(np.float32) if _is_float24(layout) else layout.dtype.newbyteorder("=")
    whole = np.zeros((layout.length, layout.width, wanted), dtype)
    down = math.ceil(layout.length / layout.block_length)
    across = math.ceil(layout.width / layout.block_width)
    tiled = tag.TILE_OFFSETS in directory.tags
    blocks = _blocks(content, directory, planes * down * across)
    for number, block in enumerate(blocks):
        plane, place = divmod(number, down * across)
        if plane >= wanted:
            break
        top, left = place // across * layout.block_length, place % across * layout.block_width
        rows = layout.block_length if tiled else min(layout.block_length, layout.length - top)
        pixels = _block(block, layout, rows, in_block)
        height, width = min(rows, layout.length - top), min(layout.block_width, layout.width - left)
        target = whole[top : top + height, left : left + width]
        if layout.planar:
            target[..., plane] = pixels[:height, :width, 0]
        else:
            target[...] = pixels[:height, :width, :wanted]
    return whole


def _blocks(content: bytes, directory: Directory, count: int) -> Iterator[bytes]:
    """The strips or tiles as they are stored."""
    tiled = tag.TILE_OFFSETS in directory.tags
    offsets = directory.integers(tag.TILE_OFFSETS if tiled else tag.STRIP_OFFSETS)
    sizes = directory.integers(tag.TILE_COUNTS if tiled else tag.STRIP_COUNTS)
    if not sizes and len(offsets) == 1:
        sizes = (len(content) - offsets[0],)
    if len(offsets) < count or len(sizes) < count:
        raise PictureError("damaged: parts of it are missing")
    for offset, size in zip(offsets[:count], sizes[:count], strict=True):
        if offset + size > len(content):
            raise PictureError(CUT_SHORT)
        yield content[offset : offset + size]


def _block(stored: bytes, layout: Layout, rows: int, samples: int) -> np.ndarray:
    """One strip or tile as numbers `[rows,block width,samples]`."""
    values = layout.block_width * samples
    row_bytes = (values * layout.bits + 7) // 8
    if layout.compression == 1:
        if layout.reversed_bits:
            stored = stored.translate(_REVERSED)
        if len(stored) < rows * row_bytes:
            raise PictureError(CUT_SHORT)
        raw = np.frombuffer(stored, np.uint8, rows * row_bytes).reshape(rows, row_bytes)
    else:
        raw = _unpacked(stored, layout, row_bytes, rows)
    if layout.predictor == 3:
        return _floats_from_differences(raw, layout, samples)
    if layout.bits in (8, 16, 32, 64):
        numbers = raw.view(layout.dtype).astype(layout.dtype.newbyteorder("="), copy=False)
        numbers = numbers.reshape(rows, layout.block_width, samples)
        if layout.predictor == 2:  # on the bits, whatever they stand for
            whole = numbers.view(np.dtype(f"u{numbers.dtype.itemsize}"))
            numbers = np.add.accumulate(whole, axis=1, dtype=whole.dtype).view(numbers.dtype)
        return numbers
    if _is_float24(layout):
        return _float24(raw, layout).reshape(rows, layout.block_width, samples)
    return _odd_bits(raw, layout, values).reshape(rows, layout.block_width, samples)


_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _unpacked(stored: bytes, layout: Layout, row_bytes: int, rows: int) -> np.ndarray:
    """What a compressed block holds, as bytes `[rows,row_bytes]`: libtiff is given it as a grey
    picture of that size."""
    from PIL import TiffImagePlugin

    values = [
        (tag.WIDTH, row_bytes),
        (tag.LENGTH, rows),
        (tag.BITS, 8),
        (tag.COMPRESSION, layout.compression),
        (tag.PHOTOMETRIC, GREY),
        (tag.FILL_ORDER, 2 if layout.reversed_bits else 1),
        (tag.STRIP_OFFSETS, 8),
        (tag.SAMPLES, 1),
        (tag.ROWS_PER_STRIP, rows),
        (tag.STRIP_COUNTS, len(stored)),
    ]
    entries = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in values)
    at = 8 + len(stored) + len(stored) % 2
    head = struct.pack("<2sHI", b"II", 42, at)
    file = head + stored + bytes(at - 8 - len(stored)) + struct.pack("<H", len(values)) + entries
    try:
        with TiffImagePlugin.TiffImageFile(io.BytesIO(file + bytes(4))) as image:
            image.load()
            return np.asarray(image)
    except Exception as error:  # whatever it says, it says of a file that nobody has
        raise PictureError("damaged: its data cannot be unpacked") from error


def _floats_from_differences(raw: np.ndarray, layout: Layout, samples: int) -> np.ndarray:
    """Adobe's floating-point predictor (TIFF Technical Note 3): differences of bytes, the highest
    bytes of a row first."""
    rows, size = len(raw), layout.bits // 8
    steps = np.add.accumulate(raw.reshape(rows, -1, samples), axis=1, dtype=np.uint8)
    planes = np.moveaxis(steps.reshape(rows, size, -1), 1, 2)  # most significant byte first
    if size == 3:
        numbers = _float24(np.ascontiguousarray(planes).reshape(rows, -1), layout, order=">")
    else:
        numbers = np.ascontiguousarray(planes).view(f">f{size}").astype(f"=f{size}")
    return numbers.reshape(rows, layout.block_width, samples)


def _is_float24(layout: Layout) -> bool:
    return layout.form == FLOAT and layout.bits == 24


def _float24(raw: np.ndarray, layout: Layout, order: str = "") -> np.ndarray:
    """1 bit of sign, 7 of exponent (less 63), 16 of fraction (TIFF Technical Note 3)."""
    parts = raw.reshape(-1, 3).astype(np.uint32)
    if (order or layout.order) == "<":
        parts = parts[:, ::-1]
    number = parts[:, 0] << 16 | parts[:, 1] << 8 | parts[:, 2]
    exponent, fraction = number >> 16 & 0x7F, (number & 0xFFFF) / 65536
    size = np.where(
        exponent == 0, fraction * 2.0**-62, (1 + fraction) * 2.0 ** (exponent.astype(float) - 63)
    )
    size = np.where(exponent == 127, np.where(fraction > 0, np.nan, np.inf), size)
    return np.where(number >> 23 == 1, -size, size).astype(np.float32)


def _odd_bits(raw: np.ndarray, layout: Layout, values: int) -> np.ndarray:
    """Whole numbers of any number of bits, the highest bit first; rows begin at a byte."""
    if layout.bits == 24 and layout.order == "<":  # whole bytes have the order of the file
        raw = raw[:, : 3 * values].reshape(len(raw), values, 3)[..., ::-1].reshape(len(raw), -1)
    result = np.empty((len(raw), values), layout.dtype.newbyteorder("="))
    weights = 2 ** np.arange(layout.bits - 1, -1, -1, dtype=np.uint64)
    for row, line in zip(result, raw, strict=True):
        bits = np.unpackbits(line)[: values * layout.bits].reshape(values, layout.bits)
        row[:] = bits @ weights
    return result
