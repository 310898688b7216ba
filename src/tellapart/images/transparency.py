"""What is transparent is laid on white.

Exported programs carry a copy of this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import PIL.Image


def transparent_colour(image: PIL.Image.Image) -> int | tuple[int, ...] | None:
    """The one transparent colour of a PNG, where Pillow (13) leaves it on another scale than the
    pixels: grey of 2 or 4 bits, and RGB of 16. Ask before `image.load()`.
    """
    tiles, colour = getattr(image, "tile", ()), image.info.get("transparency")
    if image.format != "PNG" or not tiles or colour is None:
        return None
    packing = tiles[0][3]
    if packing in ("L;2", "L;4") and isinstance(colour, int):
        return colour * {"L;2": 85, "L;4": 17}[packing]
    if packing == "RGB;16B" and isinstance(colour, tuple):
        return tuple(value >> 8 for value in colour)
    return None


def on_white(image: PIL.Image.Image) -> PIL.Image.Image:
    """The picture as RGB, with white where it is transparent."""
    from PIL import Image

    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, "white")
        image.alpha_composite(layer)
    return image if image.mode == "RGB" else image.convert("RGB")
