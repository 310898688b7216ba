"""Maps of evidence -> colours over a picture.

What argues for a label is orange, what argues against it blue: a pair that all kinds of colour
vision tell apart (Okabe & Ito 2008). The picture itself is shown in grey, so that all colour is
evidence; where there is none, the picture shines through.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

import numpy as np

FOR, AGAINST = (230, 110, 0), (0, 100, 190)
STRONGEST = 0.82  # how much of the picture the strongest evidence covers
_LIFT = 0.25  # how far the grey picture is moved to the middle, so that both colours show
_QUALITY = 80


def common_scale(maps: Iterable[np.ndarray]) -> float:
    """The largest value of several maps, without its sign: what shall be shown the strongest."""
    return max((float(np.abs(each).max()) for each in maps), default=0.0) or 1.0


def upsampled(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map `[h,w]` smoothly over `[height,width]`, by bicubic interpolation."""
    from PIL import Image

    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def laid_over(pixels: np.ndarray, values: np.ndarray, scale: float | None = None) -> np.ndarray:
    """A picture uint8 `[H,W,3]` in grey with a map `[h,w]` in colours over it.

    `scale` is the value that is shown the strongest; by default the map's own largest.
    """
    colour, cover = _coloured(values, pixels.shape[0], pixels.shape[1], scale)
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    grey = grey + _LIFT * (128 - grey)
    return np.asarray((grey[:, :, None] * (1 - cover) + colour * cover).round().astype(np.uint8))


def layer(values: np.ndarray, height: int, width: int, scale: float | None = None) -> np.ndarray:
    """What `laid_over` lays over a picture, alone: uint8 `[height,width,4]`, where the fourth
    channel is how much it covers."""
    colour, cover = _coloured(values, height, width, scale)
    return np.concatenate([colour, (255 * cover).round()], axis=2).astype(np.uint8)


def _coloured(
    values: np.ndarray, height: int, width: int, scale: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """A map `[h,w]` as colours `[height,width,3]`, and how much these cover, from 0 to 1,
    `[height,width,1]`."""
    smooth = upsampled(values, height, width) / (scale or common_scale([values]))
    cover = (np.minimum(np.abs(smooth), 1) * STRONGEST)[:, :, None]
    colour = np.where(smooth[:, :, None] > 0, np.asarray(FOR), np.asarray(AGAINST))
    return colour, cover


def shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    """A picture whose longer side is at most `side` pixels."""
    from PIL import Image

    if max(pixels.shape[:2]) <= side:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)


def png(pixels: np.ndarray) -> bytes:
    """A picture uint8 `[H,W,3]` as a PNG file."""
    return _encoded(pixels, "PNG")


def jpeg(pixels: np.ndarray) -> str:
    """A picture uint8 `[H,W,3]` as a JPEG in a `data:` URL."""
    content = _encoded(pixels, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()


def _encoded(pixels: np.ndarray, kind: str, **options: int) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()
