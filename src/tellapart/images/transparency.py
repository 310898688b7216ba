"""What is transparent is laid on white.

Exported programs carry a copy of this file.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import PIL.Image


def transparent_colour(image: PIL.Image.Image) -> int | PIL.Image.Image | None:
    """The one transparent colour of a PNG, where Pillow (13) leaves it on another scale than the
    pixels: grey of 2 or 4 bits as a grey of 8; of RGB of 16 bits where it is not, as an alpha
    channel. Ask before `image.load()`, and give it to `with_transparent` afterwards.
    """
    tiles, colour = getattr(image, "tile", ()), image.info.get("transparency")
    if image.format != "PNG" or not tiles or colour is None:
        return None
    packing = tiles[0][3]
    if packing in ("L;2", "L;4") and isinstance(colour, int):
        return colour * {"L;2": 85, "L;4": 17}[packing]
    if packing == "RGB;16B" and isinstance(colour, tuple):
        return _unlike(image, colour)
    return None


def with_transparent(
    image: PIL.Image.Image, transparent: int | PIL.Image.Image | None
) -> PIL.Image.Image:
    """A loaded picture with what `transparent_colour` found; itself if that is nothing."""
    if transparent is None:
        return image
    image = image.copy()
    if isinstance(transparent, int):
        image.info["transparency"] = transparent
    else:
        image.info.pop("transparency", None)
        image.putalpha(transparent)
    return image


def _unlike(image: PIL.Image.Image, colour: tuple[int, ...]) -> PIL.Image.Image:
    """An alpha channel: 0 where a PNG of 16-bit RGB has this colour, and else 255.

    Pillow gives the high byte of each sample. Read again as if the low byte came first, it gives
    the other one.
    """
    from PIL import Image, ImageFile, PngImagePlugin

    assert isinstance(image, ImageFile.ImageFile)
    assert image.fp is not None
    at = image.fp.tell()
    image.fp.seek(0)
    content = image.fp.read()
    image.fp.seek(at)
    same = np.ones((image.height, image.width), bool)
    for packing, shift in (("RGB;16B", 8), ("RGB;16L", 0)):
        with PngImagePlugin.PngImageFile(io.BytesIO(content)) as half:
            half.tile = [tile._replace(args=packing) for tile in half.tile]
            half.load()
            wanted = [value >> shift & 255 for value in colour]
            same &= (np.asarray(half) == np.array(wanted, np.uint8)).all(axis=-1)
    return Image.fromarray(np.where(same, 0, 255).astype(np.uint8))


def on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """The picture as RGB, with white where it is transparent."""
    from PIL import Image

    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    return image if image.mode == "RGB" else image.convert("RGB")
